package deploy_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"
)

// With the Prometheus operator every pod that has metrics is scraped where it has them, the
// policies let Prometheus in and traces out, the rules are those of the compose stack, and
// alerts reach somebody.
func TestKubernetesIsMonitored(t *testing.T) {
	for _, overlay := range []string{"single-node", "three-nodes"} {
		t.Run(overlay, func(t *testing.T) {
			c := builtWith(t, overlay, "monitoring")
			for name, pod := range c.pods() {
				if pod.Annotations["prometheus.io/scrape"] == "" {
					continue
				}
				port, err := strconv.Atoi(pod.Annotations["prometheus.io/port"])
				must(t, err)
				if got := c.scraped(t, pod); len(got) != 1 || got[0] != (endpoint{int32(port), pod.Annotations["prometheus.io/path"]}) {
					t.Errorf("%s has its metrics on %d%s, and is scraped at %v", name, port, pod.Annotations["prometheus.io/path"], got)
				}
				if !c.observed(pod, int32(port), false) {
					t.Errorf("Prometheus is not let in to %s", name)
				}
			}
			for _, name := range []string{"edge", "generator"} {
				pod := c.pods()[name]
				confined(t, name, pod)
				at := slices.IndexFunc(pod.Spec.Containers[0].Env, func(v corev1.EnvVar) bool { return v.Name == "OTEL_EXPORTER_OTLP_ENDPOINT" })
				if at < 0 || !strings.HasSuffix(pod.Spec.Containers[0].Env[at].Value, ":4318") || !c.observed(pod, 4318, true) {
					t.Errorf("the spans of %s go nowhere", name)
				}
			}
			sameRules(t, c)
		})
	}
	if all := builtWith(t, "single-node", "monitoring").receivers; len(all) != 1 || len(all[0].Spec.Receivers) != 3 || len(all[0].Spec.Route.Routes) != 2 {
		t.Errorf("receivers %+v", all)
	}
}

// endpoint is where metrics are.
type endpoint struct {
	port int32
	path string
}

// scraped are the endpoints of a pod that the monitors name.
func (c *cluster) scraped(t *testing.T, pod corev1.PodTemplateSpec) (all []endpoint) {
	t.Helper()
	for _, m := range c.monitors {
		selector, err := metav1.LabelSelectorAsSelector(&m.Spec.Selector)
		must(t, err)
		if !selector.Matches(labels.Set(pod.Labels)) {
			continue
		}
		if pod.Labels[m.Spec.JobLabel] == "" {
			t.Errorf("what %s scrapes has no job", m.Name)
		}
		for _, e := range m.Spec.PodMetricsEndpoints {
			for _, container := range pod.Spec.Containers {
				for _, port := range container.Ports {
					if e.Port != nil && *e.Port == port.Name {
						all = append(all, endpoint{port.ContainerPort, e.Path})
					}
				}
			}
		}
	}
	return all
}

// observed tells whether the policies let Prometheus come to the pod's port, or the pod go
// out to the collector's.
func (c *cluster) observed(pod corev1.PodTemplateSpec, port int32, out bool) bool {
	labelled := func(peers []networkingv1.NetworkPolicyPeer) bool {
		return slices.ContainsFunc(peers, func(p networkingv1.NetworkPolicyPeer) bool {
			return p.NamespaceSelector != nil && p.NamespaceSelector.MatchLabels["wandstore.io/observability"] == "true"
		})
	}
	return slices.ContainsFunc(c.policies, func(p networkingv1.NetworkPolicy) bool {
		of, err := metav1.LabelSelectorAsSelector(&p.Spec.PodSelector)
		if err != nil || !of.Matches(labels.Set(pod.Labels)) {
			return false
		}
		if out {
			return slices.ContainsFunc(p.Spec.Egress, func(r networkingv1.NetworkPolicyEgressRule) bool { return labelled(r.To) && has(r.Ports, port) })
		}
		return slices.ContainsFunc(p.Spec.Ingress, func(r networkingv1.NetworkPolicyIngressRule) bool { return labelled(r.From) && has(r.Ports, port) })
	})
}

// sameRules compares the resource of the rules with the files that Prometheus reads.
func sameRules(t *testing.T, c *cluster) {
	t.Helper()
	if len(c.rules) != 1 {
		t.Fatalf("%d resources of rules", len(c.rules))
	}
	var want, got []monitoringv1.Rule
	for _, file := range []string{"wandstore", "slo"} {
		var groups monitoringv1.PrometheusRuleSpec
		must(t, yaml.UnmarshalStrict([]byte(read(t, "prometheus/rules/"+file+".yml")), &groups))
		for _, g := range groups.Groups {
			want = append(want, g.Rules...)
		}
	}
	for _, g := range c.rules[0].Spec.Groups {
		got = append(got, g.Rules...)
	}
	if len(got) != len(want) {
		t.Fatalf("%d rules, want %d", len(got), len(want))
	}
	for i := range want {
		if want[i].Alert != "" && got[i].Labels["namespace"] != "wandstore" {
			t.Errorf("%s is no alert of the namespace", want[i].Alert)
		}
		delete(got[i].Labels, "namespace")
		one, err := yaml.Marshal(want[i])
		must(t, err)
		other, err := yaml.Marshal(got[i])
		must(t, err)
		if string(one) != string(other) {
			t.Errorf("rule\n%s\nwant\n%s", other, one)
		}
	}
}
