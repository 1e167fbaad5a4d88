package edge

import (
	"net/http"

	"github.com/gofiber/fiber/v2"
	"go.opentelemetry.io/otel/trace"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/design"
	"github.com/wandstore/wandstore/pkg/design/gate"
	"github.com/wandstore/wandstore/pkg/storefront"
)

// sendShared answers with the best page for who has none of their own: the page that the
// model designed for their cohort, else the template of their persona, else the shop's
// default. The first two are completed with what the visitor looked at and put into the
// cart. v is nil if nothing is known of the visitor.
func (e *Edge) sendShared(c *fiber.Ctx, shop *catalogue.Shop, v *visitor, generation string) error {
	if e.cfg.Scope.hasCohorts() {
		for _, key := range cohortsOf(shop, v) {
			if found, ok := e.cohortPage(c.UserContext(), key, shop, e.looks(c)); ok {
				return e.sendCohort(c, shop, found, v, generation)
			}
		}
	}
	if v != nil && v.Certain() {
		e.missed(c, outcomePersona, v.Persona, generation)
		return e.sendCompleted(c, storefront.PageInput{
			Shop: shop, Design: design.Template(shop, v.Persona, v.interests), Persona: v.Persona,
			Live: generation != generationOff || e.awaitsCohort(shop), Returning: e.hasVisited(c),
		})
	}
	return e.sendFallback(c, shop, generation)
}

// sendCohort answers with a cohort's page. One that has nothing to add to is sent as it is
// stored.
func (e *Edge) sendCohort(c *fiber.Ctx, shop *catalogue.Shop, found ownPage, v *visitor, generation string) error {
	page := found.Page
	linkMaking(trace.SpanFromContext(c.UserContext()), page)
	e.missed(c, outcomeCohort, page.Persona(), generation)
	waits, knows := generation != generationOff, v != nil && !v.interests.Empty()
	if waits || knows {
		// There is an error if another release has rendered it, and this one cannot read its
		// design.
		if d, err := gate.ReadStored(page.HTML(), shop); err == nil {
			if knows {
				d = d.OpenFor(shop, page.Persona(), v.interests)
			}
			return e.sendCompleted(c, storefront.PageInput{Shop: shop, Design: d, Persona: page.Persona(), Shared: !knows, Live: waits, Returning: e.hasVisited(c)})
		}
	}
	secured.set(c)
	return e.sendStored(c, found)
}

// sendCompleted answers with a page that is rendered for this request.
func (e *Edge) sendCompleted(c *fiber.Ctx, in storefront.PageInput) error {
	html, err := e.deps.Renderer.Page(in)
	if err != nil {
		return err
	}
	return e.sendRendered(c, in.Shop, http.StatusOK, html)
}

// missed sets the headers of an answer that is no page of the shopper's own, and counts it.
// rung is the outcome that names it; persona is "" for everybody's page.
func (e *Edge) missed(c *fiber.Ctx, rung, persona, generation string) {
	if persona != "" {
		c.Set("X-Persona", persona)
	}
	a := answer{outcome: rung, generation: generation, persona: persona}
	trace.SpanFromContext(c.UserContext()).SetAttributes(a.attributes()...)
	e.answered(c, a)
	c.Set("X-Cache", "MISS")
	c.Set("Cache-Status", "wandstore; fwd=miss; detail="+rung)
	c.Set("X-Generation", generation)
}
