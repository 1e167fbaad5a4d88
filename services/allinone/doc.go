// Package allinone runs WandStore in one process, for a laptop: an edge, a generator with
// all pool members, a real nats-server, a real S3 gateway, and kimisim unless KIMI_API_KEY
// is set. All its data is under WANDSTORE_DATA_DIR.
//
// The parts communicate over loopback like the services of a deployment, so the nats CLI,
// curl and any S3 client work with it. Below its banner it reports the progress of the jobs,
// as cmd/progress does for any running pool.
package allinone
