package edge

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/personal"
	"github.com/wandstore/wandstore/services/edge/internal/ratelimit"
)

// Exporter exports what is kept of shoppers.
type Exporter interface {
	// Export returns what is kept of the shopper in the given shops, and with All in every
	// other that their session names.
	Export(ctx context.Context, shopper string, o personal.ExportOptions) (*personal.Export, error)
}

// exportTimeout bounds the reading of what is kept of a shopper.
const exportTimeout = 5 * time.Second

// export answers GET /s/{store}/export with a file of all that is kept of who asks. Whom a
// shop's link named is known in that shop only, so they get what that shop has. Of nobody
// nothing is kept: they are redirected to the shop (303).
func (e *Edge) export(c *fiber.Ctx) error {
	shop, err := e.shopOf(c)
	if err != nil {
		return err
	}
	if err := sameSite(c); err != nil {
		return err
	}
	c.Set(fiber.HeaderCacheControl, "no-store")
	who := e.shopperOf(c, shop.Slug)
	if !who.known() {
		return c.Redirect(shop.Path(), http.StatusSeeOther)
	}
	if err := e.limit(c, ratelimit.Carts, shop.Slug, who.id); err != nil {
		return err
	}
	b := e.deps.Bus()
	if b == nil {
		return errUnavailable
	}
	ctx, cancel := context.WithTimeout(c.UserContext(), e.cfg.atLeast(exportTimeout))
	defer cancel()
	options := personal.ExportOptions{Shops: catalogue.Slugs(e.deps.Shops.All()), All: true, HTML: true}
	if who.linked {
		options = personal.ExportOptions{Shops: []string{shop.Slug}, HTML: true}
	}
	kept, err := b.Exporter.Export(ctx, who.id, options)
	if err != nil {
		e.log.WarnContext(ctx, "shopper not exported", "error", err)
		return errUnavailable
	}
	body, err := json.MarshalIndent(kept, "", "  ")
	if err != nil {
		return err
	}
	secured.set(c)
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	c.Set(fiber.HeaderContentDisposition, `attachment; filename="`+shop.Slug+`.json"`)
	return c.Send(body)
}
