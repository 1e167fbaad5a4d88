// Package lifecycle starts a service, stops it in order, and returns its exit status.
//
// [Main] is the main function of a service. It reads the settings from the environment. A
// wrong setting is reported in one line that names the variable, with status 2, before
// anything starts. Then it sets up logs and telemetry, and runs the service until the
// service ends or a signal arrives. It exports pending telemetry last. A second signal
// ends the process at once.
//
// The flags of Main check or print the settings, or ask the running process for its
// health. While the service runs, a private port (PRIVATE_ADDR) serves operators: metrics,
// the settings in effect, the log level, profiles, and routes of the service's own.
//
// [Run] runs parts that depend on each other. It starts them in the given order, and does
// not wait until a part is ready. It stops them in reverse order, each after the next one
// has ended.
package lifecycle
