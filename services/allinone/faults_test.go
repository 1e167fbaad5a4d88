package allinone_test

import (
	"encoding/json"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/faulttest"
	"github.com/wandstore/wandstore/services/edge"
	"github.com/wandstore/wandstore/services/generator"
	"github.com/wandstore/wandstore/services/kimisim"
)

// Every way the model can fail ends in a page, from the model's words where there
// are any and from the template otherwise, and the trail tells why.
func TestEveryModelFaultEndsInAPage(t *testing.T) {
	t.Parallel()
	for _, fault := range []struct {
		name   string
		source string
		tells  string // what /debug/errors says, somewhere
	}{
		{kimisim.RateLimit, "template", "rate"},
		{kimisim.ServerError, "template", "unavailable"},
		{kimisim.InsufficientBalance, "template", "403"},
		{kimisim.Hang, "template", "no answer within"},
		{kimisim.Reset, "template", "unavailable"},
		{kimisim.Truncated, "template", "cut short"},
		{kimisim.Malformed, "template", "no page design"},
		{kimisim.HTML, "llm", ""},
		{kimisim.Empty, "template", "empty"},
		{kimisim.Slow, "template", "no answer within"},
		{kimisim.Huge, "template", "large"},
		{kimisim.Hostile, "", ""},
	} {
		t.Run(fault.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			e := w.startEdge()
			// Long enough for a retry, short enough to wait for.
			w.startGenerator(func(c *generator.Config) { c.LLMTimeoutSeconds = 5 })
			if err := w.sim.SetFault(kimisim.Fault{Name: fault.name}); err != nil {
				t.Fatal(err)
			}
			visit(t, e, "magic-wands", "unlucky")
			hit := becomesHit(t, e, "magic-wands", "unlucky")
			for _, evil := range []string{"onerror=", "onclick=", "javascript:"} {
				if strings.Contains(hit.body, evil) {
					t.Errorf("the page holds %q", evil)
				}
			}
			own, block := strings.Count(hit.body, "<script>"), strings.Count(hit.body, `<script type="application/json" id="design">`)
			if all := strings.Count(hit.body, "<script"); own != 1 || block != 1 || all != 2 {
				t.Errorf("%d scripts, want the shop's own and the page's design", all)
			}
			var status map[string]any
			eventually(t, "the status is ready", func() bool {
				status = get(t, e.base+"/api/generation/status?store=magic-wands&shopper=unlucky").json(t)
				return status["state"] == "ready"
			})
			if fault.source != "" && status["source"] != fault.source {
				t.Errorf("source %v, want %s", status["source"], fault.source)
			}
			trail := get(t, e.base+"/debug/errors?store=magic-wands&shopper=unlucky")
			var told struct {
				Errors []struct{ Step, Detail string }
			}
			if err := json.Unmarshal([]byte(trail.body), &told); err != nil {
				t.Fatal(err)
			}
			if fault.tells != "" && !strings.Contains(strings.ToLower(trail.body), fault.tells) {
				t.Errorf("the trail does not tell of %q: %s", fault.tells, trail.body)
			}
			if status["source"] == "template" {
				if len(told.Errors) == 0 {
					t.Error("a template page, and no error in the trail")
				}
				// An outage must not be frozen into permanent storage.
				fresh := w.startEdge(func(c *edge.Config) { c.S3.Bucket = w.s3.Bucket })
				if tier := becomesHit(t, fresh, "magic-wands", "unlucky").tier(); tier != "kv" {
					t.Errorf("a template page comes from %q, want KV only", tier)
				}
			}
		})
	}
}

// A model that recovers is asked again: one bad answer costs a retry, not the page.
func TestModelThatFailsOnceIsAskedAgain(t *testing.T) {
	t.Parallel()
	for _, fault := range []string{kimisim.RateLimit, kimisim.ServerError, kimisim.Reset, kimisim.Truncated, kimisim.Malformed, kimisim.Empty} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			e := w.startEdge()
			w.startGenerator()
			if err := w.sim.SetFault(kimisim.Fault{Name: fault, Count: 1}); err != nil {
				t.Fatal(err)
			}
			visit(t, e, "magic-wands", "patient")
			becomesHit(t, e, "magic-wands", "patient")
			// The page is stored before its record says so.
			var status map[string]any
			eventually(t, "the status is ready", func() bool {
				status = get(t, e.base+"/api/generation/status?store=magic-wands&shopper=patient").json(t)
				return status["state"] == "ready"
			})
			if status["source"] != "llm" {
				t.Errorf("source %v, want llm", status["source"])
			}
		})
	}
}

// A generator killed in mid-job: the job is redelivered after the ack wait, and
// the shopper sees one page.
func TestGeneratorKilledInMidJob(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.startEdge()
	_, js := w.connect()
	gate := w.sim.Gate()

	victim := w.generatorProcess(buildService(t, "generator"))
	log := &lines{}
	victim.Stderr = log
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	visit(t, e, "magic-wands", "abc123")
	select {
	case <-gate.Arrived():
	case <-time.After(patience):
		t.Fatalf("the job is not started: %s", log)
	}
	if err := victim.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = victim.Wait()
	gate.Open()
	if a := visit(t, e, "magic-wands", "abc123"); a.header.Get("X-Generation") != "pending" {
		t.Errorf("the killed worker's job is still live: X-Generation %q", a.header.Get("X-Generation"))
	}

	w.startGenerator()
	becomesHit(t, e, "magic-wands", "abc123")
	eventually(t, "the job is settled", func() bool { return len(w.waiting(js)) == 0 })
	trail := get(t, e.base+"/debug/errors?store=magic-wands&shopper=abc123").body
	// A visit in the very moment of the redelivery may have asked for another job:
	// that finds the page and stores nothing.
	if n := strings.Count(trail, `"stored"`); n != 1 {
		t.Errorf("the page was stored %d times, want once: %s", n, trail)
	}
	if !strings.Contains(trail, `"attempt":2`) {
		t.Errorf("no second delivery in the trail: %s", trail)
	}
}

// MinIO away for as long as a job has deliveries: a dead letter that tells why,
// put back with the nats CLI once MinIO is there again, without paying the model
// twice.
func TestDeadLetterIsReplayed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	proxy := faulttest.NewProxy(t, w.s3.Endpoint)
	e := w.startEdge()
	w.startGenerator(func(c *generator.Config) { c.S3.Endpoint = proxy.Addr() })
	_, js := w.connect()
	shrink(t, js, 2)
	proxy.Cut()

	visit(t, e, "magic-wands", "abc123")
	// The page is in KV meanwhile: the shopper has it.
	becomesHit(t, e, "magic-wands", "abc123")
	dead, err := js.Stream(t.Context(), wandnats.StreamDead)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "a dead letter", func() bool {
		info, err := dead.Info(t.Context())
		return err == nil && info.State.Msgs == 1
	})
	eventually(t, "its place in the queue is free", func() bool { return len(w.waiting(js)) == 0 })
	letter, err := dead.GetMsg(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`"poolMember"`, `"reason"`, `store page`, `"attempts"`, `abc123`, `"traceparent"`} {
		if !strings.Contains(string(letter.Data), part) {
			t.Errorf("the letter lacks %s: %s", part, letter.Data)
		}
	}
	if a := get(t, e.base+"/debug/errors?store=magic-wands&shopper=abc123"); !strings.Contains(a.body, `"dead"`) {
		t.Errorf("/debug/errors does not tell: %s", a.body)
	}

	proxy.Restore()
	asked := len(w.sim.Requests())
	out := natsCLI(t, w.natsURL, "req", wandnats.SubjectReplay, `{"sequence":1}`)
	if !strings.Contains(out, `"poolMember":"pool-3"`) {
		t.Errorf("nats req: %s", out)
	}
	fresh := w.startEdge()
	eventually(t, "the page is in MinIO", func() bool {
		return visit(t, fresh, "magic-wands", "abc123").header.Get("X-Cache") == "HIT" && len(w.waiting(js)) == 0
	})
	if n := len(w.sim.Requests()); n != asked {
		t.Errorf("the replay asked the model again: %d requests, then %d", asked, n)
	}
	info, err := dead.Info(t.Context())
	if err != nil || info.State.Msgs != 0 {
		t.Errorf("the letter is still there: %v, %v", info.State.Msgs, err)
	}
	for ask, code := range map[string]string{`{"sequence":1}`: "404", `{}`: "400", `nonsense`: "400"} {
		if out := natsCLI(t, w.natsURL, "req", wandnats.SubjectReplay, ask); !strings.Contains(out, code) {
			t.Errorf("nats req %s: no %s in %s", ask, code, out)
		}
	}
}

// shrink lets the members' jobs die after fewer deliveries.
func shrink(t *testing.T, js jetstream.JetStream, deliveries int) {
	t.Helper()
	for n := range 10 {
		cons, err := js.Consumer(t.Context(), wandnats.StreamGeneration, wandnats.Member(n))
		if err != nil {
			t.Fatal(err)
		}
		cfg := cons.CachedInfo().Config
		cfg.MaxDeliver = deliveries
		if _, err := js.UpdateConsumer(t.Context(), wandnats.StreamGeneration, cfg); err != nil {
			t.Fatal(err)
		}
	}
}

// Dependencies go away in both ways, refusing and silent; shoppers get pages all
// the while, soon, and everything heals without a restart.
func TestOutagesWhileTheEdgeRuns(t *testing.T) {
	t.Parallel()
	for _, outage := range []struct {
		name  string
		begin func(*faulttest.Proxy)
	}{
		{"refusing", (*faulttest.Proxy).Cut},
		{"silent", (*faulttest.Proxy).Hang},
	} {
		t.Run(outage.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			bus, store := faulttest.NewProxy(t, w.nats.Addr()), faulttest.NewProxy(t, w.s3.Endpoint)
			e := w.startEdge(func(c *edge.Config) {
				c.NATS.URL = "nats://" + bus.Addr()
				c.S3.Endpoint = store.Addr()
			})
			w.startGenerator()
			visit(t, e, "magic-wands", "known")
			page := becomesHit(t, e, "magic-wands", "known")

			outage.begin(store)
			outage.begin(bus)
			start := time.Now()
			for range 20 {
				if hit := visit(t, e, "magic-wands", "known"); hit.header.Get("X-Cache") != "HIT" || hit.body != page.body {
					t.Errorf("a known shopper: %s from %s", hit.header.Get("X-Cache"), hit.tier())
				}
				if miss := visit(t, e, "magic-wands", "unknown"); miss.status != http.StatusOK || miss.header.Get("X-Cache") != "MISS" {
					t.Errorf("an unknown shopper: %d", miss.status)
				}
			}
			// Generous, for a busy machine: forty pages that each waited for a dead
			// dependency would take ten seconds and more.
			if took := time.Since(start); took > 8*time.Second {
				t.Errorf("forty pages took %s", took)
			}
			eventually(t, "health says degraded", func() bool { return get(t, e.base+"/health").json(t)["status"] == "degraded" })

			store.Restore()
			bus.Restore()
			eventually(t, "health says ok again", func() bool { return get(t, e.base+"/health").json(t)["status"] == "ok" })
			visit(t, e, "magic-wands", "afterwards")
			becomesHit(t, e, "magic-wands", "afterwards")
		})
	}
}

// A page that was replaced while the watch was broken is not served as fresh
// afterwards.
func TestPageReplacedDuringAnOutageIsSeen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bus := faulttest.NewProxy(t, w.nats.Addr())
	e := w.startEdge(func(c *edge.Config) { c.NATS.URL = "nats://" + bus.Addr() })
	g := w.startGenerator()
	visit(t, e, "magic-wands", "changing")
	before := becomesHit(t, e, "magic-wands", "changing")

	bus.Cut()
	body := `{"jobId":"newer","storeSlug":"magic-wands","shopperId":"changing","preferences":{"persona":"loyalist"}}`
	if a := post(t, g.base+"/generate", body, "Content-Type", "application/json"); a.status != http.StatusOK || a.json(t)["success"] != true {
		t.Fatalf("generate: %d %s", a.status, a.body)
	}
	bus.Restore()
	eventually(t, "the newer page is served", func() bool {
		hit := visit(t, e, "magic-wands", "changing")
		return hit.header.Get("X-Persona") == "loyalist" && hit.body != before.body
	})
}

// Started before what they need, services wait and say so.
func TestServicesStartBeforeTheirDependencies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.nats.Stop()
	w.minio.Stop()
	e := w.startEdgeUnready()
	if a := get(t, e.base+"/ready"); a.status != http.StatusServiceUnavailable {
		t.Errorf("ready without NATS: %d", a.status)
	}
	if a := visit(t, e, "magic-wands", "early"); a.status != http.StatusOK || a.header.Get("X-Generation") != "off" {
		t.Errorf("a page without NATS: %d, X-Generation %q", a.status, a.header.Get("X-Generation"))
	}
	if a := post(t, e.base+"/api/shopper/track", `{"shopper":"early","store":"magic-wands","event":"view"}`); a.status != http.StatusServiceUnavailable {
		t.Errorf("track without NATS: %d", a.status)
	}
	eventually(t, "the edge says what it waits for", func() bool {
		return strings.Contains(e.log.String(), "waiting for NATS") && strings.Contains(e.log.String(), "waiting for the object store")
	})
	generatorReady := make(chan *process, 1)
	go func() { generatorReady <- w.startGenerator() }()
	w.nats.Restart()
	w.minio.Restart()
	w.ready(e)
	<-generatorReady
	visit(t, e, "magic-wands", "early")
	becomesHit(t, e, "magic-wands", "early")
}

// With every member cold the process ends, and not before.
func TestExitWhenIdle(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	gate := w.sim.Gate()
	e := w.startEdge()
	g := exec.CommandContext(t.Context(), buildService(t, "generator"))
	g.Env = append(g.Environ(), "PRIVATE_ADDR=",
		"NATS_URL="+w.natsURL, "MINIO_ENDPOINT="+w.s3.Endpoint, "MINIO_BUCKET="+w.s3.Bucket,
		"MINIO_ACCESS_KEY="+w.s3.AccessKey, "MINIO_SECRET_KEY="+w.s3.SecretKey,
		"GENERATOR_ADDR="+freeAddr(t), "KIMI_API_KEY=test", "KIMI_BASE_URL=http://"+w.sim.Addr()+"/v1",
		"EXIT_WHEN_IDLE=true", "CONTAINER_INACTIVITY_TIMEOUT_MS=2000",
	)
	log := &lines{}
	g.Stderr = log
	if err := g.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- g.Wait() }()
	visit(t, e, "magic-wands", "last")
	select {
	case <-gate.Arrived():
	case <-time.After(patience):
		t.Fatalf("the job is not started: %s", log)
	}
	select {
	case err := <-ended:
		t.Fatalf("it ended with a job running: %v: %s", err, log)
	case <-time.After(4 * time.Second):
		// Twice the time after which idle members are cold.
	}
	gate.Open()
	becomesHit(t, e, "magic-wands", "last")
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("it ended badly: %v: %s", err, log)
		}
	case <-time.After(patience):
		t.Errorf("it does not end: %s", log)
	}
}

// buildService builds a service's command, once a test run thanks to Go's cache.
func buildService(t testing.TB, service string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), service)
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "./cmd/"+service)
	build.Dir = filepath.Join(root(t), "services", service)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v: %s", service, err, out)
	}
	return binary
}

// generatorProcess is a generator of the world as a process, to be started and killed.
func (w *world) generatorProcess(binary string, env ...string) *exec.Cmd {
	w.t.Helper()
	cfg := w.generatorConfig()
	cmd := exec.CommandContext(w.t.Context(), binary)
	cmd.Env = append(append(cmd.Environ(), "PRIVATE_ADDR=",
		"NATS_URL="+w.natsURL, "MINIO_ENDPOINT="+w.s3.Endpoint, "MINIO_BUCKET="+w.s3.Bucket,
		"MINIO_ACCESS_KEY="+w.s3.AccessKey, "MINIO_SECRET_KEY="+w.s3.SecretKey,
		"GENERATOR_ADDR="+cfg.Addr, "KIMI_API_KEY=test", "KIMI_BASE_URL="+cfg.KimiBaseURL,
	), env...)
	return cmd
}

// natsCLI runs the pinned nats CLI, whatever it exits with, and gives its output.
func natsCLI(t testing.TB, url string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), tool(t, "nats"), append([]string{"-s", url}, args...)...)
	cmd.Env = append(cmd.Environ(), "XDG_CONFIG_HOME="+t.TempDir())
	out, err := cmd.CombinedOutput()
	if err != nil && len(out) == 0 {
		t.Fatalf("nats %s: %v", strings.Join(args, " "), err)
	}
	return string(out)
}
