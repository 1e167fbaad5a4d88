// Package wandstorev1 has the messages on the bus, generated from the .proto files in the
// same folder.
//
// Messages are encoded as protojson (package wire), so that the nats CLI shows them in
// readable form. Fields are only added, never removed or renamed. Readers ignore unknown
// fields. buf's WIRE_JSON rules refuse incompatible changes.
package wandstorev1
