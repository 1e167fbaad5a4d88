// Package wandnats is the one way onto NATS: the names and definitions of what
// WandStore has there, and the code that connects, ensures, watches and writes. The
// definitions and the server configs are files in the nats CLI's own format.
//
// # Names
//
// Every stream, subject, consumer, bucket and key is named in names.go and
// nowhere else. Keys and subjects are built from ids that package pagekey has
// checked.
//
// # Connecting
//
// [Dial] returns a connection that connects, and reconnects, in the background.
// While it is not connected, requests fail at once instead of waiting. [Open] binds
// all buckets.
//
// # Ensuring
//
// Where the user may not create streams, as in production, [Ensure] only checks that
// they exist, and [Provision], called by the user who may, creates them.
//
// [Ensure] creates what is missing and updates what differs; it never deletes
// or recreates, so a stream's messages outlive every start. What an operator
// has decided on the server stays: replicas, placement, compression, metadata,
// another bound in bytes, and every other setting that the files do not define. When a pool
// grows, its new members get consumers. When it shrinks, the consumers stay until an
// operator removes them, so that their jobs are still done. The same goes for the consumers
// and subjects of shards. A paused consumer stays
// paused. A queue's depth is lowered only while that drops no job.
//
// A stream that the server refuses to change, such as one whose retention was
// changed by hand, is an error that an operator has to solve.
//
// A bucket is the stream KV_{bucket} (ADR-8 of nats-architecture-and-design),
// and is defined as that stream, so that one format and one command serve for
// all: nats stream add --config nats/buckets/KV_UI_CACHE.json.
//
// # Healing
//
// A [Keeper] looks whether all of it is still there, and the same, while a process runs:
// a stream that was made anew has another time of creation. The process then ensures
// again, or waits for the provisioning user, and opens its watches anew.
//
// # Time
//
// The clocks of machines differ. Whatever several processes date is dated by [Clock], which
// a Keeper corrects by the server's answers.
//
// # Regions
//
// At a PoP, whose server is a leaf node, Settings.HubDomain is set: [Streams] are then mirrors
// of what edges read, and [Settings.Hub] gives the JetStream of the hub, where all else is. A
// bucket that is opened on a mirror reads it and writes to the hub. [Lag] measures how far a
// mirror is.
//
// # Watching
//
// A [Watcher] follows buckets and begins anew after an outage. It tells when it
// begins and when it is lost, so that what is kept in memory is trusted only while it
// is watched.
//
// # Compare-and-swap
//
// A key that several processes write is changed by [Update], or by [Put] where the
// writer knows the revision. Both refuse to overwrite what they have not seen, and
// [IsConflict] is the one definition of that refusal, on one node and on several.
package wandnats
