package pagestore

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/wandstore/wandstore/pkg/telemetry"
)

const scope = "github.com/wandstore/wandstore/pkg/pagestore"

// Tiers, as telemetry and the Cache-Status header name them.
const (
	TierMemory = "memory"
	TierMinIO  = "minio"
	TierKV     = "kv"
)

// Results of a get, and below those of a put.
const (
	resultHit         = "hit"
	resultMiss        = "miss"
	resultUnverified  = "stale"       // memory served a page that no tier below could confirm
	resultRevalidated = "revalidated" // memory's page had to be looked up again
	resultCorrupt     = "corrupt"
	resultTimeout     = "timeout"
	resultSkipped     = "skipped" // the breaker is open
	resultError       = "error"

	resultStored     = "stored"
	resultSuperseded = "stale"   // a newer page is stored
	resultSame       = "same"    // the job's page is stored already
	resultRefused    = "refused" // too large, or a template for the permanent store
)

// getResult names the outcome of a tier's Get.
func getResult(err error) string {
	switch {
	case err == nil:
		return resultHit
	case errors.Is(err, ErrMiss):
		return resultMiss
	case errors.Is(err, ErrCorrupt):
		return resultCorrupt
	case errors.Is(err, errSkipped):
		return resultSkipped
	case errors.Is(err, context.DeadlineExceeded):
		return resultTimeout
	default:
		return resultError
	}
}

// putResult names the outcome of a Put.
func putResult(err error) string {
	switch {
	case err == nil:
		return resultStored
	case errors.Is(err, errSame):
		return resultSame
	case errors.Is(err, ErrSuperseded):
		return resultSuperseded
	case errors.Is(err, ErrTooLarge), errors.Is(err, ErrTemplate):
		return resultRefused
	case errors.Is(err, context.DeadlineExceeded):
		return resultTimeout
	default:
		return resultError
	}
}

// startSpan starts a CLIENT span as a child of the caller's, with the provider of the
// caller's span. So a caller without a span, such as a probe, makes none.
func startSpan(ctx context.Context, name, tier string) (context.Context, trace.Span) {
	tracer := trace.SpanFromContext(ctx).TracerProvider().Tracer(scope)
	peer := telemetry.PeerMinIO
	if tier == TierKV {
		peer = telemetry.PeerNATS
	}
	return tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(telemetry.Tier.String(tier), telemetry.Peer.String(peer)))
}

// endSpan sets the result and ends the span. A miss, a refusal and a skip are results that
// callers expect, so they do not mark the span as failed.
func endSpan(span trace.Span, result string, err error) {
	span.SetAttributes(telemetry.Result.String(result))
	switch result {
	case resultCorrupt, resultTimeout, resultError:
		span.RecordError(err)
		span.SetStatus(codes.Error, result)
	}
	span.End()
}

// instruments counts lookups.
type instruments struct {
	lookups  metric.Int64Counter
	duration metric.Float64Histogram
	prepared telemetry.Prepared[lookup]
}

// lookup is the tier of a lookup and its result.
type lookup struct{ tier, result string }

func (l lookup) attributes() []attribute.KeyValue {
	return []attribute.KeyValue{telemetry.Tier.String(l.tier), telemetry.Result.String(l.result)}
}

func newInstruments(provider metric.MeterProvider) *instruments {
	return &instruments{
		lookups:  telemetry.PageLookups.Counter(provider, scope),
		duration: telemetry.PageLookupDuration.Histogram(provider, scope),
	}
}

func (in *instruments) record(ctx context.Context, tier, result string, took time.Duration) {
	set := in.prepared.Get(lookup{tier, result}, lookup.attributes)
	in.lookups.Add(ctx, 1, set.Add...)
	in.duration.Record(ctx, took.Seconds(), set.Record...)
}
