package deploy_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// Alertmanager's configuration leads every alert to somebody, by addresses that `task secrets`
// makes files for, and amtool checks it in the version that runs. What else a configuration
// has to be, amtool says (task check:alerts).
func TestAlertsHaveReceivers(t *testing.T) {
	var config struct {
		Route struct {
			Receiver string `yaml:"receiver"`
			Routes   []struct {
				Receiver string   `yaml:"receiver"`
				Matchers []string `yaml:"matchers"`
			} `yaml:"routes"`
		} `yaml:"route"`
		Receivers []struct {
			Name     string `yaml:"name"`
			Webhooks []struct {
				File string `yaml:"url_file"`
			} `yaml:"webhook_configs"`
		} `yaml:"receivers"`
	}
	must(t, yaml.Unmarshal([]byte(read(t, "alertmanager/alertmanager.yml")), &config))
	mounted := loaded(t, observedFiles, nil, map[string]string{"KIMI_API_KEY": "a real one"}).Services["alertmanager"].Volumes[0]
	made := regexp.MustCompile(`for receiver in ([a-z ]+);`).FindStringSubmatch(read(t, "../Taskfile.yml"))
	if made == nil {
		t.Fatal("task secrets makes no receivers")
	}
	var names []string
	for _, r := range config.Receivers {
		names = append(names, r.Name)
		if len(r.Webhooks) != 1 || r.Webhooks[0].File != mounted.Target+"/"+r.Name+".url" || !strings.HasSuffix(mounted.Source, "/alertmanager") {
			t.Errorf("the address of %s is %+v, in %s", r.Name, r.Webhooks, mounted.Source)
		}
	}
	if want := strings.Fields(made[1]); !slices.Equal(names, want) {
		t.Errorf("receivers %v, task secrets makes %v", names, want)
	}
	used := []string{config.Route.Receiver}
	for _, route := range config.Route.Routes {
		used = append(used, route.Receiver)
	}
	slices.Sort(used)
	slices.Sort(names)
	if !slices.Equal(used, names) {
		t.Errorf("routes lead to %v, receivers are %v", used, names)
	}
	if first := config.Route.Routes[0]; first.Receiver != "watchdog" || !slices.Equal(first.Matchers, []string{`alertname = "Watchdog"`}) {
		t.Errorf("the watchdog is led by %+v", first)
	}
	if !strings.Contains(read(t, "prometheus/prometheus.yml"), `targets: ["alertmanager:9093"]`) {
		t.Error("Prometheus hands alerts to nobody")
	}
	_, version, _ := strings.Cut(read(t, "tools/tools.txt"), "alertmanager/cmd/amtool@")
	version, _, _ = strings.Cut(version, "\n")
	if !strings.Contains(read(t, ".env"), "\nALERTMANAGER_VERSION="+version+"\n") {
		t.Errorf("amtool is %s, Alertmanager another", version)
	}
}
