package edge

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/nats-io/nuid"
	"go.opentelemetry.io/otel/trace"

	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/storefront"
	"github.com/wandstore/wandstore/pkg/telemetry"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// Values of the X-Generation header.
const (
	generationReady     = "ready"
	generationTriggered = "triggered"
	generationPending   = "pending"
	generationFull      = "full"
	generationOff       = "off"
)

const (
	shopperCookie = "wandstore_shopper"
	// cookieFor is how long a shopper without an id of its own is known again.
	cookieFor = 180 * 24 * time.Hour
	// triggerWithin bounds claim and publish: the page waits for them, to say what
	// became of them.
	triggerWithin = 250 * time.Millisecond
	// maxPageAge would let a browser show its copy without asking; a page may be
	// replaced at any time, so it must ask.
	revalidate = "private, no-cache"
)

// page answers GET /s/{store}?shopper={id}.
func (e *edge) page(c *fiber.Ctx) error {
	slug := c.Params("store")
	if !pagekey.ValidStore(slug) {
		return pagekey.ErrInvalid
	}
	shop, ok := e.stores.Store(slug)
	if !ok {
		return errUnknownStore
	}
	span := trace.SpanFromContext(c.UserContext())
	span.SetAttributes(telemetry.Store.String(shop.Slug))
	shopper, known := shopperOf(c)
	if !known {
		// A first visit, or a robot's: no job for somebody who may never come back.
		c.Cookie(&fiber.Cookie{
			Name: shopperCookie, Value: nuid.Next(), Path: "/", MaxAge: int(cookieFor / time.Second),
			HTTPOnly: true, SameSite: fiber.CookieSameSiteLaxMode, Secure: c.Protocol() == "https",
		})
		return e.sendFallback(c, shop.Slug, generationOff)
	}
	key, err := pagekey.New(slug, shopper)
	if err != nil {
		return err
	}
	hit, err := e.pages.Get(c.UserContext(), key)
	if err == nil {
		return e.sendHit(c, hit)
	}
	generation, ready := e.trigger(c.UserContext(), key)
	if ready {
		// It was stored between the look-up and the claim.
		if hit, err := e.pages.Get(c.UserContext(), key); err == nil {
			return e.sendHit(c, hit)
		}
	}
	return e.sendFallback(c, shop.Slug, generation)
}

// shopperOf is the shopper's id as given, not checked yet and in the request's own
// memory: the query's, else the cookie's. An id that is given empty counts as
// given.
func shopperOf(c *fiber.Ctx) (string, bool) {
	if args := c.Context().QueryArgs(); args.Has("shopper") {
		return string(args.Peek("shopper")), true
	}
	// A cookie that is not of our form is as good as none.
	if id := c.Cookies(shopperCookie); pagekey.ValidShopper(id) {
		return id, true
	}
	return "", false
}

// trigger asks for the key's page, once for all that miss it at the same time. It
// gives the X-Generation value; ready says that the page was made just now.
func (e *edge) trigger(ctx context.Context, key pagekey.Key) (generation string, ready bool) {
	b := e.bus.Load()
	if b == nil {
		return generationOff, false
	}
	first := false
	result, err, _ := e.triggers.Do(key.Store()+":"+key.Shopper(), func() (any, error) {
		first = true
		// The others wait for this one, so it must not end with its own request.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), triggerWithin)
		defer cancel()
		return b.queue.Trigger(ctx, jobqueue.Request{Key: key, Origin: "visit"})
	})
	switch {
	case errors.Is(err, jobqueue.ErrPoolFull):
		return generationFull, false
	case err != nil:
		e.log.WarnContext(ctx, "no job made", "store", key.Store(), "error", err)
		return generationOff, false
	}
	ticket, ok := result.(jobqueue.Ticket)
	if !ok {
		return generationOff, false
	}
	switch {
	case ticket.Record.GetState() == wandstorev1.JobState_JOB_STATE_READY:
		return generationPending, true
	case ticket.Record.GetState() == wandstorev1.JobState_JOB_STATE_FAILED:
		// It failed a moment ago, and is not tried again until the record's deadline.
		return generationOff, false
	case ticket.Triggered && first:
		return generationTriggered, false
	default:
		return generationPending, false
	}
}

func (e *edge) sendHit(c *fiber.Ctx, hit pagestore.Hit) error {
	page := hit.Page
	span := trace.SpanFromContext(c.UserContext())
	span.SetAttributes(telemetry.Generation.String(generationReady), telemetry.Persona.String(page.Persona()), telemetry.Source.String(page.Source()))
	// The trace that made the page, perhaps days ago.
	if made := telemetry.SpanContext(page.Traceparent()); made.IsValid() {
		span.AddLink(trace.Link{SpanContext: made})
	}
	detail := hit.Tier
	if hit.Stale {
		detail += "-stale"
	}
	e.secure(c)
	c.Set("X-Cache", "HIT")
	c.Set("Cache-Status", "wandstore; hit; detail="+detail)
	c.Set("X-Generation", generationReady)
	c.Set("X-Persona", page.Persona())
	c.Set(fiber.HeaderCacheControl, revalidate)
	c.Set(fiber.HeaderVary, fiber.HeaderAcceptEncoding)
	// The page carries the policy of the stylesheet it was drawn with; what a page
	// cannot say for itself is said here.
	c.Set(fiber.HeaderContentSecurityPolicy, storefront.StoredCSP)
	c.Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8)
	body, etag := page.HTML(), page.ETag()
	if acceptsGzip(c.Get(fiber.HeaderAcceptEncoding)) && page.Gzip() != nil {
		body, etag = page.Gzip(), page.GzipETag()
		c.Set(fiber.HeaderContentEncoding, "gzip")
	}
	c.Set(fiber.HeaderETag, etag)
	if matches(c.Get(fiber.HeaderIfNoneMatch), etag) {
		c.Context().Response.Header.Del(fiber.HeaderContentEncoding)
		return c.SendStatus(http.StatusNotModified)
	}
	c.Context().Response.SetBodyRaw(body)
	return nil
}

func (e *edge) sendFallback(c *fiber.Ctx, slug, generation string) error {
	trace.SpanFromContext(c.UserContext()).SetAttributes(telemetry.Generation.String(generation))
	doc := e.fallbacks[slug]
	e.secure(c)
	c.Set("X-Cache", "MISS")
	c.Set("Cache-Status", "wandstore; fwd=miss; detail=fallback")
	c.Set("X-Generation", generation)
	c.Set(fiber.HeaderCacheControl, "private, no-store")
	c.Set(fiber.HeaderVary, fiber.HeaderAcceptEncoding)
	c.Set(fiber.HeaderContentSecurityPolicy, e.render.CSP())
	c.Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8)
	body := doc.html
	if acceptsGzip(c.Get(fiber.HeaderAcceptEncoding)) {
		body = doc.gzip
		c.Set(fiber.HeaderContentEncoding, "gzip")
	}
	c.Context().Response.SetBodyRaw(body)
	return nil
}
