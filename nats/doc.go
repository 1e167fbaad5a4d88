// Package nats holds what WandStore has on NATS: the names, the definitions of
// its streams, consumers and buckets, and the server configs, as files in the
// nats CLI's own format, with the code that ensures them on a server.
//
// # Names
//
// Every stream, subject, consumer, bucket and key is named in names.go and
// nowhere else. Keys and subjects are built from ids that package pagekey has
// checked.
//
// # Ensuring
//
// [Ensure] creates what is missing and updates what differs; it never deletes
// or recreates, so a stream's messages outlive every start. What an operator
// has decided on the server stays: replicas, placement, compression, metadata, a
// bound in bytes, and whatever else of a stream the files do not define. A pool
// that grew gets more consumers; those of a pool that shrank stay until an
// operator removes them, so that what they hold is still drained; a consumer that
// is paused stays paused. A queue's depth is lowered only while that drops no job.
//
// A stream that the server refuses to change, such as one whose retention was
// changed by hand, is an error: it is an operator's to solve.
//
// A bucket is the stream KV_{bucket} (ADR-8 of nats-architecture-and-design),
// and is defined as that stream, so that one format and one command serve for
// all: nats stream add --config nats/buckets/KV_UI_CACHE.json.
package nats
