// Package edge answers shoppers: their page from memory, the object store or
// JetStream KV, whichever has it first, and otherwise the shop's fallback page at
// once, with a job for their own published to the pool.
//
// A shopper never waits for a model, a queue or a store that does not answer.
// Every call of a dependency has a deadline and a circuit breaker:
//
//	away            what a shopper notices
//	object store    nothing, while KV has the page (an hour)
//	NATS            pages from memory and the object store as ever; no new ones,
//	                X-Generation: off
//	both            pages from memory, else the fallback
//
// A page drawn from another version of the catalogue is not served, its prices can
// be wrong: the shopper gets the fallback and a new page is made. One past
// PAGE_MAX_AGE is served and says so in Cache-Status, and a new one is made.
//
// It heals by itself when they are back. Started before them it serves fallbacks
// and says what it waits for; GET /ready is 503 until it has reached NATS.
//
// Two watches keep it up to date: UI_CACHE's (headers only) says which page in
// memory is no longer true; GENERATION_QUEUE's feeds the board of live jobs, from
// which status and events are answered.
package edge
