package session

import (
	"time"

	"github.com/nats-io/nats.go/jetstream"

	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// Option changes how a Store keeps sessions.
type Option func(*Store)

// GuestTTL has sessions of guests expire ttl after their last change, in whole seconds. 0
// keeps them. js writes them. See Guest.
func GuestTTL(js jetstream.JetStream, ttl time.Duration) Option {
	return func(s *Store) { s.js, s.guestTTL = js, ttl }
}

// Clock sets the clock that sessions are dated by; the default is time.Now.
func Clock(now func() time.Time) Option { return func(s *Store) { s.now = now } }

// ValidTTL reports whether sessions of guests can expire after ttl: NATS counts in whole
// seconds, and 0 is never.
func ValidTTL(ttl time.Duration) bool { return ttl >= 0 && ttl%time.Second == 0 }

// Guest reports whether the session is of a shopper who never came back, bought nothing
// and was not named by a shop's link or server.
func Guest(s *wandstorev1.ShopperSession) bool {
	if s.GetKnown() {
		return false
	}
	for _, g := range s.GetStores() {
		if g.GetVisits() > 1 || g.GetPurchases() > 0 {
			return false
		}
	}
	return true
}

// ttl is how long a session is kept; 0 is for good.
func (s *Store) ttl(session *wandstorev1.ShopperSession) time.Duration {
	if !Guest(session) {
		return 0
	}
	return s.guestTTL
}
