package deploy_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/wandstore/wandstore/pkg/telemetry"
)

var (
	alertName  = regexp.MustCompile(`(?m)^ +- alert: (\w+)$`)
	metricName = regexp.MustCompile(`\b(?:wandstore|gen_ai|http_server)_[a-z_]+`)
	exprOf     = regexp.MustCompile(`(?m)expr: >-\n +(.*)$`)
	// What a query says of labels: a selector, or what it groups by.
	selector = regexp.MustCompile(`\{[^}]*\}|(?:by|on) \([^)]*\)`)
	label    = regexp.MustCompile(`[{(,] *([a-z_]+) *(?:=|\))`)
)

// Every alert has a test and a runbook, and asks for metrics that exist.
func TestAlertsAreTestedAndExplained(t *testing.T) {
	rules := read(t, "prometheus/rules/wandstore.yml") + read(t, "prometheus/rules/slo.yml")
	tests := read(t, "prometheus/rules_test.yml") + read(t, "prometheus/slo_rules_test.yml")
	var names []string
	for _, m := range alertName.FindAllStringSubmatch(rules, -1) {
		names = append(names, m[1])
	}
	// A promise has an alert of two severities.
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) < 8 {
		t.Fatalf("only the alerts %v", names)
	}
	for _, name := range names {
		if strings.Count(tests, "alertname: "+name+"\n") < 2 {
			t.Errorf("%s is not tested to fire and to clear", name)
		}
		book := read(t, "runbooks/"+name+".md")
		for _, part := range []string{"# " + name, "## Look", "```sh", "## Do"} {
			if !strings.Contains(book, part) {
				t.Errorf("the runbook of %s has no %q", name, part)
			}
		}
		if !strings.Contains(rules, "runbook: deploy/runbooks/"+name+".md") {
			t.Errorf("%s does not name its runbook", name)
		}
	}
	books, err := filepath.Glob("runbooks/*.md")
	// One says how all are followed.
	if err != nil || len(books) != len(names)+1 {
		t.Errorf("%d runbooks for %d alerts, %v", len(books), len(names), err)
	}

	metrics, labels := declared()
	// Prometheus's own, the exporter's of NATS, the promises' and Alertmanager's.
	labels = append(labels, "job", "instance", "server_name", "le", "slo", "integration")
	for _, expr := range exprOf.FindAllStringSubmatch(rules, -1) {
		for _, m := range metricName.FindAllString(selector.ReplaceAllString(expr[1], ""), -1) {
			if !slices.Contains(metrics, m) {
				t.Errorf("no metric %s", m)
			}
		}
		for _, in := range selector.FindAllString(expr[1], -1) {
			for _, m := range label.FindAllStringSubmatch(in, -1) {
				if !slices.Contains(labels, m[1]) {
					t.Errorf("no attribute %s", m[1])
				}
			}
		}
	}
}

// declared are the metrics' and attributes' names as Prometheus has them.
func declared() (metrics, labels []string) {
	under := strings.NewReplacer(".", "_")
	units := map[string]string{"s": "_seconds", "By": "_bytes"}
	for _, m := range telemetry.Metrics {
		name := under.Replace(m.Name)
		switch m.Kind {
		case telemetry.KindCounter:
			metrics = append(metrics, name+"_total")
		case telemetry.KindHistogram:
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				metrics = append(metrics, name+units[m.Unit]+suffix)
			}
		default:
			metrics = append(metrics, name+units[m.Unit])
		}
		for _, k := range m.Attributes {
			labels = append(labels, under.Replace(string(k)))
		}
	}
	return metrics, labels
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
