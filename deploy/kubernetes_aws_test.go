package deploy_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/caarlos0/env/v11"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/wandstore/wandstore/pkg/pagestore"
)

// On AWS the services use S3 by a role, without a key in the cluster.
func TestKubernetesOnAWS(t *testing.T) {
	c := built(t, "aws")
	for _, name := range []string{"edge", "generator"} {
		given := map[string]string{}
		for _, v := range c.pods()[name].Spec.Containers[0].Env {
			given[v.Name] = v.Value
		}
		var cfg pagestore.S3Config
		must(t, env.ParseWithOptions(&cfg, env.Options{Environment: given}))
		must(t, cfg.Validate())
		if _, key := given["MINIO_SECRET_KEY"]; key || cfg.Credentials != pagestore.CredentialsIAM || !cfg.UseTLS || !strings.Contains(cfg.Endpoint, cfg.Region) {
			t.Errorf("%s uses %+v", name, cfg)
		}
	}
	var roles []string
	for _, a := range c.identities {
		if a.Annotations["eks.amazonaws.com/role-arn"] != "" {
			roles = append(roles, a.Name)
		}
	}
	if slices.Sort(roles); !slices.Equal(roles, []string{"edge", "generator"}) {
		t.Errorf("%q have a role", roles)
	}
	if !slices.ContainsFunc(c.policies, func(p networkingv1.NetworkPolicy) bool {
		return p.Name == "aws" && len(p.Spec.Egress) == 2 && has(p.Spec.Egress[0].Ports, 443) && has(p.Spec.Egress[1].Ports, 80)
	}) {
		t.Error("S3 cannot be reached")
	}
}
