// Package ratelimit bounds how much one client, one shop and one shopper may ask of an
// edge, by token buckets: a bucket holds Limit tokens, and fills up again within Period.
//
// A client is an IPv4 address, or the /64 network of an IPv6 address, which is what one
// customer of a network has (RFC 6177). Each edge counts for itself.
//
// Memory is bounded: the least used buckets are forgotten above maxBuckets of them, and so
// filled. A flood of addresses is therefore bounded by the bucket of its shop.
package ratelimit

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/time/rate"
)

// Kind is what is asked for.
type Kind string

// The kinds.
const (
	Jobs     Kind = "jobs"
	Carts    Kind = "carts"
	Tracking Kind = "tracking"
	Streams  Kind = "streams"
	Searches Kind = "searches"
)

// Scope is who shares a bucket.
type Scope string

// The scopes.
const (
	Client  Scope = "client"
	Shop    Scope = "shop"
	Shopper Scope = "shopper"
)

// Rule is the size of a bucket, and the time in which it fills up.
type Rule struct {
	Limit  int
	Period time.Duration
}

// Rules are the rules in force. A kind and scope without a rule is not limited.
type Rules map[Kind]map[Scope]Rule

// Default is the rules of an edge on the internet. Jobs cost money, so they are few; a shop's
// are those that its newcomers may ask for.
func Default() Rules {
	return Rules{
		Jobs:     {Client: {30, time.Hour}, Shop: {600, time.Hour}, Shopper: {6, time.Hour}},
		Carts:    {Client: {240, time.Minute}, Shop: {6000, time.Minute}, Shopper: {60, time.Minute}},
		Tracking: {Client: {240, time.Minute}, Shop: {12_000, time.Minute}, Shopper: {60, time.Minute}},
		Streams:  {Client: {120, time.Minute}, Shop: {6000, time.Minute}, Shopper: {30, time.Minute}},
		Searches: {Client: {240, time.Minute}, Shop: {6000, time.Minute}, Shopper: {120, time.Minute}},
	}
}

// Parse reads rules as kind.scope=limit/period, several with commas, over base: as in
// "jobs.client=10/h,searches.shop=1000/m". Periods are s, m, h and d; a limit of 0 is none.
func Parse(text string, base Rules) (Rules, error) {
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		name, size, _ := strings.Cut(part, "=")
		kind, scope, _ := strings.Cut(name, ".")
		of, known := base[Kind(kind)]
		if _, knownScope := of[Scope(scope)]; !known || !knownScope {
			return nil, fmt.Errorf("%q is no kind and scope", name)
		}
		var limit int
		var unit string
		if n, err := fmt.Sscanf(size, "%d/%s", &limit, &unit); n != 2 || err != nil || limit < 0 || limit > 1_000_000_000 {
			return nil, fmt.Errorf("%q is not limit/period", size)
		}
		period, ok := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}[unit]
		if !ok {
			return nil, fmt.Errorf("%q is not s, m, h or d", unit)
		}
		if limit == 0 {
			delete(of, Scope(scope))
			continue
		}
		of[Scope(scope)] = Rule{limit, period}
	}
	return base, nil
}

// maxBuckets bounds the buckets of one kind and scope: some 200 bytes each.
const maxBuckets = 100_000

// Limits are the buckets. They are safe for concurrent use.
type Limits struct {
	rules   Rules
	buckets map[Kind]map[Scope]*otter.Cache[string, *rate.Limiter]
	now     func() time.Time
}

// New makes full buckets of those rules.
func New(rules Rules) (*Limits, error) {
	l := &Limits{rules: rules, buckets: map[Kind]map[Scope]*otter.Cache[string, *rate.Limiter]{}, now: time.Now}
	for kind, scopes := range rules {
		l.buckets[kind] = map[Scope]*otter.Cache[string, *rate.Limiter]{}
		for scope := range scopes {
			cache, err := otter.New(&otter.Options[string, *rate.Limiter]{MaximumSize: maxBuckets})
			if err != nil {
				return nil, fmt.Errorf("rate limits: %w", err)
			}
			l.buckets[kind][scope] = cache
		}
	}
	return l, nil
}

// Asker is who asks. A field that is not set is not limited.
type Asker struct {
	Addr          netip.Addr
	Shop, Shopper string
}

// Verdict is whether a request may go on, as RateLimit headers tell it.
type Verdict struct {
	Allowed bool
	// Limited says that a rule applies; the other fields are those of the tightest one.
	Limited   bool
	Scope     Scope
	Limit     int
	Period    time.Duration
	Remaining int
	// Retry is how long until there is a token again; 0 if there is one.
	Retry time.Duration
}

// Take takes a token from each bucket that applies, or none if one of them is empty.
func (l *Limits) Take(kind Kind, a Asker) Verdict {
	now := l.now()
	verdict := Verdict{Allowed: true}
	var taken []*rate.Reservation
	for _, scope := range []Scope{Client, Shop, Shopper} {
		rule, limited := l.rules[kind][scope]
		key := a.key(scope)
		if !limited || key == "" {
			continue
		}
		bucket := l.bucket(kind, scope, key, rule)
		r := bucket.ReserveN(now, 1)
		if delay := r.DelayFrom(now); delay > 0 {
			r.CancelAt(now)
			for _, t := range taken {
				t.CancelAt(now)
			}
			return Verdict{Limited: true, Scope: scope, Limit: rule.Limit, Period: rule.Period, Retry: delay}
		}
		taken = append(taken, r)
		if left := int(bucket.TokensAt(now)); !verdict.Limited || left < verdict.Remaining {
			verdict.Limited, verdict.Scope, verdict.Remaining = true, scope, left
			verdict.Limit, verdict.Period = rule.Limit, rule.Period
		}
	}
	return verdict
}

func (l *Limits) bucket(kind Kind, scope Scope, key string, rule Rule) *rate.Limiter {
	bucket, _ := l.buckets[kind][scope].ComputeIfAbsent(key, func() (*rate.Limiter, bool) {
		return rate.NewLimiter(rate.Limit(float64(rule.Limit)/rule.Period.Seconds()), rule.Limit), false
	})
	return bucket
}

// key is whose bucket it is; "" for nobody's.
func (a Asker) key(scope Scope) string {
	switch scope {
	case Client:
		return Network(a.Addr)
	case Shop:
		return a.Shop
	default:
		return a.Shopper
	}
}

// Network is what counts as one client: an IPv4 address, or the /64 of an IPv6 address; ""
// for no address.
func Network(addr netip.Addr) string {
	addr = addr.Unmap()
	switch {
	case !addr.IsValid():
		return ""
	case addr.Is4():
		return addr.String()
	default:
		network, err := addr.Prefix(64)
		if err != nil {
			return addr.String()
		}
		return network.String()
	}
}
