package deploy_test

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/wandstore/wandstore/pkg/freeport"
)

// prometheus is a real one, with a fast clock.
type prometheus struct{ url string }

// speed is how many times as fast as in production the clock of the rules runs.
const speed = 120

var (
	durations = regexp.MustCompile(`\b\d+[mh]\b`)
	interval  = strings.NewReplacer("$__rate_interval", "5s", "$__range", "1m")
)

// faster divides the durations of rules.
func faster(t *testing.T, rules string) string {
	t.Helper()
	return fasterBy(t, durations, rules)
}

// fasterBy divides the durations that are found.
func fasterBy(t *testing.T, find *regexp.Regexp, in string) string {
	t.Helper()
	return find.ReplaceAllStringFunc(in, func(text string) string {
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
	// This machine's disk is filled by others too, and may be nearly full.
	for rule, here := range map[string]string{", 7 * 86400)": ", 0)", "_usable_total_bytes) < 0.1": "_usable_total_bytes) < 0"} {
		if strings.Count(rules, rule) != 1 {
			t.Fatalf("the rules of the disk are others than %q", rule)
		}
		rules = strings.Replace(rules, rule, here, 1)
	}
	must(t, os.MkdirAll(filepath.Join(folder, "rules"), 0o700))
	must(t, os.WriteFile(filepath.Join(folder, "rules", "wandstore.yml"), []byte(rules), 0o600))
	must(t, os.WriteFile(filepath.Join(folder, "rules", "slo.yml"), []byte(faster(t, read(t, "prometheus/rules/slo.yml"))), 0o600))

	var config struct {
		Global        map[string]string `yaml:"global"`
		RuleFiles     []string          `yaml:"rule_files"`
		Alerting      map[string]any    `yaml:"alerting"`
		ScrapeConfigs []map[string]any  `yaml:"scrape_configs"`
	}
	s.alertmanager = startAlertmanager(t)
	alertmanager := strings.TrimPrefix(s.alertmanager.url, "http://")
	must(t, yaml.Unmarshal([]byte(strings.ReplaceAll(read(t, "prometheus/prometheus.yml"), "alertmanager:9093", alertmanager)), &config))
	for name := range config.Global {
		config.Global[name] = "500ms"
	}
	targets := map[string]string{"edge": s.private["edge"], "generator": s.private["generator"], "minio": s.minio.Addr(), "alertmanager": alertmanager, "nats": startExporter(t, s.nats.Monitor())}
	// The collector is not run here.
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
		"--web.listen-address="+addr, "--enable-feature=exemplar-storage", "--log.level=warn",
		// What fires before Alertmanager is found is handed over again.
		"--rules.alert.resend-delay=5s"))
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

// firing are the alerts that fire, without the one that always does, and without those of
// the promises: what they look back on is too long to wait for here.
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
		if a.State == "firing" && a.Labels["alertname"] != "Watchdog" && a.Labels["slo"] == "" {
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
					Expr, RefID, QueryType string
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
				if target.QueryType == "serviceMap" {
					continue // by Tempo: TestServiceGraph
				}
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
