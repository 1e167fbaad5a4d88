package operate_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/freeport"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
)

// A first Ctrl-C lets a running job end; the page is there afterwards.
func TestInterruptDrains(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	e := w.StartEdge()
	gate := w.Sim.Gate()
	g := w.StartGenerator()
	e.Visit(t, "magic-wands", "draining")
	select {
	case <-gate.Arrived():
	case <-time.After(eventually.Patience):
		t.Fatal("the job is not started")
	}
	stopped := make(chan struct{})
	go func() { defer close(stopped); g.Stop() }()
	eventually.True(t, "the generator takes no more jobs", func() bool {
		_, err := world.Client.Get(g.Base + "/health")
		return err != nil
	})
	gate.Open()
	<-stopped
	if hit := e.Visit(t, "magic-wands", "draining"); hit.Header.Get("X-Cache") != "HIT" {
		t.Error(fmt.Sprint("the running job was not finished: ", hit.Header))
	}
}

// With every member cold the process ends, and not before.
func TestExitWhenIdle(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	gate := w.Sim.Gate()
	e := w.StartEdge()
	addr := freeport.Addr(t)
	g := w.GeneratorCommand("GENERATOR_ADDR="+addr, "EXIT_WHEN_IDLE=true", "CONTAINER_INACTIVITY_TIMEOUT_MS=2000")
	log := &world.Log{}
	g.Stderr = log
	if err := g.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- g.Wait() }()
	e.Visit(t, "magic-wands", "last")
	select {
	case <-gate.Arrived():
	case <-time.After(eventually.Patience):
		t.Fatalf("the job is not started: %s", log)
	}
	select {
	case err := <-ended:
		t.Fatalf("it ended with a job running: %v: %s", err, log)
	case <-time.After(4 * time.Second):
		// Twice the time after which idle members are cold.
	}
	gate.Open()
	e.BecomesHit(t, "magic-wands", "last")
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("it ended badly: %v: %s", err, log)
		}
	case <-time.After(eventually.Patience):
		t.Errorf("it does not end: %s", log)
	}
}
