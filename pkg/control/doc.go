// Package control follows the switches by which operators stop and resume generation,
// for all shops or for one, without a restart.
//
// The switches are keys of the bucket CONTROL, written by the plain nats CLI:
//
//	nats kv put CONTROL generation off
//	nats kv put CONTROL generation.magic-wands off
//	nats kv put CONTROL generation on
//
// A shop's pages are generated if neither the switch for all nor its own is off. A key
// without a value is on. White space around a value is ignored. A value other than on
// and off counts as off, since its writer meant to change something and a needless stop
// costs less than a missed one; it is logged as an error and listed by [Switch.Faults].
//
// Changes arrive by a watch, within milliseconds. While NATS is unavailable the last
// known switches hold. A call of the model that is under way is not cut off: it is
// paid for already.
package control
