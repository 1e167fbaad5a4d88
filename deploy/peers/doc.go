// Command peers measures WandStore beside others that do the same work: nginx and a bare
// fasthttp handler, asynq with Redis, River with Postgres, and what the disk and NATS allow.
//
// All contenders run on this machine's loopback, as real processes with data in one temporary
// folder, and each accepted job is on disk before it counts: fsync always. They have the same
// payloads and the same number of clients, each of which asks again when it was answered.
// The contenders of a row take turns within one run, so that what else the machine does
// meets all of them, and ratios count more than figures.
//
// The module is in no workspace: the product must not be built of its peers' libraries.
//
// Progress goes to standard error in the format of Go's benchmarks, for benchstat, and the
// tables go to standard output and the file of -out. A peer that is not installed is left out,
// and the tables say so.
//
// With -private the profiles of edge and generator can be read while they are measured, as
// deploy/profiles.md says.
package main
