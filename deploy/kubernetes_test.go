package deploy_test

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	nackv1beta2 "github.com/nats-io/nack/pkg/jetstream/apis/jetstream/v1beta2"
	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	monitoringv1alpha1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1alpha1"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// cluster is an overlay's objects.
type cluster struct {
	services    []corev1.Service
	configMaps  []corev1.ConfigMap
	deployments []appsv1.Deployment
	stateful    []appsv1.StatefulSet
	jobs        []batchv1.Job
	scalers     []autoscalingv2.HorizontalPodAutoscaler
	budgets     []policyv1.PodDisruptionBudget
	policies    []networkingv1.NetworkPolicy
	scaled      []kedav1alpha1.ScaledObject
	streams     []nackv1beta2.Stream
	consumers   []nackv1beta2.Consumer
	accounts    []nackv1beta2.Account
	identities  []corev1.ServiceAccount
	monitors    []monitoringv1.PodMonitor
	rules       []monitoringv1.PrometheusRule
	receivers   []monitoringv1alpha1.AlertmanagerConfig
}

// built is an overlay as `kubectl kustomize` makes it, each object decoded strictly: a
// field that its kind does not have is an error.
func built(t *testing.T, overlay string) *cluster {
	t.Helper()
	return builtIn(t, filesys.MakeFsOnDisk(), filepath.Join("kubernetes", "overlays", overlay))
}

func builtIn(t *testing.T, files filesys.FileSystem, folder string) *cluster {
	t.Helper()
	made, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(files, folder)
	must(t, err)
	c := &cluster{}
	for _, object := range made.Resources() {
		text, err := object.AsYAML()
		must(t, err)
		if kind := object.GetKind(); kind != "Namespace" && object.GetNamespace() != "wandstore" {
			t.Errorf("%s %s is in the namespace %q", kind, object.GetName(), object.GetNamespace())
		}
		switch kind := object.GetKind(); kind {
		case "Namespace":
			strictly[corev1.Namespace](t, text)
		case "ServiceAccount":
			a := strictly[corev1.ServiceAccount](t, text)
			c.identities = append(c.identities, a)
			if a.AutomountServiceAccountToken == nil || *a.AutomountServiceAccountToken {
				t.Errorf("%s has a token of the cluster", a.Name)
			}
		case "Service":
			c.services = append(c.services, strictly[corev1.Service](t, text))
		case "ConfigMap":
			c.configMaps = append(c.configMaps, strictly[corev1.ConfigMap](t, text))
		case "Deployment":
			c.deployments = append(c.deployments, strictly[appsv1.Deployment](t, text))
		case "StatefulSet":
			c.stateful = append(c.stateful, strictly[appsv1.StatefulSet](t, text))
		case "Job":
			c.jobs = append(c.jobs, strictly[batchv1.Job](t, text))
		case "HorizontalPodAutoscaler":
			c.scalers = append(c.scalers, strictly[autoscalingv2.HorizontalPodAutoscaler](t, text))
		case "PodDisruptionBudget":
			c.budgets = append(c.budgets, strictly[policyv1.PodDisruptionBudget](t, text))
		case "NetworkPolicy":
			c.policies = append(c.policies, strictly[networkingv1.NetworkPolicy](t, text))
		case "ScaledObject":
			c.scaled = append(c.scaled, strictly[kedav1alpha1.ScaledObject](t, text))
		case "Stream":
			c.streams = append(c.streams, strictly[nackv1beta2.Stream](t, text))
		case "Consumer":
			c.consumers = append(c.consumers, strictly[nackv1beta2.Consumer](t, text))
		case "Account":
			c.accounts = append(c.accounts, strictly[nackv1beta2.Account](t, text))
		case "PodMonitor":
			c.monitors = append(c.monitors, strictly[monitoringv1.PodMonitor](t, text))
		case "PrometheusRule":
			c.rules = append(c.rules, strictly[monitoringv1.PrometheusRule](t, text))
		case "AlertmanagerConfig":
			c.receivers = append(c.receivers, strictly[monitoringv1alpha1.AlertmanagerConfig](t, text))
		default:
			t.Errorf("nobody checks a %s", kind)
		}
	}
	return c
}

func strictly[T any](t *testing.T, text []byte) (object T) {
	t.Helper()
	if err := yaml.UnmarshalStrict(text, &object); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return object
}

// pods are the templates of what runs, by name.
func (c *cluster) pods() map[string]corev1.PodTemplateSpec {
	all := map[string]corev1.PodTemplateSpec{}
	for _, d := range c.deployments {
		all[d.Name] = d.Spec.Template
	}
	for _, s := range c.stateful {
		all[s.Name] = s.Spec.Template
	}
	for _, j := range c.jobs {
		all[j.Name] = j.Spec.Template
	}
	return all
}

func TestKubernetes(t *testing.T) {
	for overlay, want := range map[string][]string{
		"single-node": {"edge", "generator", "minio", "minio-provision", "nats", "provision"},
		"three-nodes": {"edge", "generator", "minio", "minio-provision", "nats-cluster", "provision"},
		"aws":         {"edge", "generator", "nats", "provision"},
		"edge-pop":    {"edge", "nats", "provision"},
	} {
		t.Run(overlay, func(t *testing.T) {
			c := built(t, overlay)
			pods := c.pods()
			if names := slices.Sorted(maps.Keys(pods)); !slices.Equal(names, want) {
				t.Fatalf("runs %v, want %v", names, want)
			}
			for name, pod := range pods {
				confined(t, name, pod)
			}
			for _, s := range c.services {
				selects(t, pods, "service "+s.Name, &metav1.LabelSelector{MatchLabels: s.Spec.Selector})
			}
			for name, pod := range pods {
				// What ends by itself has none, nor has what may be away for a while.
				if name != "provision" && pod.Spec.RestartPolicy != corev1.RestartPolicyOnFailure && !slices.ContainsFunc(c.budgets, func(b policyv1.PodDisruptionBudget) bool { return b.Name == name }) {
					t.Errorf("%s has no disruption budget", name)
				}
			}
			for _, b := range c.budgets {
				selects(t, pods, "budget "+b.Name, b.Spec.Selector)
			}
			for _, p := range c.policies {
				selects(t, pods, "policy "+p.Name, &p.Spec.PodSelector)
			}
			for _, s := range c.scalers {
				if _, ok := pods[s.Spec.ScaleTargetRef.Name]; !ok {
					t.Errorf("nothing is called %s", s.Spec.ScaleTargetRef.Name)
				}
			}
		})
	}
}

// confined checks what every pod is held to, and that its services know their settings.
func confined(t *testing.T, name string, pod corev1.PodTemplateSpec) {
	t.Helper()
	known, versions := settings(t), read(t, ".env")
	s := pod.Spec.SecurityContext
	if s == nil || s.RunAsNonRoot == nil || !*s.RunAsNonRoot || s.SeccompProfile == nil || s.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
		t.Errorf("%s may be root, or call anything", name)
	}
	if pod.Spec.AutomountServiceAccountToken == nil || *pod.Spec.AutomountServiceAccountToken {
		t.Errorf("%s has a token of the cluster", name)
	}
	for _, container := range slices.Concat(pod.Spec.Containers, pod.Spec.InitContainers) {
		s := container.SecurityContext
		if s == nil || !*s.ReadOnlyRootFilesystem || *s.AllowPrivilegeEscalation || !slices.Equal(s.Capabilities.Drop, []corev1.Capability{"ALL"}) {
			t.Errorf("%s may do more than it has to", container.Name)
		}
		// What serves nobody is not asked.
		serves := name != "minio-provision" && name != "provision" && name != "nats-box"
		if serves && (container.LivenessProbe == nil || container.ReadinessProbe == nil) {
			t.Errorf("%s is not probed", container.Name)
		}
		if container.Resources.Limits.Memory().IsZero() || container.Resources.Requests.Cpu().IsZero() || container.Resources.Requests.Memory().IsZero() {
			t.Errorf("%s has no limits", container.Name)
		}
		_, version, _ := strings.Cut(container.Image, ":")
		if ours := strings.HasPrefix(container.Image, "wandstore/"); !ours && (version == "" || !strings.Contains(versions, "="+version+"\n")) {
			t.Errorf("%s is not the version of .env", container.Image)
		}
		defined := map[string]bool{}
		for _, v := range container.Env {
			if of, ok := known[container.Name]; ok && !of[v.Name] && v.ValueFrom == nil {
				t.Errorf("%s has no setting %s", container.Name, v.Name)
			}
			if defined[v.Name] {
				t.Errorf("%s: %s is set twice", container.Name, v.Name)
			}
			for _, used := range reference.FindAllStringSubmatch(v.Value, -1) {
				// Kubernetes replaces only what stands before.
				if !defined[used[1]] {
					t.Errorf("%s: %s uses %s, which is not set before it", container.Name, v.Name, used[1])
				}
			}
			defined[v.Name] = true
			if strings.Contains(v.Name, "PASSWORD") && v.ValueFrom == nil {
				t.Errorf("%s: %s is written down", container.Name, v.Name)
			}
		}
	}
}
