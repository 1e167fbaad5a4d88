// Command dashboards writes the Grafana dashboards as files into the given folder. The tests
// of package deploy run the dashboards' queries against a Prometheus that has scraped
// running services.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/grafana/grafana-foundation-sdk/go/bargauge"
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/nodegraph"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/tempo"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: dashboards FOLDER")
		os.Exit(2)
	}
	for _, b := range boards {
		if err := b.write(os.Args[1]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

// board is a dashboard.
type board struct {
	uid, title, about string
	rows              []row
}

type row struct {
	title  string
	panels []panel
}

// panel is one graph or number, with advice for its reader.
type panel struct {
	title string
	kind  kind
	// unit is the id of a Grafana unit (grafana-data, valueFormats).
	unit string
	// advice says which values are good, and what to do about others.
	advice  string
	queries []query
	// warn and alarm are the values from which the panel is yellow and red. If alarm is
	// less than warn, the panel is yellow and red below them.
	warn, alarm float64
	width       uint32
}

type kind int

const (
	lines   kind = iota
	stacked      // lines that add up
	number       // one value, over the time range of the dashboard
	bars         // the current value of each series
	graph        // who calls whom, by Tempo; it has no queries
)

type query struct {
	expr, legend string
	// exemplars shows single measurements of a histogram, with links to their traces.
	exemplars bool
}

var traces = common.DataSourceRef{Type: new("tempo"), Uid: new("tempo")}

var source = common.DataSourceRef{Type: new("prometheus"), Uid: new("prometheus")}

func (b board) write(folder string) error {
	builder := dashboard.NewDashboardBuilder(b.title). //nolint:staticcheck // version 2 of the model is not what every Grafana provisions from a file
								Uid(b.uid).Description(b.about).Tags([]string{"wandstore"}).
								Readonly().Time("now-3h", "now").Refresh("30s").Timezone("browser").
								Tooltip(dashboard.DashboardCursorSyncCrosshair).
								Link(dashboard.NewDashboardLinkBuilder("WandStore").
									Type(dashboard.DashboardLinkTypeDashboards).Tags([]string{"wandstore"}).KeepTime(true))
	for _, r := range b.rows {
		builder.WithRow(dashboard.NewRowBuilder(r.title))
		for _, p := range r.panels {
			builder.WithPanel(p.builder())
		}
	}
	made, err := builder.Build()
	if err != nil {
		return fmt.Errorf("%s: %w", b.title, err)
	}
	text, err := json.MarshalIndent(made, "", "  ")
	if err != nil {
		return fmt.Errorf("%s: %w", b.title, err)
	}
	return os.WriteFile(filepath.Join(folder, b.uid+".json"), append(text, '\n'), 0o644) //nolint:gosec // nothing secret: Grafana reads it as another user
}

func (p panel) builder() cog.Builder[dashboard.Panel] {
	width := p.width
	if width == 0 {
		width = 8
	}
	switch p.kind {
	case number:
		b := stat.NewPanelBuilder().Title(p.title).Description(p.advice).Datasource(source).
			Unit(p.unit).Thresholds(p.thresholds()).Height(5).Span(width).
			GraphMode(common.BigValueGraphModeArea).ColorMode(common.BigValueColorModeValue).
			ReduceOptions(common.NewReduceDataOptionsBuilder().Calcs([]string{"lastNotNull"}))
		return b.Targets(p.targets())
	case bars:
		b := bargauge.NewPanelBuilder().Title(p.title).Description(p.advice).Datasource(source).
			Unit(p.unit).Min(0).Thresholds(p.thresholds()).Height(9).Span(width).
			Orientation(common.VizOrientationHorizontal).
			ReduceOptions(common.NewReduceDataOptionsBuilder().Calcs([]string{"lastNotNull"}))
		return b.Targets(p.targets())
	case graph:
		return nodegraph.NewPanelBuilder().Title(p.title).Description(p.advice).Datasource(traces).Unit(p.unit).Height(12).Span(width).
			Targets([]cog.Builder[variants.Dataquery]{tempo.NewDataqueryBuilder().QueryType("serviceMap").Datasource(traces).RefId("A")})
	default:
		b := timeseries.NewPanelBuilder().Title(p.title).Description(p.advice).Datasource(source).
			Unit(p.unit).Min(0).Height(8).Span(width).LineWidth(1).FillOpacity(8).
			ShowPoints(common.VisibilityModeNever).Thresholds(p.thresholds()).
			Tooltip(common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeMulti).Sort(common.SortOrderDescending)).
			Legend(common.NewVizLegendOptionsBuilder().ShowLegend(true).DisplayMode(common.LegendDisplayModeList).Placement(common.LegendPlacementBottom))
		if p.warn != 0 || p.alarm != 0 {
			b.ThresholdsStyle(common.NewGraphThresholdsStyleConfigBuilder().Mode(common.GraphThresholdsStyleModeDashed))
		}
		if p.kind == stacked {
			b.FillOpacity(30).Stacking(common.NewStackingConfigBuilder().Mode(common.StackingModeNormal))
		}
		return b.Targets(p.targets())
	}
}

func (p panel) targets() []cog.Builder[variants.Dataquery] {
	all := make([]cog.Builder[variants.Dataquery], 0, len(p.queries))
	for i, q := range p.queries {
		all = append(all, prometheus.NewDataqueryBuilder().
			Expr(q.expr).LegendFormat(q.legend).Exemplar(q.exemplars).Datasource(source).RefId(string(rune('A'+i))))
	}
	return all
}

// thresholds returns the values at which the colour changes to green, yellow and red.
func (p panel) thresholds() *dashboard.ThresholdsConfigBuilder {
	step := func(from float64, colour string) dashboard.Threshold {
		return dashboard.Threshold{Value: &from, Color: colour}
	}
	steps := []dashboard.Threshold{{Color: "green"}}
	switch {
	case p.alarm > p.warn:
		steps = append(steps, step(p.warn, "yellow"), step(p.alarm, "red"))
	case p.alarm < p.warn:
		steps = []dashboard.Threshold{{Color: "red"}, step(p.alarm, "yellow"), step(p.warn, "green")}
	}
	return dashboard.NewThresholdsConfigBuilder().Mode(dashboard.ThresholdsModeAbsolute).Steps(steps)
}

// quantiles returns a query with exemplars for each quantile of the histogram's series that
// match the selector.
func quantiles(metric, selector, by, legend string, qs ...string) []query {
	group := "le"
	if by != "" {
		group += ", " + by
	}
	all := make([]query, 0, len(qs))
	for _, q := range qs {
		all = append(all, query{
			expr:      fmt.Sprintf("histogram_quantile(%s, sum by (%s) (rate(%s_bucket%s[$__rate_interval])))", q, group, metric, selector),
			legend:    "p" + q[2:] + legend,
			exemplars: true,
		})
	}
	return all
}

// perSecond returns a query for a counter's rate, with a line for each value of the label.
func perSecond(metric, by string) []query {
	return []query{{expr: fmt.Sprintf("sum by (%s) (rate(%s[$__rate_interval]))", by, metric), legend: "{{" + by + "}}"}}
}

// worst returns a query for the maximum of a gauge that several processes report, by label.
func worst(metric, by string) []query {
	return []query{{expr: fmt.Sprintf("max by (%s) (%s)", by, metric), legend: "{{" + by + "}}"}}
}

func one(expr, legend string) []query { return []query{{expr: expr, legend: legend}} }
