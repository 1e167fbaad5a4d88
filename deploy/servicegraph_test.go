package deploy_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"go.yaml.in/yaml/v3"

	"github.com/wandstore/wandstore/pkg/telemetry"
)

// What Tempo makes of the spans arrives where Grafana looks for it, and Tempo takes spans that
// are as old as the collector makes them.
func TestServiceGraph(t *testing.T) {
	t.Parallel()
	var tempo struct {
		Generator struct {
			Slack     time.Duration `yaml:"metrics_ingestion_time_range_slack"`
			Processor struct {
				Graphs struct {
					Wait  time.Duration
					Peers []string `yaml:"database_name_attributes"`
				} `yaml:"service_graphs"`
			}
			Storage struct {
				RemoteWrite []struct{ URL string } `yaml:"remote_write"`
			}
		} `yaml:"metrics_generator"`
		Overrides struct {
			Defaults struct {
				Generator struct{ Processors []string } `yaml:"metrics_generator"`
			}
		}
	}
	must(t, yaml.Unmarshal([]byte(read(t, "observability/tempo.yaml")), &tempo))
	var collector struct {
		Processors struct {
			Sampling struct {
				Wait time.Duration `yaml:"decision_wait"`
			} `yaml:"tail_sampling"`
		}
	}
	must(t, yaml.Unmarshal([]byte(read(t, "observability/collector.yaml")), &collector))
	var grafana struct {
		Datasources []struct {
			Type, UID, URL string
			JSONData       struct {
				ServiceMap struct {
					UID string `yaml:"datasourceUid"`
				} `yaml:"serviceMap"`
			} `yaml:"jsonData"`
		}
	}
	must(t, yaml.Unmarshal([]byte(read(t, "grafana/provisioning/datasources/datasources.yaml")), &grafana))

	generator := tempo.Generator
	if !slices.Contains(tempo.Overrides.Defaults.Generator.Processors, "service-graphs") || len(generator.Storage.RemoteWrite) != 1 {
		t.Fatalf("Tempo makes no service graph: %+v", tempo)
	}
	if wait := collector.Processors.Sampling.Wait; wait == 0 || generator.Slack < 2*wait {
		t.Errorf("Tempo leaves out spans older than %v, the collector keeps them for %v", generator.Slack, wait)
	}
	if !slices.Equal(generator.Processor.Graphs.Peers, []string{string(telemetry.Peer)}) {
		t.Errorf("peers are known by %v, spans name them by %s", generator.Processor.Graphs.Peers, telemetry.Peer)
	}
	to, err := url.Parse(generator.Storage.RemoteWrite[0].URL)
	must(t, err)
	project := loaded(t, observedFiles, nil, map[string]string{"KIMI_API_KEY": "a real one"})
	if to.Hostname() != "prometheus" || to.Path != "/api/v1/write" || !slices.Contains(project.Services["prometheus"].Command, "--web.enable-remote-write-receiver") {
		t.Errorf("nobody takes what is written to %s", to)
	}
	shown := ""
	for _, d := range grafana.Datasources {
		if d.Type == "tempo" {
			shown = d.JSONData.ServiceMap.UID
		}
	}
	for _, d := range grafana.Datasources {
		if d.UID == shown && strings.HasPrefix(d.URL, to.Scheme+"://"+to.Host) {
			return
		}
	}
	t.Errorf("Grafana takes the graph from %q", shown)
}

// graph are the edges that Tempo's processor of service graphs makes of a trace's spans: of a
// span that sends or calls and its child in another service, of one that names its peer, and
// of a root (https://grafana.com/docs/tempo/latest/metrics-from-traces/service_graphs/).
func (c *collector) graph(trace string) (edges []string) {
	spans := c.of(trace)
	c.mu.Lock()
	defer c.mu.Unlock()
	callers := map[string]string{}
	for _, s := range spans {
		switch s.GetKind() {
		case tracepb.Span_SPAN_KIND_PRODUCER, tracepb.Span_SPAN_KIND_CLIENT:
			if peer := attribute(s, string(telemetry.Peer)); peer != "" {
				edges = append(edges, c.services[s]+" > "+peer)
			} else {
				callers[string(s.GetSpanId())] = c.services[s]
			}
		}
	}
	for _, s := range spans {
		switch s.GetKind() {
		case tracepb.Span_SPAN_KIND_CONSUMER, tracepb.Span_SPAN_KIND_SERVER:
			caller, ok := callers[string(s.GetParentSpanId())]
			if len(s.GetParentSpanId()) == 0 {
				caller, ok = "user", true
			}
			if ok {
				edges = append(edges, caller+" > "+c.services[s])
			}
		}
	}
	slices.Sort(edges)
	return slices.Compact(edges)
}
