package operate_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/freeport"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
	"github.com/wandstore/wandstore/services/generator"
)

// The first Ctrl-C lets a running job finish; its page is stored.
func TestInterruptDrains(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	e := w.StartEdge()
	gate := w.Sim.Gate()
	g := w.StartGenerator(func(c *generator.Config) { c.ShutdownGrace = eventually.Patience })
	e.Visit(t, "magic-wands", "draining")
	eventually.Receive(t, gate.Arrived(), "job")
	stopped := make(chan struct{})
	go func() { defer close(stopped); g.Stop() }()
	eventually.True(t, "the generator takes no more jobs", func() bool {
		res, err := world.Client.Get(g.Base + "/health")
		if err == nil {
			_ = res.Body.Close()
		}
		return err != nil
	})
	gate.Open()
	<-stopped
	if hit := e.Visit(t, "magic-wands", "draining"); hit.Header.Get("X-Cache") != "HIT" {
		t.Error(fmt.Sprint("the running job was not finished: ", hit.Header))
	}
}

// With EXIT_WHEN_IDLE the process ends once every member is cold, and not before.
func TestExitWhenIdle(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	gate := w.Sim.Gate()
	e := w.StartEdge()
	addr := freeport.Addr(t)
	// Its first job has to reach it in that time.
	const inactivity = 3 * time.Second
	// The job is there before the generator, which must not be idle before it.
	e.Visit(t, "magic-wands", "last")
	g := w.GeneratorCommand("GENERATOR_ADDR="+addr, "EXIT_WHEN_IDLE=true", fmt.Sprint("CONTAINER_INACTIVITY_TIMEOUT_MS=", inactivity.Milliseconds()))
	log := &world.Log{}
	g.Stderr = log
	if err := g.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- g.Wait() }()
	eventually.Receive(t, gate.Arrived(), "job")
	// Idle members are cold after the inactivity, and it looks four times as often.
	eventually.True(t, "all other members are cold for as long again", func() bool {
		select {
		case err := <-ended:
			t.Fatalf("it ended with a job running: %v: %s", err, log)
		default:
		}
		return idleFor(t, "http://"+addr, 2*inactivity) == w.Pool.PoolSize-1
	})
	gate.Open()
	e.BecomesHit(t, "magic-wands", "last")
	if err := eventually.Receive(t, ended, "end of the generator"); err != nil {
		t.Errorf("it ended badly: %v: %s", err, log)
	}
}

// idleFor is how many members of a generator were last active that long ago.
func idleFor(t *testing.T, base string, least time.Duration) (n int) {
	t.Helper()
	var health struct {
		Members []struct {
			Running    int
			LastActive time.Time
		}
	}
	if err := json.Unmarshal([]byte(world.Get(t, base+"/health").Body), &health); err != nil {
		t.Fatal(err)
	}
	for _, m := range health.Members {
		if m.Running == 0 && time.Since(m.LastActive) > least {
			n++
		}
	}
	return n
}
