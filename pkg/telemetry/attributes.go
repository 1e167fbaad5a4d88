package telemetry

import "go.opentelemetry.io/otel/attribute"

// Attributes of WandStore's own spans and metrics. Those of HTTP, messaging and
// gen_ai are the semantic conventions'.
const (
	// Store is the store's slug, one of the known ones.
	Store = attribute.Key("wandstore.store")
	// Member is the pool member, "pool-3".
	Member = attribute.Key("wandstore.pool.member")
	// Stream is a JetStream stream; a KV bucket is one too, "KV_UI_CACHE".
	Stream = attribute.Key("wandstore.stream")
	// JobID is a job's id; on spans only.
	JobID = attribute.Key("wandstore.job.id")
	// Attempt is a job's delivery, from 1; on spans only.
	Attempt = attribute.Key("wandstore.job.attempt")
	// Outcome is how a step ended, a word of a small set.
	Outcome = attribute.Key("wandstore.outcome")
	// Persona is whom a page addresses.
	Persona = attribute.Key("wandstore.persona")
	// Source is who designed a page: llm, template or webhook.
	Source = attribute.Key("wandstore.page.source")
	// Generation is the X-Generation header's value.
	Generation = attribute.Key("wandstore.generation")
	// Tier is where a page was found: memory, minio or kv.
	Tier = attribute.Key("wandstore.tier")
	// Result is a look-up's, a word of a small set.
	Result = attribute.Key("wandstore.result")
	// Limit is what a rate limit is of: jobs, carts, tracking, streams or searches.
	Limit = attribute.Key("wandstore.limit")
	// LimitScope is whose rate limit it is: client, shop or shopper.
	LimitScope = attribute.Key("wandstore.limit.scope")
	// Breaker is a circuit breaker: minio, kv or kimi.
	Breaker = attribute.Key("wandstore.breaker")
	// Redelivered tells a job's later deliveries from its first.
	Redelivered = attribute.Key("wandstore.job.redelivered")
)
