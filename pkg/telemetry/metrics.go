package telemetry

import (
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
)

// Buckets, in seconds. A lookup takes microseconds in memory and up to seconds in a store
// that is failing. A job takes about 100 s of model time.
var (
	requestBuckets = []float64{.00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	lookupBuckets  = []float64{.000001, .00001, .0001, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1}
	costBuckets    = []float64{0, .0005, .001, .002, .003, .004, .005, .0075, .01, .015, .02, .03, .05, .1, .25}
	waitBuckets    = []float64{.01, .1, 1, 5, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600}
	jobBuckets     = []float64{.01, .05, .25, 1, 5, 10, 20, 40, 60, 80, 100, 120, 150, 180, 240, 300}
)

// The metrics of WandStore.
var (
	BuildInfo = Metric{
		Name: "wandstore.build.info", Kind: KindGauge, Unit: "{process}",
		Description: "1; the attributes say what the process was built from.",
		Attributes:  []attribute.Key{Version, Revision, GoVersion},
	}
	HTTPRequestDuration = Metric{
		Name: "http.server.request.duration", Kind: KindHistogram, Unit: "s", Buckets: requestBuckets,
		Description: "Duration of HTTP server requests.",
		Attributes:  []attribute.Key{semconv.HTTPRequestMethodKey, semconv.HTTPRouteKey, semconv.HTTPResponseStatusCodeKey},
	}
	PageResponses = Metric{
		Name: "wandstore.page.responses", Kind: KindCounter, Unit: "{response}",
		Description: "Front pages answered: hit, stale (a hit that is to be replaced), cohort, persona or fallback, the tier that had the page, and what became of asking for one.",
		Attributes:  []attribute.Key{Outcome, Tier, Generation, Persona, Source},
	}
	PageResponsesByShop = Metric{
		Name: "wandstore.page.responses.by_store", Kind: KindCounter, Unit: "{response}",
		Description: "Front pages answered, by store: hit, stale, cohort, persona or fallback. The first thirty stores by name have a label of their own, the others are _other.",
		Attributes:  []attribute.Key{Store, Outcome},
	}
	PageDuration = Metric{
		Name: "wandstore.page.duration", Kind: KindHistogram, Unit: "s", Buckets: requestBuckets,
		Description: "How long a front page took to be answered, by what was answered: hit, stale, cohort, persona or fallback.",
		Attributes:  []attribute.Key{Outcome},
	}
	PageLookups = Metric{
		Name: "wandstore.pagestore.lookups", Kind: KindCounter, Unit: "{lookup}",
		Description: "Look-ups of a generated page, by tier and result.",
		Attributes:  []attribute.Key{Tier, Result},
	}
	PageLookupDuration = Metric{
		Name: "wandstore.pagestore.lookup.duration", Kind: KindHistogram, Unit: "s", Buckets: lookupBuckets,
		Description: "How long a tier took to answer a look-up.",
		Attributes:  []attribute.Key{Tier, Result},
	}
	Panics = Metric{
		Name: "wandstore.http.panics", Kind: KindCounter, Unit: "{panic}",
		Description: "Handlers that panicked: the request was answered with 500, and the stack is in the log.",
	}
	RateLimited = Metric{
		Name: "wandstore.http.limited", Kind: KindCounter, Unit: "{request}",
		Description: "Requests over a rate limit, by what was asked for and whose limit it was.",
		Attributes:  []attribute.Key{Limit, LimitScope},
	}
	BreakerOpen = Metric{
		Name: "wandstore.breaker.open", Kind: KindGauge, Unit: "{breaker}",
		Description: "Circuit breakers: 0 closed, 0.5 half open, 1 open.",
		Attributes:  []attribute.Key{Breaker},
	}
	ShopsStopped = Metric{
		Name: "wandstore.breaker.stores_stopped", Kind: KindGauge, Unit: "{store}",
		Description: "Stores that the model is not called for at the moment, while it is for others: calls for them failed.",
	}
	EventListeners = Metric{
		Name: "wandstore.events.listeners", Kind: KindGauge, Unit: "{listener}",
		Description: "Pages that wait for their generation over server-sent events.",
	}
	UpgradeDuration = Metric{
		Name: "wandstore.page.upgrade.duration", Kind: KindHistogram, Unit: "s", Buckets: jobBuckets,
		Description: "Time from the request for a page until a browser that waited with the fallback heard that its page is ready.",
		Attributes:  []attribute.Key{Source},
	}
	FirstSectionDuration = Metric{
		Name: "wandstore.page.first_section.duration", Kind: KindHistogram, Unit: "s", Buckets: jobBuckets,
		Description: "Time from the request for a page until a browser that waits was sent the page's first section, while the rest was being written.",
	}
	WatchDelay = Metric{
		Name: "wandstore.watch.delay", Kind: KindHistogram, Unit: "s", Buckets: requestBuckets,
		Description: "Time from a job's change, by the clock of NATS, until the edge heard of it, by its own.",
	}
	WatchUp = Metric{
		Name: "wandstore.watch.up", Kind: KindGauge, Unit: "{watch}",
		Description: "1 while the edge hears of changed pages and jobs; 0 while it looks every page up instead.",
	}
	JobClaims = Metric{
		Name: "wandstore.job.claims", Kind: KindCounter, Unit: "{claim}",
		Description: "Requests for a page: claimed (a new job), pending (one is under way) or error.",
		Attributes:  []attribute.Key{Outcome},
	}
	JobPublishes = Metric{
		Name: "wandstore.job.publishes", Kind: KindCounter, Unit: "{job}",
		Description: "Jobs offered to a member: queued, refused (it is full; the next is offered it) or error.",
		Attributes:  []attribute.Key{Member, Outcome},
	}
	JobDeliveries = Metric{
		Name: "wandstore.job.deliveries", Kind: KindCounter, Unit: "{delivery}",
		Description: "Jobs delivered to a member, the first time or again.",
		Attributes:  []attribute.Key{Member, Redelivered},
	}
	JobDuration = Metric{
		Name: "wandstore.job.duration", Kind: KindHistogram, Unit: "s", Buckets: jobBuckets,
		Description: "Time from a job's delivery to its settling, by member and outcome.",
		Attributes:  []attribute.Key{Member, Outcome},
	}
	JobAttempts = Metric{
		Name: "wandstore.job.attempts", Kind: KindHistogram, Unit: "{delivery}", Buckets: []float64{1, 2, 3, 4, 5},
		Description: "Deliveries that a job took until it was ready or dead.",
		Attributes:  []attribute.Key{Outcome},
	}
	JobDeadLetters = Metric{
		Name: "wandstore.job.dead_letters", Kind: KindCounter, Unit: "{job}",
		Description: "Jobs that were given up: failed by the generator, or lapsed with their last worker.",
		Attributes:  []attribute.Key{Member, Outcome},
	}
	JobsWaitingForStore = Metric{
		Name: "wandstore.job.waiting_for_store", Kind: KindGauge, Unit: "{job}",
		Description: "Running jobs that wait until a store takes their page, or says whether it has one.",
	}
	JobFailures = Metric{
		Name: "wandstore.job.failures", Kind: KindCounter, Unit: "{delivery}",
		Description: "Deliveries of jobs that ended without a page, by store and cause: retry (the job is tried again) or dead (it was given up).",
		Attributes:  []attribute.Key{Store, Outcome, semconv.ErrorTypeKey},
	}
	QueueDepth = Metric{
		Name: "wandstore.queue.depth", Kind: KindGauge, Unit: "{job}",
		Description: "Jobs that a member holds, waiting and running.",
		Attributes:  []attribute.Key{Member},
	}
	QueueRunning = Metric{
		Name: "wandstore.queue.running", Kind: KindGauge, Unit: "{job}",
		Description: "Jobs of a member that are delivered and not settled.",
		Attributes:  []attribute.Key{Member},
	}
	QueueOldestAge = Metric{
		Name: "wandstore.queue.oldest.age", Kind: KindGauge, Unit: "s",
		Description: "How long ago the oldest of the jobs that a member holds was published; 0 if it holds none.",
		Attributes:  []attribute.Key{Member},
	}
	QueuePaused = Metric{
		Name: "wandstore.queue.paused", Kind: KindGauge, Unit: "{member}",
		Description: "1 while an operator has paused the member, which then keeps its jobs, else 0. Generators tell it.",
		Attributes:  []attribute.Key{Member},
	}
	StreamMessages = Metric{
		Name: "wandstore.stream.messages", Kind: KindGauge, Unit: "{message}",
		Description: "Messages that a stream or bucket holds.",
		Attributes:  []attribute.Key{Stream},
	}
	StreamSize = Metric{
		Name: "wandstore.stream.size", Kind: KindGauge, Unit: "By",
		Description: "Bytes that a stream or bucket takes on NATS's disk, of one replica.",
		Attributes:  []attribute.Key{Stream},
	}
	StreamLimit = Metric{
		Name: "wandstore.stream.limit", Kind: KindGauge, Unit: "By",
		Description: "Bytes at which a stream or bucket refuses more, of one replica; none for one without a bound.",
		Attributes:  []attribute.Key{Stream},
	}
	StreamsLost = Metric{
		Name: "wandstore.streams.lost", Kind: KindGauge, Unit: "{stream}",
		Description: "Streams, buckets and consumers that are missing on NATS, or were made anew, empty, within the last hour; their names are in the log and in /health.",
	}
	ClockAhead = Metric{
		Name: "wandstore.clock.ahead", Kind: KindGauge, Unit: "s",
		Description: "How far this machine's clock is ahead of NATS's, below 0 behind it; 0 until NATS has answered. The services go by NATS's.",
	}
	PageGenerations = Metric{
		Name: "wandstore.page.generations", Kind: KindCounter, Unit: "{page}",
		Description: "Pages made, by persona and source; of a template's, why the model did not make it.",
		Attributes:  []attribute.Key{Persona, Source, semconv.ErrorTypeKey},
	}
	PageGenerationsByShop = Metric{
		Name: "wandstore.page.generations.by_store", Kind: KindCounter, Unit: "{page}",
		Description: "Pages made, by store and source; of a template's, why the model did not make it.",
		Attributes:  []attribute.Key{Store, Source, semconv.ErrorTypeKey},
	}
	PageCost = Metric{
		Name: "wandstore.page.cost", Kind: KindHistogram, Unit: "{USD}", Buckets: costBuckets,
		Description: "US dollars that the model cost for a page, failed tries too, by persona and source.",
		Attributes:  []attribute.Key{Persona, Source},
	}
	ModelDuration = Metric{
		Name: "gen_ai.client.operation.duration", Kind: KindHistogram, Unit: "s", Buckets: jobBuckets,
		Description: "Duration of a call of the model, its retries included.",
		Attributes:  []attribute.Key{semconv.GenAIOperationNameKey, semconv.GenAIRequestModelKey, semconv.ErrorTypeKey},
	}
	ModelFirstToken = Metric{
		Name: "gen_ai.client.operation.time_to_first_chunk", Kind: KindHistogram, Unit: "s", Buckets: jobBuckets,
		Description: "Time to the first token of the model's answer.",
		Attributes:  []attribute.Key{semconv.GenAIOperationNameKey, semconv.GenAIRequestModelKey},
	}
	ModelTokens = Metric{
		Name: "gen_ai.client.token.usage", Kind: KindHistogram, Unit: "{token}",
		Buckets:     []float64{64, 256, 512, 1024, 1536, 2048, 2500, 3072, 4096, 6144, 8192, 16384},
		Description: "Tokens of an answered call, input and output.",
		Attributes:  []attribute.Key{semconv.GenAIOperationNameKey, semconv.GenAIRequestModelKey, semconv.GenAITokenTypeKey},
	}
	ModelTokensBilled = Metric{
		Name: "wandstore.model.tokens", Kind: KindCounter, Unit: "{token}",
		Description: "Tokens of tries of the model, failed ones too: input, those of them that the provider's prompt cache served (cached), and output.",
		Attributes:  []attribute.Key{semconv.GenAIRequestModelKey, semconv.GenAITokenTypeKey, Persona, Outcome},
	}
	AccountCalls = Metric{
		Name: "wandstore.account.calls", Kind: KindCounter, Unit: "{call}",
		Description: "Calls of the model by what the provider said to them: admitted, or refused for rate, by the limit that was reached.",
		Attributes:  []attribute.Key{Outcome},
	}
	AccountWait = Metric{
		Name: "wandstore.account.wait", Kind: KindHistogram, Unit: "s", Buckets: waitBuckets,
		Description: "How long a call of the model waited until the account had room for it.",
	}
	AccountWaiting = Metric{
		Name: "wandstore.account.waiting", Kind: KindGauge, Unit: "{call}",
		Description: "Calls of the model that wait until the account has room for them.",
	}
	AccountUnderWay = Metric{
		Name: "wandstore.account.under_way", Kind: KindGauge, Unit: "{call}",
		Description: "Calls of the model that are under way.",
	}
	AccountLimit = Metric{
		Name: "wandstore.account.limit", Kind: KindGauge, Unit: "{limit}",
		Description: "What the model's account allows, set or learned: calls at a time, calls a minute, tokens a minute; none while it is unknown.",
		Attributes:  []attribute.Key{Limit},
	}
	ModelCost = Metric{
		Name: "wandstore.model.cost", Kind: KindCounter, Unit: "{USD}",
		Description: "US dollars that tries of the model cost, failed ones too, by their tokens and the prices in the settings.",
		Attributes:  []attribute.Key{semconv.GenAIRequestModelKey, Persona, Outcome},
	}
	ModelBudget = Metric{
		Name: "wandstore.model.budget", Kind: KindGauge, Unit: "{USD}",
		Description: "US dollars that the model may cost on one UTC day; none if no budget is set.",
	}
	ModelSpent = Metric{
		Name: "wandstore.model.spent", Kind: KindGauge, Unit: "{USD}",
		Description: "US dollars that the model has cost on the current UTC day, over all generators.",
	}
	ModelSpentByShop = Metric{
		Name: "wandstore.model.spent.by_store", Kind: KindGauge, Unit: "{USD}",
		Description: "US dollars that the model has cost on the current UTC day, for the twenty stores that cost most.",
		Attributes:  []attribute.Key{Store},
	}
	ModelBudgetReached = Metric{
		Name: "wandstore.model.budget.reached", Kind: KindGauge, Unit: "{budget}",
		Description: "1 while calls of the model are refused because the day's budget has no room for them, else 0.",
	}
)

// Metrics is all metrics, in the order of the reference documentation.
var Metrics = []Metric{
	BuildInfo, HTTPRequestDuration, PageResponses, PageResponsesByShop, PageDuration, PageLookups, PageLookupDuration, BreakerOpen, ShopsStopped, EventListeners,
	UpgradeDuration, FirstSectionDuration, WatchDelay, WatchUp,
	JobClaims, JobPublishes, JobDeliveries, JobDuration, JobAttempts, JobDeadLetters, JobFailures, JobsWaitingForStore,
	QueueDepth, QueueRunning, QueueOldestAge, QueuePaused, StreamMessages, StreamSize, StreamLimit, StreamsLost, ClockAhead,
	PageGenerations, PageGenerationsByShop, PageCost, ModelDuration, ModelFirstToken, ModelTokens, AccountCalls, AccountWait, AccountWaiting,
	AccountUnderWay, AccountLimit, ModelTokensBilled, ModelCost,
	ModelBudget, ModelSpent, ModelSpentByShop, ModelBudgetReached,
}
