package streamstate_test

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/faulttest"
	"github.com/wandstore/wandstore/pkg/leaktest"
	"github.com/wandstore/wandstore/pkg/natstest"
	"github.com/wandstore/wandstore/pkg/streamstate"
	"github.com/wandstore/wandstore/pkg/telemetry"
)

func TestMain(m *testing.M) { leaktest.Main(natstest.Main(m)) }

// The queues are told without a generator, and without the consumer of a member whose queue
// is empty.
func TestQueuesAreTold(t *testing.T) {
	_, js := natstest.Start(t).Connect(t)
	settings := wandnats.Settings{PoolSize: 3, MaxQueueDepth: 10, Concurrency: 1, CacheTTLSeconds: 3600, Replicas: 1}
	if err := wandnats.Ensure(t.Context(), js, settings); err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteConsumer(t.Context(), wandnats.StreamGeneration, "pool-2"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := js.Publish(t.Context(), wandnats.GenerateSubject("pool-1"), []byte("job")); err != nil {
			t.Fatal(err)
		}
	}
	pauser, err := js.Stream(t.Context(), wandnats.StreamGeneration)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pauser.PauseConsumer(t.Context(), "pool-1", time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	// Jobs of before there were fewer shards.
	sharded := settings
	sharded.Shards = 2
	if err := wandnats.Ensure(t.Context(), js, sharded); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), wandnats.GenerateSubject("1-pool-2"), []byte("job")); err != nil {
		t.Fatal(err)
	}
	values := tell(t, js, settings)
	for name, want := range map[string]float64{
		"wandstore.queue.depth pool-0": 0, "wandstore.queue.depth pool-1": 2, "wandstore.queue.depth pool-2": 0,
		"wandstore.queue.paused pool-0": 0, "wandstore.queue.paused pool-1": 1,
		"wandstore.queue.running pool-1": 0, "wandstore.queue.oldest.age pool-2": 0, "wandstore.stream.messages GENERATION": 3,
		"wandstore.queue.depth 1-pool-2": 1, "wandstore.queue.running 1-pool-2": 0,
	} {
		if got, there := values[name]; !there || got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	if age := values["wandstore.queue.oldest.age pool-1"]; age <= 0 || age > eventually.Patience.Seconds() {
		t.Errorf("the oldest job is %v s old", age)
	}
	if values["wandstore.stream.limit GENERATION"] <= values["wandstore.stream.size GENERATION"] {
		t.Errorf("GENERATION holds %v of %v", values["wandstore.stream.size GENERATION"], values["wandstore.stream.limit GENERATION"])
	}
}

// NATS is 120 ms away, as it is for a PoP, and every member has jobs: a scrape is complete within
// the 2 s that it has, because its requests do not wait for each other.
func TestManyQueuesFarAwayAreTold(t *testing.T) {
	account := natstest.Start(t)
	_, near := account.Connect(t)
	settings := wandnats.Settings{PoolSize: 20, MaxQueueDepth: 10, Concurrency: 1, CacheTTLSeconds: 3600, Replicas: 1}
	if err := wandnats.Ensure(t.Context(), near, settings); err != nil {
		t.Fatal(err)
	}
	for _, member := range settings.Members() {
		if _, err := near.Publish(t.Context(), wandnats.GenerateSubject(member), []byte("job")); err != nil {
			t.Fatal(err)
		}
	}
	proxy := faulttest.NewProxy(t, account.Addr())
	_, far := natstest.Connect(t, account.URLVia(proxy.Addr()))
	proxy.Latency(60 * time.Millisecond)
	values := tell(t, far, settings)
	for _, member := range settings.Members() {
		if values["wandstore.queue.depth "+member] != 1 || values["wandstore.queue.oldest.age "+member] <= 0 {
			t.Errorf("%s: depth %v, oldest %v s", member, values["wandstore.queue.depth "+member], values["wandstore.queue.oldest.age "+member])
		}
	}
}

// tell is what a scrape tells, by the metric and its member or stream.
func tell(t *testing.T, js jetstream.JetStream, settings wandnats.Settings) map[string]float64 {
	t.Helper()
	reader := metric.NewManualReader()
	otel.SetMeterProvider(metric.NewMeterProvider(metric.WithReader(reader)))
	t.Cleanup(streamstate.Observe(js, settings, settings.Members(), streamstate.Asked, "test"))
	t.Cleanup(telemetry.Observe(otel.GetMeterProvider(), "test", func(ctx context.Context, see telemetry.See) error {
		return streamstate.Paused(ctx, js, see)
	}, telemetry.QueuePaused))

	var told metricdata.ResourceMetrics
	// A scrape is incomplete when NATS takes too long to answer.
	eventually.NoError(t, func() error { return reader.Collect(t.Context(), &told) })
	values := map[string]float64{}
	for _, m := range told.ScopeMetrics[0].Metrics {
		gauge, ok := m.Data.(metricdata.Gauge[float64])
		if !ok {
			t.Fatalf("%s is no gauge", m.Name)
		}
		for _, p := range gauge.DataPoints {
			label, _ := p.Attributes.Value(telemetry.Member)
			if stream, ok := p.Attributes.Value(telemetry.Stream); ok {
				label = stream
			}
			values[m.Name+" "+label.AsString()] = p.Value
		}
	}
	return values
}
