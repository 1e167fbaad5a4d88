// Package jobqueue is the pool: it takes generation jobs from edges, one live
// job a shopper and store, spreads them over the pool's members, hands each to
// one worker at a time, and makes sure that every job ends.
//
// # The job record
//
// GENERATION_QUEUE job.{store}.{shopper} is the claim, the lock and the state in
// one. It is only ever changed by compare-and-set, and it holds a deadline. Before
// the deadline, the record belongs to the process that wrote it. Past it, any process
// may take it over. So no crash blocks a shopper, and no lock has to be released.
//
//	          claim                accepted              delivered
//	(none) ---------> publishing ---------> queued ---------------> running --+--> ready
//	                      |   5 s              | 1 h      ^   ack wait  |      |
//	                      | all members full   |          |             |      +--> failed
//	                      v                    +----------+-------------+
//	                    (none)                   handed back, redelivered
//
//	cancelled, from any state before ready: the worker that has the job gives it up
//
//	deadlines: publishing 5 s; queued one hour, the bucket's own age; running the
//	ack wait, moved on by each heartbeat; ready 10 s, so that a visit that looked
//	for the page just before it was stored does not ask for another; failed one
//	minute, so that visits to a broken shop do not make a job each.
//
// # Delivery
//
// Delivery is at least once, so the effects of a handler must be idempotent. A worker
// takes a message only together with its record. If another worker holds the record,
// the message goes back. If the page is ready, the job was cancelled or a newer request
// has replaced it, the message is acked and nothing is done. A worker that loses the
// record to another one leaves the message to it.
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
// two never loses a letter. It may publish one twice, which the letter's id removes.
//
// Breadcrumbs are best effort on purpose. A step missing from a trail is a nuisance; a
// page missing because its trail could not be written would be a defect.
package jobqueue
