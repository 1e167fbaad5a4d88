// Package jobqueue is the pool: it takes generation jobs from edges, one live
// job a shopper and store, spreads them over the pool's members, hands each to
// one worker at a time, and makes sure that every job ends.
//
// # The job record
//
// GENERATION_QUEUE job.{store}.{shopper} is the claim, the lock and the state in
// one. It is only ever changed by compare-and-set, and holds a deadline: before
// it, the record belongs to whoever wrote it; past it, to whoever takes it. So no
// crash blocks a shopper, and nothing has to be released.
//
//	          claim                accepted              delivered
//	(none) ---------> publishing ---------> queued ---------------> running --+--> ready
//	                      |   5 s              | 1 h      ^   ack wait  |      |
//	                      | all members full   |          |             |      +--> failed
//	                      v                    +----------+-------------+
//	                    (none)                   handed back, redelivered
//
//	cancelled, from any state before ready: whoever has the job lets go of it
//
//	deadlines: publishing 5 s; queued one hour, the bucket's own age; running the
//	ack wait, moved on by each heartbeat; ready 10 s, so that a visit that looked
//	for the page just before it was stored does not ask for another; failed one
//	minute, so that a broken shop is not hammered by its visitors.
//
// # Delivery
//
// Delivery is at least once. A worker takes a message only together with the
// record; it finds that another holds it (back it goes), that its page is ready, it is
// cancelled or a newer request has replaced it (acked, nothing done), or takes it. One that loses
// the record to another leaves the message to it. Effects must be idempotent.
//
//	handler returns          message     record
//	nil                      ack         ready
//	ErrTerminal, or panics   dead, term  failed
//	other, deliveries left   nak, later  queued
//	other, last delivery     dead, term  failed
//	any, cancelled           ack         cancelled
//	worker gone              redelivered after the ack wait
//	worker gone, last time   dead by the advisory or the sweep
//
// A dead letter is published before its message is removed: a crash between the
// two leaves a letter too many, deduplicated by its id, and never one too few.
//
// Breadcrumbs are best effort by intention: a trail that is missing a step is a
// nuisance, a page that is missing because its trail could not be written a
// defect.
package jobqueue
