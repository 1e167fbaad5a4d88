// Package console is the operators' live page: the pool's members side by side, the shops
// with what they cost today, the jobs with their trails, the dead letters, and a button for
// each thing that an operator does at night.
//
// It is drawn on the server and served on the private port, under /console/. A small script
// brings the page up to date every two seconds; without scripts it is up to date when it is
// loaded. What it shows is read from NATS when somebody looks, at most every two seconds
// for all who look, so that a console nobody has open costs nothing.
//
// Each button is one NATS request (see [Action]), and stands beside the nats command that
// makes the same request. The console does nothing that such a request cannot do.
//
// The private port trusts who reaches it. The console adds what a browser needs: requests
// of other sites are refused (net/http.CrossOriginProtection), and so is every host name
// but localhost, so that a site that points its own name at the private port reads nothing.
package console
