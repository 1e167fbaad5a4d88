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

	"github.com/wandstore/wandstore/pkg/control"
	"github.com/wandstore/wandstore/pkg/design/gate"
	"github.com/wandstore/wandstore/pkg/spend"
	"github.com/wandstore/wandstore/pkg/telemetry"
	"github.com/wandstore/wandstore/services/generator/internal/kimi"
)

const scope = "github.com/wandstore/wandstore/services/generator/internal/designer"

// Metrics record the calls of the model: their times and tokens.
type Metrics struct {
	// call is the attributes of every call. The model is the configured one, because the
	// name in an answer is text of the provider.
	call       []attribute.KeyValue
	duration   metric.Float64Histogram
	firstToken metric.Float64Histogram
	tokens     metric.Float64Histogram
}

// NewMetrics returns Metrics of the global meter provider, for calls of that model.
func NewMetrics(model string) *Metrics {
	p := otel.GetMeterProvider()
	return &Metrics{
		call:       []attribute.KeyValue{semconv.GenAIOperationNameChat, semconv.GenAIRequestModel(model)},
		duration:   telemetry.ModelDuration.Histogram(p, scope),
		firstToken: telemetry.ModelFirstToken.Histogram(p, scope),
		tokens:     telemetry.ModelTokens.Histogram(p, scope),
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
	m.tokens.Record(ctx, float64(answer.Tokens.Prompt), with(semconv.GenAITokenTypeInput))
	m.tokens.Record(ctx, float64(answer.Tokens.Completion), with(semconv.GenAITokenTypeOutput))
}

// errorType returns an error's type, a word of a small set.
func errorType(err error) string {
	for _, c := range []struct {
		err  error
		kind string
	}{
		{gate.ErrNoDesign, "no_design"},
		{control.ErrOff, "off"},
		{spend.ErrBudget, "budget"},
		{spend.ErrUnknown, "budget_unknown"},
	} {
		if errors.Is(err, c.err) {
			return c.kind
		}
	}
	return kimi.Outcome(err)
}
