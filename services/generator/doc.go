// Package generator is the pool's working side: it serves pool members, one
// JetStream consumer each, and makes their jobs' pages.
//
// A member is warm from its start and after each job for
// CONTAINER_INACTIVITY_TIMEOUT_MS, then cold. With EXIT_WHEN_IDLE the process
// ends once every member it serves is cold, for an autoscaler that starts it
// again when jobs wait.
//
// It answers GET /health and POST /generate on GENERATOR_ADDR, and the NATS micro
// service wandstore-generator: wandstore.member.pool-N.health for each member it
// serves, and wandstore.control.replay and forget. POST /generate wants GENERATE_TOKEN
// as a bearer token; without one it is answered on loopback only. It runs the code that
// the queue's jobs run. Its preferences, as a job's, are words by name: persona says
// whom the page is for; palette, typeface, density, corner and motion choose its look;
// all of them are told to the model, and what the others name is looked for in the
// catalogue and shown on the first screens.
//
// Started before NATS or the object store it waits for them and says so. Told to
// stop it takes no more jobs, gives the running ones a moment, hands back those
// that are not done, and leaves.
package generator
