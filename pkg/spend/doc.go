// Package spend holds what the model costs to a budget, over all generators.
//
// # What it promises
//
// Before each call of the model the most that it can cost is reserved, and after it the
// true cost is booked in the reservation's place. On a UTC day, what was spent and what
// is reserved never exceed Config.Budget together, nor a shop's part of it
// (Config.ShopShare): a reservation without room is refused with [ErrBudget], and its
// call is not made. The promise holds for as long as a call costs at most what was
// reserved for it. A call that costs more is booked as it is, so the day's next calls
// are refused the sooner. A call counts for the day on which it began.
//
// # Where it is kept
//
// In the bucket SPEND, a record for each day and one for each day and shop, as the
// message Spend. All writers change it by compare-and-swap, so any number of generators
// share one budget, and the bookings of one generator that wait for each other are one write.
// Before a call its reservation is waited for. What it used is booked while its page is made,
// and by [Ledger.Flush] before anybody is told that the page is ready.
// A ledger reads a record only if another one has written it since, which the write tells.
// Amounts are whole millionths of a US dollar. A reservation is made in the shop's record
// first and in the day's second, so that a shop without room never takes the others'.
//
// # How it fails
//
//	what happens                          with a budget               without one
//	NATS does not answer before a call    ErrUnknown, so no call      the call is made
//	NATS does not answer after a call     the reservation stays until it is settled, at
//	                                      the latest until it expires
//	a generator crashes during a call     the reservation expires and counts as spent:
//	                                      a crash costs what its own calls might have
//	a record cannot be read               ErrUnknown, so no call      the call is made
//	a write's outcome is unknown          the write is made again; a reservation is known
//	                                      by its id, so it is made and settled once
//
// Without a budget nothing is refused, and bookings are best effort: what could not be
// reserved is added when the call has ended, and lost if the generator ends before NATS
// answers again. A settlement that fails is tried again by [Ledger.Run].
//
// Days and expiry go by each generator's clock. A clock that is ahead folds another
// generator's reservation too early; it then counts as spent in full.
//
// # What is followed
//
// A record tells whether its limit is reached: refusedMicros is the smallest reservation
// that was refused and would be again. A [Follower] is told which records of the current
// day change, and reads those once a second at most, so edges know it without asking for
// each page, and know when there is room again or another day. Generators write the limit
// into the day's records when they start and each minute after, so a raised budget is heard
// of though nobody asks for a page.
package spend
