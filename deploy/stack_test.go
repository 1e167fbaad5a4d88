package deploy_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/faulttest"
	"github.com/wandstore/wandstore/pkg/freeport"
	"github.com/wandstore/wandstore/pkg/miniotest"
	"github.com/wandstore/wandstore/pkg/natstest"
	"github.com/wandstore/wandstore/services/kimisim"
)

// stack is the services as processes, and what stands between them.
type stack struct {
	t          *testing.T
	folder     string
	kimi       *kimisim.Server
	model      string
	collector  *collector
	nats       *natstest.Server
	edgeNATS   *faulttest.Proxy
	minio      miniotest.Store
	minioProxy *faulttest.Proxy
	bucket     string
	generator  *process
	edgeURL    string
	// alertmanager is there with Prometheus.
	alertmanager *alertmanager

	generatorAddr string
	private       map[string]string

	// returning and arriving shoppers visit while these are set.
	returning, arriving atomic.Bool
}

// modelKey is a secret.
const modelKey = "sk-not-to-be-told"

// startStack starts a stack; its edge has env besides.
func startStack(t *testing.T, env ...string) *stack {
	t.Helper()
	kimi, err := kimisim.New(kimisim.Config{Addr: "127.0.0.1:0", Seed: 1}, nil)
	must(t, err)
	model := httptest.NewServer(kimi.Handler())
	t.Cleanup(func() { kimi.Close(); model.Close() })
	s := &stack{
		t: t, folder: t.TempDir(), kimi: kimi, model: model.URL, collector: startCollector(t),
		nats: natstest.StartMonitored(t), minio: miniotest.Start(t),
		private:       map[string]string{"edge": freeport.Addr(t), "generator": freeport.Addr(t)},
		generatorAddr: freeport.Addr(t),
	}
	s.edgeNATS, s.minioProxy = faulttest.NewProxy(t, s.nats.Addr()), faulttest.NewProxy(t, s.minio.Addr())
	s.bucket = s.minio.Bucket(t)
	addr := freeport.Addr(t)
	s.edgeURL = "http://" + addr
	s.startGenerator("KIMI_DAILY_BUDGET=0.3")
	s.start("edge", append(env, "EDGE_ADDR="+addr, "NATS_URL="+s.nats.URLVia(s.edgeNATS.Addr()))...)
	within(t, "the edge is ready", func() bool { return status(t.Context(), s.edgeURL+"/ready") == http.StatusOK })
	s.visit()
	return s
}

func (s *stack) startGenerator(env ...string) {
	s.generator = s.start("generator", append(env, "GENERATOR_ADDR="+s.generatorAddr, "NATS_URL="+s.nats.URL(),
		"SHUTDOWN_GRACE=1s", "KIMI_API_KEY="+modelKey, "KIMI_MAX_CONCURRENCY=100", "KIMI_MODEL=kimi-test", "KIMI_BASE_URL="+s.model+"/v1")...)
}

// start starts a service with what all of them need.
func (s *stack) start(name string, env ...string) *process {
	return startProcess(s.t, exec.Command(service(s.t, name)), append(env,
		"POOL_SIZE=2", "MAX_QUEUE_DEPTH=3", "PRIVATE_ADDR="+s.private[name],
		"MINIO_ENDPOINT="+s.minioProxy.Addr(), "MINIO_BUCKET="+s.bucket,
		"MINIO_ACCESS_KEY="+miniotest.AccessKey, "MINIO_SECRET_KEY="+miniotest.SecretKey,
		"OTEL_EXPORTER_OTLP_ENDPOINT="+s.collector.url, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
		"OTEL_METRICS_EXPORTER=none", "OTEL_BSP_SCHEDULE_DELAY=500",
	)...)
}

// look types the commands under "Look" of an alert's runbook.
func (s *stack) look(alert string) {
	s.t.Helper()
	block := shellBlock.FindStringSubmatch(read(s.t, "runbooks/"+alert+".md"))[1]
	// Where things are here, and a member that this pool has.
	commands := strings.NewReplacer("http://127.0.0.1:8787", s.edgeURL, "127.0.0.1:8080", s.generatorAddr,
		"127.0.0.1:9464", s.private["edge"], "127.0.0.1:9465", s.private["generator"], "pool-3", "pool-0",
		"http://127.0.0.1:9093", s.alertmanager.url, "deploy/alertmanager", s.alertmanager.folder).Replace(block)
	tools, err := filepath.Abs(filepath.Join("..", ".bin"))
	must(s.t, err)
	for command := range strings.Lines(commands) {
		// There are no containers here; TestRunbooks reads what is typed for them.
		if strings.HasPrefix(command, "#") || strings.HasPrefix(command, "docker ") || strings.HasPrefix(command, "kubectl ") {
			continue
		}
		ctx, cancel := context.WithTimeout(s.t.Context(), patience)
		shell := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", command)
		shell.Env = append(os.Environ(), "NATS_URL="+s.nats.URL(), "XDG_CONFIG_HOME="+s.folder, "PATH="+tools+":"+os.Getenv("PATH"))
		out, err := shell.CombinedOutput()
		cancel()
		// That there is none is an answer, and its status 1.
		if none := strings.Contains(string(out), "no service instances found"); err != nil && !none || len(out) == 0 {
			s.t.Errorf("runbook %s: %s%v: %s", alert, command, err, out)
		}
		s.t.Logf("%s: %s%s", alert, command, out[:min(len(out), 1500)])
	}
}

// visit has shoppers come for as long as the test runs: few that return, and ever new
// ones, each of which waits for its page as the browser does.
func (s *stack) visit() {
	ctx, cancel := context.WithCancel(context.Background())
	var shoppers sync.WaitGroup
	s.t.Cleanup(func() { cancel(); shoppers.Wait() })
	every := func(pause time.Duration, on *atomic.Bool, do func(n int)) {
		shoppers.Go(func() {
			tick := time.NewTicker(pause)
			defer tick.Stop()
			for n := 0; ; n++ {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
					if on.Load() {
						do(n)
					}
				}
			}
		})
	}
	every(100*time.Millisecond, &s.returning, func(n int) {
		status(ctx, fmt.Sprintf("%s/s/magic-wands?shopper=returning-%d", s.edgeURL, n%3))
	})
	every(400*time.Millisecond, &s.arriving, func(n int) {
		status(ctx, fmt.Sprintf("%s/s/magic-wands?shopper=new-%d", s.edgeURL, n))
		shoppers.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
			defer cancel()
			status(ctx, fmt.Sprintf("%s/api/generation/events?store=magic-wands&shopper=new-%d", s.edgeURL, n))
		})
	})
}

// status reads an answer to its end; 0 if there is none.
func status(ctx context.Context, url string) int {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode
}

// process is a program that the test stops, and whose last words it shows.
type process struct {
	cmd  *exec.Cmd
	log  bytes.Buffer
	once sync.Once
}

// startProcess starts a command with that environment, or the test's if there is none.
func startProcess(t *testing.T, cmd *exec.Cmd, env ...string) *process {
	t.Helper()
	p := &process{cmd: cmd}
	cmd.Env = env
	cmd.Stdout, cmd.Stderr = &p.log, &p.log
	must(t, cmd.Start())
	t.Cleanup(func() {
		p.stop()
		if t.Failed() {
			text := p.log.String()
			t.Logf("%s said: …%s", filepath.Base(cmd.Path), text[max(0, len(text)-4000):])
		}
	})
	return p
}

func (p *process) stop() {
	p.once.Do(func() {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		_ = p.cmd.Wait()
	})
}

// patience is how long a busy machine may take.
const patience = 3 * time.Minute

// within waits for a condition, as long as a busy machine may take.
func within(t *testing.T, what string, met func() bool) {
	t.Helper()
	eventually.TrueWithin(t, patience, what, met)
	t.Log(time.Now().Format(time.TimeOnly), what)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
