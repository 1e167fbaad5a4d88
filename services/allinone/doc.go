// Package allinone is WandStore in one process, for a laptop: an edge, a generator
// with all pool members, a real nats-server, a real S3 gateway, and kimisim unless
// KIMI_API_KEY is set. What it keeps is under WANDSTORE_DATA_DIR.
//
// The parts speak to each other over loopback, as the services of a deployment do:
// the nats CLI, curl and any S3 client work against it as it runs. Under its banner it
// says how the jobs come along, as cmd/progress does of any running pool.
package allinone
