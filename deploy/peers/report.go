package main

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/perf/benchmath"
)

// report is what a run was and found.
type report struct {
	began time.Time
	options
	machine

	results []*result
}

func (r report) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Benchmarks\n\nMeasured on %s at commit %s by `task bench:peers` (%d runs, %v for each contender in each), which writes this page. "+
		"The contenders of a row took turns on the same processors and the same disk, with the same payload, durability and number of clients, and with the client beside them: "+
		"ratios count, figures are this machine's. Each figure is the median of the runs, ± benchstat's spread about it.\n\n",
		r.began.Format(time.DateOnly), r.commit, r.runs, r.each)
	for _, fact := range append(r.facts, strings.Join(r.versions, ", ")) {
		fmt.Fprintf(&b, "- %s\n", fact)
	}
	for _, res := range r.results {
		res.write(&b)
	}
	return b.String() + elsewhere
}

// elsewhere is where the figures are that have no peers.
const elsewhere = `
## Elsewhere

` + "`task bench`" + ` measures parts alone, to be compared by benchstat. What a page weighs and how many of them an edge keeps is in [capacity.md](capacity.md) and held to by tests.
`

// write writes a row's section.
func (r *result) write(b *strings.Builder) {
	fmt.Fprintf(b, "\n## %s\n\n%s\n\n", r.row.title, r.row.what)
	if err := r.errs[""]; err != nil {
		fmt.Fprintf(b, "Not measured: %v.\n", err)
		return
	}
	table := [][]string{append([]string{""}, r.row.columns...)}
	if len(r.contenders) > 1 {
		table[0] = append(table[0], "ours ÷ theirs, "+r.row.columns[0])
	}
	ours := r.contenders[0]
	for _, name := range r.contenders {
		line := []string{name}
		for _, column := range r.row.columns {
			line = append(line, r.median(name, column).String())
		}
		if name != ours {
			line = append(line, r.ratio(ours, name, r.row.columns[0]))
		}
		table = append(table, line)
	}
	writeTable(b, table)
	for _, name := range r.contenders {
		switch err := r.errs[name]; {
		case errors.Is(err, errMissing):
			fmt.Fprintf(b, "\n%s: %v.\n", name, err)
		case err != nil:
			fmt.Fprintf(b, "\n%s failed: %v.\n", name, err)
		}
	}
	for i, g := range r.row.goals {
		if i == 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(b, "- %s\n", r.judge(g))
	}
}

// median is a figure over the runs.
type median struct {
	benchmath.Summary

	runs int
}

// confidence is the most that three runs can have: their spread is from the least to the most.
const confidence = 0.75

func (r *result) median(name, column string) median {
	var values []float64
	for _, f := range r.samples[name] {
		values = append(values, f[column])
	}
	if len(values) == 0 {
		return median{}
	}
	return median{benchmath.AssumeNothing.Summary(benchmath.NewSample(values, &benchmath.DefaultThresholds), confidence), len(values)}
}

func (m median) String() string {
	switch {
	case m.runs == 0:
		return "-"
	case m.runs < 3 || m.Center == 0:
		return number(m.Center)
	}
	return number(m.Center) + " ± " + m.PctRangeString()
}

// number has three digits that count.
func number(x float64) string {
	switch {
	case x >= 100:
		return fmt.Sprintf("%.0f", x)
	case x >= 10:
		return fmt.Sprintf("%.1f", x)
	case x == 0:
		return "0"
	}
	return fmt.Sprintf("%.2f", x)
}

func (r *result) ratio(ours, theirs, column string) string {
	a, b := r.median(ours, column), r.median(theirs, column)
	if a.runs == 0 || b.runs == 0 || b.Center == 0 {
		return "-"
	}
	return number(a.Center / b.Center)
}

// judge says whether a goal is reached.
func (r *result) judge(g goal) string {
	have := r.median(r.contenders[0], g.column)
	limit, of := g.limit, ""
	if g.peer != "" {
		peer := r.median(g.peer, g.column)
		if peer.runs == 0 {
			return fmt.Sprintf("Goal for %s not judged: %s was not measured.", g.column, g.peer)
		}
		limit, of = limit*peer.Center, fmt.Sprintf(", %s of %s", number(g.limit), g.peer)
	}
	if have.runs == 0 {
		return fmt.Sprintf("Goal for %s not judged: not measured.", g.column)
	}
	word, reached := "at least", have.Center >= limit
	if g.atMost {
		word, reached = "at most", have.Center <= limit
	}
	verdict := "reached"
	if !reached {
		verdict = "not reached"
	}
	return fmt.Sprintf("Goal: %s %s %s%s: %s.", g.column, word, number(limit), of, verdict)
}

// writeTable writes a Markdown table whose columns are as wide as on a terminal.
func writeTable(b *strings.Builder, table [][]string) {
	widths := make([]int, len(table[0]))
	for _, line := range table {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell), 3)
		}
	}
	for n, line := range table {
		for i, width := range widths {
			cell := ""
			if i < len(line) {
				cell = line[i]
			}
			fmt.Fprintf(b, "| %s%s ", cell, strings.Repeat(" ", width-utf8.RuneCountInString(cell)))
		}
		b.WriteString("|\n")
		if n == 0 {
			b.WriteString("|" + strings.Repeat(" --- |", len(widths)) + "\n")
		}
	}
}
