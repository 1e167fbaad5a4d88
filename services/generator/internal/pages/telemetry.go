package pages

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"

	"github.com/wandstore/wandstore/pkg/storefront"
	"github.com/wandstore/wandstore/pkg/telemetry"
	"github.com/wandstore/wandstore/services/generator/internal/kimi"
)

// Metrics count what is made and what it takes.
type Metrics struct {
	// call are the attributes of every call. The model is the one asked for: what
	// an answer says of itself is the provider's text.
	call        []attribute.KeyValue
	model       metric.MeasurementOption
	generations metric.Int64Counter
	duration    metric.Float64Histogram
	firstToken  metric.Float64Histogram
	tokens      metric.Float64Histogram
	cost        metric.Float64Counter
	price       Price
}

// Price is what a model costs, in US dollars for a million tokens.
type Price struct{ Input, Output float64 }

// of is what an answer cost, in US dollars.
func (p Price) of(answer kimi.Answer) float64 {
	return (p.Input*float64(answer.PromptTokens) + p.Output*float64(answer.CompletionTokens)) / 1e6
}

// NewMetrics counts calls of that model at that price.
func NewMetrics(model string, price Price) *Metrics {
	p := otel.GetMeterProvider()
	return &Metrics{
		call:        []attribute.KeyValue{semconv.GenAIOperationNameChat, semconv.GenAIRequestModel(model)},
		model:       metric.WithAttributes(semconv.GenAIRequestModel(model)),
		generations: telemetry.PageGenerations.Counter(p, scope),
		duration:    telemetry.ModelDuration.Histogram(p, scope),
		firstToken:  telemetry.ModelFirstToken.Histogram(p, scope),
		tokens:      telemetry.ModelTokens.Histogram(p, scope),
		cost:        telemetry.ModelCost.FloatCounter(p, scope),
		price:       price,
	}
}

func (m *Metrics) made(ctx context.Context, persona, source string, why error) {
	set := []attribute.KeyValue{telemetry.Persona.String(persona), telemetry.Source.String(source)}
	if why != nil {
		set = append(set, semconv.ErrorTypeKey.String(cause(why)))
	}
	m.generations.Add(ctx, 1, metric.WithAttributes(set...))
}

func (m *Metrics) asked(ctx context.Context, answer kimi.Answer, took time.Duration, err error) {
	with := func(more ...attribute.KeyValue) metric.MeasurementOption {
		return metric.WithAttributes(slices.Concat(m.call, more)...)
	}
	if err != nil {
		m.duration.Record(ctx, took.Seconds(), with(semconv.ErrorTypeKey.String(cause(err))))
		return
	}
	m.duration.Record(ctx, took.Seconds(), with())
	m.firstToken.Record(ctx, answer.FirstToken.Seconds(), with())
	m.tokens.Record(ctx, float64(answer.PromptTokens), with(semconv.GenAITokenTypeInput))
	m.tokens.Record(ctx, float64(answer.CompletionTokens), with(semconv.GenAITokenTypeOutput))
	m.cost.Add(ctx, m.price.of(answer), m.model)
}

// cause is an error's kind, a word of a small set.
func cause(err error) string {
	for _, c := range []struct {
		err  error
		kind string
	}{
		{storefront.ErrNoDesign, "no_design"},
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
