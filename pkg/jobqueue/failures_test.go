package jobqueue_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/telemetry"
)

// A job that ends without a page is counted by its shop's label and by a cause of few words,
// whatever is in the message.
func TestFailuresAreCountedByCause(t *testing.T) {
	t.Parallel()
	reader := metric.NewManualReader()
	otel.SetMeterProvider(metric.NewMeterProvider(metric.WithReader(reader)))
	// Not those of the tests beside this one.
	const label = "counted by cause"
	fail := func(timeout time.Duration, shoppers ...string) *pool {
		p := newPool(t, one())
		p.workWith(failing, func(c *jobqueue.ConsumerConfig) {
			c.JobTimeout = timeout
			c.Label = func(shop string) string {
				if shop != "magic-wands" {
					return label + ", other"
				}
				return label
			}
		})
		for _, shopper := range shoppers {
			p.trigger(shopper)
			p.reaches(shopper, failed)
		}
		return p
	}
	fail(50*time.Millisecond, "hangs")
	p := fail(time.Minute, "panics", "typed", "untyped")
	poison := &nats.Msg{Subject: wandnats.GenerateSubject(member), Data: []byte(`{"jobId":"job","storeSlug":"><script>","shopperId":"abc123"}`)}
	if _, err := p.js.PublishMsg(t.Context(), poison); err != nil {
		t.Fatal(err)
	}
	want := map[string]int64{"panic": 1, "timeout": 1, "object_store": 1, "_OTHER": 1}
	eventually.NoError(t, func() error {
		known, err := failuresOf(reader, label)
		if err != nil {
			return err
		}
		unknown, err := failuresOf(reader, label+", other")
		if err == nil && (fmt.Sprint(known) != fmt.Sprint(want) || fmt.Sprint(unknown) != fmt.Sprint(map[string]int64{"unreadable": 1})) {
			err = fmt.Errorf("failed by %v and %v, want %v and one that is unreadable", known, unknown, want)
		}
		return err
	})
}

// failing ends a job as its shopper is called.
func failing(ctx context.Context, job *jobqueue.Job) (jobqueue.Result, error) {
	switch job.Key.Shopper() {
	case "panics":
		panic("no wand of that name")
	case "hangs":
		<-ctx.Done()
		return jobqueue.Result{}, errors.Join(jobqueue.ErrTerminal, ctx.Err())
	case "typed":
		return jobqueue.Result{}, fmt.Errorf("%w: %w", jobqueue.ErrTerminal, telemetry.Typed("object_store", errors.New("slow down")))
	default:
		return jobqueue.Result{}, fmt.Errorf("%w: no word for it", jobqueue.ErrTerminal)
	}
}

// failuresOf are the failures with that label that ended in a dead letter, by cause.
func failuresOf(reader *metric.ManualReader, label string) (map[string]int64, error) {
	var told metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &told); err != nil {
		return nil, err
	}
	causes := map[string]int64{}
	for _, scope := range told.ScopeMetrics {
		for _, m := range scope.Metrics {
			counts, ok := m.Data.(metricdata.Sum[int64])
			if !ok || m.Name != telemetry.JobFailures.Name {
				continue
			}
			for _, point := range counts.DataPoints {
				store, _ := point.Attributes.Value(telemetry.Store)
				outcome, _ := point.Attributes.Value(telemetry.Outcome)
				cause, _ := point.Attributes.Value(semconv.ErrorTypeKey)
				if store.AsString() == label && outcome.AsString() == "dead" {
					causes[cause.AsString()] += point.Value
				}
			}
		}
	}
	return causes, nil
}
