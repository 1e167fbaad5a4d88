// Package progress prints the progress of a running pool's jobs: how many wait, how many
// run, how many have ended, and how they ended.
//
// It watches the job records. So it counts the jobs of all edges and generators on the same
// NATS, from the time it started.
package progress

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/term"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/lifecycle"
	"github.com/wandstore/wandstore/pkg/wire"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

const (
	// refreshInterval is the interval at which the line on a terminal is updated.
	refreshInterval = 100 * time.Millisecond
	// printInterval is the interval at which a line is added if out is not a terminal.
	printInterval = 2 * time.Second
)

// Run prints the progress of the pool on that NATS until ctx ends, and then returns nil.
// Until NATS answers it prints nothing. Then it calls begun, before the first line: no job
// that is asked for afterwards is missed. On a terminal it keeps one line up to date. To
// anything else it adds a line after changes, at most every two seconds. The error is that
// of an invalid configuration.
func Run(ctx context.Context, cfg wandnats.Config, log *slog.Logger, out io.Writer, begun func()) error {
	nc, js, err := wandnats.Dial(cfg, "progress", log)
	if err != nil {
		return err
	}
	defer nc.Close()
	var jobs jetstream.KeyValue
	err = lifecycle.Retry(ctx, log, "job records", func(ctx context.Context) (err error) {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		jobs, err = wandnats.OpenBucket(ctx, js, wandnats.BucketJobs)
		return err
	})
	if err != nil {
		return nil // ctx ended before NATS answered
	}
	changes, watched := make(chan jetstream.KeyValueEntry), make(chan struct{})
	watcher := wandnats.Watcher{
		Conn: nc,
		Watches: []wandnats.Watch{{
			Bucket: jobs, Keys: wandnats.AllJobs,
			Entry: func(change jetstream.KeyValueEntry) {
				select {
				case changes <- change:
				case <-ctx.Done():
				}
			},
		}},
		Begin: sync.OnceFunc(func() { close(watched) }),
		Lost:  func(err error) { log.Warn("job records are not watched, trying again", "error", err) },
	}
	var watching sync.WaitGroup
	defer watching.Wait()
	watching.Go(func() { watcher.Run(ctx) })
	select {
	case <-watched:
		begun()
	case <-ctx.Done():
		return nil
	}
	follow(ctx, changes, lineOn(out))
	return nil
}

// follow counts the changes and prints the counts until ctx ends.
func follow(ctx context.Context, changes <-chan jetstream.KeyValueEntry, to line) {
	t := newTally()
	tick := time.NewTicker(to.interval())
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			to.finish(t)
			return
		case change := <-changes:
			t.note(change)
		case <-tick.C:
			to.print(t)
		}
	}
}

// note counts a change of a job record.
func (t *tally) note(change jetstream.KeyValueEntry) {
	rec := &wandstorev1.JobRecord{}
	if change.Operation() != jetstream.KeyValuePut || wire.Unmarshal(change.Value(), rec) != nil {
		t.drop(change.Key())
		return
	}
	t.set(change.Key(), rec, change.Created())
}

// line prints a tally.
type line interface {
	interval() time.Duration
	print(t *tally)
	// finish prints the tally for the last time.
	finish(t *tally)
}

// lineOn returns a line that updates itself if out is a terminal, and one that adds lines
// if it is not.
func lineOn(out io.Writer) line {
	if file, ok := out.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		return &terminal{file: file}
	}
	return &plain{out: out}
}

// terminal keeps one line up to date.
type terminal struct {
	file    *os.File
	printed string
}

func (*terminal) interval() time.Duration { return refreshInterval }

func (l *terminal) print(t *tally) {
	text := "  " + t.now(time.Now())
	if width, _, err := term.GetSize(int(l.file.Fd())); err == nil && width > 1 {
		// A wrapped line cannot be overwritten.
		if runes := []rune(text); len(runes) >= width {
			text = string(runes[:width-2]) + "…"
		}
	}
	if text == l.printed {
		return
	}
	l.printed = text
	// CR goes to the beginning of the line; EL erases the rest of the old text (ECMA-48).
	fmt.Fprintf(l.file, "\r%s\x1b[K", text)
}

func (l *terminal) finish(t *tally) {
	l.print(t)
	fmt.Fprintln(l.file)
}

// plain adds lines.
type plain struct {
	out     io.Writer
	printed string
}

func (*plain) interval() time.Duration { return printInterval }

func (l *plain) print(t *tally) {
	text := t.String()
	if text == l.printed || t.empty() {
		return
	}
	l.printed = text
	fmt.Fprintln(l.out, text)
}

func (l *plain) finish(t *tally) { l.print(t) }
