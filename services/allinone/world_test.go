package allinone_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/miniotest"
	"github.com/wandstore/wandstore/pkg/natstest"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/services/edge"
	"github.com/wandstore/wandstore/services/generator"
	"github.com/wandstore/wandstore/services/kimisim"
)

// patience is how long anything may take on a busy machine before a test gives up.
const patience = 60 * time.Second

// world is a WandStore of real parts: a nats-server, a MinIO process, a kimisim
// that answers at once, and as many edges and generators as a test starts.
type world struct {
	t     testing.TB
	nats  *natstest.Server
	minio *miniotest.Server
	sim   *kimisim.Server

	pool    wandnats.Settings
	natsURL string
	s3      pagestore.S3Config
	stores  catalogue.Config
}

func newWorld(t testing.TB) *world {
	t.Helper()
	bus, store := natstest.Start(t), miniotest.Start(t)
	return &world{
		t: t, nats: bus, minio: store, sim: startKimisim(t),
		pool:    wandnats.Settings{PoolSize: 10, MaxQueueDepth: 100, Concurrency: 1, CacheTTLSeconds: 3600, Replicas: 1},
		natsURL: bus.URL(),
		s3: pagestore.S3Config{
			Endpoint: store.Addr(), AccessKey: miniotest.AccessKey, SecretKey: miniotest.SecretKey, Bucket: store.Bucket(t),
		},
	}
}

func startKimisim(t testing.TB) *kimisim.Server {
	t.Helper()
	sim, err := kimisim.New(kimisim.Config{Addr: "127.0.0.1:0", Seed: 1}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	run(t, "kimisim", func(ctx context.Context) error { return sim.Run(ctx) })
	select {
	case <-sim.Started():
	case <-time.After(patience):
		t.Fatal("kimisim does not start")
	}
	return sim
}

// process is a service running in this process.
type process struct {
	base string // http://host:port
	stop func() // stops it and waits for its end
	log  *lines
}

// run runs f until the test ends or stop is called, and fails the test on an
// error.
func run(t testing.TB, name string, f func(ctx context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		case <-time.After(patience):
			t.Errorf("%s: does not stop", name)
		}
	})
	t.Cleanup(stop)
	return stop
}

// withExampleStores has the services that are started from now on serve the shops of
// deploy/stores too.
func (w *world) withExampleStores() *world {
	w.t.Helper()
	w.stores = catalogue.Config{Dir: filepath.Join(root(w.t), "deploy", "stores")}
	return w
}

func (w *world) edgeConfig() edge.Config {
	return edge.Config{
		Pool: w.pool, NATS: wandnats.Config{URL: w.natsURL}, S3: w.s3, Stores: w.stores,
		Addr: freeAddr(w.t), MemoryBytes: 64 << 20, PageMaxAge: 24 * time.Hour, LLMTimeoutSeconds: 30,
		TriggerTimeout: 250 * time.Millisecond,
		WebhookSecret:  webhookSecret, DebugOnLoopback: true,
	}
}

// startEdge starts an edge and waits until it is ready.
func (w *world) startEdge(change ...func(*edge.Config)) *process {
	w.t.Helper()
	p := w.startEdgeUnready(change...)
	w.ready(p)
	return p
}

func (w *world) startEdgeUnready(change ...func(*edge.Config)) *process {
	w.t.Helper()
	cfg := w.edgeConfig()
	for _, c := range change {
		c(&cfg)
	}
	p := &process{base: "http://" + cfg.Addr, log: &lines{}}
	p.stop = run(w.t, "edge", func(ctx context.Context) error { return edge.Run(ctx, cfg, slog.New(slog.NewJSONHandler(p.log, nil))) })
	w.answers(p.base + "/health")
	return p
}

func (w *world) ready(p *process) {
	w.t.Helper()
	eventually(w.t, "the edge is ready", func() bool { return get(w.t, p.base+"/ready").status == http.StatusOK })
}

// answers waits until something listens.
func (w *world) answers(url string) {
	w.t.Helper()
	eventually(w.t, url+" answers", func() bool {
		res, err := client.Get(url)
		if err != nil {
			return false
		}
		_ = res.Body.Close()
		return true
	})
}

func (w *world) generatorConfig() generator.Config {
	return generator.Config{
		Pool: w.pool, NATS: wandnats.Config{URL: w.natsURL}, S3: w.s3, Stores: w.stores,
		Addr: freeAddr(w.t), InactivityMillis: 300_000, LLMTimeoutSeconds: 30,
		KimiKey: "test", KimiBaseURL: "http://" + w.sim.Addr() + "/v1", KimiModel: "kimi-test",
	}
}

// startGenerator starts a generator of all members and waits until it serves.
func (w *world) startGenerator(change ...func(*generator.Config)) *process {
	w.t.Helper()
	cfg := w.generatorConfig()
	for _, c := range change {
		c(&cfg)
	}
	p := &process{base: "http://" + cfg.Addr, log: &lines{}}
	p.stop = run(w.t, "generator", func(ctx context.Context) error {
		return generator.Run(ctx, cfg, slog.New(slog.NewJSONHandler(p.log, nil)))
	})
	eventually(w.t, "the generator serves", func() bool {
		res, err := client.Get(p.base + "/health")
		if err != nil {
			return false
		}
		_ = res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
	return p
}

// connect gives a client of the world's nats-server.
func (w *world) connect() (*nats.Conn, jetstream.JetStream) {
	w.t.Helper()
	return w.nats.Connect(w.t)
}

// waiting is how many messages each subject of GENERATION holds.
func (w *world) waiting(js jetstream.JetStream) map[string]uint64 {
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

// visit opens a shopper's page.
func visit(t testing.TB, p *process, store, shopper string) answer {
	t.Helper()
	return get(t, p.base+"/s/"+store+"?shopper="+shopper)
}

// becomesHit visits until the page is a hit, and gives it.
func becomesHit(t testing.TB, p *process, store, shopper string) answer {
	t.Helper()
	var a answer
	eventually(t, shopper+" gets a page of their own", func() bool {
		a = visit(t, p, store, shopper)
		return a.header.Get("X-Cache") == "HIT"
	})
	return a
}

// answer is an HTTP answer, read.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) json(t testing.TB) map[string]any {
	t.Helper()
	m := map[string]any{}
	if err := json.Unmarshal([]byte(a.body), &m); err != nil {
		t.Fatalf("not JSON: %v: %s", err, a.body)
	}
	return m
}

// tier is the tier that Cache-Status names.
func (a answer) tier() string {
	_, detail, _ := strings.Cut(a.header.Get("Cache-Status"), "detail=")
	return detail
}

// client does not follow redirects, decompress or give up early.
var client = &http.Client{
	Timeout:       patience,
	Transport:     &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 256},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func get(t testing.TB, url string, headers ...string) answer {
	t.Helper()
	return do(t, http.MethodGet, url, "", headers...)
}

func post(t testing.TB, url, body string, headers ...string) answer {
	t.Helper()
	return do(t, http.MethodPost, url, body, headers...)
}

func do(t testing.TB, method, url, body string, headers ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(b)}
}

// eventually waits until the condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	eventuallyWithin(t, patience, what, holds)
}

// eventuallyWithin is eventually with another patience.
func eventuallyWithin(t testing.TB, patience time.Duration, what string, holds func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("not within %s: %s", patience, what)
		}
	}
}

// freeAddr is a loopback address that nobody listens on.
func freeAddr(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// lines is a log that can be read while it is written.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// root is the top of the repository: the folder with go.work.
func root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.work above the working directory")
		}
		dir = up
	}
}

// tool is the path of a pinned tool.
func tool(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join(root(t), ".bin", name)
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%s is missing: run `task tools` first", name)
	}
	return path
}

// shoppers gives n distinct ids.
func shoppers(prefix string, n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("%s-%04d", prefix, i)
	}
	return ids
}

// patient is an edge's setting for tests of crowds, on machines that do much else.
func patient(c *edge.Config) { c.TriggerTimeout = patience }
