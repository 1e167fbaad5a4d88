package deploy_test

import (
	"fmt"
	"slices"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	corev1 "k8s.io/api/core/v1"
)

// leafPort is where a hub listens for the servers of PoPs.
const leafPort = 7422

// A PoP's server reaches its hub, by the policies of both, and nothing else there does.
func TestKubernetesPoPReachesItsHub(t *testing.T) {
	pop := built(t, "edge-pop")
	for name, pod := range pop.pods() {
		if got, want := leaves(pop, pod, leafPort), name == "nats"; got != want {
			t.Errorf("%s leaves the PoP by %d: %t", name, leafPort, got)
		}
		if leaves(pop, pod, 4222) {
			t.Errorf("%s leaves the PoP by 4222", name)
		}
	}
	if !leaves(pop, pop.pods()["edge"], 443) {
		t.Error("the pages' replica cannot be reached")
	}
	for overlay, nats := range map[string]string{"single-node": "nats", "three-nodes": "nats-cluster"} {
		if without := built(t, overlay); admitsAnybody(without, without.pods()[nats], leafPort) {
			t.Errorf("%s lets PoPs in that it does not listen for", overlay)
		}
		hub := builtWith(t, overlay, "leafnodes")
		pod := hub.pods()[nats]
		confined(t, nats, pod)
		if !admitsAnybody(hub, pod, leafPort) || admitsAnybody(hub, pod, 4222) {
			t.Errorf("%s lets PoPs in by %d: %t, clients from anywhere: %t", overlay, leafPort, admitsAnybody(hub, pod, leafPort), admitsAnybody(hub, pod, 4222))
		}
		at := slices.IndexFunc(hub.services, func(s corev1.Service) bool { return s.Name == "nats-leafnodes" })
		if at < 0 || !labels.SelectorFromSet(hub.services[at].Spec.Selector).Matches(labels.Set(pod.Labels)) || hub.services[at].Spec.Ports[0].Port != leafPort {
			t.Errorf("%s: no service leads PoPs to %s", overlay, nats)
		}
	}
}

// The edges and the provisioning of a PoP are told that the rest is at the hub, and have the
// inbox that the hub lets through.
func TestKubernetesPoPKnowsItsHub(t *testing.T) {
	pods := built(t, "edge-pop").pods()
	for _, name := range []string{"edge", "provision"} {
		given := map[string]string{}
		for _, v := range pods[name].Spec.Containers[0].Env {
			given[v.Name] = v.Value
		}
		if given["NATS_HUB_DOMAIN"] != "hub" || given["NATS_INBOX_PREFIX"] != "_INBOX_pop" {
			t.Errorf("%s is given %v", name, given)
		}
		if want := fmt.Sprintf("nats://%s:$(NATS_%s_PASSWORD)@nats:4222", name, map[string]string{"edge": "EDGE", "provision": "PROVISION"}[name]); given["NATS_URL"] != want {
			t.Errorf("%s uses %s, want %s", name, given["NATS_URL"], want)
		}
	}
}

// leaves tells whether the policies let a pod out of the cluster by a port.
func leaves(c *cluster, pod corev1.PodTemplateSpec, port int32) bool {
	for _, p := range c.policies {
		if !of(p, pod) {
			continue
		}
		for _, rule := range p.Spec.Egress {
			if has(rule.Ports, port) && slices.ContainsFunc(rule.To, func(peer networkingv1.NetworkPolicyPeer) bool { return peer.IPBlock != nil }) {
				return true
			}
		}
	}
	return false
}

// admitsAnybody tells whether the policies let everybody come to a pod's port.
func admitsAnybody(c *cluster, pod corev1.PodTemplateSpec, port int32) bool {
	for _, p := range c.policies {
		if !of(p, pod) {
			continue
		}
		for _, rule := range p.Spec.Ingress {
			if has(rule.Ports, port) && len(rule.From) == 0 {
				return true
			}
		}
	}
	return false
}

// of tells whether the policy is the pod's.
func of(p networkingv1.NetworkPolicy, pod corev1.PodTemplateSpec) bool {
	s, err := metav1.LabelSelectorAsSelector(&p.Spec.PodSelector)
	return err == nil && s.Matches(labels.Set(pod.Labels))
}
