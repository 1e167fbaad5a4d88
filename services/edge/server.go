package edge

import (
	"context"
	"crypto/subtle"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/httpserver"
	"github.com/wandstore/wandstore/pkg/storefront"
)

const (
	// maxBody bounds request bodies, in bytes. The largest is a webhook's page.
	maxBody = 1 << 20
	// maxHeaders bounds a request's line and headers, in bytes: 32 KiB of headers, as
	// proxies with long cookies send, and an address.
	maxHeaders = 40 << 10
	// stopTimeout bounds finishing what is under way at the end.
	stopTimeout = 10 * time.Second
)

// serve answers requests until ctx ends. Then it reports not ready, and goes on for
// Config.ShutdownDelay, in which its balancer learns of it. Then it accepts no more
// connections and finishes the running requests.
func (e *Edge) serve(ctx context.Context, listener net.Listener) error {
	defer e.reading.Wait()
	app := e.app()
	served := make(chan error, 1)
	go func() { served <- app.Listener(listener) }()
	e.log.Info("listening", "addr", listener.Addr().String())
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	close(e.stopping)
	if delay := e.cfg.ShutdownDelay; delay > 0 {
		e.log.Info("not ready any more, serving until the balancer knows", "delay", delay.String())
		select {
		case err := <-served:
			return err
		case <-time.After(delay):
		}
	}
	close(e.draining)
	if err := app.ShutdownWithTimeout(e.cfg.atLeast(stopTimeout)); err != nil {
		return err
	}
	return <-served
}

func (e *Edge) app() *fiber.App {
	app := httpserver.New(fiber.Config{
		DisableStartupMessage: true,
		BodyLimit:             maxBody,
		ReadTimeout:           10 * time.Second,
		// The timeout of a whole answer. Event streams extend it with each event.
		WriteTimeout:   30 * time.Second,
		IdleTimeout:    90 * time.Second,
		ReadBufferSize: maxHeaders,
		// A shopper's own page and its headers fit, so that they are one write.
		WriteBufferSize: 8 << 10,
		ErrorHandler:    e.fail,
		StrictRouting:   true,
		CaseSensitive:   true,
		AppName:         "wandstore-edge",
	})
	app.Use(e.trace, httpserver.Recover(e.log, e.metrics.panics), e.leave, httpserver.RefuseEncoded, trimSlash)
	app.Get("/", e.index)
	app.Get("/robots.txt", robots)
	app.Get("/assets/shop.:hash.css", e.stylesheet)
	app.Get("/assets/:store/:name", e.drawing)
	app.Get("/s/:store", e.page)
	app.Get("/s/:store/preview", e.preview)
	app.Get("/s/:store/p/:product", e.product)
	app.Get("/s/:store/search", e.search)
	app.Get("/s/:store/c/:collection?", e.search)
	app.Get("/s/:store/cart", e.cart)
	app.Post("/s/:store/cart", e.changeCart)
	app.Post("/s/:store/forget", e.forget)
	app.Get("/s/:store/export", e.export)
	app.Get("/health", e.health)
	app.Get("/ready", e.ready)
	app.Use("/debug", e.guardDebug)
	app.Get("/debug/container", e.debugContainer)
	app.Get("/debug/generate", e.debugGenerate)
	app.Get("/debug/errors", e.debugErrors)
	app.Get("/debug/rules", e.debugRules)
	app.Get("/api/generation/status", e.status)
	app.Get("/api/generation/events", e.events)
	app.Post("/api/shopper/track", e.track)
	app.Post("/webhook/generation-complete", e.webhook)
	return app
}

// leave has connections closed once the edge is stopped. A proxy would otherwise send its next
// request on one in the moment in which it is closed.
func (e *Edge) leave(c *fiber.Ctx) error {
	select {
	case <-e.stopping:
		c.Context().SetConnectionClose()
	default:
	}
	return c.Next()
}

// guardDebug admits operators. It answers 404 to others, as if the routes did not exist.
func (e *Edge) guardDebug(c *fiber.Ctx) error {
	if e.cfg.DebugOnLoopback && c.Context().RemoteIP().IsLoopback() {
		return c.Next()
	}
	given, bearer := strings.CutPrefix(c.Get(fiber.HeaderAuthorization), "Bearer ")
	if e.cfg.DebugToken == "" || !bearer || subtle.ConstantTimeCompare([]byte(given), []byte(e.cfg.DebugToken)) != 1 {
		return fiber.ErrNotFound
	}
	return c.Next()
}

// fail answers an error with a page on the routes for shoppers, and with a problem document
// on the others.
func (e *Edge) fail(c *fiber.Ctx, err error) error {
	status, _ := statusOf(err)
	if status >= http.StatusInternalServerError {
		e.log.WarnContext(c.UserContext(), "request failed", "route", c.Route().Path, "status", status, "error", err)
	}
	if !shopperFacing(c.Path()) {
		return problem(c, err)
	}
	var shop *catalogue.Shop
	// The slug is read from the path, because a request that fasthttp refuses has no route
	// and so no parameters.
	slug, _ := strings.CutPrefix(c.Path(), "/s/")
	slug, _, _ = strings.Cut(slug, "/")
	if found, ok := e.deps.Shops.Shop(slug); ok {
		shop = found
	}
	html, renderErr := e.deps.Renderer.Error(storefront.ErrorInput{Status: status, Shop: shop, Shops: e.deps.Shops.All()})
	if renderErr != nil {
		return problem(c, err)
	}
	secured.set(c)
	c.Set(fiber.HeaderCacheControl, "no-store")
	c.Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8)
	c.Set(fiber.HeaderContentSecurityPolicy, e.deps.Renderer.CSP(shop))
	return c.Status(status).Send(html)
}

// shopperFacing reports whether people open the path, rather than programs.
func shopperFacing(path string) bool {
	for _, prefix := range []string{"/assets/", "/api/", "/debug/", "/webhook/", "/health", "/ready"} {
		if strings.HasPrefix(path, prefix) {
			return false
		}
	}
	return true
}

// secured are the security headers that every document has.
var secured = newFields(fiber.HeaderXContentTypeOptions, "nosniff", fiber.HeaderReferrerPolicy, "same-origin", "Cross-Origin-Opener-Policy", "same-origin")

// fields are header fields that many answers have. Their names are brought into canonical form
// once, and not at each answer.
type fields []struct{ name, value []byte }

// newFields makes fields of names and values in turn.
func newFields(namesAndValues ...string) fields {
	made := make(fields, 0, len(namesAndValues)/2)
	for pair := range slices.Chunk(namesAndValues, 2) {
		made = append(made, struct{ name, value []byte }{[]byte(http.CanonicalHeaderKey(pair[0])), []byte(pair[1])})
	}
	return made
}

func (f fields) set(c *fiber.Ctx) {
	for _, field := range f {
		c.Response().Header.SetCanonical(field.name, field.value)
	}
}
