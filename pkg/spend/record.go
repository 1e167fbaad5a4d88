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

// refresh sets the limit and counts expired reservations as spent.
func (r record) refresh(limit Micros, now time.Time) {
	r.LimitMicros = int64(limit)
	r.Reservations = slices.DeleteFunc(r.Reservations, func(one *wandstorev1.Reservation) bool {
		expired := !one.GetExpiresAt().AsTime().After(now)
		if expired {
			r.SpentMicros += one.GetMicros()
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

// settle replaces a reservation by the cost. Where the record does not have it, the
// cost is added if the reservation was never made; otherwise it was settled or has
// expired before, and is counted.
func (r record) settle(id string, cost Micros, made bool) {
	if at := r.find(id); at >= 0 {
		r.Reservations = slices.Delete(r.Reservations, at, at+1)
		r.SpentMicros += int64(cost)
	} else if !made {
		r.SpentMicros += int64(cost)
	}
	r.reconsider()
}

func (r record) find(id string) int {
	return slices.IndexFunc(r.GetReservations(), func(one *wandstorev1.Reservation) bool { return one.GetId() == id })
}
