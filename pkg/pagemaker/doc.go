// Package pagemaker makes the page of a shopper or a cohort and stores it: it reads the
// session, gets a design, renders the HTML and writes the stores. Every stored page is made
// here: the pages of queue jobs, of POST /generate and of the webhook.
//
//	the Designer                          the page's source   stored in
//	returns a design                      Order.Source        MinIO and KV
//	fails, and Order.Template is set      template            KV only
//	fails so after its first section      partial             KV only
//	fails otherwise                       no page             nothing
//
// A cohort's page is made without a session: the prompt has the cohort's persona and
// interest, and nothing of any shopper. If the Designer fails, a page that was designed for
// the cohort before stays, however old it is.
//
// While the Designer works, the sections that are settled are published as a draft (package
// pagedraft) for whoever waits. A page that the Designer does not finish keeps them, and the
// template completes it.
//
// Making a page is idempotent. If a page newer than the request is stored, it is not made
// again, but it is stored where it is missing. So the next delivery completes a page that
// a crash left in one store only.
//
// A job's order waits for the stores (Order.Wait): until it is certain that there is no page,
// none is paid for, and a page that was paid for is kept until it is stored. While MinIO is
// away its shopper gets it from KV.
package pagemaker
