package account

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

// provider is a provider that holds an account to its limits.
type provider struct {
	concurrency, calls, tokens int // 0 is no limit
	minute                     time.Duration
	// bare says that its refusals do not name the limit, quiet that they do not ask to wait.
	bare, quiet bool
	// fixed says that minutes begin by the clock.
	fixed bool
	// hiccup is the words by which the next call is refused, whatever the limits.
	hiccup string

	mu                  sync.Mutex
	busy, peak          int
	begun               []time.Time
	used                []int
	admitted, turnedOff int
}

// ask is a call: why it is refused, or nil. A call that is not refused has to be left.
func (p *provider) ask(tokens int) *Refusal {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	since := now.Add(-p.minute)
	if p.fixed {
		since = now.Truncate(p.minute)
	}
	old := 0
	for old < len(p.begun) && !p.begun[old].After(since) {
		old++
	}
	p.begun, p.used = slices.Delete(p.begun, 0, old), slices.Delete(p.used, 0, old)
	sum := tokens
	for _, n := range p.used {
		sum += n
	}
	var words string
	switch {
	case p.hiccup != "":
		words, p.hiccup = p.hiccup, ""
	case p.concurrency > 0 && p.busy >= p.concurrency:
		words = fmt.Sprintf("max organization concurrency: %d", p.concurrency)
	case p.calls > 0 && len(p.begun) >= p.calls:
		words = fmt.Sprintf("organization max RPM: %d", p.calls)
	case p.tokens > 0 && sum > p.tokens:
		words = fmt.Sprintf("organization TPM rate limit, current: %d, limit: %d", sum, p.tokens)
	default:
		p.busy++
		p.peak = max(p.peak, p.busy)
		p.admitted++
		p.begun, p.used = append(p.begun, now), append(p.used, tokens)
		return nil
	}
	p.turnedOff++
	body := `{"error":{"type":"rate_limit_reached_error","message":"Your account o<k> request reached ` + words
	if p.bare {
		body = `{"error":{"type":"rate_limit_reached_error","message":"Organization Rate limit exceeded`
	}
	if !p.quiet {
		body += ", please try again after 1 seconds"
	}
	r := ReadRefusal(http.Header{}, []byte(body+`"}}`), now)
	return &r
}

func (p *provider) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.busy--
}

// crowd makes so many calls at a time, each of which takes so long, and returns when all have
// been made how long that took.
func (p *provider) crowd(t *testing.T, a *Account, calls int, takes time.Duration) time.Duration {
	began := time.Now()
	var all sync.WaitGroup
	for range calls {
		all.Go(func() { p.call(t, a, 10_000, takes) })
	}
	all.Wait()
	took := time.Since(began).Round(time.Second)
	t.Logf("%d refused, %s, at most %d at a time", p.turnedOff, took, p.peak)
	return took
}

// call makes a call that takes so long, once the account lets it, as often as it is refused.
func (p *provider) call(t *testing.T, a *Account, tokens int, takes time.Duration) {
	for {
		c, err := a.Begin(t.Context(), Ask{Tokens: tokens})
		if err != nil {
			t.Error(err)
			return
		}
		c.Sending()
		if why := p.ask(tokens); why != nil {
			c.Refused(*why)
			continue
		}
		c.Admitted(http.Header{})
		<-time.After(takes)
		p.leave()
		c.End()
		return
	}
}
