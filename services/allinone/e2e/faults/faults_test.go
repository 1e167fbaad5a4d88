package faults_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/freeport"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
)

// The job of a killed generator is redelivered after the ack wait, and its page is stored
// once.
func TestGeneratorKilledInMidJob(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	e := w.StartEdge()
	_, js := w.Connect()
	gate := w.Sim.Gate()

	addr := freeport.Addr(t)
	victim := w.GeneratorCommand("GENERATOR_ADDR=" + addr)
	log := &world.Log{}
	victim.Stderr = log
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	(&world.Process{Base: "http://" + addr}).Healthy(t)
	// The killed worker's job is live until its ack wait is over.
	w.SetAckWait(js, 10*time.Second)
	e.Visit(t, "magic-wands", "abc123")
	select {
	case <-gate.Arrived():
	case <-time.After(eventually.Patience):
		t.Fatalf("the job is not started: %s", log)
	}
	if err := victim.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = victim.Wait()
	gate.Open()
	if a := e.Visit(t, "magic-wands", "abc123"); a.Header.Get("X-Generation") != "pending" {
		t.Errorf("the killed worker's job is still live: X-Generation %q", a.Header.Get("X-Generation"))
	}

	w.StartGenerator()
	// A generator that starts restores the definition.
	w.SetAckWait(js, time.Second)
	// Nobody visits meanwhile: once the ack wait is over, that would trigger another job.
	eventually.True(t, "the job is settled", func() bool { return len(w.Waiting(js)) == 0 })
	e.BecomesHit(t, "magic-wands", "abc123")
	trail := world.Get(t, e.Base+"/debug/errors?store=magic-wands&shopper=abc123").Body
	if n := strings.Count(trail, `"stored"`); n != 1 {
		t.Errorf("the page was stored %d times, want once: %s", n, trail)
	}
	// A delivery that finds the record still the killed worker's waits for the next.
	if !regexp.MustCompile(`"step":"stored"[^}]*"attempt":[2-9]`).MatchString(trail) {
		t.Errorf("no second delivery in the trail: %s", trail)
	}
}

// A job whose page KV refuses in each of its deliveries becomes a dead letter, which contains
// the reason. Once KV takes it the letter can be replayed with the nats CLI, without another
// call of the model.
func TestDeadLetterIsReplayed(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	e := w.StartEdge()
	w.StartGenerator()
	_, js := w.Connect()
	w.LimitDeliveries(js, 2)
	allow := w.RefusePages(js)

	e.Visit(t, "magic-wands", "abc123")
	// The page is in MinIO meanwhile.
	e.BecomesHit(t, "magic-wands", "abc123")
	dead, err := js.Stream(t.Context(), wandnats.StreamDead)
	if err != nil {
		t.Fatal(err)
	}
	eventually.True(t, "a dead letter", func() bool {
		info, err := dead.Info(t.Context())
		return err == nil && info.State.Msgs == 1
	})
	eventually.True(t, "its place in the queue is free", func() bool { return len(w.Waiting(js)) == 0 })
	letter, err := dead.GetMsg(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`"poolMember"`, `"reason"`, `store page`, `"attempts"`, `abc123`, `"traceparent"`} {
		if !strings.Contains(string(letter.Data), part) {
			t.Errorf("the letter lacks %s: %s", part, letter.Data)
		}
	}
	if a := world.Get(t, e.Base+"/debug/errors?store=magic-wands&shopper=abc123"); !strings.Contains(a.Body, `"dead"`) {
		t.Errorf("/debug/errors does not tell: %s", a.Body)
	}

	allow()
	asked := len(w.Sim.Requests())
	out := w.CLI("req", wandnats.SubjectReplay, `{"sequence":1}`)
	if !strings.Contains(out, `"poolMember":"pool-3"`) {
		t.Errorf("nats req: %s", out)
	}
	eventually.True(t, "the page is in KV", func() bool {
		_, err := w.KV(wandnats.BucketPages).Get(t.Context(), wandnats.PageKey("magic-wands", "abc123"))
		return err == nil && len(w.Waiting(js)) == 0
	})
	if n := len(w.Sim.Requests()); n != asked {
		t.Errorf("the replay asked the model again: %d requests, then %d", asked, n)
	}
	info, err := dead.Info(t.Context())
	if err != nil || info.State.Msgs != 0 {
		t.Errorf("the letter is still there: %v, %v", info.State.Msgs, err)
	}
	for ask, code := range map[string]string{`{"sequence":1}`: "404", `{}`: "400", `nonsense`: "400"} {
		if out := w.CLI("req", wandnats.SubjectReplay, ask); !strings.Contains(out, code) {
			t.Errorf("nats req %s: no %s in %s", ask, code, out)
		}
	}
}
