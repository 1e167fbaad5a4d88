package edge

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"github.com/wandstore/wandstore/pkg/pagekey"
)

// Scope says who gets a page of their own. A page that exists is served in every scope.
type Scope string

// The scopes.
const (
	// ScopeShopper makes a page for every shopper, and none for cohorts.
	ScopeShopper Scope = "shopper"
	// ScopeCohort makes pages for cohorts only.
	ScopeCohort Scope = "cohort"
	// ScopeAuto makes pages for cohorts, and for shoppers who came back and did something, as
	// long as more than a quarter of the day's budget is left.
	ScopeAuto Scope = "auto"
)

func (s Scope) valid() bool { return s == ScopeShopper || s == ScopeCohort || s == ScopeAuto }

// hasCohorts reports whether cohorts get pages.
func (s Scope) hasCohorts() bool { return s == ScopeCohort || s == ScopeAuto }

// getsOwnPage reports whether a page of the key's shopper's own may be made.
//
// In ScopeAuto a first visit is served the cohort's page, which is there at once and says as
// much as is known of the shopper. Who comes back gives a page of their own the time to be
// made and to be seen again, and what they did is what it is made of. The last quarter of
// the budget is for cohorts, whose pages many see.
func (e *Edge) getsOwnPage(ctx context.Context, key pagekey.Key) bool {
	switch e.cfg.Scope {
	case ScopeCohort:
		return false
	case ScopeAuto:
		b := e.deps.Bus()
		v := e.visitor(ctx, key)
		return b != nil && v != nil && v.acted && v.returned(e.now()) && !b.Generation.Scarce(key.Shop())
	default:
		return true
	}
}

// trackedVisitor is what is known of the key's shopper; nil if nothing is, or if their
// browser says that nothing may be.
func (e *Edge) trackedVisitor(c *fiber.Ctx, key pagekey.Key) *visitor {
	if !mayTrack(c) {
		return nil
	}
	return e.visitor(c.UserContext(), key)
}
