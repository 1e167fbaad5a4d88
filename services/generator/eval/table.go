package eval

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
)

// median is the middle of the values, 0 of none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// most is the highest of the values, 0 of none.
func most(values []float64) float64 { return slices.Max(append(values, 0)) }

// write prints the result as tables, beside that of the last run if there is one.
func (r *Result) write(w io.Writer, before *Result) {
	fmt.Fprintf(w, "\n%d of %d sessions with %s, prompt %s, seed %d\n", len(r.Sessions), r.Planned, r.Model, r.PromptVersion, r.Seed)
	if r.Stopped != "" {
		fmt.Fprintf(w, "stopped early: %s\n", r.Stopped)
	}
	if before != nil {
		fmt.Fprintf(w, "compared to %s: %d sessions with %s, prompt %s, seed %d\n",
			before.At.Format("2006-01-02 15:04"), len(before.Sessions), before.Model, before.PromptVersion, before.Seed)
	}
	row := func(name string, cells ...any) {
		fmt.Fprintf(w, "%-46s %12v %12v  %v\n", append([]any{name}, cells...)...)
	}
	fmt.Fprintln(w)
	row("", "now", "last", "change")
	for _, f := range r.Figures {
		last, change := "", ""
		if old, ok := before.figure(f.Name); ok {
			last, change = old.String(), f.change(old)
		}
		row(f.Name, f, last, change)
	}
	r.writeCounts(row, "rules broken, in answers", before, func(r *Result) map[string]int { return r.Broken })
	r.writeCounts(row, "sections dropped, for", before, func(r *Result) map[string]int { return r.Dropped })
	r.writeCounts(row, "sessions without a design, for", before, func(r *Result) map[string]int { return r.Failed })
}

// writeCounts prints counts by name, the highest first.
func (r *Result) writeCounts(row func(name string, cells ...any), title string, before *Result, of func(*Result) map[string]int) {
	now := of(r)
	if len(now) == 0 {
		return
	}
	row("\n"+title, "", "", "")
	for _, name := range slices.SortedFunc(maps.Keys(now), func(a, b string) int {
		return cmp.Or(cmp.Compare(now[b], now[a]), cmp.Compare(a, b))
	}) {
		var last any = ""
		if before != nil {
			last = of(before)[name]
		}
		row("  "+name, now[name], last, "")
	}
}

// figure finds a figure; false in a result that is nil.
func (r *Result) figure(name string) (Figure, bool) {
	if r == nil {
		return Figure{}, false
	}
	i := slices.IndexFunc(r.Figures, func(f Figure) bool { return f.Name == name })
	if i < 0 {
		return Figure{}, false
	}
	return r.Figures[i], true
}

// String is the value with its unit.
func (f Figure) String() string {
	switch f.Unit {
	case "%":
		return fmt.Sprintf("%.1f %%", f.Value)
	case "$":
		return fmt.Sprintf("$%.5f", f.Value)
	case "s":
		return fmt.Sprintf("%.2f s", f.Value)
	default:
		return fmt.Sprintf("%.4g", f.Value)
	}
}

// change is the difference to an earlier figure, and whether it is for the better.
func (f Figure) change(old Figure) string {
	more := f.Value > old.Value
	difference := Figure{Value: math.Abs(f.Value - old.Value), Unit: f.Unit}.String()
	switch {
	case f.String() == old.String():
		return "="
	case more:
		difference = "+" + difference
	default:
		difference = "-" + difference
	}
	switch {
	case f.Wanted == "":
		return difference
	case (f.Wanted == "more") == more:
		return difference + " better"
	default:
		return difference + " worse"
	}
}
