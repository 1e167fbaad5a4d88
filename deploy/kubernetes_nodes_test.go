package deploy_test

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// The cluster's servers are others than the one node's, and its clients are led to them.
func TestKubernetesClusterIsANewOne(t *testing.T) {
	one, three := built(t, "single-node"), built(t, "three-nodes")
	if _, same := three.pods()["nats"]; same {
		t.Error("the cluster would take over the one node's disk, and lose its streams")
	}
	for _, name := range []string{"nats", "nats-cluster"} {
		at := slices.IndexFunc(three.services, func(s corev1.Service) bool { return s.Name == name })
		if at < 0 {
			t.Fatalf("no service %s", name)
		}
		selector := labels.SelectorFromSet(three.services[at].Spec.Selector)
		if !selector.Matches(labels.Set(three.pods()["nats-cluster"].Labels)) {
			t.Errorf("%s does not lead to the cluster", name)
		}
		if selector.Matches(labels.Set(one.pods()["nats"].Labels)) {
			t.Errorf("%s leads to the old server too", name)
		}
	}
}
