package jobqueue_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/jobqueue"
)

func TestTrailOfNothing(t *testing.T) {
	t.Parallel()
	p := newPool(t, one())
	breadcrumbs, problems, err := jobqueue.ReadTrail(t.Context(), p.jobs, key(t, "nobody"))
	if err != nil || breadcrumbs == nil || problems == nil || len(breadcrumbs)+len(problems) != 0 {
		t.Errorf("got %v, %v, %v, want two empty lists", breadcrumbs, problems, err)
	}
}

func TestTrailIsInOrder(t *testing.T) {
	t.Parallel()
	p := newPool(t, one())
	k := key(t, "abc123")
	const steps = 70 // more than the bucket keeps
	for i := range steps {
		p.trail.Debug(t.Context(), k, jobqueue.Breadcrumb{Step: fmt.Sprintf("step-%d", i), JobID: "job", Member: member, Attempt: 2, Detail: "detail"})
	}
	p.trail.Error(t.Context(), k, jobqueue.Breadcrumb{Step: "refused"})
	p.trail.Debug(t.Context(), key(t, "abc124"), jobqueue.Breadcrumb{Step: "another's"})
	p.complains("abc123", "refused") // the last of the key's: the others are there too
	breadcrumbs, problems, err := jobqueue.ReadTrail(t.Context(), p.jobs, k)
	if err != nil || len(breadcrumbs) != 64 || len(problems) != 1 {
		t.Fatalf("got %d and %d breadcrumbs, %v, want 64 and 1", len(breadcrumbs), len(problems), err)
	}
	for i, c := range breadcrumbs {
		if want := fmt.Sprintf("step-%d", i+steps-64); c.GetStep() != want {
			t.Errorf("breadcrumb %d: got %q, want %q", i, c.GetStep(), want)
		}
	}
	c := breadcrumbs[0]
	if c.GetJobId() != "job" || c.GetPoolMember() != member || c.GetAttempt() != 2 || c.GetDetail() != "detail" || c.GetService() != "test" || !c.GetAt().IsValid() {
		t.Errorf("breadcrumb: got %v", c)
	}
}

func TestTrailIsBounded(t *testing.T) {
	t.Parallel()
	p := newPool(t, one())
	k := key(t, "abc123")
	for _, detail := range []string{
		strings.Repeat("a", 511) + "é" + "b", strings.Repeat("世", 1000), strings.Repeat("\xff", 1000), "a\xffb", strings.Repeat("a", 100_000),
	} {
		p.trail.Error(t.Context(), k, jobqueue.Breadcrumb{Step: "hostile", Detail: detail})
	}
	p.trail.Error(t.Context(), k, jobqueue.Breadcrumb{Step: "end"})
	p.complains("abc123", "end")
	_, problems, err := jobqueue.ReadTrail(t.Context(), p.jobs, k)
	if err != nil || len(problems) != 6 {
		t.Fatalf("got %d breadcrumbs, %v, want 6", len(problems), err)
	}
	for _, c := range problems {
		if len(c.GetDetail()) > 512 || !utf8.ValidString(c.GetDetail()) {
			t.Errorf("detail of %d bytes: %q", len(c.GetDetail()), c.GetDetail())
		}
	}
	if got := problems[0].GetDetail(); got != strings.Repeat("a", 511) {
		t.Errorf("cut within a rune: got %d bytes, want the 511 before it", len(got))
	}
	if got := problems[3].GetDetail(); got != "a\uFFFDb" {
		t.Errorf("not UTF-8: got %q", got)
	}
}

// takesBatches has the stream of the job records take atomic batches, or none, as an earlier
// release made it.
func (p *pool) takesBatches(batches bool) jetstream.Stream {
	p.t.Helper()
	stream, info := p.stream("KV_" + wandnats.BucketJobs)
	info.Config.AllowAtomicPublish = batches
	if _, err := p.js.UpdateStream(p.t.Context(), info.Config); err != nil {
		p.t.Fatal(err)
	}
	return stream
}

// A flood of breadcrumbs is written in batches, where the stream takes them, and each trail
// is whole and in order.
func TestTrailInAFlood(t *testing.T) {
	t.Parallel()
	for name, batches := range map[string]bool{"in batches": true, "into a stream of an earlier release": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPool(t, one())
			stream := p.takesBatches(batches)
			const shoppers, steps = 30, 60
			for step := range steps {
				for n := range shoppers {
					p.trail.Debug(t.Context(), key(t, fmt.Sprintf("shopper-%d", n)), jobqueue.Breadcrumb{Step: fmt.Sprintf("step-%d", step)})
				}
			}
			eventually.NoError(t, func() error {
				info, err := stream.Info(t.Context())
				if err == nil && info.State.Msgs != shoppers*steps {
					err = fmt.Errorf("%d breadcrumbs, want %d", info.State.Msgs, shoppers*steps)
				}
				return err
			})
			for n := range shoppers {
				breadcrumbs, _, err := jobqueue.ReadTrail(t.Context(), p.jobs, key(t, fmt.Sprintf("shopper-%d", n)))
				if err != nil || len(breadcrumbs) != steps {
					t.Fatalf("shopper %d: %d breadcrumbs, %v, want %d", n, len(breadcrumbs), err, steps)
				}
				for step, c := range breadcrumbs {
					if want := fmt.Sprintf("step-%d", step); c.GetStep() != want {
						t.Fatalf("shopper %d: breadcrumb %d is %q, want %q", n, step, c.GetStep(), want)
					}
				}
			}
		})
	}
}

// Somebody else's writing does not hide the rest.
func TestTrailWithAnUnreadableCrumb(t *testing.T) {
	t.Parallel()
	p := newPool(t, one())
	k := key(t, "abc123")
	if _, err := p.jobs.PutString(t.Context(), wandnats.ErrorKey("magic-wands", "abc123"), "wand"); err != nil {
		t.Fatal(err)
	}
	p.trail.Error(t.Context(), k, jobqueue.Breadcrumb{Step: "end"})
	p.complains("abc123", "end")
	_, problems, err := jobqueue.ReadTrail(t.Context(), p.jobs, k)
	if err != nil || len(problems) != 2 || problems[0].GetStep() != "unreadable" {
		t.Errorf("got %v, %v", problems, err)
	}
}

// What a job leaves behind for whoever asks why.
func TestTrailOfAJob(t *testing.T) {
	t.Parallel()
	p := newPool(t, one())
	p.trigger("abc123")
	p.work().next().answer <- nil
	eventually.NoError(t, func() error {
		breadcrumbs, _, err := jobqueue.ReadTrail(t.Context(), p.jobs, key(t, "abc123"))
		if err != nil {
			return err
		}
		steps := map[string]bool{}
		for _, c := range breadcrumbs {
			steps[c.GetStep()] = true
		}
		if !steps["published"] || !steps["started"] || !steps["ready"] {
			return fmt.Errorf("breadcrumbs: %v", breadcrumbs)
		}
		return nil
	})
}
