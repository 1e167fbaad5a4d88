package kimi

import (
	"errors"
	"slices"
	"sync"
	"time"
)

const (
	// tripAfter is how many failures in a row open a breaker.
	tripAfter = 5
	// maxBrokenShops is how many shops may have a breaker of their own. Further ones are
	// stopped by the service's only.
	maxBrokenShops = 4096
)

// errOpen is the cause of a call that a breaker stopped.
var errOpen = errors.New("the circuit breaker is open")

// breakers stop calls that would only fail: one for the service, and one for each shop
// that has failures. What concerns everybody, such as a refused connection or key, counts
// for the service. Any other failure may be due to what the shop asked, and counts for
// the shop; it counts for the service too once another shop has failed since the last
// success.
type breakers struct {
	cooldown time.Duration

	mu      sync.Mutex
	service circuit
	shops   map[string]*circuit
	// since the last success:
	certain  int       // failures that concern everybody
	failures int       // all failures
	failed   shopCount // the shops that failed
	refused  shopCount // the shops that were refused
}

// circuit is one breaker. It is closed while until is zero, open before until, and half
// open after that: one call may probe.
type circuit struct {
	failures int
	until    time.Time
	probing  bool
}

// shopCount tells whether there were no, one or several shops.
type shopCount struct {
	first   string
	any     bool
	several bool
}

func (s *shopCount) add(shop string) {
	s.several = s.several || s.any && s.first != shop
	if !s.any {
		s.first, s.any = shop, true
	}
}

// begin asks for a call for the shop. end is told once what became of it: nil is a
// success.
func (b *breakers) begin(shop string) (end func(*failure), err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	own := b.shops[shop]
	now := time.Now()
	if b.service.stops(now) || own != nil && own.stops(now) {
		return nil, errOpen
	}
	b.service.probe()
	if own != nil {
		own.probe()
	}
	return func(f *failure) { b.end(shop, own, f) }, nil
}

// answers notes that a call for the shop is being answered. So a probe is over with its first
// token: the others need not wait for its last one.
func (b *breakers) answers(shop string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.service.probing {
		b.service = circuit{}
		b.certain, b.failures, b.failed, b.refused = 0, 0, shopCount{}, shopCount{}
	}
	if own := b.shops[shop]; own != nil && own.probing {
		delete(b.shops, shop)
	}
}

func (b *breakers) end(shop string, own *circuit, f *failure) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.service.probing = false
	if own != nil {
		own.probing = false
	}
	switch {
	case f == nil || f.healthy():
		delete(b.shops, shop)
		b.service = circuit{}
		b.certain, b.failures, b.failed, b.refused = 0, 0, shopCount{}, shopCount{}
	case f.counts():
		b.fail(shop, f)
	}
}

func (b *breakers) fail(shop string, f *failure) {
	refused := errors.Is(f, ErrRefused)
	b.failures++
	b.failed.add(shop)
	if f.everybody || shop == "" {
		b.certain++
	}
	if refused {
		b.refused.add(shop)
	}
	until := time.Now().Add(b.cooldown)
	switch {
	case !b.service.until.IsZero(), // the probe failed
		refused && (f.everybody || shop == "" || b.refused.several),
		b.certain >= tripAfter,
		b.failures >= tripAfter && b.failed.several:
		b.service.until = until
	}
	if shop == "" {
		return
	}
	own := b.shops[shop]
	if own == nil {
		if len(b.shops) >= maxBrokenShops {
			return
		}
		own = &circuit{}
		b.shops[shop] = own
	}
	if own.failures++; refused || own.failures >= tripAfter {
		own.until = until
	}
}

// stops reports whether the circuit lets no call through.
func (c *circuit) stops(now time.Time) bool {
	return !c.until.IsZero() && (now.Before(c.until) || c.probing)
}

// probe notes that a call goes through a circuit that is half open.
func (c *circuit) probe() { c.probing = !c.until.IsZero() }

// state is "open" while no call is made, "half-open" while one probes or only some shops
// are stopped, else "closed".
func (b *breakers) state() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	switch {
	case now.Before(b.service.until):
		return "open"
	case !b.service.until.IsZero():
		return "half-open"
	}
	if len(b.stopped(now)) > 0 {
		return "half-open"
	}
	return "closed"
}

// stopped is the shops that are stopped by their own breaker, in order. b.mu is held.
func (b *breakers) stopped(now time.Time) []string {
	var shops []string
	for shop, own := range b.shops {
		if now.Before(own.until) {
			shops = append(shops, shop)
		}
	}
	slices.Sort(shops)
	return shops
}

// stoppedShops is the shops that are stopped by their own breaker now, in order.
func (b *breakers) stoppedShops() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.stopped(time.Now())
}
