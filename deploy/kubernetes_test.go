package deploy_test

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	nackv1beta2 "github.com/nats-io/nack/pkg/jetstream/apis/jetstream/v1beta2"
	"github.com/nats-io/nats-server/v2/server"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	wandnats "github.com/wandstore/wandstore/nats"
)

// cluster is an overlay's objects.
type cluster struct {
	services    []corev1.Service
	configMaps  []corev1.ConfigMap
	deployments []appsv1.Deployment
	stateful    []appsv1.StatefulSet
	scalers     []autoscalingv2.HorizontalPodAutoscaler
	budgets     []policyv1.PodDisruptionBudget
	policies    []networkingv1.NetworkPolicy
	scaled      []kedav1alpha1.ScaledObject
	streams     []nackv1beta2.Stream
	consumers   []nackv1beta2.Consumer
	accounts    []nackv1beta2.Account
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
			if a := strictly[corev1.ServiceAccount](t, text); a.AutomountServiceAccountToken == nil || *a.AutomountServiceAccountToken {
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
	return all
}

func TestKubernetes(t *testing.T) {
	for overlay, want := range map[string][]string{
		"single-node": {"edge", "generator", "minio", "nats"},
		"three-nodes": {"edge", "generator", "minio", "nats"},
		"edge-pop":    {"edge"},
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
			for name := range pods {
				if !slices.ContainsFunc(c.budgets, func(b policyv1.PodDisruptionBudget) bool { return b.Name == name }) {
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
	for _, container := range pod.Spec.Containers {
		s := container.SecurityContext
		if s == nil || !*s.ReadOnlyRootFilesystem || *s.AllowPrivilegeEscalation || !slices.Equal(s.Capabilities.Drop, []corev1.Capability{"ALL"}) {
			t.Errorf("%s may do more than it has to", container.Name)
		}
		if container.LivenessProbe == nil || container.ReadinessProbe == nil {
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

// reference is a variable that a value refers to.
var reference = regexp.MustCompile(`\$\(([^)]*)\)`)

func selects(t *testing.T, pods map[string]corev1.PodTemplateSpec, what string, by *metav1.LabelSelector) {
	t.Helper()
	selector, err := metav1.LabelSelectorAsSelector(by)
	must(t, err)
	for _, pod := range pods {
		if selector.Matches(labels.Set(pod.Labels)) {
			return
		}
	}
	t.Errorf("%s selects nothing", what)
}

// Who may talk to whom inside, by the policies of both ends.
func TestKubernetesFlows(t *testing.T) {
	c := built(t, "three-nodes")
	pods := c.pods()
	var flows []string
	for from, source := range pods {
		for to, target := range pods {
			for _, port := range []int32{4222, 6222, 7777, 8080, 8222, 8787, 9000, 9464, 9465} {
				if c.allows(source, target, port, true) && c.allows(target, source, port, false) {
					flows = append(flows, fmt.Sprintf("%s to %s:%d", from, to, port))
				}
			}
		}
	}
	slices.Sort(flows)
	want := []string{
		"edge to minio:9000", "edge to nats:4222",
		"generator to minio:9000", "generator to nats:4222",
		"nats to nats:6222",
	}
	if !slices.Equal(flows, want) {
		t.Errorf("flows %q, want %q", flows, want)
	}
}

// allows tells whether the policies of one let it talk to the other, out or in.
func (c *cluster) allows(one, other corev1.PodTemplateSpec, port int32, out bool) bool {
	for _, p := range c.policies {
		if of, err := metav1.LabelSelectorAsSelector(&p.Spec.PodSelector); err != nil || !of.Matches(labels.Set(one.Labels)) {
			continue
		}
		if out {
			for _, rule := range p.Spec.Egress {
				if admits(rule.To, other) && has(rule.Ports, port) {
					return true
				}
			}
			continue
		}
		for _, rule := range p.Spec.Ingress {
			if admits(rule.From, other) && has(rule.Ports, port) {
				return true
			}
		}
	}
	return false
}

// admits tells whether a pod of this namespace is one of the peers; none are all.
func admits(peers []networkingv1.NetworkPolicyPeer, pod corev1.PodTemplateSpec) bool {
	return len(peers) == 0 || slices.ContainsFunc(peers, func(p networkingv1.NetworkPolicyPeer) bool {
		if p.PodSelector == nil || p.NamespaceSelector != nil {
			return false
		}
		s, err := metav1.LabelSelectorAsSelector(p.PodSelector)
		return err == nil && s.Matches(labels.Set(pod.Labels))
	})
}

func has(ports []networkingv1.NetworkPolicyPort, port int32) bool {
	return slices.ContainsFunc(ports, func(p networkingv1.NetworkPolicyPort) bool { return p.Port.IntVal == port })
}

// KEDA watches the consumer of every member.
func TestKubernetesScalesByEveryMember(t *testing.T) {
	c := built(t, "single-node")
	if len(c.scaled) != 1 || *c.scaled[0].Spec.MinReplicaCount != 0 || c.scaled[0].Spec.ScaleTargetRef.Name != "generator" {
		t.Fatalf("scales %+v", c.scaled)
	}
	for _, d := range c.deployments {
		if d.Name == "generator" && d.Spec.Replicas != nil {
			t.Error("the manifest says how many generators there are, and KEDA too")
		}
	}
	var consumers []string
	for _, trigger := range c.scaled[0].Spec.Triggers {
		of := trigger.Metadata
		if trigger.Type != "nats-jetstream" || of["stream"] != wandnats.StreamGeneration || of["account"] != "WANDSTORE" || of["natsServerMonitoringEndpoint"] != "nats.wandstore.svc:8222" {
			t.Errorf("trigger %+v", trigger)
		}
		consumers = append(consumers, of["consumer"])
	}
	var members []string
	for n := range 10 {
		members = append(members, wandnats.Member(n))
	}
	if !slices.Equal(consumers, members) {
		t.Errorf("watches %v, want %v", consumers, members)
	}
}

// With NACK in the cluster every stream, bucket and consumer is a resource, which says
// what the services ensure themselves; taking the resources away takes nothing else.
func TestKubernetesByNACK(t *testing.T) {
	for overlay, replicas := range map[string]int{"single-node": 1, "three-nodes": 3} {
		files := filesys.MakeFsInMemory()
		for _, folder := range []string{"kubernetes", filepath.Join("..", "nats", "server")} {
			must(t, filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
				if err != nil || entry.IsDir() {
					return err
				}
				return files.WriteFile(filepath.Join("/deploy", path), []byte(read(t, path)))
			}))
		}
		folder := filepath.Join("/deploy", "kubernetes", "overlays", overlay)
		kustomization := filepath.Join(folder, "kustomization.yaml")
		text, err := files.ReadFile(kustomization)
		must(t, err)
		with := strings.Replace(string(text), "components: [../../keda]", "components: [../../keda, ../../nack]", 1)
		must(t, files.WriteFile(kustomization, []byte(with)))
		c := builtIn(t, files, folder)

		if len(c.accounts) != 1 || c.accounts[0].Spec.User == nil {
			t.Fatalf("%s: accounts %+v", overlay, c.accounts)
		}
		definitions, err := wandnats.Streams(wandnats.Settings{MaxQueueDepth: 100, CacheTTLSeconds: 3600, Replicas: replicas})
		must(t, err)
		var want, got []string
		for _, d := range definitions {
			want = append(want, fmt.Sprint(d.Name, d.Subjects, d.MaxMsgsPerSubject, d.DiscardNewPerSubject, d.MaxAge, d.MaxMsgSize, d.Replicas, d.AllowMsgTTL))
		}
		for _, s := range c.streams {
			var age time.Duration
			if s.Spec.MaxAge != "" {
				age, err = time.ParseDuration(s.Spec.MaxAge)
				must(t, err)
			}
			got = append(got, fmt.Sprint(s.Spec.Name, s.Spec.Subjects, s.Spec.MaxMsgsPerSubject, s.Spec.DiscardPerSubject, age, s.Spec.MaxMsgSize, s.Spec.Replicas, s.Spec.AllowMsgTTL))
			if !s.Spec.PreventDelete || s.Spec.Account != c.accounts[0].Name {
				t.Errorf("%s: %s may be deleted, or nobody signs in for it", overlay, s.Spec.Name)
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: streams\n%s\nwant\n%s", overlay, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		for n := range 10 {
			member := wandnats.Member(n)
			if !slices.ContainsFunc(c.consumers, func(r nackv1beta2.Consumer) bool {
				return r.Spec.DurableName == member && r.Spec.FilterSubject == wandnats.GenerateSubject(member) && r.Spec.MaxAckPending == 1 && r.Spec.PreventDelete
			}) {
				t.Errorf("%s: no resource for the consumer of %s", overlay, member)
			}
		}
		// Its controller comes in from a namespace of its own.
		if !slices.ContainsFunc(c.policies, func(p networkingv1.NetworkPolicy) bool { return p.Name == "nack" }) {
			t.Errorf("%s: NACK cannot reach NATS", overlay)
		}
	}
}

// The servers take the configuration that they are given.
func TestKubernetesConfiguresNATS(t *testing.T) {
	for overlay, routes := range map[string]int{"single-node": 0, "three-nodes": 3} {
		c := built(t, overlay)
		if len(c.configMaps) != 1 {
			t.Fatalf("%d config maps", len(c.configMaps))
		}
		folder := t.TempDir()
		for name, text := range c.configMaps[0].Data {
			must(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600))
		}
		pod := c.pods()["nats"]
		if volume := pod.Spec.Volumes[0]; volume.ConfigMap == nil || volume.ConfigMap.Name != c.configMaps[0].Name {
			t.Errorf("the servers mount %+v, the map is %s", volume, c.configMaps[0].Name)
		}
		for _, v := range pod.Spec.Containers[0].Env {
			value := v.Value
			if v.ValueFrom != nil {
				value = "$2a$11$secret"
				if v.Name == "NATS_SERVER_NAME" || v.Name == "NATS_ROUTE_PASSWORD" {
					value = "nats0"
				}
			}
			t.Setenv(v.Name, strings.ReplaceAll(value, "$(NATS_ROUTE_PASSWORD)", "nats0"))
		}
		opts, err := server.ProcessConfigFile(filepath.Join(folder, "nats.conf"))
		must(t, err)
		if opts.HTTPHost != "0.0.0.0" || opts.HTTPPort != 8222 || opts.StoreDir != "/data" || len(opts.Routes) != routes || len(opts.Accounts) == 0 {
			t.Errorf("%s: monitor %s:%d, store %s, %d routes, %d accounts", overlay, opts.HTTPHost, opts.HTTPPort, opts.StoreDir, len(opts.Routes), len(opts.Accounts))
		}
		if routes > 0 && opts.Routes[0].Host != "nats-0.nats:6222" {
			t.Errorf("the first route is %s", opts.Routes[0].Host)
		}
	}
}
