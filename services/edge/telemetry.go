package edge

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/gofiber/fiber/v2"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/wandstore/wandstore/pkg/httpserver"
	"github.com/wandstore/wandstore/pkg/telemetry"
)

const scope = "github.com/wandstore/wandstore/services/edge"

type metrics struct {
	requests  metric.Float64Histogram
	pages     metric.Float64Histogram
	responses metric.Int64Counter
	// byShop counts the responses by their shop.
	byShop   metric.Int64Counter
	upgrades metric.Float64Histogram
	// firstSection measures the time to the first section of a page that is written.
	firstSection metric.Float64Histogram
	panics       metric.Int64Counter
	limited      metric.Int64Counter

	answers  telemetry.Prepared[answer]
	shops    telemetry.Prepared[shopAnswer]
	routes   telemetry.Prepared[route]
	outcomes telemetry.Prepared[string]
}

func newMetrics() *metrics {
	p := otel.GetMeterProvider()
	return &metrics{
		requests:     telemetry.HTTPRequestDuration.Histogram(p, scope),
		pages:        telemetry.PageDuration.Histogram(p, scope),
		responses:    telemetry.PageResponses.Counter(p, scope),
		byShop:       telemetry.PageResponsesByShop.Counter(p, scope),
		upgrades:     telemetry.UpgradeDuration.Histogram(p, scope),
		firstSection: telemetry.FirstSectionDuration.Histogram(p, scope),
		panics:       telemetry.Panics.Counter(p, scope),
		limited:      telemetry.RateLimited.Counter(p, scope),
	}
}

// observe registers the gauges of the edge. stop unregisters them.
func (e *Edge) observe() (stop func()) {
	return telemetry.Observe(otel.GetMeterProvider(), scope, func(_ context.Context, see telemetry.See) error {
		for tier, state := range e.deps.Pages.Breakers() {
			see(telemetry.BreakerOpen, telemetry.BreakerValue(state), telemetry.Breaker.String(tier))
		}
		see(telemetry.EventListeners, float64(e.listeners.Load()))
		watched := 0.0
		if e.deps.Memory.Watched() {
			watched = 1
		}
		see(telemetry.WatchUp, watched)
		see(telemetry.StreamsLost, float64(len(e.deps.Streams.Faults())))
		see(telemetry.ClockAhead, e.deps.Clock.Ahead().Seconds())
		return nil
	}, telemetry.BreakerOpen, telemetry.EventListeners, telemetry.WatchUp, telemetry.StreamsLost, telemetry.ClockAhead)
}

// Outcomes of a request for a front page.
const (
	outcomeHit      = "hit"
	outcomeStale    = "stale"
	outcomeCohort   = "cohort"
	outcomePersona  = "persona"
	outcomeFallback = "fallback"
)

// answeredKey is the local of a request for a front page that holds how it was answered.
type answeredKey struct{}

// answer is how a request for a front page was answered; what is "" is not said.
type answer struct{ outcome, tier, generation, persona, source string }

func (a answer) attributes() []attribute.KeyValue {
	all := []attribute.KeyValue{telemetry.Outcome.String(a.outcome), telemetry.Generation.String(a.generation)}
	for _, optional := range []attribute.KeyValue{telemetry.Tier.String(a.tier), telemetry.Persona.String(a.persona), telemetry.Source.String(a.source)} {
		if optional.Value.AsString() != "" {
			all = append(all, optional)
		}
	}
	return all
}

type shopAnswer struct{ shop, outcome string }

func (a shopAnswer) attributes() []attribute.KeyValue {
	return []attribute.KeyValue{telemetry.Store.String(a.shop), telemetry.Outcome.String(a.outcome)}
}

// route is a request as its metrics name it.
type route struct {
	method, pattern string
	status          int
}

func (r route) attributes() []attribute.KeyValue {
	return []attribute.KeyValue{semconv.HTTPRequestMethodKey.String(r.method), semconv.HTTPRoute(r.pattern), semconv.HTTPResponseStatusCode(r.status)}
}

func outcomeAttributes(outcome string) []attribute.KeyValue {
	return []attribute.KeyValue{telemetry.Outcome.String(outcome)}
}

// answered counts a front page, by how it was answered and by its shop, and has its time
// measured.
func (e *Edge) answered(c *fiber.Ctx, a answer) {
	e.metrics.responses.Add(c.UserContext(), 1, e.metrics.answers.Get(a, answer.attributes).Add...)
	shop := shopAnswer{e.deps.Shops.Label(c.Params("store")), a.outcome}
	e.metrics.byShop.Add(c.UserContext(), 1, e.metrics.shops.Get(shop, shopAnswer.attributes).Add...)
	c.Locals(answeredKey{}, a.outcome)
}

// serverSpan are the options of each request's span.
var serverSpan = []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindServer)}

// trace makes the server span of a request (OpenTelemetry semantic conventions for HTTP). A
// traceparent of the request becomes a link, not the parent, because its sender would
// otherwise decide which traces are sampled. With TrustTraceparent it becomes the parent.
func (e *Edge) trace(c *fiber.Ctx) error {
	start := time.Now()
	options := serverSpan
	parent := c.UserContext()
	if outside := telemetry.SpanContext(c.Get("traceparent")); outside.IsValid() {
		if e.cfg.TrustTraceparent {
			parent = trace.ContextWithRemoteSpanContext(parent, outside)
		} else {
			options = append(slices.Clip(options), trace.WithNewRoot(), trace.WithLinks(trace.Link{SpanContext: outside}))
		}
	}
	ctx, span := otel.Tracer(scope).Start(parent, httpserver.Method(c), options...)
	defer span.End()
	c.SetUserContext(ctx)
	if err := c.Next(); err != nil {
		// The error is answered here, so that the span gets the status.
		if err := e.fail(c, err); err != nil {
			return err
		}
	}
	r := route{httpserver.Method(c), httpserver.Route(c), c.Response().StatusCode()}
	if span.IsRecording() {
		span.SetName(r.method + " " + r.pattern)
		span.SetAttributes(append(r.attributes(), semconv.URLScheme(e.schemeOf(c)))...)
	}
	if r.status >= http.StatusInternalServerError {
		span.SetStatus(codes.Error, http.StatusText(r.status))
	}
	took := time.Since(start).Seconds()
	e.metrics.requests.Record(ctx, took, e.metrics.routes.Get(r, route.attributes).Record...)
	if outcome, front := c.Locals(answeredKey{}).(string); front {
		e.metrics.pages.Record(ctx, took, e.metrics.outcomes.Get(outcome, outcomeAttributes).Record...)
	}
	return nil
}

// schemeOf returns a constant, because fiber's strings are in memory that is reused after the
// handler.
func (e *Edge) schemeOf(c *fiber.Ctx) string {
	if e.isHTTPS(c) {
		return "https"
	}
	return "http"
}
