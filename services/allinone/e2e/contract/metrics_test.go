package contract_test

import (
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/telemetry"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
	"github.com/wandstore/wandstore/services/generator"
)

// A visit that becomes a page and a hit measures every declared metric but those of
// faults, and nothing that is not declared.
func TestMetricsAreThoseDeclared(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Paced(0, 300))
	// Limits of the account and costs of shops are measured where there are any.
	w.StartGenerator(func(c *generator.Config) { c.MaxConcurrency, c.InputPrice, c.OutputPrice = 10, 1, 4 })
	e := w.StartEdge()
	const page = "/s/magic-wands?shopper=abc123"
	world.Get(t, e.Base+page)
	// Who waits is sent each section, and then told that the page is there.
	world.Get(t, e.Base+"/api/generation/events?store=magic-wands&shopper=abc123")
	eventually.True(t, "the page is there", func() bool { return world.Get(t, e.Base+page).Header.Get("X-Cache") == "HIT" })

	declared := map[string]telemetry.Metric{}
	for _, m := range telemetry.Metrics {
		if _, twice := declared[m.Name]; twice || m.Description == "" || m.Unit == "" || m.Kind == telemetry.KindHistogram && len(m.Buckets) == 0 {
			t.Errorf("%s: declared twice, or not in full", m.Name)
		}
		declared[m.Name] = m
	}
	// No budget is set, no job fails, and a process tells its build, not a service in one.
	elsewhere := []string{telemetry.ModelBudget.Name, telemetry.JobFailures.Name, telemetry.BuildInfo.Name}
	var missing []string
	t.Cleanup(func() {
		if t.Failed() {
			t.Log("not measured:", missing)
		}
	})
	eventually.True(t, "the job is settled and all is measured", func() bool {
		seen := collected(t)
		missing = nil
		for _, m := range telemetry.Metrics {
			if _, ok := seen[m.Name]; !ok && !slices.Contains(elsewhere, m.Name) {
				missing = append(missing, m.Name)
			}
		}
		return len(missing) == 0
	})
	for name, attributes := range collected(t) {
		m, ok := declared[name]
		if !ok {
			t.Errorf("%s is not declared", name)
			continue
		}
		for key, values := range attributes {
			if !slices.Contains(m.Attributes, key) {
				t.Errorf("%s: attribute %s is not declared", name, key)
			}
			if len(values) > 40 || slices.ContainsFunc(values, func(v string) bool { return strings.Contains(v, "abc123") }) {
				t.Errorf("%s: %s is not bounded: %v", name, key, values)
			}
		}
	}
}

// collected are the metrics that were measured so far, each with its attributes'
// values.
func collected(t *testing.T) map[string]map[attribute.Key][]string {
	t.Helper()
	var data metricdata.ResourceMetrics
	// A parallel test may have stopped its NATS, which fails its gauges.
	if err := world.Measured.Collect(t.Context(), &data); err != nil {
		t.Log(err)
	}
	all := map[string]map[attribute.Key][]string{}
	for _, scope := range data.ScopeMetrics {
		for _, m := range scope.Metrics {
			if all[m.Name] == nil {
				all[m.Name] = map[attribute.Key][]string{}
			}
			for _, set := range setsOf(t, m) {
				for _, a := range set.ToSlice() {
					if values := all[m.Name][a.Key]; !slices.Contains(values, a.Value.String()) {
						all[m.Name][a.Key] = append(values, a.Value.String())
					}
				}
			}
		}
	}
	return all
}

// setsOf are the attribute sets of a metric's points.
func setsOf(t *testing.T, m metricdata.Metrics) (sets []attribute.Set) {
	t.Helper()
	switch data := m.Data.(type) {
	case metricdata.Sum[int64]:
		for _, p := range data.DataPoints {
			sets = append(sets, p.Attributes)
		}
	case metricdata.Sum[float64]:
		for _, p := range data.DataPoints {
			sets = append(sets, p.Attributes)
		}
	case metricdata.Histogram[float64]:
		for _, p := range data.DataPoints {
			sets = append(sets, p.Attributes)
		}
	case metricdata.Gauge[float64]:
		for _, p := range data.DataPoints {
			sets = append(sets, p.Attributes)
		}
	default:
		t.Errorf("%s: no metric of ours is %T", m.Name, data)
	}
	return sets
}
