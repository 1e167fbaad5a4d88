package world

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/checkout"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/freeport"
	"github.com/wandstore/wandstore/pkg/miniotest"
	"github.com/wandstore/wandstore/pkg/natstest"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/services/edge"
	"github.com/wandstore/wandstore/services/generator"
	"github.com/wandstore/wandstore/services/kimisim"
)

// World is a WandStore of real parts. Its fields are what the services that are started
// from now on are given. Its methods are for the goroutine of the test, but for the
// start of services.
type World struct {
	t testing.TB

	// NATS is the world's account.
	NATS natstest.Account
	// NATSServer is the server of the account; nil unless OwnNATS was asked for.
	NATSServer *natstest.Server
	// MinIOServer is the server of the bucket; nil unless OwnMinIO was asked for.
	MinIOServer *miniotest.Server
	// Sim is the model.
	Sim *kimisim.Server

	Pool  wandnats.Settings
	S3    pagestore.S3Config
	Shops catalogue.Config
}

// Option changes what a world is made of.
type Option func(*World)

// OwnNATS gives the world a nats-server that its test may stop and restart.
func OwnNATS(w *World) {
	w.NATSServer = natstest.StartOwn(w.t)
	w.NATS = w.NATSServer.Account
}

// OwnMinIO gives the world a MinIO that its test may stop and restart.
func OwnMinIO(w *World) {
	w.MinIOServer = miniotest.StartOwn(w.t)
	w.store(w.MinIOServer.Store)
}

// ExampleShops has the services serve the shops of deploy/stores too.
func ExampleShops(w *World) {
	w.Shops = catalogue.Config{Dir: filepath.Join(checkout.Root(w.t), "deploy", "stores")}
}

// Paced has the model think for a time and then write so many tokens a second.
func Paced(firstToken time.Duration, tokensPerSecond int) Option {
	return func(w *World) {
		w.Sim = startKimisim(w.t, kimisim.Config{FirstToken: firstToken, TokensPerSecond: tokensPerSecond})
	}
}

// New makes a world without services.
func New(t testing.TB, options ...Option) *World {
	t.Helper()
	w := &World{
		t:    t,
		Pool: wandnats.Settings{PoolSize: 10, Shards: 1, MaxQueueDepth: 100, Concurrency: 1, CacheTTLSeconds: 3600, Replicas: 1},
	}
	for _, o := range options {
		o(w)
	}
	if w.Sim == nil {
		w.Sim = startKimisim(t, kimisim.Config{})
	}
	if w.NATSServer == nil {
		w.NATS = natstest.Start(t)
	}
	if w.MinIOServer == nil {
		w.store(miniotest.Start(t))
	}
	return w
}

func (w *World) store(s miniotest.Store) {
	w.S3 = pagestore.S3Config{
		Endpoint: s.Addr(), AccessKey: miniotest.AccessKey, SecretKey: miniotest.SecretKey, Bucket: s.Bucket(w.t),
	}
}

func startKimisim(t testing.TB, cfg kimisim.Config) *kimisim.Server {
	t.Helper()
	cfg.Addr, cfg.Seed = "127.0.0.1:0", 1
	sim, err := kimisim.New(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	Background(t, "kimisim", func(ctx context.Context) error { return sim.Run(ctx) })
	eventually.Receive(t, sim.Started(), "start of kimisim")
	return sim
}

// Patient is what a lookup, a trigger or any other request of a service to its parts may
// take, so that a busy machine is not taken for an outage.
const Patient = time.Minute

// patientSeconds is what the model may take, and how long it may say nothing. Tests hold it
// back meanwhile. A call that is given up is made again.
const patientSeconds = 300

// ProductionTimeouts is a setting of edges for tests of outages: a shopper waits for a
// broken dependency no longer than in production.
func ProductionTimeouts(c *edge.Config) {
	c.Patience = 0
	c.TriggerTimeout, c.StoreTimeout, c.SessionTimeout = 250*time.Millisecond, 100*time.Millisecond, 25*time.Millisecond
}

// EdgeConfig is the configuration of the world's edges.
func (w *World) EdgeConfig() edge.Config {
	return edge.Config{
		Pool: w.Pool, NATS: wandnats.Config{URL: w.NATS.URL()}, S3: w.S3, Shops: w.Shops,
		Addr: freeport.Addr(w.t), MemoryBytes: 64 << 20, PageMaxAge: 24 * time.Hour, LLMTimeoutSeconds: patientSeconds,
		TriggerTimeout: Patient, StoreTimeout: Patient, SessionTimeout: Patient, Patience: Patient,
		WebhookSecret: WebhookSecret, DebugOnLoopback: true,
	}
}

// StartEdge starts an edge and waits until it is ready.
func (w *World) StartEdge(change ...func(*edge.Config)) *Process {
	w.t.Helper()
	p := w.StartEdgeUnready(change...)
	p.Ready(w.t)
	return p
}

// StartEdgeUnready starts an edge and waits until it answers, ready or not.
func (w *World) StartEdgeUnready(change ...func(*edge.Config)) *Process {
	w.t.Helper()
	cfg := w.EdgeConfig()
	for _, c := range change {
		c(&cfg)
	}
	return start(w.t, "edge", cfg.Addr, func(ctx context.Context, log *slog.Logger) error { return edge.Run(ctx, cfg, log) })
}

// GeneratorConfig is the configuration of the world's generators.
func (w *World) GeneratorConfig() generator.Config {
	return generator.Config{
		Pool: w.Pool, NATS: wandnats.Config{URL: w.NATS.URL()}, S3: w.S3, Shops: w.Shops,
		Addr: freeport.Addr(w.t), InactivityMillis: 300_000, ShutdownGrace: 20 * time.Second,
		LLMTimeoutSeconds: patientSeconds, StallTimeout: patientSeconds * time.Second, Patience: Patient,
		KimiKey: "test", KimiBaseURL: "http://" + w.Sim.Addr() + "/v1", KimiModel: "kimi-test",
	}
}

// StartGenerator starts a generator of all members and waits until it serves.
func (w *World) StartGenerator(change ...func(*generator.Config)) *Process {
	w.t.Helper()
	cfg := w.GeneratorConfig()
	for _, c := range change {
		c(&cfg)
	}
	p := start(w.t, "generator", cfg.Addr, func(ctx context.Context, log *slog.Logger) error { return generator.Run(ctx, cfg, log) })
	p.Healthy(w.t)
	return p
}

// Environment is the world's settings as a service's process is given them.
func (w *World) Environment() []string {
	return []string{
		"PRIVATE_ADDR=", "NATS_URL=" + w.NATS.URL(), "MINIO_ENDPOINT=" + w.S3.Endpoint, "MINIO_BUCKET=" + w.S3.Bucket,
		"MINIO_ACCESS_KEY=" + w.S3.AccessKey, "MINIO_SECRET_KEY=" + w.S3.SecretKey,
		"KIMI_API_KEY=test", "KIMI_BASE_URL=http://" + w.Sim.Addr() + "/v1",
		"TRIGGER_TIMEOUT=1m", "STORE_TIMEOUT=10s", "SESSION_TIMEOUT=10s", // the longest that may be set
	}
}

// Connect gives a client of the world's account.
func (w *World) Connect() (*nats.Conn, jetstream.JetStream) {
	w.t.Helper()
	return w.NATS.Connect(w.t)
}

// KV is one of the world's buckets.
func (w *World) KV(name string) jetstream.KeyValue {
	w.t.Helper()
	_, js := w.Connect()
	kv, err := js.KeyValue(w.t.Context(), name)
	if err != nil {
		w.t.Fatal(err)
	}
	return kv
}

// Waiting is how many messages each subject of GENERATION holds: jobs that wait or run.
func (w *World) Waiting(js jetstream.JetStream) map[string]uint64 {
	w.t.Helper()
	stream, err := js.Stream(w.t.Context(), wandnats.StreamGeneration)
	if err != nil {
		w.t.Fatal(err)
	}
	info, err := stream.Info(w.t.Context(), jetstream.WithSubjectFilter(">"))
	if err != nil {
		w.t.Fatal(err)
	}
	return info.State.Subjects
}

// LimitDeliveries gives the jobs of every member fewer deliveries, after which a job
// becomes a dead letter.
func (w *World) LimitDeliveries(js jetstream.JetStream, most int) {
	w.t.Helper()
	for _, member := range w.Pool.Members() {
		w.updateConsumer(js, member, func(c *jetstream.ConsumerConfig) { c.MaxDeliver = most })
	}
}

// RefusePages has KV refuse every page, as one that is too large. allow has it take them again.
func (w *World) RefusePages(js jetstream.JetStream) (allow func()) {
	w.t.Helper()
	largest := func(bytes int32) int32 {
		w.t.Helper()
		bucket, err := js.Stream(w.t.Context(), "KV_"+wandnats.BucketPages)
		if err != nil {
			w.t.Fatal(err)
		}
		cfg := bucket.CachedInfo().Config
		before := cfg.MaxMsgSize
		cfg.MaxMsgSize = bytes
		if _, err := js.UpdateStream(w.t.Context(), cfg); err != nil {
			w.t.Fatal(err)
		}
		return before
	}
	before := largest(1)
	return func() { w.t.Helper(); largest(before) }
}

// SetAckWait sets after how long the jobs of lost workers are redelivered; running ones send a
// heartbeat three times as often.
func (w *World) SetAckWait(js jetstream.JetStream, wait time.Duration) {
	w.t.Helper()
	for _, member := range w.Pool.Members() {
		w.updateConsumer(js, member, func(c *jetstream.ConsumerConfig) { c.AckWait = wait })
	}
}

func (w *World) updateConsumer(js jetstream.JetStream, member string, change func(*jetstream.ConsumerConfig)) {
	w.t.Helper()
	consumer, err := js.Consumer(w.t.Context(), wandnats.StreamGeneration, member)
	if err != nil {
		w.t.Fatal(err)
	}
	cfg := consumer.CachedInfo().Config
	change(&cfg)
	if _, err := js.UpdateConsumer(w.t.Context(), wandnats.StreamGeneration, cfg); err != nil {
		w.t.Fatal(err)
	}
}
