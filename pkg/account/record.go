package account

import (
	"math"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/wandstore/wandstore/pkg/wire"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

const (
	// lease is how long a generator's entry lasts without being renewed.
	lease = 10 * time.Second
	// trust is how long a limit stands that was confirmed once before it is raised. It doubles
	// with each further confirmation in a row, up to maxDoubled times.
	trust      = 10 * time.Minute
	maxDoubled = 4
	// spare is how much longer than needed the calls of a minute are spread. Half of that is
	// made up for where calls begin late, because a turn takes time; so no more than a
	// minute's calls begin within any minute.
	spare   = 1.02
	catchUp = (spare - 1) / 2
	// maxPause bounds the pause after refusals in a row.
	maxPause = time.Minute
	// maxAsked bounds the pause that a provider asks for.
	maxAsked = 10 * time.Minute
	// maxUnproven bounds the calls that begin together while their limit is unknown.
	maxUnproven = 8
	// smooth is how many calls an average is over, about.
	smooth = 10
)

// record is what the bucket holds of an account.
type record struct{ *wandstorev1.Account }

// readRecord decodes an entry. One without a value, or one that cannot be read, is empty:
// it only holds what answers tell again.
func readRecord(entry jetstream.KeyValueEntry) record {
	r := record{&wandstorev1.Account{}}
	if entry != nil && wire.Unmarshal(entry.Value(), r.Account) != nil {
		r.Account = &wandstorev1.Account{}
	}
	return r
}

func (r record) clone() record { return record{proto.CloneOf(r.Account)} }

// rules are the limits in force. Zero is unknown, and no limit.
type rules struct {
	concurrency, calls, tokens int
	// minute is the time that calls and tokens are limited for.
	minute time.Duration
	// only, if set, is the generator that they are for, by itself.
	only string
}

// rules returns the limits: the lower one of what is set and what was learned.
func (r record) rules(set Config) rules {
	lower := func(set int, learned *wandstorev1.AccountLimit) int {
		known := int(min(learned.GetValue(), math.MaxInt32))
		if set == 0 || known == 0 {
			return max(set, known)
		}
		return min(set, known)
	}
	return rules{
		concurrency: lower(set.Concurrency, r.GetConcurrency()),
		calls:       lower(set.CallsAMinute, r.GetCallsAMinute()),
		tokens:      lower(set.TokensAMinute, r.GetTokensAMinute()),
		minute:      set.Minute,
	}
}

// part returns the limits of one generator that does not hear of the others in the record.
func (r record) part(l rules, worker string) rules {
	n := 1
	for _, u := range r.GetUsers() {
		if u.GetWorker() != worker {
			n++
		}
	}
	divide := func(limit int) int {
		if limit == 0 {
			return 0
		}
		return max(limit/n, 1)
	}
	return rules{divide(l.concurrency), divide(l.calls), divide(l.tokens), l.minute, worker}
}

// spacing is the time that n of so many a minute take.
func (l rules) spacing(n, limit int) time.Duration {
	if limit == 0 {
		return 0
	}
	return time.Duration(float64(l.minute) * spare * float64(n) / float64(limit))
}

// expire removes the generators that have not renewed their entries.
func (r record) expire(now time.Time) {
	r.Users = slices.DeleteFunc(r.Users, func(u *wandstorev1.AccountUser) bool { return !u.GetExpiresAt().AsTime().After(now) })
}

// put replaces a generator's entry. One without calls has none.
func (r record) put(mine *wandstorev1.AccountUser) {
	r.Users = slices.DeleteFunc(r.Users, func(u *wandstorev1.AccountUser) bool { return u.GetWorker() == mine.GetWorker() })
	if mine.GetCalls() > 0 || mine.GetWaiting() > 0 {
		r.Users = append(r.Users, mine)
	}
}

// underWay returns the calls of all generators, or of one, and those of them that were neither
// admitted nor refused yet.
func (r record) underWay(worker string) (calls, starting int) {
	for _, u := range r.GetUsers() {
		if worker != "" && u.GetWorker() != worker {
			continue
		}
		calls += int(u.GetCalls())
		starting += int(u.GetStarting())
	}
	return calls, starting
}

// hurdle is what keeps a call from beginning.
type hurdle int

const (
	none hurdle = iota
	// paused: calls were refused.
	paused
	// unproven: the calls that have begun have to be admitted first.
	unproven
	byConcurrency
	byCalls
	byTokens
)

// blocked returns what keeps a call from beginning now, and until when if that is known.
func (r record) blocked(l rules, now time.Time) (hurdle, time.Time) {
	calls, starting := r.underWay(l.only)
	later := func(at *timestamppb.Timestamp) bool { return at != nil && at.AsTime().After(now) }
	switch {
	case later(r.GetPausedUntil()):
		return paused, r.GetPausedUntil().AsTime()
	case r.GetRefusals() > 0 && starting > 0:
		return unproven, time.Time{}
	case l.concurrency > 0 && calls >= l.concurrency:
		return byConcurrency, time.Time{}
	case l.concurrency == 0 && starting >= min(max(1, calls-starting), maxUnproven):
		return unproven, time.Time{}
	case l.calls > 0 && later(r.GetNextCallAt()):
		return byCalls, r.GetNextCallAt().AsTime()
	case l.tokens > 0 && later(r.GetNextTokensAt()):
		return byTokens, r.GetNextTokensAt().AsTime()
	}
	return none, time.Time{}
}

// raise raises the learned limit that is the hurdle, if it has stood for long enough. It
// reports whether it did. A limit that was inferred from one refusal may be far too low, since
// little was admitted in a quiet hour: it doubles, until the provider confirms one.
func (r record) raise(h hurdle, minute time.Duration, now time.Time) bool {
	limit := map[hurdle]*wandstorev1.AccountLimit{
		byConcurrency: r.GetConcurrency(), byCalls: r.GetCallsAMinute(), byTokens: r.GetTokensAMinute(),
	}[h]
	if limit.GetValue() == 0 || limit.GetValue() > math.MaxInt32 || now.Sub(limit.GetChangedAt().AsTime()) < limitStands(limit, minute) {
		return false
	}
	by := limit.GetValue()
	if limit.GetConfirmed() > 0 {
		by = max(by/4, 1)
	}
	if limit.GetRaised() {
		limit.Confirmed = min(limit.GetConfirmed(), 1) // more was allowed when it was raised last
	}
	limit.Value += by
	limit.ChangedAt, limit.Raised = timestamppb.New(now), true
	return true
}

// limitStands returns how long a learned limit stands before it is raised: for the minute that
// shows whether it is one, and then for as long as it is confirmed.
func limitStands(l *wandstorev1.AccountLimit, minute time.Duration) time.Duration {
	if l.GetRaised() || l.GetConfirmed() == 0 {
		return minute
	}
	return trust << min(l.GetConfirmed()-1, maxDoubled)
}

// begin books the beginning of a call.
func (r record) begin(l rules, now time.Time, tokens int) {
	after := func(at *timestamppb.Timestamp, d time.Duration) *timestamppb.Timestamp {
		from := now.Add(-time.Duration(catchUp * float64(l.minute)))
		if at == nil {
			from = now
		} else if at.AsTime().After(from) {
			from = at.AsTime()
		}
		return timestamppb.New(from.Add(d))
	}
	r.NextCallAt = after(r.GetNextCallAt(), l.spacing(1, l.calls))
	r.NextTokensAt = after(r.GetNextTokensAt(), l.spacing(tokens, l.tokens))
	r.CallTokens = average(r.GetCallTokens(), float64(tokens))
}

// cancel undoes begin for a call that was not sent.
func (r record) cancel(l rules, tokens int) {
	before := func(at *timestamppb.Timestamp, d time.Duration) *timestamppb.Timestamp {
		if at == nil {
			return nil
		}
		return timestamppb.New(at.AsTime().Add(-d))
	}
	r.NextCallAt = before(r.GetNextCallAt(), l.spacing(1, l.calls))
	r.NextTokensAt = before(r.GetNextTokensAt(), l.spacing(tokens, l.tokens))
}

// leastCalls is the lowest limit a minute that a header is believed without a refusal. A lower
// one counts something else, such as calls a second.
const leastCalls = 3

// admitted books that the provider has taken a call of so many tokens, and what its headers
// tell. They may be wrong, or about other limits, and must not slow the account down for
// long: what was admitted refutes a limit that is lower, and a limit that was raised, or a
// pause, is not taken back by the same words.
func (r record) admitted(set Config, now time.Time, tokens int, told Told) {
	r.Refusals = 0
	r.count(set.Minute, now)
	calls, starting := r.underWay("")
	for _, learned := range []struct {
		set, told, least int
		limit            **wandstorev1.AccountLimit
	}{
		{set.Concurrency, told.Concurrency, calls - starting, &r.Concurrency},
		{set.CallsAMinute, told.Calls, max(r.lastMinute(set.Minute, now), leastCalls), &r.CallsAMinute},
		{set.TokensAMinute, told.Tokens, tokens, &r.TokensAMinute},
	} {
		known, value := *learned.limit, uint64(learned.told)
		switch {
		case learned.set > 0, learned.told < max(learned.least, 1):
		case known.GetValue() == value, known.GetRaised() && known.GetValue() > value:
		default:
			*learned.limit = &wandstorev1.AccountLimit{Value: value, ChangedAt: timestamppb.New(now), Confirmed: 1}
		}
	}
	if told.Exhausted > 0 && r.GetPausedUntil().AsTime().Before(now.Add(-set.Minute)) {
		r.pause(now, min(told.Exhausted, set.Minute))
	}
}

// count counts an admitted call.
func (r record) count(minute time.Duration, now time.Time) {
	switch since := now.Sub(r.GetMinute().AsTime()); {
	case r.GetMinute() == nil || since >= 2*minute:
		r.Minute, r.Calls, r.CallsBefore = timestamppb.New(now), 0, 0
	case since >= minute:
		r.Minute, r.Calls, r.CallsBefore = timestamppb.New(r.GetMinute().AsTime().Add(minute)), 0, r.GetCalls()
	}
	r.Calls++
}

// lastMinute estimates how many calls were admitted in the last minute.
func (r record) lastMinute(minute time.Duration, now time.Time) int {
	since := now.Sub(r.GetMinute().AsTime())
	switch {
	case r.GetMinute() == nil || since >= 2*minute:
		return 0
	case since >= minute:
		return int(float64(r.GetCalls()) * float64(2*minute-since) / float64(minute))
	}
	return int(r.GetCalls()) + int(float64(r.GetCallsBefore())*float64(minute-since)/float64(minute))
}

// refused books that the provider has refused a call for rate. begun is when the call began.
// The call itself is no longer under way.
func (r record) refused(set Config, now, begun time.Time, why Refusal) {
	r.Refusals++
	pause := min(max(why.After, time.Second<<min(r.GetRefusals()-1, 10)), max(maxPause, why.After), maxAsked)
	r.pause(now, pause)

	calls, starting := r.underWay("")
	admitted, lately := calls-starting, r.lastMinute(set.Minute, now)
	limit := why.Limit
	if limit == Unknown && admitted > 0 {
		limit = Concurrency
	} else if limit == Unknown && lately > 0 {
		limit = Calls
	}
	switch limit {
	case Concurrency:
		learn(&r.Concurrency, set.Concurrency, why.Value, admitted, now, begun)
	case Calls:
		before := r.rules(set).calls
		learn(&r.CallsAMinute, set.CallsAMinute, why.Value, lately, now, begun)
		l := r.rules(set)
		r.NextCallAt = r.room(r.GetNextCallAt(), now, l.spacing(1, l.calls), before, l.calls, l.minute)
	case Tokens:
		before := r.rules(set).tokens
		learn(&r.TokensAMinute, set.TokensAMinute, why.Value, int(r.GetCallTokens()*float64(lately)), now, begun)
		l := r.rules(set)
		r.NextTokensAt = r.room(r.GetNextTokensAt(), now, l.spacing(int(r.GetCallTokens()), l.tokens), before, l.tokens, l.minute)
	}
}

// learn sets a limit to what the provider told, or, without that, lowers it to what it has
// admitted, and at least by a quarter. Calls that began before the limit was learned
// say nothing about it: refused together, they count once.
func learn(limit **wandstorev1.AccountLimit, set, told, admitted int, now, begun time.Time) {
	value, known, confirmed := told, int((*limit).GetValue()), (*limit).GetConfirmed()
	if known == 0 {
		known = set
	}
	if (*limit).GetRaised() {
		confirmed++
	}
	if told > 0 {
		confirmed = max(confirmed, 1)
	} else {
		if admitted == 0 || (*limit).GetValue() > 0 && begun.Before((*limit).GetChangedAt().AsTime()) {
			return
		}
		value = admitted
		if known > 0 {
			value = min(value, known*3/4)
		}
	}
	*limit = &wandstorev1.AccountLimit{Value: uint64(max(value, 1)), ChangedAt: timestamppb.New(now), Confirmed: confirmed}
}

// room returns when the calls of the last minute leave room for another one, after one was
// refused: at the earliest at that time, and a space from now. The limit was before, and
// is allowed now; 0 is unknown.
func (r record) room(at *timestamppb.Timestamp, now time.Time, space time.Duration, before, allowed int, minute time.Duration) *timestamppb.Timestamp {
	next := now.Add(space)
	switch {
	case allowed == 0:
		return at
	case before > allowed:
		// They were spaced too closely; some of them have to be a minute old.
		next = next.Add(time.Duration(float64(minute) * float64(before-allowed) / float64(before)))
	case before == 0:
		// They were not spaced at all, and may have begun together.
		if end := r.GetMinute().AsTime().Add(minute); end.After(next) {
			next = end
		}
	}
	if next.Before(at.AsTime()) {
		return at
	}
	return timestamppb.New(next)
}

func (r record) pause(now time.Time, d time.Duration) {
	if until := now.Add(d); until.After(r.GetPausedUntil().AsTime()) {
		r.PausedUntil = timestamppb.New(until)
	}
}

// ended books how long an answered call took.
func (r record) ended(took time.Duration) {
	r.CallSeconds = average(r.GetCallSeconds(), took.Seconds())
}

func average(mean, value float64) float64 {
	if mean == 0 {
		return value
	}
	return mean + (value-mean)/smooth
}

// rate estimates how many calls a minute the limits allow; 0 is unknown.
func (r record) rate(l rules) float64 {
	rate := math.Inf(1)
	if l.concurrency > 0 && r.GetCallSeconds() > 0 {
		rate = min(rate, float64(l.concurrency)*l.minute.Seconds()/r.GetCallSeconds())
	}
	if l.calls > 0 {
		rate = min(rate, float64(l.calls)/spare)
	}
	if l.tokens > 0 && r.GetCallTokens() > 0 {
		rate = min(rate, float64(l.tokens)/spare/r.GetCallTokens())
	}
	if math.IsInf(rate, 1) {
		return 0
	}
	return rate * float64(time.Minute) / float64(l.minute)
}
