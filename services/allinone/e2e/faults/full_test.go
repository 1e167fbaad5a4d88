package faults_test

import (
	"net/http"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
)

// A bucket or stream at its bound refuses what is new. It costs a shopper nothing but
// what it would have held, and is made good once there is room.
func TestFullStreams(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		stream string
		// asked is what becomes of asking for a page meanwhile.
		asked string
		// made tells whether the page is made meanwhile.
		made bool
	}{
		{"KV_" + wandnats.BucketSessions, "triggered", true},
		{"KV_" + wandnats.BucketPages, "triggered", true},
		{"KV_" + wandnats.BucketJobs, "off", false},
		{wandnats.StreamGeneration, "off", false},
	} {
		t.Run(tt.stream, func(t *testing.T) {
			t.Parallel()
			w := world.New(t)
			e := w.StartEdge()
			w.StartGenerator()
			_, js := w.Connect()
			e.Visit(t, "magic-wands", "known")
			page := e.BecomesHit(t, "magic-wands", "known")
			eventually.True(t, "no job is left", func() bool { return len(w.Waiting(js)) == 0 })

			bound := setBound(t, js, tt.stream, 1)
			if hit := e.Visit(t, "magic-wands", "known"); hit.Header.Get("X-Cache") != "HIT" || hit.Body != page.Body {
				t.Errorf("a known shopper: %s from %s", hit.Header.Get("X-Cache"), hit.Tier())
			}
			miss := e.Visit(t, "magic-wands", "unknown")
			if miss.Status != http.StatusOK || miss.Header.Get("X-Generation") != tt.asked {
				t.Errorf("an unknown shopper: %d, X-Generation %q, want %q", miss.Status, miss.Header.Get("X-Generation"), tt.asked)
			}
			if tt.made {
				e.BecomesHit(t, "magic-wands", "unknown")
				eventually.True(t, "the job is settled", func() bool { return len(w.Waiting(js)) == 0 })
			}
			if letters := stream(t, js, wandnats.StreamDead).CachedInfo().State.Msgs; letters != 0 {
				t.Errorf("%d dead letters", letters)
			}

			setBound(t, js, tt.stream, bound)
			// The claim of a job that was refused lapses.
			e.Visit(t, "magic-wands", "later")
			e.BecomesHit(t, "magic-wands", "later")
			e.BecomesHit(t, "magic-wands", "unknown")
		})
	}
}

func stream(t *testing.T, js jetstream.JetStream, name string) jetstream.Stream {
	t.Helper()
	s, err := js.Stream(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// setBound gives a stream another bound in bytes, and returns the one it had.
func setBound(t *testing.T, js jetstream.JetStream, name string, bytes int64) int64 {
	t.Helper()
	config := stream(t, js, name).CachedInfo().Config
	had := config.MaxBytes
	config.MaxBytes = bytes
	if _, err := js.UpdateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	return had
}
