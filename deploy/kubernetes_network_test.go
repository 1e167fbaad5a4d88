package deploy_test

import (
	"fmt"
	"regexp"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

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
		"edge to minio:9000", "edge to nats-cluster:4222",
		"generator to minio:9000", "generator to nats-cluster:4222",
		"minio-provision to minio:9000",
		"nats-cluster to nats-cluster:6222", "provision to nats-cluster:4222",
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
