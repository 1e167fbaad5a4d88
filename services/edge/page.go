package edge

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"
	"go.opentelemetry.io/otel/trace"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/freshness"
	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/telemetry"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
	"github.com/wandstore/wandstore/services/edge/internal/identity"
	"github.com/wandstore/wandstore/services/edge/internal/ratelimit"
)

// Values of the X-Generation header.
const (
	generationReady     = "ready"
	generationTriggered = "triggered"
	generationPending   = "pending"
	generationFull      = "full"
	generationOff       = "off"
)

// revalidate: a page may be replaced at any time, so a browser must ask before it shows its
// copy.
const revalidate = "private, no-cache"

// page answers GET /s/{store}?shopper={id}.
func (e *Edge) page(c *fiber.Ctx) error {
	shop, err := e.shopOf(c)
	if err != nil {
		return err
	}
	if done, err := e.exchange(c, shop); done {
		return err
	}
	s := e.shopperOf(c, shop.Slug)
	if !s.known() {
		// A first visit, or a robot's: no job for somebody who may never come back.
		if err := e.remember(c, shopper{id: identity.NewID()}, shop.Slug); err != nil {
			return err
		}
		return e.sendShared(c, shop, nil, generationOff)
	}
	key, err := pagekey.New(shop.Slug, s.id)
	if err != nil {
		return err
	}
	if s.named {
		notIndexed(c, shop)
		if c.Cookies(shopperCookie) != s.id {
			// The links of a page name no shopper: the shop's other pages know them by this.
			if err := e.remember(c, s, shop.Slug); err != nil {
				return err
			}
		}
	}
	found, err := e.ownPage(c.UserContext(), key, shop)
	if err == nil {
		e.considerVisitor(c.UserContext(), &found)
	}
	var replaces string // the job whose page a new one replaces
	switch {
	case uncertain(found, err) && err == nil && found.decision.Servable():
		return e.sendHit(c, found, generationReady)
	case uncertain(found, err):
		generation := generationOff
		if _, live := e.deps.Board.Find(key); live {
			generation = generationPending
		}
		return e.sendShared(c, shop, e.trackedVisitor(c, key), generation)
	case err != nil:
		// There is no page.
	case found.decision == freshness.Refresh && e.cfg.Scope == ScopeCohort:
		// Nobody renews it, and the cohort's is renewed.
	case found.decision == freshness.Refresh:
		generation, _ := e.ask(c, s, key, found.Page.JobID())
		return e.sendHit(c, found, generation)
	case found.decision.Servable():
		return e.sendHit(c, found, generationReady)
	case found.decision == freshness.Withhold:
		return e.sendShared(c, shop, e.trackedVisitor(c, key), generationOff)
	default:
		replaces = found.Page.JobID()
	}
	v := e.visitorMeanwhile(c, key)
	generation, ready := e.ask(c, s, key, replaces)
	if ready {
		// The page was stored between the lookup and the claim.
		if found, err := e.ownPage(c.UserContext(), key, shop); err == nil && found.decision.Servable() {
			return e.sendHit(c, found, generationReady)
		}
	}
	return e.sendShared(c, shop, v(), generation)
}

// uncertain reports whether a tier that could not be asked may have the page, or a newer one.
// No job is made then: the page may be paid for already.
func uncertain(found ownPage, err error) bool {
	return found.Uncertain || err != nil && (!errors.Is(err, pagestore.ErrMiss) || errors.Is(err, pagestore.ErrUnavailable))
}

// shopOf is the shop of the request's path.
func (e *Edge) shopOf(c *fiber.Ctx) (*catalogue.Shop, error) {
	slug := c.Params("store")
	if !pagekey.ValidShop(slug) {
		return nil, pagekey.ErrInvalid
	}
	shop, ok := e.deps.Shops.Shop(slug)
	switch {
	case !ok && !e.deps.Loaded():
		// The shop may be in the bucket, which cannot be read yet.
		return nil, errUnavailable
	case !ok:
		return nil, errUnknownShop
	}
	trace.SpanFromContext(c.UserContext()).SetAttributes(telemetry.Store.String(shop.Slug))
	return shop, nil
}

// Queue asks for pages.
type Queue interface {
	Trigger(ctx context.Context, r jobqueue.Request) (jobqueue.Ticket, error)
	Record(ctx context.Context, key pagekey.Key) (*wandstorev1.JobRecord, error)
}

// ask asks for the shopper's page unless nobody looks at it, they get no page of their own,
// or too much has been asked for already. It gives the value of X-Generation; ready says
// that the page was made just now.
func (e *Edge) ask(c *fiber.Ctx, s shopper, key pagekey.Key, replaces string) (generation string, ready bool) {
	if !e.mayAsk(c) || !e.getsOwnPage(c.UserContext(), key) {
		return generationOff, false
	}
	request := jobqueue.Request{Key: key, Origin: "visit", Replaces: replaces}
	asker := ratelimit.Asker{Addr: e.clientAddr(c), Shopper: key.Shopper()}
	if e.cfg.Identity.IsSigned() && !s.linked && !e.returning(c.UserContext(), key) {
		// A shop's limit bounds its newcomers, and half of each queue is not theirs.
		asker.Shop = key.Shop()
		request.HasRoom = e.roomForNewcomers
	}
	if verdict := e.limits.Take(ratelimit.Jobs, asker); !verdict.Allowed {
		e.countLimited(c, ratelimit.Jobs, verdict)
		return generationFull, false
	}
	return e.trigger(c.UserContext(), request)
}

// roomForNewcomers reports whether a member has a place that newcomers may take: less than
// half of its queue is filled. The board learns of a job some milliseconds after it is
// queued, so a burst takes as many more places as it has requests under way.
func (e *Edge) roomForNewcomers(member string) bool {
	return e.deps.Board.Depth(member) < max(1, e.cfg.Pool.MaxQueueDepth/2)
}

// trigger asks for the key's page, once for all who miss it at the same time.
func (e *Edge) trigger(ctx context.Context, r jobqueue.Request) (generation string, ready bool) {
	b := e.deps.Bus()
	if b == nil || !b.Generation.Allowed(r.Key.Shop()) {
		return generationOff, false
	}
	first := false
	result, err, _ := e.triggers.Do(flightOf(r.Key), func() (any, error) {
		first = true
		// Other callers wait for this call too, so it must not end with its own request.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.cfg.TriggerTimeout)
		defer cancel()
		return b.Queue.Trigger(ctx, r)
	})
	switch {
	case errors.Is(err, jobqueue.ErrPoolFull):
		return generationFull, false
	case err != nil:
		e.log.WarnContext(ctx, "no job made", "store", r.Key.Shop(), "error", err)
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

// Header fields of answers with a stored page.
var (
	hitFields    = newFields("X-Cache", "HIT")
	storedFields = newFields(fiber.HeaderCacheControl, revalidate, fiber.HeaderVary, fiber.HeaderAcceptEncoding)
)

// sendHit answers with a page that was found. generation is the value of X-Generation.
func (e *Edge) sendHit(c *fiber.Ctx, hit ownPage, generation string) error {
	page := hit.Page
	stale := hit.decision == freshness.Refresh || hit.Unverified
	span := trace.SpanFromContext(c.UserContext())
	if span.IsRecording() {
		span.SetAttributes(telemetry.Generation.String(generation), telemetry.Persona.String(page.Persona()), telemetry.Source.String(page.Source()))
	}
	outcome := outcomeHit
	if stale {
		outcome = outcomeStale
	}
	e.answered(c, answer{outcome, hit.Tier, generation, page.Persona(), page.Source()})
	linkMaking(span, page)
	secured.set(c)
	hitFields.set(c)
	c.Set("Cache-Status", cacheStatus(hit.Tier, hit.in.Now.Sub(page.GeneratedAt())-e.cfg.PageMaxAge, stale))
	c.Set("X-Generation", generation)
	c.Set("X-Persona", page.Persona())
	return e.sendStored(c, hit)
}

// sendStored answers with a stored page, or with 304 if the browser has it.
func (e *Edge) sendStored(c *fiber.Ctx, found ownPage) error {
	page := found.Page
	storedFields.set(c)
	c.Set(fiber.HeaderContentSecurityPolicy, found.read.csp.Value())
	c.Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8)
	etag, body := page.ETag(), page.HTML
	compressed := accepts(c.Get(fiber.HeaderAcceptEncoding), "gzip") && page.Gzip() != nil
	if compressed {
		etag, body = page.GzipETag(), page.Gzip
	}
	c.Set(fiber.HeaderETag, etag)
	if matches(c.Get(fiber.HeaderIfNoneMatch), etag) {
		return c.SendStatus(http.StatusNotModified)
	}
	if compressed {
		c.Set(fiber.HeaderContentEncoding, "gzip")
	}
	c.Context().Response.SetBodyRaw(body())
	return nil
}

// linkMaking links the trace that made the page, perhaps days ago.
func linkMaking(span trace.Span, page *pagestore.Page) {
	if !span.IsRecording() {
		return
	}
	if made := telemetry.SpanContext(page.Traceparent()); made.IsValid() {
		span.AddLink(trace.Link{SpanContext: made})
	}
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
	e.missed(c, outcomeFallback, "", generation)
	secured.set(c)
	c.Set(fiber.HeaderCacheControl, "private, no-store")
	c.Set(fiber.HeaderContentSecurityPolicy, e.deps.Renderer.CSP(shop))
	c.Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8)
	return e.sendDocument(c, doc)
}
