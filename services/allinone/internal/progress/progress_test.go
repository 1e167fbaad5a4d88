package progress

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/types/known/timestamppb"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/natstest"
	"github.com/wandstore/wandstore/pkg/wire"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// The states of jobs, in the order in which a test makes them.
const (
	queued  = wandstorev1.JobState_JOB_STATE_QUEUED
	running = wandstorev1.JobState_JOB_STATE_RUNNING
	ready   = wandstorev1.JobState_JOB_STATE_READY
	failed  = wandstorev1.JobState_JOB_STATE_FAILED
)

func TestLineOnATerminal(t *testing.T) {
	jobs, cfg := bucket(t)
	// There before anybody looks: the first is still to be counted, the second is not.
	put(t, jobs, "early", queued, "")
	put(t, jobs, "long-done", ready, "llm")

	screen, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer screen.Close()
	if err := pty.Setsize(tty, &pty.Winsize{Rows: 24, Cols: 120}); err != nil {
		t.Fatal(err)
	}
	shown := read(screen)
	stop := start(t, cfg, tty)
	shown.becomes(t, "jobs: 1 queued, 0 running, 0 done")

	put(t, jobs, "early", running, "")
	put(t, jobs, "second", queued, "")
	shown.becomes(t, "jobs: 1 queued, 1 running, 0 done")
	// The heartbeat of a job is no other job.
	put(t, jobs, "early", running, "")
	put(t, jobs, "early", ready, "llm")
	put(t, jobs, "second", running, "")
	put(t, jobs, "second", ready, "template")
	shown.becomes(t, "jobs: 0 queued, 0 running, 2 done (1 by the template), last pool-3 in ")
	put(t, jobs, "third", running, "")
	put(t, jobs, "third", failed, "")
	shown.becomes(t, "2 done (1 by the template), 1 dead")
	put(t, jobs, "fourth", running, "")
	// It moves by itself while the model thinks.
	shown.becomes(t, "1 running (")
	if err := jobs.Delete(t.Context(), wandnats.JobKey("magic-wands", "fourth")); err != nil {
		t.Fatal(err)
	}
	shown.becomes(t, "jobs: 0 queued, 0 running, 2 done")

	// What does not fit is left out, or it would be wrapped and not drawn over.
	if err := pty.Setsize(tty, &pty.Winsize{Rows: 24, Cols: 30}); err != nil {
		t.Fatal(err)
	}
	shown.becomes(t, "\r  jobs: 0 queued, 0 running,…\x1b[K")

	stop()
	_ = tty.Close()
	if text := shown.all(); strings.Count(text, "\n") != 1 || !strings.HasSuffix(text, "\n") {
		t.Errorf("more than one line, or one that does not end: %q", text)
	}
}

func TestLinesElsewhere(t *testing.T) {
	jobs, cfg := bucket(t)
	in, out := io.Pipe()
	shown := read(in)
	stop := start(t, cfg, out)
	put(t, jobs, "first", queued, "")
	shown.becomes(t, "jobs: 1 queued, 0 running, 0 done\n")
	put(t, jobs, "first", running, "")
	put(t, jobs, "first", ready, "llm")
	shown.becomes(t, "jobs: 0 queued, 0 running, 1 done\n")
	stop()
	_ = out.Close()
	said := strings.Split(strings.TrimSpace(shown.all()), "\n")
	if again := slices.Compact(slices.Clone(said)); said[0] == "" || strings.Contains(said[0], "0 queued, 0 running, 0 done") || len(again) != len(said) {
		t.Errorf("says nothing, or the same twice: %q", said)
	}
}

// bucket is the bucket of job records on a server of its own.
func bucket(t *testing.T) (jetstream.KeyValue, wandnats.Config) {
	t.Helper()
	s := natstest.Start(t)
	_, js := s.Connect(t)
	if err := wandnats.EnsureStreams(t.Context(), js, wandnats.Settings{MaxQueueDepth: 1, CacheTTLSeconds: 60, Replicas: 1}); err != nil {
		t.Fatal(err)
	}
	jobs, err := js.KeyValue(t.Context(), wandnats.BucketJobs)
	if err != nil {
		t.Fatal(err)
	}
	return jobs, wandnats.Config{URL: s.URL()}
}

func put(t *testing.T, jobs jetstream.KeyValue, shopper string, state wandstorev1.JobState, source string) {
	t.Helper()
	value, err := wire.Marshal(&wandstorev1.JobRecord{
		State: state, Source: source, PoolMember: "pool-3", RequestedAt: timestamppb.New(time.Now()),
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := jobs.Put(t.Context(), wandnats.JobKey("magic-wands", shopper), value); err != nil {
		t.Fatal(err)
	}
}

// start runs it until stop is called.
func start(t *testing.T, cfg wandnats.Config, out io.Writer) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, cfg, slog.New(slog.DiscardHandler), out, func() {}) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// screen is what was written, read as it comes.
type screen struct {
	mu    sync.Mutex
	text  strings.Builder
	more  chan struct{}
	ended chan struct{}
}

func read(from io.Reader) *screen {
	s := &screen{more: make(chan struct{}, 1), ended: make(chan struct{})}
	go func() {
		defer close(s.ended)
		b := make([]byte, 4096)
		for {
			n, err := from.Read(b)
			s.mu.Lock()
			s.text.Write(b[:n])
			s.mu.Unlock()
			select {
			case s.more <- struct{}{}:
			default:
			}
			if err != nil {
				return
			}
		}
	}()
	return s
}

// becomes waits until the newest line says so.
func (s *screen) becomes(t *testing.T, says string) {
	t.Helper()
	deadline := time.NewTimer(eventually.Patience)
	defer deadline.Stop()
	for {
		s.mu.Lock()
		text := s.text.String()
		s.mu.Unlock()
		if newest := text[max(0, strings.LastIndex(text, "\r")):]; strings.Contains(newest, says) {
			return
		}
		select {
		case <-s.more:
		case <-deadline.C:
			t.Fatalf("never says %q: %q", says, text)
		}
	}
}

// all is everything, once nothing more comes.
func (s *screen) all() string {
	<-s.ended
	return strings.ReplaceAll(s.text.String(), "\r\n", "\n")
}
