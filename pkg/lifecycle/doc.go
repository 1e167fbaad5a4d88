// Package lifecycle starts a service, stops it in order, and turns what came of
// it into an exit status.
//
// [Main] is a service's main function: it reads the settings from the
// environment (a wrong one is one line naming the variable, and status 2, before
// anything starts), sets up logs and telemetry, runs the service until it ends
// or a signal asks it to, and flushes telemetry last. A second signal ends the
// process at once. Its flags verify and print the settings and probe the running
// process; while it runs, operators are answered on a port of their own
// (PRIVATE_ADDR): metrics, the settings that hold, the log's level, profiles.
//
// [Run] runs parts that depend on each other: they are started in the order
// given, none waiting for the one before to be ready, and stopped in the reverse,
// each only when the one after it has ended.
package lifecycle
