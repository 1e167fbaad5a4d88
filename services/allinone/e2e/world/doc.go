// Package world is the harness of the end-to-end tests: a WandStore of real parts.
//
// A World has an account on a real nats-server, a bucket on a real MinIO process and a
// kimisim that answers at once. A test starts as many edges and generators as it needs;
// they run in the test's process and speak to each other through real sockets.
//
// The tests live in rooms, one package and one test binary each:
//
//	visit     what a shopper gets: pages, tiers, freshness, shops, carts, sessions
//	faults    what happens when a part fails, is slow, or is replaced
//	browser   what a shopper sees in Chromium
//	contract  what others build on: routes and their errors, webhook, traces, metrics
//	operate   what operators type: the commands of nats/README.md, settings, shutdown
//
// All tests of a room share one nats-server, one MinIO and one Chromium, which the first
// test that needs one starts and Main stops. Tests are isolated by account, bucket and
// browser tab, so they run in parallel and use the same shops and shoppers. A test that
// stops or restarts a server has one of its own: see OwnNATS and OwnMinIO.
//
// What a test starts ends with the test. What does not work in time fails it. A missing
// tool fails the test as well: a skipped test proves nothing.
package world
