// Package progress says how the jobs of a running pool come along: how many wait, how
// many run, how many have ended, and how.
//
// It goes by the job records, so it counts what every edge and generator on the same
// NATS does, from when it began to look.
package progress

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/term"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/natsconn"
	"github.com/wandstore/wandstore/pkg/wire"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

const (
	// redrawEvery is how often the line of a terminal may change.
	redrawEvery = 100 * time.Millisecond
	// sayEvery is how often a line is added where nothing can be redrawn.
	sayEvery = 2 * time.Second
)

// Run looks at the pool of that NATS until ctx ends, then returns nil; until NATS
// answers it is silent. On a terminal it keeps one line up to date; elsewhere it adds a
// line after what has changed, at most every two seconds.
func Run(ctx context.Context, cfg natsconn.Config, log *slog.Logger, out io.Writer) error {
	nc, js, err := natsconn.Dial(cfg, "progress", log)
	if err != nil {
		return err
	}
	defer nc.Close()
	var watch jetstream.KeyWatcher
	err = natsconn.Until(ctx, log, "job records", func(ctx context.Context) (err error) {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		jobs, err := js.KeyValue(ctx, wandnats.BucketJobs)
		if err != nil {
			return err
		}
		// Not with this attempt's deadline: the watch goes on.
		watch, err = jobs.Watch(context.WithoutCancel(ctx), wandnats.AllJobs)
		return err
	})
	if err != nil {
		return nil // told to end before there was anything to see
	}
	defer func() { _ = watch.Stop() }()
	return follow(ctx, watch, lineOn(out))
}

// follow counts the changes, and says what they come to.
func follow(ctx context.Context, watch jetstream.KeyWatcher, to line) error {
	t := newTally()
	tick := time.NewTicker(to.every())
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			to.end(t)
			return nil
		case change, ok := <-watch.Updates():
			if !ok {
				return errors.New("the watch of job records ended")
			}
			if change != nil { // nil is where the changes begin
				t.note(change)
			}
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
