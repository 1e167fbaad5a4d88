package spend

import (
	"errors"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/wandstore/wandstore/pkg/wire"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// record is what one key of SPEND holds.
type record struct{ *wandstorev1.Spend }

var errUnreadable = errors.New("the record of what was spent cannot be read")

// readRecord decodes an entry; nil is a key without a value.
func readRecord(entry jetstream.KeyValueEntry) (record, error) {
	r := record{&wandstorev1.Spend{}}
	if entry == nil {
		return r, nil
	}
	if err := wire.Unmarshal(entry.Value(), r.Spend); err != nil {
		return r, errUnreadable
	}
	// A negative amount would be room that nobody gave.
	negative := r.GetSpentMicros() < 0 || r.GetLimitMicros() < 0 || r.GetRefusedMicros() < 0
	for _, one := range r.GetReservations() {
		negative = negative || one.GetMicros() < 0
	}
	if negative {
		return r, errUnreadable
	}
	return r, nil
}

// used is what was spent and what is reserved.
func (r record) used() Micros {
	used := r.GetSpentMicros()
	for _, one := range r.GetReservations() {
		used += one.GetMicros()
	}
	return Micros(used)
}

// fits tells whether there is room for an amount.
func (r record) fits(amount Micros) bool {
	return r.GetLimitMicros() == 0 || r.used()+amount <= Micros(r.GetLimitMicros())
}

// reached tells whether reservations are refused for want of room.
func (r record) reached() bool { return r.GetRefusedMicros() > 0 }

// scarce tells whether little of the limit is left.
func (r record) scarce() bool {
	limit := Micros(r.GetLimitMicros())
	return limit > 0 && (r.reached() || limit-r.used() < limit/scarceShare)
}

// refresh sets the account's limit and counts expired reservations as spent.
func (r record) refresh(a account, now time.Time) {
	r.LimitMicros = int64(a.limit)
	r.Reservations = slices.DeleteFunc(r.Reservations, func(one *wandstorev1.Reservation) bool {
		expired := !one.GetExpiresAt().AsTime().After(now)
		if expired {
			r.spend(a, Call{}, Used{Outcome: outcomeExpired, Cost: Micros(one.GetMicros())})
		}
		return expired
	})
	r.reconsider()
}

// reconsider forgets the refusal once what was refused would fit.
func (r record) reconsider() {
	if r.reached() && r.fits(Micros(r.GetRefusedMicros())) {
		r.RefusedMicros = 0
	}
}

// reserve adds a reservation, and tells whether there was room for it. Of one that there
// is no room for, it notes the amount. A reservation that the record has is not added
// again.
func (r record) reserve(id string, most Micros, expires time.Time) bool {
	if r.find(id) >= 0 {
		return true
	}
	if !r.fits(most) {
		if !r.reached() || int64(most) < r.GetRefusedMicros() {
			r.RefusedMicros = int64(most)
		}
		return false
	}
	r.Reservations = append(r.Reservations, &wandstorev1.Reservation{Id: id, Micros: int64(most), ExpiresAt: timestamppb.New(expires)})
	return true
}

// settle replaces a reservation by what its call used. Where the record does not have it,
// that is added if the reservation was never made; otherwise it was settled or has expired
// before, and is counted.
func (r record) settle(s settlement) {
	at := r.find(s.id)
	if at >= 0 {
		r.Reservations = slices.Delete(r.Reservations, at, at+1)
	}
	if at >= 0 || !s.made {
		r.spend(s.account, s.call, s.used)
	}
	r.reconsider()
}

// spend adds what a call used.
func (r record) spend(a account, call Call, used Used) {
	r.SpentMicros += int64(used.Cost)
	if !a.detailed || used.Outcome == "" {
		return
	}
	use := r.use(call, used.Outcome)
	use.Tries++
	use.PromptTokens += int64(used.Prompt)
	use.CachedTokens += int64(used.Cached)
	use.CompletionTokens += int64(used.Completion)
	use.Micros += int64(used.Cost)
}

// outcomeExpired is the outcome of a call whose generator did not say what it used,
// outcomeOther that of all calls for which a record has no room.
const (
	outcomeExpired = "expired"
	outcomeOther   = "other"
)

// maxUses bounds the uses of a record. They differ by model, persona and outcome, which
// are few unless an operator tries out models.
const maxUses = 100

// use is the record's use of a kind of call.
func (r record) use(call Call, outcome string) *wandstorev1.Use {
	find := func(call Call, outcome string) int {
		return slices.IndexFunc(r.GetUses(), func(u *wandstorev1.Use) bool {
			return u.GetModel() == call.Model && u.GetPersona() == call.Persona && u.GetOutcome() == outcome
		})
	}
	at := find(call, outcome)
	if at < 0 && len(r.GetUses()) >= maxUses {
		call, outcome = Call{}, outcomeOther
		at = find(call, outcome)
	}
	if at >= 0 {
		return r.GetUses()[at]
	}
	use := &wandstorev1.Use{Model: call.Model, Persona: call.Persona, Outcome: outcome}
	r.Uses = append(r.Uses, use)
	return use
}

func (r record) find(id string) int {
	return slices.IndexFunc(r.GetReservations(), func(one *wandstorev1.Reservation) bool { return one.GetId() == id })
}
