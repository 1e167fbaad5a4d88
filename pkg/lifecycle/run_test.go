package lifecycle_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wandstore/wandstore/pkg/lifecycle"
)

// notes records events in order.
type notes struct {
	mu  sync.Mutex
	all []string
}

func (n *notes) add(s string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, s)
}

func (n *notes) get() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.all)
}

// part runs until its context ends, and then notes its name.
func part(name string, n *notes, started *sync.WaitGroup) lifecycle.Part {
	started.Add(1)
	return lifecycle.Part{Name: name, Run: func(ctx context.Context) error {
		started.Done()
		<-ctx.Done()
		n.add(name)
		return ctx.Err()
	}}
}

func TestRunStopsInReverse(t *testing.T) {
	var n notes
	var started sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	parts := []lifecycle.Part{part("nats", &n, &started), part("pool", &n, &started), part("http", &n, &started)}
	go func() {
		started.Wait() // all parts run at the same time
		cancel()
	}()
	if err := lifecycle.Run(ctx, parts...); err != nil {
		t.Errorf("got %v, want nil when all stopped as asked", err)
	}
	if got := n.get(); !slices.Equal(got, []string{"http", "pool", "nats"}) {
		t.Errorf("stopped in the order %v", got)
	}
}

// A part is not stopped before the next one has ended.
func TestRunWaitsForTheNextPart(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stopping, release := make(chan struct{}), make(chan struct{})
	contexts := make(chan context.Context, 1)
	ended := make(chan error, 1)
	go func() {
		ended <- lifecycle.Run(ctx,
			lifecycle.Part{Name: "base", Run: func(ctx context.Context) error {
				contexts <- ctx
				<-ctx.Done()
				return nil
			}},
			lifecycle.Part{Name: "slow", Run: func(ctx context.Context) error {
				<-ctx.Done()
				close(stopping)
				<-release
				return nil
			}})
	}()
	base := <-contexts
	cancel()
	<-stopping
	if base.Err() != nil {
		t.Error("the base was stopped before the part that depends on it")
	}
	close(release)
	if err := <-ended; err != nil || base.Err() == nil {
		t.Errorf("got %v, base %v", err, base.Err())
	}
}

func TestRunEndsWithAPart(t *testing.T) {
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		err, want error
		text      string
	}{
		"that fails":       {broken, broken, "pool: broken"},
		"that just ends":   {nil, nil, ""},
		"that is canceled": {context.Canceled, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var n notes
			var started sync.WaitGroup
			first, last := part("nats", &n, &started), part("http", &n, &started)
			err := lifecycle.Run(t.Context(), first, lifecycle.Part{Name: "pool", Run: func(context.Context) error {
				started.Wait()
				return c.err
			}}, last)
			if !errors.Is(err, c.want) || (c.want == nil) != (err == nil) || (err != nil && err.Error() != c.text) {
				t.Errorf("got %v, want %q", err, c.text)
			}
			if got := n.get(); !slices.Equal(got, []string{"http", "nats"}) {
				t.Errorf("stopped: %v", got)
			}
		})
	}
}

func TestRunReturnsAllErrors(t *testing.T) {
	one, two := errors.New("one is broken"), errors.New("two is broken")
	err := lifecycle.Run(t.Context(),
		lifecycle.Part{Name: "first", Run: func(ctx context.Context) error { <-ctx.Done(); return one }},
		lifecycle.Part{Name: "second", Run: func(context.Context) error { return two }})
	if !errors.Is(err, one) || !errors.Is(err, two) {
		t.Errorf("got %v", err)
	}
}

func TestRunNamesAHungPart(t *testing.T) {
	var n notes
	var started sync.WaitGroup
	release, left := make(chan struct{}), make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	base := part("nats", &n, &started)
	hung := lifecycle.Part{Name: "pool", StopTimeout: 20 * time.Millisecond, Run: func(context.Context) error {
		defer close(left)
		<-release
		return nil
	}}
	go func() {
		started.Wait()
		cancel()
	}()
	err := lifecycle.Run(ctx, base, hung)
	if err == nil || !strings.Contains(err.Error(), "pool: did not stop within 20ms") {
		t.Errorf("got %v", err)
	}
	if !slices.Equal(n.get(), []string{"nats"}) {
		t.Errorf("stopped: %v, want the parts before the hung one all the same", n.get())
	}
	close(release)
	<-left
}

func TestRunWithoutParts(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := lifecycle.Run(ctx); err != nil {
		t.Errorf("got %v", err)
	}
}
