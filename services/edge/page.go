package edge

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/nats-io/nuid"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/freshness"
	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/pagekey"
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
	// cookieFor is the lifetime of the cookies.
	cookieFor = 180 * 24 * time.Hour
	// revalidate: a page may be replaced at any time, so a browser must ask the edge before
	// it shows its copy.
	revalidate = "private, no-cache"
)

// page answers GET /s/{store}?shopper={id}.
func (e *Edge) page(c *fiber.Ctx) error {
	shop, err := e.shopOf(c)
	if err != nil {
		return err
	}
	shopper, known := shopperOf(c)
	if !known {
		// A first visit, possibly of a robot. A visitor that may never come back gets no job.
		remember(c, nuid.Next())
		return e.sendFallback(c, shop, generationOff)
	}
	key, err := pagekey.New(shop.Slug, shopper)
	if err != nil {
		return err
	}
	if c.Cookies(shopperCookie) != key.Shopper() {
		// The links of a page name no shopper. The shop's other pages need the cookie.
		remember(c, key.Shopper())
	}
	found, err := e.ownPage(c.UserContext(), key, shop)
	if err == nil {
		e.considerVisitor(c.UserContext(), &found)
	}
	var replaces string // the job whose page a new one replaces
	switch {
	case err != nil:
		// There is no page, or a tier that may have it is unavailable.
	case found.decision == freshness.Refresh:
		generation, _ := e.trigger(c.UserContext(), key, found.Page.JobID())
		return e.sendHit(c, found, generation)
	case found.decision.Servable():
		return e.sendHit(c, found, generationReady)
	case found.decision == freshness.Withhold:
		return e.sendFallback(c, shop, generationOff)
	default:
		replaces = found.Page.JobID()
	}
	generation, ready := e.trigger(c.UserContext(), key, replaces)
	if ready {
		// The page was stored between the lookup and the claim.
		if found, err := e.ownPage(c.UserContext(), key, shop); err == nil && found.decision.Servable() {
			return e.sendHit(c, found, generationReady)
		}
	}
	return e.sendFallback(c, shop, generation)
}

// shopOf is the shop of the request's path.
func (e *Edge) shopOf(c *fiber.Ctx) (*catalogue.Shop, error) {
	slug := c.Params("store")
	if !pagekey.ValidShop(slug) {
		return nil, pagekey.ErrInvalid
	}
	shop, ok := e.deps.Shops.Shop(slug)
	switch {
	case !ok && e.deps.Bus() == nil:
		// The shop may be in the bucket, which cannot be read yet.
		return nil, errUnavailable
	case !ok:
		return nil, errUnknownShop
	}
	trace.SpanFromContext(c.UserContext()).SetAttributes(telemetry.Store.String(shop.Slug))
	return shop, nil
}

// remember sets the cookie with the shopper's id. Scripts cannot read it, and browsers do
// not send it with other sites' forms.
func remember(c *fiber.Ctx, shopper string) {
	c.Cookie(&fiber.Cookie{
		Name: shopperCookie, Value: shopper, Path: "/", MaxAge: int(cookieFor / time.Second),
		HTTPOnly: true, SameSite: fiber.CookieSameSiteLaxMode, Secure: c.Protocol() == "https",
	})
}

// shopperOf returns the shopper's id: the query's, otherwise the cookie's. It returns false
// if there is none; an empty id in the query counts as one. The id is not checked, and it
// is valid only until the handler returns.
func shopperOf(c *fiber.Ctx) (string, bool) {
	if args := c.Context().QueryArgs(); args.Has("shopper") {
		return string(args.Peek("shopper")), true
	}
	// A cookie with an invalid id counts as none.
	if id := c.Cookies(shopperCookie); pagekey.ValidShopper(id) {
		return id, true
	}
	return "", false
}

// Queue takes requests for pages; see jobqueue.Queue.
type Queue interface {
	Trigger(ctx context.Context, r jobqueue.Request) (jobqueue.Ticket, error)
	Record(ctx context.Context, key pagekey.Key) (*wandstorev1.JobRecord, error)
}

// trigger requests the key's page. Concurrent callers share one request. replaces is the id
// of the job whose page the new one replaces; "" if there is none. generation is the value
// of X-Generation. ready reports that a job has just made the page.
func (e *Edge) trigger(ctx context.Context, key pagekey.Key, replaces string) (generation string, ready bool) {
	b := e.deps.Bus()
	if b == nil {
		return generationOff, false
	}
	first := false
	result, err, _ := e.triggers.Do(key.Shop()+":"+key.Shopper(), func() (any, error) {
		first = true
		// Other callers wait for this call too, so it must not end with its own request.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.cfg.TriggerTimeout)
		defer cancel()
		return b.Queue.Trigger(ctx, jobqueue.Request{Key: key, Origin: "visit", Replaces: replaces})
	})
	switch {
	case errors.Is(err, jobqueue.ErrPoolFull):
		return generationFull, false
	case err != nil:
		e.log.WarnContext(ctx, "no job made", "store", key.Shop(), "error", err)
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
		// The job failed a moment ago. It is not tried again before the record's deadline.
		return generationOff, false
	case ticket.Triggered && first:
		return generationTriggered, false
	default:
		return generationPending, false
	}
}

// sendHit answers with a page that was found. generation is the value of X-Generation.
func (e *Edge) sendHit(c *fiber.Ctx, hit ownPage, generation string) error {
	page := hit.Page
	stale := hit.decision == freshness.Refresh || hit.Unverified
	span := trace.SpanFromContext(c.UserContext())
	span.SetAttributes(telemetry.Generation.String(generation), telemetry.Persona.String(page.Persona()), telemetry.Source.String(page.Source()))
	outcome := outcomeHit
	if stale {
		outcome = outcomeStale
	}
	e.metrics.responses.Add(c.UserContext(), 1, metric.WithAttributes(
		telemetry.Outcome.String(outcome), telemetry.Tier.String(hit.Tier), telemetry.Generation.String(generation),
		telemetry.Persona.String(page.Persona()), telemetry.Source.String(page.Source())))
	// The trace that made the page, perhaps days ago.
	if made := telemetry.SpanContext(page.Traceparent()); made.IsValid() {
		span.AddLink(trace.Link{SpanContext: made})
	}
	e.secure(c)
	c.Set("X-Cache", "HIT")
	c.Set("Cache-Status", cacheStatus(hit.Tier, time.Since(page.GeneratedAt())-e.cfg.PageMaxAge, stale))
	c.Set("X-Generation", generation)
	c.Set("X-Persona", page.Persona())
	c.Set(fiber.HeaderCacheControl, revalidate)
	c.Set(fiber.HeaderVary, fiber.HeaderAcceptEncoding)
	// The page itself has a policy for the stylesheet that it was rendered with. This
	// header adds what a policy inside a page cannot say.
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

// cacheStatus is the Cache-Status of a hit (RFC 9211). A negative ttl says by how many
// seconds the page is older than PAGE_MAX_AGE. A page that is stale for another reason, or
// that could not be verified, has a ttl of -1.
func cacheStatus(tier string, pastAge time.Duration, stale bool) string {
	status := "wandstore; hit"
	if pastAge > 0 {
		status += "; ttl=-" + strconv.Itoa(int(pastAge/time.Second)+1)
	} else if stale {
		status += "; ttl=-1"
	}
	return status + "; detail=" + tier
}

func (e *Edge) sendFallback(c *fiber.Ctx, shop *catalogue.Shop, generation string) error {
	doc, err := e.fallback(shop)
	if err != nil {
		return err
	}
	trace.SpanFromContext(c.UserContext()).SetAttributes(telemetry.Generation.String(generation))
	e.metrics.responses.Add(c.UserContext(), 1, metric.WithAttributes(
		telemetry.Outcome.String(outcomeFallback), telemetry.Generation.String(generation)))
	e.secure(c)
	c.Set("X-Cache", "MISS")
	c.Set("Cache-Status", "wandstore; fwd=miss; detail=fallback")
	c.Set("X-Generation", generation)
	c.Set(fiber.HeaderCacheControl, "private, no-store")
	c.Set(fiber.HeaderVary, fiber.HeaderAcceptEncoding)
	c.Set(fiber.HeaderContentSecurityPolicy, e.deps.Renderer.CSP(shop))
	c.Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8)
	body := doc.html
	if acceptsGzip(c.Get(fiber.HeaderAcceptEncoding)) {
		body = doc.gzip
		c.Set(fiber.HeaderContentEncoding, "gzip")
	}
	c.Context().Response.SetBodyRaw(body)
	return nil
}
