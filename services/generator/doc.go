// Package generator serves pool members: it has one JetStream consumer for each member and
// makes the pages of their jobs.
//
// # Members
//
// A member is warm when it starts and while it has jobs. It goes cold when it has had no
// job for CONTAINER_INACTIVITY_TIMEOUT_MS. With EXIT_WHEN_IDLE the process exits when every
// member that it serves is cold; an autoscaler starts it again when jobs wait.
//
// # Routes
//
//	GET  /health                          the state of the members, on GENERATOR_ADDR
//	POST /generate                        a page, made at once, on GENERATOR_ADDR
//	wandstore.member.{member}.health      the state of a member, for each one served
//	wandstore.control.replay              a dead letter goes back into the queue
//	wandstore.control.forget              a shopper's data is erased
//	wandstore.control.export              what is kept of a shopper
//	wandstore.control.cost                what the model cost: a day, a shop, a shopper
//
// Those of wandstore are endpoints of the NATS micro service wandstore-generator. POST
// /generate takes GENERATE_TOKEN as a bearer token. Without one it is open if
// GENERATOR_ADDR is on loopback, and answers 401 otherwise.
//
// # Pages
//
// Package pagemaker makes and stores every page, for queue jobs and for POST /generate.
// The model designs it (internal/designer, internal/kimi). If the model fails, the shop's
// template is used.
//
// Preferences have names and values. persona sets the persona that the page addresses.
// palette, typeface, density, corner and motion choose the theme. The catalogue is searched
// for what the other preferences name, and the products found come first. All preferences
// are part of the prompt.
//
// # The account
//
// Calls of the model wait until its account has room for them (pkg/account). A job that
// waits keeps its delivery.
//
// # Cost
//
// Before each try of the model the operators' switches are checked (package control) and
// its highest possible cost is reserved (package spend). A try that is refused is not
// made: the template is used, and the job's reason and error.type (off, budget or
// budget_unknown) say why. After each try its tokens and its cost are booked, by shop,
// model, persona and outcome. A page's metadata says what it cost, and what it cost
// together with the pages before it.
//
// # Console
//
// Console adds the operators' live page to the private port (package console).
//
// # Parts
//
// New makes a Generator from Deps, whose interfaces are declared where they are used. Run
// makes the real parts. Deps.Pool returns nil until NATS and the object store were reached;
// until then GET /health and POST /generate answer 503.
//
// If the process starts before NATS or the object store, it waits for them and logs so.
// When it is stopped, it takes no more jobs and gives the running ones SHUTDOWN_GRACE to
// end, which by default is as long as a call of the model may take: one that is cut off is
// paid for, and made again. Then it puts those that are not done back into the queue, which
// costs them no delivery, and exits.
package generator
