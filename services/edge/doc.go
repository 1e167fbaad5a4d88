// Package edge answers shoppers. It serves a shopper's own page if memory, the object
// store or JetStream KV has it. Otherwise it serves the best page for who has none at once,
// and publishes a job for the shopper's own page to the pool.
//
//	GET  /s/{store}               the front page
//	GET  /s/{store}/p/{product}   a product          rendered from the catalogue,
//	GET  /s/{store}/search        search results     without a dependency
//	GET  /s/{store}/cart          the cart, from the session
//	GET  /assets/{…}.{hash}.{…}   the stylesheet, and the drawings of products
//	POST /s/{store}/cart          a change of the cart by a form; redirects to the cart
//	POST /s/{store}/forget        erases what is stored about the cookie's shopper
//	GET  /s/{store}/export        what is stored about the shopper, as a JSON file
//	POST /api/shopper/track       counts events in the shopper's session, unless the
//	                              browser sends DNT or Sec-GPC
//
// Forms that another site's page sent are refused. The other routes are for waiting pages
// (/api/generation) and for operators.
//
// # Parts
//
// New makes an Edge from Deps. Deps holds the parts that the edge uses, as interfaces
// that are declared where they are used. Run makes the real parts, serves until its
// context ends, and then shuts down. Deps.Bus returns nil until NATS was reached, so every
// handler that needs NATS checks it first.
//
// # Pages
//
// Package freshness decides for each page that was found whether it is served and whether
// a new one is requested:
//
//	decision   the shopper gets                              Cache-Status
//	Serve      the page                                      hit
//	Rerender   the page, rendered again from its design      hit
//	           with the current prices and stock
//	Refresh    the same, and a new page is requested         hit, ttl below 0
//	Replace    a shared page, and a new page is requested    fwd=miss
//	Withhold   a shared page                                 fwd=miss
//
// Who has no page of their own gets the first of these shared pages that there is:
//
//	detail     the page                                      Config.Scope
//	cohort     that the model designed for the visitor's     cohort, auto
//	           persona and interest, or for the persona
//	persona    the template of a persona that is known       any
//	           with some certainty
//	fallback   the shop's default                            any
//
// The first two are completed with the visitor's own cart, views and searches, as far as the
// session was read already or answers within 25 ms. A cohort's page without anything to
// complete is sent as it is stored. Of whom nothing certain is known, who does not want to
// be tracked and robots get the explorers' page.
//
// Config.Scope decides who gets a page of their own. One loop, runCohorts, asks for the pages
// of cohorts: for those that a visitor missed or that are out of date, and ahead of visitors
// for the four without an interest of each shop, one after the other. So no visit waits for
// the queue because of a cohort, and job records keep several edges from making a page twice.
//
// A page of the last two rungs waits for a better one: for the shopper's own if that is made,
// else for that of their cohort. GET /api/generation/events and /api/generation/status tell of
// the one that is waited for (awaited). A cohort's page is waited for until it is designed, and
// given up if nobody is making it for twenty seconds. Its sections are shown while it is written,
// unless something of the visitor's own will be put between them.
//
// The visitor's persona is read from the session: at most twice a minute for each
// shopper, within 25 ms, and only for a page that would otherwise be served without a
// request for a new one. Pages that come by the webhook are made by package pagemaker, like
// those of the generators.
//
// # Failure
//
// A shopper never waits for a model or for a store that does not answer. Every call of a
// dependency has a deadline. The tiers below memory also have circuit breakers.
//
//	unavailable     what a shopper notices
//	object store    nothing, while KV has the page (an hour)
//	NATS            pages come from memory and the object store; no new pages are
//	                requested (X-Generation: off)
//	both            pages come from memory, cohorts' too; otherwise the fallback is served
//
// The edge recovers by itself when they are back. If it starts without them, it serves
// fallbacks and logs what it waits for. GET /ready is 503 until NATS was reached.
//
// At a PoP (wandnats.Settings.HubDomain) pages, shops and products are read from mirrors at
// its own NATS, and the rest is at the hub. The edge is ready once it has read the mirrors.
// While the hub is away it is without Bus, as an edge without NATS is, and serves. While a
// mirror is behind, what it lacks is looked up at the hub. A hit waits for no session there.
//
// While an operator has switched a store's generation off (package control), or the day's
// budget has no room for another call of the model (package spend), no job is requested.
// Pages are served as they are, and X-Generation is off.
//
// While a page is written, GET /api/generation/events sends its sections as they come to
// those who wait for it. A draft is a design that anybody on the bus may have written: the
// edge lets it pass the gate and renders it, and only that of the live job.
//
// Two watches keep the edge's pages up to date. The watch of UI_CACHE (headers only) tells
// which pages in memory have changed. The watch of GENERATION_QUEUE feeds the board of live
// jobs, from which status and events are answered. Drafts come by a subscription for each page
// that somebody waits for here, so those of all others cost the edge nothing.
package edge
