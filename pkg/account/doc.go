// Package account keeps the calls of all generators together within what the model's
// account allows: calls at a time, calls a minute and tokens a minute.
//
// # What it promises
//
// Begin returns when the account has room for the call. Shops take turns: the next call is that
// of the shop with the fewest calls under way, and of those of the shop that had one longest
// ago; its calls come in the order in which the pages were requested. Config holds the limits that an operator sets. A limit that is not set is
// learned from the provider's answers:
//
//	the answer                                  what is learned
//	X-RateLimit-Limit and its relatives         that limit, unless more was admitted
//	429 whose words give a limit                that limit
//	429 without, other calls are under way      as many calls at a time as were admitted
//	429 without, no other call is under way     as many calls a minute as were admitted
//	429 because the provider is overloaded      nothing
//
// After a 429 no call begins for as long as the provider asks for, or for 1 s, and twice as
// long after each further one in a row, up to a minute; then one call begins, and others
// once it was admitted. A 429 lowers an inferred limit to three quarters of it at least.
//
// A limit that was learned is raised when a call has to wait because of it. One that was
// inferred may be far too low, as little is admitted in a quiet hour: it doubles each minute,
// until that is refused. One that was so confirmed, or that the provider told, is raised by a
// quarter, at least by one, after ten minutes, and again each minute until that is refused;
// then the next try comes after ten minutes, and after twice the time with each further
// refusal in a row, up to 160 minutes. So a larger account is found out at the price of some
// twenty refusals a day.
//
// Headers of an answer that was no refusal are believed as far as what was admitted does
// not refute them: they neither keep a limit down that was raised nor stop the calls for more
// than a minute in two, and a limit below three calls a minute is not learned from them. While
// the calls at a time are unknown, as many calls begin together as are
// under way, at most eight; so a refusal concerns few of them.
//
// Calls are spaced evenly over the minute, with two percent of it to spare. So at most as
// many begin in any minute, whether the provider counts by the clock, over the last sixty
// seconds or by a bucket of tokens.
//
// # Where it is kept
//
// One record of the bucket MODEL_ACCOUNT, as the message Account, changed by compare-and-swap.
// Its key is a digest of the provider's address and the key. Each generator has an entry
// in it with its calls, which it renews every three seconds.
//
// # How it fails
//
//	a generator crashes           its entry expires after ten seconds, and its calls with it
//	NATS does not answer for 2 s  each generator uses its part of the limits, by what it knew
//	                              last: the limits, divided by the generators there were
//	the record is lost            each generator writes it anew from what it knew last
//	a generator is cut off        the others use what it had once its entry expires: the
//	                              account may refuse some calls, which then wait
//
// Expiry and spacing go by each generator's clock. Clocks that are seconds apart cost
// refusals, and no page.
package account
