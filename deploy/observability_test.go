package deploy_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.yaml.in/yaml/v3"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/faulttest"
	"github.com/wandstore/wandstore/pkg/freeport"
	"github.com/wandstore/wandstore/pkg/miniotest"
	"github.com/wandstore/wandstore/pkg/natstest"
	"github.com/wandstore/wandstore/services/kimisim"
)

// The services run as real processes, shoppers come and faults strike, and Prometheus
// has each query of each dashboard answered, sees every declared metric, and fires
// every alert for its fault and clears it after. The commands of an alert's runbook are
// typed as they are written, while it fires. The clock of its rules runs faster than
// in production. Only a full disk is not made; promtool fires that.
func TestDashboardsAndAlerts(t *testing.T) {
	t.Parallel()
	s := startStack(t)
	p := startPrometheus(t, s)
	queries := dashboardQueries(t)
	firing := func(alert string) {
		t.Helper()
		within(t, alert+" fires", func() bool {
			p.answer(t, queries)
			return slices.Contains(p.firing(t), alert)
		})
		s.look(alert)
	}

	s.returning.Store(true)
	s.arriving.Store(true)
	// The budget is that of one page.
	firing("BudgetNear")

	must(t, s.kimi.SetFault(kimisim.Fault{Name: "server-error"}))
	firing("ModelFailing")
	firing("BreakerOpen")
	s.kimi.ClearFaults()
	within(t, "the model is asked again", func() bool { return !slices.Contains(p.firing(t), "BreakerOpen") })

	s.minioProxy.Cut()
	firing("BreakerOpen")
	s.minioProxy.Restore()

	s.edgeNATS.Cut()
	firing("WatchBroken")
	s.edgeNATS.Restore()

	nc, js := s.nats.Connect(t)
	defer nc.Close()
	_, err := js.PublishMsg(t.Context(), &nats.Msg{Subject: wandnats.GenerateSubject("pool-0"), Data: []byte("no job")})
	must(t, err)
	firing("DeadLetters")

	// The model thinks for ever: jobs wait, the pool fills, new shoppers get nothing.
	s.returning.Store(false)
	gate := s.kimi.Gate()
	firing("PoolRefuses")
	firing("HitRateLow")
	firing("JobsTooOld")
	gate.Open()

	s.generator.stop()
	firing("ServiceDown")
	s.startGenerator("KIMI_DAILY_BUDGET=1000")
	s.returning.Store(true)
	s.arriving.Store(false)

	within(t, "every alert clears", func() bool {
		p.answer(t, queries)
		return len(p.firing(t)) == 0
	})
	within(t, "every query of every dashboard is answered", func() bool {
		p.answer(t, queries)
		return len(queries) == 0
	})
	names := p.names(t)
	metrics, _ := declared()
	for _, m := range metrics {
		if !slices.Contains(names, m) {
			t.Errorf("Prometheus has no %s", m)
		}
	}
	for _, histogram := range []string{"http_server_request_duration_seconds_bucket", "wandstore_job_duration_seconds_bucket"} {
		within(t, "exemplars of "+histogram, func() bool { return p.exemplars(t, histogram) })
	}
}

// stack is the services as processes, and what stands between them.
type stack struct {
	t          *testing.T
	folder     string
	kimi       *kimisim.Server
	model      string
	collector  *collector
	nats       natstest.Account
	edgeNATS   *faulttest.Proxy
	minio      miniotest.Store
	minioProxy *faulttest.Proxy
	bucket     string
	generator  *process
	edgeURL    string

	generatorAddr string
	private       map[string]string

	// returning and arriving shoppers visit while these are set.
	returning, arriving atomic.Bool
}

// modelKey is a secret.
const modelKey = "sk-not-to-be-told"

func startStack(t *testing.T) *stack {
	t.Helper()
	kimi, err := kimisim.New(kimisim.Config{Addr: "127.0.0.1:0", Seed: 1}, nil)
	must(t, err)
	model := httptest.NewServer(kimi.Handler())
	t.Cleanup(func() { kimi.Close(); model.Close() })
	s := &stack{
		t: t, folder: t.TempDir(), kimi: kimi, model: model.URL, collector: startCollector(t),
		nats: natstest.Start(t), minio: miniotest.Start(t),
		private:       map[string]string{"edge": freeport.Addr(t), "generator": freeport.Addr(t)},
		generatorAddr: freeport.Addr(t),
	}
	s.edgeNATS, s.minioProxy = faulttest.NewProxy(t, s.nats.Addr()), faulttest.NewProxy(t, s.minio.Addr())
	s.bucket = s.minio.Bucket(t)
	addr := freeport.Addr(t)
	s.edgeURL = "http://" + addr
	s.startGenerator("KIMI_DAILY_BUDGET=0.003")
	s.start("edge", "EDGE_ADDR="+addr, "NATS_URL="+s.nats.URLVia(s.edgeNATS.Addr()))
	within(t, "the edge is ready", func() bool { return status(t.Context(), s.edgeURL+"/ready") == http.StatusOK })
	s.visit()
	return s
}

func (s *stack) startGenerator(env ...string) {
	s.generator = s.start("generator", append(env, "GENERATOR_ADDR="+s.generatorAddr, "NATS_URL="+s.nats.URL(),
		"KIMI_API_KEY="+modelKey, "KIMI_MODEL=kimi-test", "KIMI_BASE_URL="+s.model+"/v1")...)
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
	_, block, _ := strings.Cut(read(s.t, "runbooks/"+alert+".md"), "```sh\n")
	block, _, _ = strings.Cut(block, "```")
	// Where things are here, and a member that this pool has.
	commands := strings.NewReplacer("http://localhost:8787", s.edgeURL, "http://localhost:8080", "http://"+s.generatorAddr,
		"127.0.0.1:9465", s.private["generator"], "pool-3", "pool-0").Replace(block)
	tools, err := filepath.Abs(filepath.Join("..", ".bin"))
	must(s.t, err)
	for command := range strings.Lines(commands) {
		if strings.HasPrefix(command, "#") {
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

// prometheus is a real one, with a fast clock.
type prometheus struct{ url string }

// speed is how many times as fast as in production the clock of the rules runs.
const speed = 120

var (
	durations = regexp.MustCompile(`\b\d+[mh]\b`)
	interval  = strings.NewReplacer("$__rate_interval", "5s", "$__range", "1m")
)

// faster divides the durations of a rule.
func faster(t *testing.T, rules string) string {
	t.Helper()
	return durations.ReplaceAllStringFunc(rules, func(text string) string {
		d, err := time.ParseDuration(text)
		must(t, err)
		return fmt.Sprintf("%dms", d.Milliseconds()/speed)
	})
}

func startPrometheus(t *testing.T, s *stack) *prometheus {
	t.Helper()
	folder := t.TempDir()
	rules := faster(t, read(t, "prometheus/rules/wandstore.yml"))
	if strings.Count(rules, "_seconds) > 1800") != 1 {
		t.Fatal("the rule of the oldest job's age is another one")
	}
	rules = strings.Replace(rules, "_seconds) > 1800", fmt.Sprintf("_seconds) > %d", 1800/speed), 1)
	must(t, os.MkdirAll(filepath.Join(folder, "rules"), 0o700))
	must(t, os.WriteFile(filepath.Join(folder, "rules", "wandstore.yml"), []byte(rules), 0o600))

	var config struct {
		Global        map[string]string `yaml:"global"`
		RuleFiles     []string          `yaml:"rule_files"`
		ScrapeConfigs []map[string]any  `yaml:"scrape_configs"`
	}
	must(t, yaml.Unmarshal([]byte(read(t, "prometheus/prometheus.yml")), &config))
	for name := range config.Global {
		config.Global[name] = "500ms"
	}
	targets := map[string]string{"edge": s.private["edge"], "generator": s.private["generator"], "minio": s.minio.Addr()}
	// The exporter of NATS and the collector are not run here.
	config.ScrapeConfigs = slices.DeleteFunc(config.ScrapeConfigs, func(c map[string]any) bool {
		name, ok := c["job_name"].(string)
		target, here := targets[name]
		delete(c, "dns_sd_configs")
		c["static_configs"] = []map[string]any{{"targets": []string{target}}}
		return !ok || !here
	})
	if len(config.ScrapeConfigs) != len(targets) {
		t.Fatalf("prometheus.yml has other jobs: %v", config.ScrapeConfigs)
	}
	text, err := yaml.Marshal(config)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(folder, "prometheus.yml"), text, 0o600))

	addr := freeport.Addr(t)
	startProcess(t, exec.Command("prometheus",
		"--config.file="+filepath.Join(folder, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(folder, "data"),
		"--web.listen-address="+addr, "--enable-feature=exemplar-storage", "--log.level=warn"))
	p := &prometheus{url: "http://" + addr}
	within(t, "Prometheus is ready", func() bool { return status(t.Context(), p.url+"/-/ready") == http.StatusOK })
	return p
}

// ask calls Prometheus's HTTP API (https://prometheus.io/docs/prometheus/latest/querying/api/).
func (p *prometheus) ask(t *testing.T, path string, query url.Values, into any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+"/api/v1/"+path+"?"+query.Encode(), nil)
	must(t, err)
	res, err := http.DefaultClient.Do(req)
	must(t, err)
	defer res.Body.Close()
	var answer struct {
		Status, Error string
		Data          json.RawMessage
	}
	must(t, json.NewDecoder(res.Body).Decode(&answer))
	if answer.Status != "success" {
		t.Fatalf("%s %v: %s", path, query, answer.Error)
	}
	must(t, json.Unmarshal(answer.Data, into))
}

// answer takes the queries that Prometheus has a number for out of what is left.
func (p *prometheus) answer(t *testing.T, left map[string]string) {
	t.Helper()
	for where, expr := range left {
		var data struct {
			Result []struct{ Value [2]any }
		}
		p.ask(t, "query", url.Values{"query": {interval.Replace(expr)}}, &data)
		for _, series := range data.Result {
			text, ok := series.Value[1].(string)
			if value, err := strconv.ParseFloat(text, 64); ok && err == nil && !math.IsNaN(value) {
				delete(left, where)
			}
		}
	}
}

// firing are the alerts that fire.
func (p *prometheus) firing(t *testing.T) (names []string) {
	t.Helper()
	var data struct {
		Alerts []struct {
			State  string
			Labels map[string]string
		}
	}
	p.ask(t, "alerts", nil, &data)
	for _, a := range data.Alerts {
		if a.State == "firing" {
			names = append(names, a.Labels["alertname"])
		}
	}
	return names
}

func (p *prometheus) names(t *testing.T) (names []string) {
	t.Helper()
	p.ask(t, "label/__name__/values", nil, &names)
	return names
}

// exemplars tells whether a histogram has some that name a trace.
func (p *prometheus) exemplars(t *testing.T, histogram string) bool {
	t.Helper()
	var data []struct {
		Exemplars []struct{ Labels map[string]string }
	}
	now := time.Now()
	p.ask(t, "query_exemplars", url.Values{
		"query": {histogram}, "start": {strconv.FormatInt(now.Add(-time.Hour).Unix(), 10)}, "end": {strconv.FormatInt(now.Unix()+1, 10)},
	}, &data)
	for _, series := range data {
		for _, e := range series.Exemplars {
			if len(e.Labels["trace_id"]) == 32 {
				return true
			}
		}
	}
	return false
}

// dashboardQueries are the queries of all panels, by where they are. Each panel has a
// unit, and says what to do.
func dashboardQueries(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("grafana/dashboards/*.json")
	if err != nil || len(files) != 5 {
		t.Fatalf("%d dashboards, %v", len(files), err)
	}
	books, err := filepath.Glob("runbooks/*.md")
	must(t, err)
	runbook := regexp.MustCompile(`[Rr]unbook (\w+)`)
	all := map[string]string{}
	for _, file := range files {
		var board struct {
			Panels []struct {
				Type, Title, Description string
				Targets                  []struct {
					Expr, RefID string
				}
				FieldConfig struct{ Defaults struct{ Unit string } }
			}
		}
		must(t, json.Unmarshal([]byte(read(t, file)), &board))
		for _, panel := range board.Panels {
			if panel.Type == "row" {
				continue
			}
			where := filepath.Base(file) + ": " + panel.Title
			if panel.FieldConfig.Defaults.Unit == "" || !strings.HasSuffix(panel.Description, ".") || len(panel.Targets) == 0 {
				t.Errorf("%s has no unit, no advice or no query", where)
			}
			for _, m := range runbook.FindAllStringSubmatch(panel.Description, -1) {
				if !slices.Contains(books, "runbooks/"+m[1]+".md") && m[1] != "says" {
					t.Errorf("%s: no runbook %s", where, m[1])
				}
			}
			for _, target := range panel.Targets {
				at := where + " " + target.RefID
				for all[at] != "" {
					at += "'"
				}
				all[at] = target.Expr
			}
		}
	}
	return all
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
