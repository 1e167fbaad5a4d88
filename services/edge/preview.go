package edge

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/design"
	"github.com/wandstore/wandstore/pkg/design/gate"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/persona"
	"github.com/wandstore/wandstore/pkg/storefront"
	"github.com/wandstore/wandstore/services/edge/internal/identity"
)

// preview answers GET /s/{store}/preview?token={token}&persona={persona}&on={day}: a page as
// visitors of the persona get it on that day, today by default; without a persona as those
// get it of whom nothing is known. It reads what is stored and keeps nothing: no cookie, no
// session, no job and no page, not even in memory. The page runs no script, so it reports
// nothing either.
func (e *Edge) preview(c *fiber.Ctx) error {
	shop, err := e.shopOf(c)
	if err != nil {
		return err
	}
	field := queryField(c)
	token := field("token")
	if e.keys.Preview(token, shop.Slug) != nil {
		return errPreview
	}
	day := catalogue.DateOf(e.now())
	if on := field("on"); on != "" {
		if day.UnmarshalText([]byte(on)) != nil {
			return errPreviewDay
		}
		shop = shop.On(day.Time())
	}
	name := field("persona")
	if !persona.Valid(name) {
		name = ""
	}
	html, err := e.deps.Renderer.Page(storefront.PageInput{
		Shop: shop, Design: e.previewed(c.UserContext(), shop, name), Persona: name, Shared: true, Preview: previewLinks(shop, token, name, day),
	})
	if err != nil {
		return err
	}
	if err := e.sendRendered(c, shop, http.StatusOK, html); err != nil {
		return err
	}
	c.Set("X-Robots-Tag", "noindex, nofollow")
	c.Set(fiber.HeaderCacheControl, "no-store")
	// The address holds the token.
	c.Set(fiber.HeaderReferrerPolicy, "no-referrer")
	return nil
}

// previewed is the design that visitors of the persona get: that of their cohort's page, if
// the model has made one, else the template's.
func (e *Edge) previewed(ctx context.Context, shop *catalogue.Shop, name string) design.Design {
	if key, err := pagekey.Cohort(shop.Slug, name, ""); err == nil && name != "" && e.cfg.Scope.hasCohorts() {
		if hit, err := e.deps.Pages.Get(ctx, key); err == nil {
			if d, err := gate.ReadStored(hit.Page.HTML(), shop); err == nil {
				return d
			}
		}
	}
	return design.Template(shop, name, design.Interests{})
}

// previewLinks is the bar of a preview.
func previewLinks(shop *catalogue.Shop, token, current string, day catalogue.Date) *storefront.Preview {
	text, _ := day.MarshalText() // has no error
	p := &storefront.Preview{Day: string(text)}
	for _, name := range slices.Concat([]string{""}, persona.All()) {
		query := url.Values{"token": {token}, "on": {p.Day}}
		label := "Everybody"
		if name != "" {
			query.Set("persona", name)
			label = strings.ToUpper(name[:1]) + name[1:]
		}
		p.Pages = append(p.Pages, storefront.PreviewPage{Label: label, Href: shop.PreviewPath() + "?" + query.Encode(), Current: name == current})
	}
	return p
}

// previewFor is how long a link of PreviewLink is valid.
const previewFor = 7 * 24 * time.Hour

// PreviewLink returns a command that prints the path of a preview of the shop with that
// slug, valid for a week. linkKeys is the value of LINK_KEYS.
func PreviewLink(linkKeys string) func(slug string, stdout, stderr io.Writer) int {
	return func(slug string, stdout, stderr io.Writer) int {
		keys, err := identity.Config{LinkKeys: linkKeys}.Keys(time.Now)
		if err != nil {
			fmt.Fprintln(stderr, err)
			return 2
		}
		token, err := keys.NewPreview(slug, time.Now().Add(previewFor))
		if err != nil {
			fmt.Fprintf(stderr, "LINK_KEYS has no key of %q\n", slug)
			return 2
		}
		fmt.Fprintln(stdout, (&catalogue.Shop{Slug: slug}).PreviewPath()+"?"+url.Values{"token": {token}}.Encode())
		return 0
	}
}
