// Command prometheusrule prints the given files of Prometheus's rules as one resource of the
// Prometheus operator.
package main

import (
	"fmt"
	"os"
	"strings"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"sigs.k8s.io/yaml"
)

const head = "# Made by `task generate` from deploy/prometheus/rules.\n"

func main() {
	text, err := resource(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Print(text)
}

func resource(files []string) (string, error) {
	var spec monitoringv1.PrometheusRuleSpec
	for _, file := range files {
		text, err := os.ReadFile(file) //nolint:gosec // the files that it is told to read
		if err != nil {
			return "", err
		}
		var of monitoringv1.PrometheusRuleSpec
		if err := yaml.UnmarshalStrict(text, &of); err != nil {
			return "", fmt.Errorf("%s: %w", file, err)
		}
		spec.Groups = append(spec.Groups, of.Groups...)
	}
	for _, group := range spec.Groups {
		for _, rule := range group.Rules {
			if rule.Alert != "" {
				// An AlertmanagerConfig is given the alerts of its namespace only.
				rule.Labels["namespace"] = "wandstore"
			}
		}
	}
	made, err := yaml.Marshal(map[string]any{
		"apiVersion": monitoringv1.SchemeGroupVersion.String(), "kind": monitoringv1.PrometheusRuleKind,
		"metadata": map[string]string{"name": "wandstore"}, "spec": spec,
	})
	if err != nil {
		return "", err
	}
	return head + strings.TrimSpace(string(made)) + "\n", nil
}
