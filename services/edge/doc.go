// Package edge answers shoppers: their page from memory, the object store or
// JetStream KV, whichever has it first, and otherwise the shop's fallback page at
// once, with a job for their own published to the pool.
//
//	GET  /s/{store}               the front page
//	GET  /s/{store}/p/{product}   a product           drawn from the catalogue,
//	GET  /s/{store}/search        what is looked for  asking nothing else
//	GET  /s/{store}/cart          the cart, out of the session;
//	POST /s/{store}/cart          a form's change of it, leading back to it
//	POST /s/{store}/forget        all that is kept of the cookie's shopper removed
//	POST /api/shopper/track       what shoppers do, counted in their sessions, unless
//	                              the browser sends DNT or Sec-GPC
//
// Forms of another site's page are refused. The other routes are for waiting pages
// (/api/generation) and for operators.
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
// What is served shows the prices and the stock of the edge's own catalogue:
//
//	the page was                          what a shopper gets
//	drawn from this catalogue             the page, a hit
//	drawn from another                    the page, drawn again from its design, a hit
//	    and holds no design               the fallback, and a new page is made
//	made for another assortment, by       the page, corrected so; Cache-Status says
//	    another prompt, for another       stale (ttl below 0), and a new page is made
//	    persona, or PAGE_MAX_AGE ago
//
// A page that is behind although it was asked for since the edge has what it has
// was made by a generator that has not: for ten minutes it counts as up to date, so
// that a roll-out makes no page twice. What kind of visitor a shopper is, is read
// from their session twice a minute at most, within 25 ms.
//
// While an operator has switched a store's generation off (package control), or the day's
// budget has no room for another call of the model (package spend), no job is asked for:
// pages are served as they are, and X-Generation is off.
//
// It heals by itself when they are back. Started before them it serves fallbacks
// and says what it waits for; GET /ready is 503 until it has reached NATS.
//
// Two watches keep it up to date: UI_CACHE's (headers only) says which page in
// memory is no longer true; GENERATION_QUEUE's feeds the board of live jobs, from
// which status and events are answered.
package edge
