package telemetry

import "go.opentelemetry.io/otel/attribute"

// Attributes of WandStore's own spans and metrics. The attributes of HTTP, messaging and
// gen_ai are those of OpenTelemetry's semantic conventions.
const (
	// Version is the version of the module that a process was built from, "(devel)" if it has
	// none.
	Version = attribute.Key("wandstore.version")
	// Revision is the commit that a process was built from, "" if it is not known.
	Revision = attribute.Key("wandstore.revision")
	// GoVersion is the version of Go that a process was built with.
	GoVersion = attribute.Key("wandstore.go.version")
	// Store is the slug of a shop that exists; in metrics, of one of the first thirty, or
	// "_other".
	Store = attribute.Key("wandstore.store")
	// Member is the pool member, "pool-3".
	Member = attribute.Key("wandstore.pool.member")
	// Stream is a JetStream stream, such as "GENERATION", or "KV_UI_CACHE" of a bucket.
	Stream = attribute.Key("wandstore.stream")
	// JobID is a job's id; on spans only.
	JobID = attribute.Key("wandstore.job.id")
	// Attempt is the number of a job's delivery, from 1; on spans only.
	Attempt = attribute.Key("wandstore.job.attempt")
	// Outcome is how a step ended, one of a few words.
	Outcome = attribute.Key("wandstore.outcome")
	// Persona is the persona that a page is for.
	Persona = attribute.Key("wandstore.persona")
	// Section is the number of a section of a page, from 1; on spans only.
	Section = attribute.Key("wandstore.page.section")
	// Source is what designed a page: llm, template, partial or webhook.
	Source = attribute.Key("wandstore.page.source")
	// Generation is the value of the X-Generation header.
	Generation = attribute.Key("wandstore.generation")
	// Tier is the tier that had a page: memory, minio or kv.
	Tier = attribute.Key("wandstore.tier")
	// Peer is what a CLIENT span asks: PeerNATS, PeerMinIO or PeerModel. Those run no code of
	// ours, so that a service graph knows them by this attribute alone.
	Peer = attribute.Key("peer.service")
	// Result is the result of a lookup, one of a few words.
	Result = attribute.Key("wandstore.result")
	// Limit is what a rate limit is of: jobs, carts, tracking, streams or searches; of the
	// model's account: concurrency, calls or tokens.
	Limit = attribute.Key("wandstore.limit")
	// LimitScope is whose rate limit it is: client, shop or shopper.
	LimitScope = attribute.Key("wandstore.limit.scope")
	// Breaker is a circuit breaker: minio, kv or kimi.
	Breaker = attribute.Key("wandstore.breaker")
	// Redelivered is true for every delivery of a job after the first.
	Redelivered = attribute.Key("wandstore.job.redelivered")
)

// Values of Peer.
const (
	PeerNATS  = "nats"
	PeerMinIO = "minio"
	PeerModel = "kimi"
)
