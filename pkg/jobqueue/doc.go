// Package jobqueue is the pool's queue. It takes generation jobs from edges, with at
// most one live job per shopper and shop, and spreads them over the pool's members: by shop
// over the shards, if there are any, and by shopper over the members of a shard. It
// gives each job to one worker at a time, and every job ends.
//
// # The job record
//
// GENERATION_QUEUE job.{store}.{shopper} is the claim, the lock and the state in one. It
// is only ever changed by compare-and-swap, and it holds a deadline. Before the deadline,
// the record belongs to the process that wrote it. Past it, any process may take it over.
// So no crash blocks a shopper, and no lock has to be released. All processes go by one
// clock for it ([WithClock]).
//
//	          claim                accepted              delivered
//	(none) ---------> publishing ---------> queued ---------------> running --+--> ready
//	                      |   5 s              | 4 h      ^   ack wait  |      |
//	                      | all members full   |          |             |      +--> failed
//	                      v                    +----------+-------------+
//	                    (none)                   handed back, redelivered
//
//	cancelled, from any state before ready: the worker that has the job stops it
//
// The record says "queued" 50 ms after the publish, 100 ms in a flood, and not at all where a
// worker has the job by then: each write is a flush of the server's disk. In a flood the records
// of many jobs are one write.
//
// A claim that all members refuse is withdrawn. For ten seconds after that a Queue asks the
// server for places before it claims, and refuses by itself where there are none: visits to a
// full pool would fill the bucket with what they leave behind.
//
//	state       deadline
//	publishing  5 s
//	queued      JOB_MAX_WAIT (4 h), from the last visit that asked for the page
//	running     the ack wait, extended by each heartbeat
//	ready       10 s: a visit that looked for the page just before it was stored
//	            does not request another one
//	failed      1 min: visits to a broken shop do not make a job each
//
// While NATS is away no heartbeat is written, so a running job's record that lapsed in an outage
// is left alone for seven seconds after it: a worker that lives writes it again in that time.
//
// # Delivery
//
// Delivery is at least once, so the effects of a handler must be idempotent. A worker
// takes a message only together with its record. If another worker holds the record,
// the message goes back. If the page is ready, the job was cancelled, a newer request
// has replaced it or another job for the page runs, the message is acked and nothing is
// done. A worker that loses the record to another worker does not settle the message.
//
//	handler returns          message                record
//	nil                      ack                    ready
//	ErrTerminal, or panics   dead letter, term      failed
//	other, deliveries left   nak, later             queued
//	other, last delivery     dead letter, term      failed
//	other, and NATS has      published anew         queued
//	    lost the message
//	not done, at shutdown    published anew, ack    queued
//	any, cancelled           ack                    cancelled
//	not called, nobody has   ack                    removed
//	    asked for so long
//	worker killed            redelivered after the ack wait
//	worker killed, last      dead letter by the Sweeper
//	    delivery
//
// The bucket keeps a record an hour longer than a job may wait, so the record of a job that
// waits never lapses before the job. A visit says again that its page is wanted, and the job
// keeps its place. A job that nobody has asked for within JOB_MAX_WAIT is dropped when it is
// its turn, by the server's clock: no page is paid for that nobody waits for.
//
// A handler that waits for the model's account says so (Job.Wait). Heartbeats go on and the
// delivery lasts, so a wait of hours uses up no delivery; the record tells since when it
// waits, and JobTimeout stands still. One that waits for a store (Job.WaitForStore) does so as
// well: a page that was paid for is not lost because it cannot be stored yet.
//
// A dead letter is published before its message is removed, so that a crash between the
// two never loses it. If it is published twice, the server drops the second one by its id.
//
// Breadcrumbs are best effort on purpose. In a flood they are written in batches, which the
// server flushes once. A step missing from a trail is a nuisance; a
// page missing because its trail could not be written would be a defect.
package jobqueue
