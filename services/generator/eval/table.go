package eval

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"text/tabwriter"
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

// print writes the result as tables, beside that of the last run if there is one.
func (r *Result) print(w io.Writer, before *Result) error {
	fmt.Fprintf(w, "\n%d of %d sessions with %s, prompt %s, seed %d\n", len(r.Sessions), r.Planned, r.Model, r.PromptVersion, r.Seed)
	if r.Stopped != "" {
		fmt.Fprintf(w, "stopped early: %s\n", r.Stopped)
	}
	if before != nil {
		fmt.Fprintf(w, "compared to %s: %d sessions with %s, prompt %s, seed %d\n",
			before.At.Format("2006-01-02 15:04"), len(before.Sessions), before.Model, before.PromptVersion, before.Seed)
	}
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\tnow\tlast\tchange\t")
	for _, f := range r.Figures {
		last, change := "", ""
		if old, ok := before.figure(f.Name); ok {
			last, change = old.String(), f.change(old)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t\n", f.Name, f, last, change)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, list := range []struct {
		title       string
		now, before map[string]int
	}{
		{"rules broken, in answers", r.Broken, before.counts(func(r *Result) map[string]int { return r.Broken })},
		{"sections dropped, for", r.Dropped, before.counts(func(r *Result) map[string]int { return r.Dropped })},
		{"sessions without a design, for", r.Failed, before.counts(func(r *Result) map[string]int { return r.Failed })},
	} {
		names := slices.SortedFunc(maps.Keys(list.now), func(a, b string) int {
			return cmp.Or(cmp.Compare(list.now[b], list.now[a]), cmp.Compare(a, b))
		})
		if len(names) == 0 {
			continue
		}
		fmt.Fprintf(t, "\n%s\t\t\t\t\n", list.title)
		for _, name := range names {
			last := ""
			if list.before != nil {
				last = fmt.Sprint(list.before[name])
			}
			fmt.Fprintf(t, "%s\t%d\t%s\t\t\n", name, list.now[name], last)
		}
	}
	return t.Flush()
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

func (r *Result) counts(of func(*Result) map[string]int) map[string]int {
	if r == nil {
		return nil
	}
	return of(r)
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
