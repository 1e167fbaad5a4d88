package deploy_test

import (
	"testing"

	"github.com/caarlos0/env/v11"

	"github.com/wandstore/wandstore/services/edge"
	"github.com/wandstore/wandstore/services/generator"
	"github.com/wandstore/wandstore/services/importer"
	"github.com/wandstore/wandstore/services/kimisim"
)

// settings are the variables that each service reads.
func settings(t *testing.T) map[string]map[string]bool {
	t.Helper()
	all := map[string]map[string]bool{}
	for name, cfg := range map[string]any{"edge": &edge.Config{}, "generator": &generator.Config{}, "importer": &importer.Config{}, "kimisim": &kimisim.Config{}} {
		params, err := env.GetFieldParams(cfg)
		if err != nil {
			t.Fatal(err)
		}
		known := map[string]bool{
			// The runtime's and OpenTelemetry's own.
			"GOMEMLIMIT": true, "OTEL_EXPORTER_OTLP_ENDPOINT": true, "OTEL_EXPORTER_OTLP_PROTOCOL": true,
			"OTEL_METRICS_EXPORTER": true, "OTEL_RESOURCE_ATTRIBUTES": true,
			// Of every service.
			"PRIVATE_ADDR": true, "LOG_LEVEL": true,
		}
		for _, p := range params {
			known[p.Key] = true
		}
		all[name] = known
		if name == "generator" {
			// The same binary, which provisions.
			all["provision"] = known
		}
	}
	return all
}
