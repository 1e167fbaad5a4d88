// Package wandstorev1 holds the messages on the bus, generated from the .proto
// files beside it.
//
// They travel as protojson (package wire), so that what the nats CLI prints is
// what was sent. Fields are only ever added: a reader ignores those it does not
// know, and buf's WIRE_JSON rules refuse a change that would break one.
package wandstorev1
