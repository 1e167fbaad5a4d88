package faults_test

import (
	"net/http"
	"strings"
	"testing"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
)

// NATS comes back without what it kept. Everything is made again and works, without a
// restart of edge or generator, and jobs that were lost are asked for again.
func TestNATSComesBackEmpty(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.OwnNATS)
	w.Pool.PoolSize = 1
	e := w.StartEdge()
	g := w.StartGenerator()
	e.Visit(t, "magic-wands", "before")
	e.BecomesHit(t, "magic-wands", "before")
	gate := w.Sim.Gate()
	e.Visit(t, "magic-wands", "running")
	eventually.Receive(t, gate.Arrived(), "job")
	e.Visit(t, "magic-wands", "waiting")
	eventually.True(t, "it is queued", func() bool { return e.GenerationStatus(t, "magic-wands", "waiting")["state"] == "queued" })

	w.NATSServer.RestartEmpty()
	eventually.True(t, "the edge and the generator tell what was lost", func() bool {
		return strings.Contains(e.Log.String(), `"lost":["GENERATION"`) && strings.Contains(g.Log.String(), `"lost":["GENERATION"`) &&
			strings.Contains(world.Get(t, e.Base+"/health").Body, "lost and made anew") && strings.Contains(world.Get(t, g.Base+"/health").Body, "lost and made anew")
	})
	e.Ready(t)
	if hit := e.Visit(t, "magic-wands", "before"); hit.Header.Get("X-Cache") != "HIT" {
		t.Errorf("a page that the object store has: %s", hit.Header.Get("X-Cache"))
	}
	// The job whose model was asked goes on, and the model is not asked again.
	eventually.True(t, "its record is written anew", func() bool { return e.GenerationStatus(t, "magic-wands", "running")["state"] == "running" })
	gate.Open()
	e.BecomesHit(t, "magic-wands", "running")
	e.BecomesHit(t, "magic-wands", "waiting")
	e.Visit(t, "magic-wands", "after")
	e.BecomesHit(t, "magic-wands", "after")
	_, js := w.Connect()
	eventually.True(t, "all jobs are settled", func() bool { return len(w.Waiting(js)) == 0 })
	if n := len(w.Sim.Requests()); n != 4 {
		t.Errorf("the model was asked %d times for four pages", n)
	}
	if a := world.Get(t, g.Base+"/health"); a.Status != http.StatusOK {
		t.Errorf("the generator: %d %s", a.Status, a.Body)
	}
}

// A stream, a bucket or a consumer that is lost alone is made again as well.
func TestOneThingIsLost(t *testing.T) {
	t.Parallel()
	for what, lost := range map[string]string{
		"the queue": wandnats.StreamGeneration, "the dead letters": wandnats.StreamDead,
		"the job records": "KV_" + wandnats.BucketJobs, "the pages": "KV_" + wandnats.BucketPages, "a pool member": wandnats.Member(0),
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := world.New(t)
			w.Pool.PoolSize = 1
			e := w.StartEdge()
			g := w.StartGenerator()
			gate := w.Sim.Gate()
			e.Visit(t, "magic-wands", "running")
			eventually.Receive(t, gate.Arrived(), "job")
			e.Visit(t, "magic-wands", "waiting")
			eventually.True(t, "it is queued", func() bool { return e.GenerationStatus(t, "magic-wands", "waiting")["state"] == "queued" })
			_, js := w.Connect()
			err := js.DeleteStream(t.Context(), lost)
			if lost == wandnats.Member(0) {
				err = js.DeleteConsumer(t.Context(), wandnats.StreamGeneration, lost)
			}
			if err != nil {
				t.Fatal(err)
			}
			eventually.True(t, "it is told of and there again", func() bool {
				_, err := js.Stream(t.Context(), lost)
				if lost == wandnats.Member(0) {
					_, err = js.Consumer(t.Context(), wandnats.StreamGeneration, lost)
				}
				said := e.Log.String() + g.Log.String()
				return err == nil && (strings.Contains(said, `"missing":["`+lost+`"`) || strings.Contains(said, `"lost":["`+lost+`"`))
			})
			gate.Open()
			e.BecomesHit(t, "magic-wands", "running")
			e.BecomesHit(t, "magic-wands", "waiting")
			eventually.True(t, "all jobs are settled", func() bool { return len(w.Waiting(js)) == 0 })
			if n := len(w.Sim.Requests()); n != 2 {
				t.Errorf("the model was asked %d times for two pages", n)
			}
			e.Ready(t)
		})
	}
}
