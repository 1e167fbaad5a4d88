package designer

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"

	"github.com/wandstore/wandstore/pkg/design/gate"
	"github.com/wandstore/wandstore/pkg/telemetry"
	"github.com/wandstore/wandstore/services/generator/internal/kimi"
)

const scope = "github.com/wandstore/wandstore/services/generator/internal/designer"

// Metrics record the calls of the model: their times, tokens and cost.
type Metrics struct {
	// call is the attributes of every call. The model is the configured one, because the
	// name in an answer is text of the provider.
	call       []attribute.KeyValue
	model      metric.MeasurementOption
	duration   metric.Float64Histogram
	firstToken metric.Float64Histogram
	tokens     metric.Float64Histogram
	cost       metric.Float64Counter
	price      Price
}

// Price is a model's price, in US dollars per million tokens.
type Price struct{ Input, Output float64 }

// of returns the cost of an answer, in US dollars.
func (p Price) of(answer kimi.Answer) float64 {
	return (p.Input*float64(answer.PromptTokens) + p.Output*float64(answer.CompletionTokens)) / 1e6
}

// NewMetrics returns Metrics of the global meter provider, for calls of that model at that
// price.
func NewMetrics(model string, price Price) *Metrics {
	p := otel.GetMeterProvider()
	return &Metrics{
		call:       []attribute.KeyValue{semconv.GenAIOperationNameChat, semconv.GenAIRequestModel(model)},
		model:      metric.WithAttributes(semconv.GenAIRequestModel(model)),
		duration:   telemetry.ModelDuration.Histogram(p, scope),
		firstToken: telemetry.ModelFirstToken.Histogram(p, scope),
		tokens:     telemetry.ModelTokens.Histogram(p, scope),
		cost:       telemetry.ModelCost.FloatCounter(p, scope),
		price:      price,
	}
}

func (m *Metrics) asked(ctx context.Context, answer kimi.Answer, took time.Duration, err error) {
	with := func(more ...attribute.KeyValue) metric.MeasurementOption {
		return metric.WithAttributes(slices.Concat(m.call, more)...)
	}
	if err != nil {
		m.duration.Record(ctx, took.Seconds(), with(semconv.ErrorTypeKey.String(errorType(err))))
		return
	}
	m.duration.Record(ctx, took.Seconds(), with())
	m.firstToken.Record(ctx, answer.FirstToken.Seconds(), with())
	m.tokens.Record(ctx, float64(answer.PromptTokens), with(semconv.GenAITokenTypeInput))
	m.tokens.Record(ctx, float64(answer.CompletionTokens), with(semconv.GenAITokenTypeOutput))
	m.cost.Add(ctx, m.price.of(answer), m.model)
}

// errorType returns an error's type, a word of a small set.
func errorType(err error) string {
	for _, c := range []struct {
		err  error
		kind string
	}{
		{gate.ErrNoDesign, "no_design"},
		{kimi.ErrRateLimited, "rate_limited"},
		{kimi.ErrStalled, "stalled"},
		{kimi.ErrUnavailable, "unavailable"},
		{kimi.ErrRefused, "refused"},
		{kimi.ErrBadRequest, "bad_request"},
		{kimi.ErrTruncated, "truncated"},
		{kimi.ErrAnswerTooLarge, "too_large"},
		{kimi.ErrEmpty, "empty"},
		{context.Canceled, "cancelled"},
		{context.DeadlineExceeded, "timeout"},
	} {
		if errors.Is(err, c.err) {
			return c.kind
		}
	}
	return "_OTHER"
}
