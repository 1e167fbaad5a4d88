package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// figures are what was measured, by the name of the row's column.
type figures map[string]float64

// contender does a row's work.
type contender struct {
	name string
	// measure works for about d. Its error wraps errMissing if a peer is not installed.
	measure func(ctx context.Context, d time.Duration) (figures, error)
}

// row is one kind of work. Its first contender is ours.
type row struct {
	name, title, what string
	// columns are the figures in the order of the table. The ratio is of the first.
	columns []string
	goals   []goal
	// together has all runs of all contenders be measured at once. That is for work that waits.
	together bool
	setUp    func(ctx context.Context, l *lab) ([]contender, error)
}

// goal is what our median of a column has to be.
type goal struct {
	column string
	// atMost is for columns of which less is better.
	atMost bool
	// limit is a number of the column's unit or, with a peer, of what the peer has.
	limit float64
	peer  string
}

// result is what was measured of a row.
type result struct {
	row        row
	contenders []string
	// samples has a run's figures each.
	samples map[string][]figures
	// errs has the first error of those that have one.
	errs map[string]error
}

func rows() []row {
	return []row{
		hitRow(), missRow("miss1", 1), missRow("miss64", 64), queueRow(), idleRow(), killRow(), generatorRow(), storedRow(), callsRow(), startRow(),
	}
}

// inLabOfItsOwn has one contender begin each run with an empty lab.
func inLabOfItsOwn(name string, measure func(ctx context.Context, l *lab, d time.Duration) (figures, error)) func(context.Context, *lab) ([]contender, error) {
	return func(_ context.Context, l *lab) ([]contender, error) {
		return []contender{{name, func(ctx context.Context, d time.Duration) (figures, error) {
			inner, err := l.inner()
			if err != nil {
				return nil, err
			}
			defer inner.end()
			return measure(ctx, inner, d)
		}}}, nil
	}
}

func rowNames() []string {
	var names []string
	for _, r := range rows() {
		names = append(names, r.name)
	}
	return names
}

// choose returns the rows of a list of names.
func choose(only string) ([]row, error) {
	if only == "" {
		return rows(), nil
	}
	var chosen []row
	for name := range strings.SplitSeq(only, ",") {
		i := slices.Index(rowNames(), name)
		if i < 0 {
			return nil, fmt.Errorf("-only: no row is named %q", name)
		}
		chosen = append(chosen, rows()[i])
	}
	return chosen, nil
}

// measure measures the rows one after the other.
func (o options) measure(ctx context.Context, l *lab, chosen []row) []*result {
	var results []*result
	for _, r := range chosen {
		if ctx.Err() == nil {
			results = append(results, o.row(ctx, l, r))
		}
	}
	return results
}

func (o options) row(ctx context.Context, l *lab, r row) *result {
	res := &result{row: r, samples: map[string][]figures{}, errs: map[string]error{}}
	inner, err := l.inner()
	if err != nil {
		res.errs[""] = err
		return res
	}
	defer inner.end()
	contenders, err := r.setUp(ctx, inner)
	if err != nil {
		res.errs[""] = fmt.Errorf("set up: %w", err)
		fmt.Fprintf(os.Stderr, "# %s: %v\n", r.name, err)
		return res
	}
	var mu sync.Mutex
	one := func(c contender) {
		f, err := c.measure(ctx, o.each)
		mu.Lock()
		defer mu.Unlock()
		res.add(c.name, f, err)
	}
	var together sync.WaitGroup
	for range o.runs {
		for _, c := range contenders {
			if r.together {
				together.Go(func() { one(c) })
			} else {
				one(c)
			}
		}
	}
	together.Wait()
	for _, c := range contenders {
		res.contenders = append(res.contenders, c.name)
	}
	return res
}

// add notes a contender's figures of one run, and prints them as Go's benchmarks do.
func (r *result) add(name string, f figures, err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "# %s, %s: %v\n", r.row.name, name, err)
		if r.errs[name] == nil {
			r.errs[name] = err
		}
		return
	}
	r.samples[name] = append(r.samples[name], f)
	fmt.Fprintf(os.Stderr, "BenchmarkPeers/%s/%s\t1", r.row.name, strings.ReplaceAll(name, " ", "_"))
	for _, column := range r.row.columns {
		fmt.Fprintf(os.Stderr, "\t%.4g %s", f[column], strings.ReplaceAll(column, " ", "-"))
	}
	fmt.Fprintln(os.Stderr)
}

// failures is what went wrong, apart from peers that are not installed.
func failures(results []*result) error {
	var errs []error
	for _, r := range results {
		for name, err := range r.errs {
			if !errors.Is(err, errMissing) {
				errs = append(errs, fmt.Errorf("%s, %s: %w", r.row.name, name, err))
			}
		}
	}
	return errors.Join(errs...)
}
