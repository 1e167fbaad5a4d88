package account

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// All calls of a crowd are made in about the time that the account needs for them, and few
// are refused, whether its limits are set or have to be learned.
func TestCrowd(t *testing.T) {
	t.Parallel()
	const crowd = 200
	for name, c := range map[string]struct {
		cfg      Config
		provider *provider
		takes    time.Duration
		most     int           // refusals
		within   time.Duration // all calls
	}{
		"set":                    {Config{Concurrency: 3, CallsAMinute: 20}, &provider{concurrency: 3, calls: 20}, 5 * time.Second, 0, 11 * time.Minute},
		"set, by the clock":      {Config{Concurrency: 3, CallsAMinute: 20}, &provider{concurrency: 3, calls: 20, fixed: true}, 5 * time.Second, 0, 11 * time.Minute},
		"told":                   {Config{}, &provider{concurrency: 3, calls: 20}, 5 * time.Second, 9, 12 * time.Minute},
		"told, without a wait":   {Config{}, &provider{concurrency: 3, calls: 20, quiet: true}, 5 * time.Second, 9, 12 * time.Minute},
		"told, quick calls":      {Config{}, &provider{concurrency: 3, calls: 20}, 500 * time.Millisecond, 9, 12 * time.Minute},
		"told, a minute's calls": {Config{}, &provider{concurrency: 3, calls: 20}, 100 * time.Second, 9, 130 * time.Minute},
		"one at a time":          {Config{}, &provider{concurrency: 1}, 5 * time.Second, 9, 19 * time.Minute},
		"not told":               {Config{}, &provider{concurrency: 3, calls: 20, bare: true, quiet: true}, 5 * time.Second, 9, 22 * time.Minute},
		"not told, one":          {Config{}, &provider{concurrency: 1, bare: true}, 5 * time.Second, 9, 19 * time.Minute},
		"not told, quick":        {Config{}, &provider{calls: 20, bare: true}, 100 * time.Millisecond, 15, 22 * time.Minute},
		"tokens":                 {Config{}, &provider{tokens: 100_000}, 5 * time.Second, 10, 25 * time.Minute},
		"tokens, set":            {Config{TokensAMinute: 100_000}, &provider{tokens: 100_000}, 5 * time.Second, 0, 22 * time.Minute},
		"a large account":        {Config{}, &provider{concurrency: 100}, 100 * time.Second, 9, 6 * time.Minute},
		"no limits":              {Config{}, &provider{}, 100 * time.Second, 0, 2 * time.Minute},
		"half of what is set":    {Config{Concurrency: 6, CallsAMinute: 40}, &provider{concurrency: 3, calls: 20}, 5 * time.Second, 9, 12 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a := New(c.cfg)
				defer a.Close()
				p := c.provider
				p.minute = time.Minute
				took := p.crowd(t, a, crowd, c.takes)
				if p.admitted != crowd || p.turnedOff > c.most || took > c.within {
					t.Errorf("%d admitted, %d refused in %s; want %d, at most %d within %s", p.admitted, p.turnedOff, took, crowd, c.most, c.within)
				}
			})
		})
	}
}

// A provider that refused one call in a quiet hour, when few were to be admitted, has a crowd's
// calls made soon after all the same. Of an account that has so small a limit few are refused.
func TestRefusalInAQuietHour(t *testing.T) {
	t.Parallel()
	const crowd = 200
	for name, c := range map[string]struct {
		hiccup   string
		provider *provider
		most     int
		within   time.Duration
	}{
		"calls":                        {"organization max RPM", &provider{}, 1, 10 * time.Minute},
		"tokens":                       {"organization TPM rate limit", &provider{}, 1, 10 * time.Minute},
		"calls at a time":              {"max organization concurrency", &provider{}, 1, 10 * time.Minute},
		"not told":                     {"rate limit", &provider{bare: true}, 1, 10 * time.Minute},
		"an account of 30 a minute":    {"organization max RPM", &provider{calls: 30}, 3, 14 * time.Minute},
		"an account that tells of two": {"organization max RPM: 2", &provider{calls: 2}, 12, 130 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a := New(Config{})
				defer a.Close()
				p := c.provider
				p.minute = time.Minute
				var quiet sync.WaitGroup
				for range 3 {
					quiet.Go(func() { p.call(t, a, 10_000, 30*time.Second) })
					<-time.After(29 * time.Second)
				}
				p.hiccup = c.hiccup
				p.call(t, a, 10_000, 5*time.Second)
				quiet.Wait()
				took := p.crowd(t, a, crowd, 5*time.Second)
				if p.turnedOff > c.most || took > c.within {
					t.Errorf("%d refused, and all made in %s; want at most %d within %s", p.turnedOff, took, c.most, c.within)
				}
			})
		})
	}
}

// A busy engine is not asked by all at once, and all calls are made once it is free.
func TestOverloaded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := New(Config{Concurrency: 50})
		defer a.Close()
		free := time.Now().Add(5 * time.Minute)
		var (
			all      sync.WaitGroup
			mu       sync.Mutex
			overload int
		)
		for range 50 {
			all.Go(func() {
				for {
					c, err := a.Begin(t.Context(), Ask{})
					if err != nil {
						t.Error(err)
						return
					}
					c.Sending()
					if time.Now().Before(free) {
						mu.Lock()
						overload++
						mu.Unlock()
						c.Refused(Refusal{Limit: Overloaded})
						continue
					}
					c.Admitted(nil)
					c.End()
					return
				}
			})
		}
		all.Wait()
		// The calls that had begun when the first one was refused, and one after each pause.
		if overload > 50+12 || time.Now().After(free.Add(2*time.Minute)) {
			t.Errorf("%d refused, done %s after it is free", overload, time.Since(free))
		}
	})
}

func TestWaitEnds(t *testing.T) {
	t.Parallel()
	off := errors.New("off")
	for name, c := range map[string]struct {
		cfg    Config
		needs  time.Duration
		within time.Duration // of the context; 0 is without end
		check  error
		want   error
		after  time.Duration
	}{
		"patience":                      {cfg: Config{Patience: time.Minute}, want: ErrBusy, after: time.Minute},
		"in time for the call":          {within: time.Minute, needs: 20 * time.Second, want: ErrBusy, after: 40 * time.Second},
		"no time to wait":               {within: time.Minute, needs: time.Hour, want: ErrBusy, after: leastWait},
		"cancelled":                     {within: 5 * time.Second, needs: 0, want: ErrBusy, after: 5 * time.Second},
		"generation is stopped":         {check: off, want: off, after: time.Second},
		"a day, after which it is over": {want: ErrBusy, after: 24 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c.cfg.Concurrency = 1
				a := New(c.cfg)
				defer a.Close()
				busy, err := a.Begin(t.Context(), Ask{})
				if err != nil {
					t.Fatal(err)
				}
				told, ended := 0.0, 0
				ctx := WithJob(t.Context(), Job{
					Check: func() error { return c.check },
					Waits: func(float64) func() { told++; return func() { ended++ } },
				})
				if c.within > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, c.within)
					defer cancel()
				}
				began := time.Now()
				if _, err := a.Begin(ctx, Ask{Needs: c.needs}); !errors.Is(err, c.want) && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("got %v, want %v", err, c.want)
				}
				if took := time.Since(began); took != c.after {
					t.Errorf("waited %s, want %s", took, c.after)
				}
				if c.after >= hookAfter && (told != 1 || ended != 1) {
					t.Errorf("the job was told %v times and untold %d times", told, ended)
				}
				// What was given up takes no place.
				busy.End()
				if again, err := a.Begin(t.Context(), Ask{}); err != nil {
					t.Error(err)
				} else {
					again.End()
				}
			})
		})
	}
}

// Who has waited longest begins first, and a call that was not sent has used nothing.
func TestOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := New(Config{Concurrency: 1, CallsAMinute: 1})
		defer a.Close()
		first, err := a.Begin(t.Context(), Ask{})
		if err != nil {
			t.Fatal(err)
		}
		var calls queued
		for i, name := range []string{"young", "old"} {
			calls.begin(t, a, Job{Since: time.Now().Add(-time.Duration(i) * time.Hour)}, name, func(*Call) {})
		}
		began := time.Now()
		first.End()
		synctest.Wait()
		if order := calls.begun(); order != "old" || time.Since(began) > time.Second {
			t.Errorf("%s began after %s, want the old one at once", order, time.Since(began))
		}
		calls.all.Wait()
		if took := time.Since(began); took < time.Minute {
			t.Errorf("two calls within %s", took)
		}
	})
}

// queued are calls that wait for the account, and the order in which they begin.
type queued struct {
	all   sync.WaitGroup
	mu    sync.Mutex
	order []string
}

// begin has a call wait. Once it has begun and was sent, it does what during does, and ends.
func (q *queued) begin(t *testing.T, a *Account, job Job, name string, during func(*Call)) {
	t.Helper()
	ctx := WithJob(t.Context(), job)
	q.all.Go(func() {
		c, err := a.Begin(ctx, Ask{})
		if err != nil {
			t.Error(err)
			return
		}
		q.mu.Lock()
		q.order = append(q.order, name)
		q.mu.Unlock()
		c.Sending()
		during(c)
		c.End()
	})
	synctest.Wait()
}

// begun is the names of those that have begun, in their order.
func (q *queued) begun() string {
	q.mu.Lock()
	defer q.mu.Unlock()
	return strings.Join(q.order, " ")
}

// A shop with a long queue of old pages keeps no other waiting: the shops take turns, whatever
// the account allows at a time.
func TestShopsTakeTurns(t *testing.T) {
	t.Parallel()
	for atATime, want := range map[int]string{
		1: "a0 b0 c0 a1 b1 a2 a3 a4", 2: "a0 a1 b0 c0 a2 b1 a3 a4", 8: "a0 a1 a2 a3 a4 b0 b1 c0",
	} {
		synctest.Test(t, func(t *testing.T) {
			a := New(Config{Concurrency: atATime})
			defer a.Close()
			var calls queued
			// The campaign's pages were requested first, the others later and later.
			for i, name := range []string{"a0", "a1", "a2", "a3", "a4", "b0", "b1", "c0"} {
				job := Job{Shop: name[:1], Since: time.Now().Add(time.Duration(i) * time.Hour)}
				calls.begin(t, a, job, name, func(c *Call) {
					c.Admitted(nil)
					<-time.After(time.Minute + time.Duration(i)*time.Millisecond)
				})
			}
			calls.all.Wait()
			if got := calls.begun(); got != want {
				t.Errorf("%d at a time: %s, want %s", atATime, got, want)
			}
		})
	}
}

func TestRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := New(Config{Concurrency: 2})
		defer a.Close()
		if a.Rate() != 0 {
			t.Errorf("a rate of %v before a call has ended", a.Rate())
		}
		p := &provider{minute: time.Minute}
		p.call(t, a, 100, 30*time.Second)
		if a.Rate() != 4 {
			t.Errorf("%v calls a minute, want 4", a.Rate())
		}
	})
}
