// Package progress says how the jobs of a running pool come along: how many wait, how
// many run, how many have ended, and how.
//
// It goes by the job records, so it counts what every edge and generator on the same
// NATS does, from when it began to look.
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
	// redrawEvery is how often the line of a terminal may change.
	redrawEvery = 100 * time.Millisecond
	// sayEvery is how often a line is added where nothing can be rerendered.
	sayEvery = 2 * time.Second
)

// Run looks at the pool of that NATS until ctx ends, then returns nil; until NATS
// answers it is silent. On a terminal it keeps one line up to date; elsewhere it adds a
// line after what has changed, at most every two seconds.
func Run(ctx context.Context, cfg wandnats.Config, log *slog.Logger, out io.Writer) error {
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
		return nil // told to end before NATS answered
	}
	changes := make(chan jetstream.KeyValueEntry)
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
		Lost: func(err error) { log.Warn("job records are not watched, trying again", "error", err) },
	}
	var watching sync.WaitGroup
	defer watching.Wait()
	watching.Go(func() { watcher.Run(ctx) })
	follow(ctx, changes, lineOn(out))
	return nil
}

// follow counts the changes and prints the counts until ctx ends.
func follow(ctx context.Context, changes <-chan jetstream.KeyValueEntry, to line) {
	t := newTally()
	tick := time.NewTicker(to.every())
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			to.end(t)
			return
		case change := <-changes:
			t.note(change)
		case <-tick.C:
			to.say(t)
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

// line is where a tally is said.
type line interface {
	every() time.Duration
	say(t *tally)
	// end says it for the last time.
	end(t *tally)
}

// lineOn is the line that fits what it is written to.
func lineOn(out io.Writer) line {
	if file, ok := out.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		return &terminal{file: file}
	}
	return &plain{out: out}
}

// terminal redraws one line.
type terminal struct {
	file  *os.File
	shown string
}

func (*terminal) every() time.Duration { return redrawEvery }

func (l *terminal) say(t *tally) {
	text := "  " + t.now(time.Now())
	if width, _, err := term.GetSize(int(l.file.Fd())); err == nil && width > 1 {
		// A line that is wrapped cannot be drawn over.
		if runes := []rune(text); len(runes) >= width {
			text = string(runes[:width-2]) + "…"
		}
	}
	if text == l.shown {
		return
	}
	l.shown = text
	// Back to its beginning, and what is left of the old one away (ECMA-48, EL).
	fmt.Fprintf(l.file, "\r%s\x1b[K", text)
}

func (l *terminal) end(t *tally) {
	l.say(t)
	fmt.Fprintln(l.file)
}

// plain adds lines.
type plain struct {
	out  io.Writer
	said string
}

func (*plain) every() time.Duration { return sayEvery }

func (l *plain) say(t *tally) {
	text := t.String()
	if text == l.said || t.untouched() {
		return
	}
	l.said = text
	fmt.Fprintln(l.out, text)
}

func (l *plain) end(t *tally) { l.say(t) }
