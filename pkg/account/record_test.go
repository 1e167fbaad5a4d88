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
