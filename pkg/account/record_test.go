package account

import (
	"math/rand/v2"
	"testing"
	"time"

	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// Calls that begin late, because a turn takes time, are made up for: the account is used as
// if they had begun in time, and no minute has more than its calls.
func TestLateCallsAreMadeUpFor(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for _, limit := range []int{1, 3, 20, 500} {
		r, l := record{&wandstorev1.Account{}}, rules{concurrency: 1, calls: limit, minute: time.Minute}
		now := noon
		var begun []time.Time
		for len(begun) < 10*limit {
			if next := r.GetNextCallAt().AsTime(); next.After(now) {
				now = next
			}
			now = now.Add(time.Duration(rng.Float64() * catchUp * float64(time.Minute)))
			// A turn lets all calls begin that may.
			for hurdle, _ := r.blocked(l, now); hurdle == none; hurdle, _ = r.blocked(l, now) {
				r.begin(l, now, 0)
				begun = append(begun, now)
				if n := len(begun) - 1 - limit; n >= 0 && now.Sub(begun[n]) < time.Minute {
					t.Fatalf("%d a minute: %d within %s", limit, limit+1, now.Sub(begun[n]))
				}
			}
		}
		if took, most := now.Sub(noon), time.Duration(10.3*float64(time.Minute)); took > most {
			t.Errorf("%d a minute: ten minutes' calls took %s", limit, took)
		}
	}
}

// An answer's headers may say anything. They do not slow the account down for long: not by a
// limit that is lower than what was admitted, nor by one that is said again and again.
func TestHeadersAreNotBelievedForLong(t *testing.T) {
	t.Parallel()
	for name, told := range map[string]Told{
		"one call a minute":     {Calls: 1},
		"three calls a minute":  {Calls: 3},
		"one token":             {Tokens: 1},
		"one call at a time":    {Concurrency: 1},
		"always exhausted":      {Exhausted: maxAsked},
		"exhausted, and little": {Calls: 3, Tokens: 1, Concurrency: 1, Exhausted: maxAsked},
	} {
		r, now, admitted := record{&wandstorev1.Account{}}, noon, 0
		const seconds = 20
		for end := now.Add(2 * time.Hour); now.Before(end); now = now.Add(time.Second) {
			l := r.rules(Config{Minute: time.Minute})
			hurdle, _ := r.blocked(l, now)
			if hurdle != none && r.raise(hurdle, time.Minute, now) {
				l = r.rules(Config{Minute: time.Minute})
				hurdle, _ = r.blocked(l, now)
			}
			if hurdle != none {
				continue
			}
			r.begin(l, now, 1000)
			r.put(&wandstorev1.AccountUser{Worker: "me", Calls: 1})
			r.admitted(Config{Minute: time.Minute}, now, 1000, told)
			now = now.Add(seconds * time.Second)
			r.put(&wandstorev1.AccountUser{Worker: "me"})
			admitted++
		}
		if least := 2 * 60 * 60 / (seconds + 1) / 4; admitted < least {
			t.Errorf("%s: %d calls in two hours, want at least %d", name, admitted, least)
		}
		if name == "one call a minute" && r.GetCallsAMinute() != nil || name == "one token" && r.GetTokensAMinute() != nil {
			t.Errorf("%s: learned %v", name, r)
		}
	}
}

// What was admitted refutes a lower limit; what is not refuted is learned, and stands.
func TestHeadersAreBelievedWhereTheyMayBeTrue(t *testing.T) {
	t.Parallel()
	set := Config{Minute: time.Minute}
	r := record{&wandstorev1.Account{}}
	for range 10 {
		r.admitted(set, noon, 500, Told{Calls: 5})
	}
	r.put(&wandstorev1.AccountUser{Worker: "me", Calls: 4, Starting: 1})
	r.admitted(set, noon, 500, Told{Calls: 5, Concurrency: 2, Tokens: 400})
	if l := r.rules(set); l.calls != 5 || l.concurrency != 0 || l.tokens != 0 {
		t.Errorf("learned %+v", l) // of the calls, the first answer's
	}
	r.admitted(set, noon, 500, Told{Calls: 20, Concurrency: 3, Tokens: 100_000})
	if l := r.rules(set); l.calls != 20 || l.concurrency != 3 || l.tokens != 100_000 {
		t.Errorf("learned %+v", l)
	}
}
