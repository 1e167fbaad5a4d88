package wandnats_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	wandnats "github.com/wandstore/wandstore/nats"
)

// A clock that is wrong tells NATS's time once NATS has answered, is reported, and follows a
// step of itself. One that is right is not touched, however slow the answers.
func TestClockGoesByNATS(t *testing.T) {
	t.Parallel()
	_, js := connect(t, startPlain(t).url)
	for name, c := range map[string]struct {
		wrong time.Duration
		fault string // a part of it
	}{
		"right":            {0, ""},
		"an hour ahead":    {time.Hour, " s ahead of NATS's"},
		"an hour behind":   {-time.Hour, " s behind NATS's"},
		"a second ahead":   {time.Second, ""},
		"two days ahead":   {48 * time.Hour, " s ahead of NATS's, too far to go by that"},
		"since the year 0": {-200 * 365 * 24 * time.Hour, "too far to go by that"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var step atomic.Int64
			local := func() time.Time { return time.Now().Add(c.wrong).Round(0).Add(time.Duration(step.Load())) }
			if c.wrong == 0 {
				local = time.Now
			}
			var log bytes.Buffer
			clock := wandnats.NewClock(local)
			k := &wandnats.Keeper{JetStream: js, Settings: defaults(), Clock: clock, Log: slog.New(slog.NewTextHandler(&log, nil))}
			look := func() {
				t.Helper()
				if err := k.Ensure(within(t)); err != nil {
					t.Fatal(err)
				}
			}
			// off is by how much the clock is wrong, at most: the time of its reading is not known.
			off := func() time.Duration {
				before := time.Now()
				now := clock.Now()
				return max(before.Sub(now), time.Until(now))
			}
			if d := clock.Now().Sub(local()).Abs(); d > patience {
				t.Errorf("before NATS has answered it is %s from the own clock", d)
			}
			look()
			wanted := patience // an answer is at most as old
			switch {
			case c.wrong == 0:
				wanted = time.Millisecond
			case c.wrong.Abs() > wandnats.MaxCorrection:
				wanted = c.wrong.Abs() + patience
			}
			if d := off(); d > wanted {
				t.Errorf("it is wrong by %s", d)
			}
			got := clock.Fault()
			if !strings.Contains(got, c.fault) || (got == "") != (c.fault == "") {
				t.Errorf("the fault is %q, want %q", got, c.fault)
			}
			// By as much as it is wrong, but for the time that the answer took.
			if d := (clock.Ahead() - c.wrong).Abs(); d > patience {
				t.Errorf("it is told to be ahead by %s", clock.Ahead())
			}
			if told := fmt.Sprintf("%.0f s", clock.Ahead().Abs().Seconds()); got != "" && !strings.HasPrefix(got, told) {
				t.Errorf("the fault is %q, want %q", got, told)
			}
			if told := strings.Contains(log.String(), "clock is wrong"); told != (c.fault != "") {
				t.Errorf("logged: %s", log.String())
			}
			if c.wrong.Abs() != time.Hour {
				return
			}
			step.Store(int64(-c.wrong)) // somebody sets it right
			look()
			if d := off(); d > patience || clock.Fault() != "" {
				t.Errorf("after it was set right it is wrong by %s, and says %q", d, clock.Fault())
			}
		})
	}
}
