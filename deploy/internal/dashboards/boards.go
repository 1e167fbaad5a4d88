package main

const (
	hitRate = `sum(rate(wandstore_page_responses_total{wandstore_outcome=~"hit|stale"}[$__rate_interval])) / sum(rate(wandstore_page_responses_total{wandstore_generation!="off"}[$__rate_interval]))`
	member  = "wandstore_pool_member"

	spentAnHour = `sum by (gen_ai_request_model) (rate(wandstore_model_cost_total[$__rate_interval])) * 3600`
)

var boards = []board{
	{
		uid: "wandstore-shop", title: "WandStore: the shop", about: "For the shop's owner: do shoppers get pages of their own, how soon, and what does it cost?",
		rows: []row{
			{title: "Now", panels: []panel{
				{title: "Pages that are personal", kind: number, unit: "percentunit", width: 6, warn: .7, alarm: .5, queries: one(hitRate, ""),
					advice: "Of the front pages of known shoppers, those that were their own. Under a half: open the dashboards of the queue and the model; runbook HitRateLow."},
				{title: "Wait for a personal page", kind: number, unit: "s", width: 6, warn: 150, alarm: 300,
					queries: one(`histogram_quantile(0.5, sum by (le) (rate(wandstore_page_upgrade_duration_seconds_bucket[$__range])))`, ""),
					advice:  "Half of those who waited with the fallback had their page sooner. Above two and a half minutes: jobs queue, add generators; or the model is slow."},
				{title: "Cost of a page", kind: number, unit: "currencyUSD", width: 6, warn: .03, alarm: .1,
					queries: one(`sum(rate(wandstore_model_cost_total[$__range])) / sum(rate(wandstore_page_generations_total{wandstore_page_source="llm"}[$__range]))`, ""),
					advice:  "Estimated by tokens and the prices in the settings. Above a few cents: look at the tokens of an answer on the model's dashboard."},
				{title: "Cost of today, of the budget", kind: number, unit: "percentunit", width: 6, warn: .8, alarm: 1,
					queries: one(`max(wandstore_model_spent) / max(wandstore_model_budget)`, ""),
					advice:  "By UTC day. Near 100 %: runbook BudgetNear; no room for another call: BudgetSpent. No data: KIMI_DAILY_BUDGET is not set."},
			}},
			{title: "Shoppers", panels: []panel{
				{title: "Front pages", kind: stacked, unit: "reqps", width: 12, queries: perSecond("wandstore_page_responses_total", "wandstore_outcome"),
					advice: "Own pages (hit), own ones about to be renewed (stale), and fallbacks. Mostly fallbacks while visitors return: runbook HitRateLow."},
				{title: "Personal pages over time", unit: "percentunit", width: 12, warn: .7, alarm: .5, queries: one(hitRate, "personal"),
					advice: "A fall after a deploy means that pages are made anew for a new prompt; it recovers by itself. Otherwise: runbook HitRateLow."},
				{title: "Wait for a personal page", unit: "s", queries: quantiles("wandstore_page_upgrade_duration_seconds", "", "", "", "0.50", "0.95"),
					advice: "From the request until the waiting browser heard of its page. p95 far above p50: one member is slow, see the queue."},
				{title: "Who the pages are for", kind: stacked, unit: "pages/s", queries: perSecond("wandstore_page_generations_total", "wandstore_persona"),
					advice: "Personas of the pages made. All of one kind: signals do not arrive, look at POST /api/shopper/track on the edge's dashboard."},
				{title: "Who designed the pages", kind: stacked, unit: "pages/s", queries: perSecond("wandstore_page_generations_total", "wandstore_page_source"),
					advice: "The model (llm) or the template in its place. Templates rising: runbook ModelFailing."},
			}},
			{title: "Money", panels: []panel{
				{title: "Budget reached", kind: number, unit: "short", width: 6, warn: .5, alarm: 1, queries: one(`max(wandstore_model_budget_reached)`, ""),
					advice: "1: the day's budget has no room for another call, and pages are the template's. Runbook BudgetSpent."},
				{title: "Spent an hour", unit: "currencyUSD", width: 18, queries: one(spentAnHour, "{{gen_ai_request_model}}"),
					advice: "At the present rate. A jump without more visitors: pages are made again too often, look at PAGE_MAX_AGE and at who calls POST /generate."},
			}},
		},
	},
	{
		uid: "wandstore-queue", title: "WandStore: the queue", about: "The pool's members side by side: what waits, what runs, what fails.",
		rows: []row{
			{title: "Members", panels: []panel{
				{title: "Jobs held", kind: bars, unit: "short", warn: 50, alarm: 100, queries: worst("wandstore_queue_depth", member),
					advice: "Waiting and running; a member takes 100. All high: add generators or POOL_CONCURRENCY. One high: runbook JobsTooOld."},
				{title: "Jobs running", kind: bars, unit: "short", warn: 1e6, alarm: 2e6, queries: worst("wandstore_queue_running", member),
					advice: "Delivered and not settled. None running while jobs are held: nobody serves the member, or it is paused."},
				{title: "Age of the oldest job", kind: bars, unit: "s", warn: 600, alarm: 1800, queries: worst("wandstore_queue_oldest_age_seconds", member),
					advice: "Above half an hour: runbook JobsTooOld."},
			}},
			{title: "Asking", panels: []panel{
				{title: "Requests for pages", kind: stacked, unit: "reqps", queries: perSecond("wandstore_job_claims_total", "wandstore_outcome"),
					advice: "claimed makes a job, pending joins one. Errors: NATS does not answer, see its dashboard."},
				{title: "Jobs queued, by member", kind: stacked, unit: "jobs/s", queries: one(`sum by (wandstore_pool_member) (rate(wandstore_job_publishes_total{wandstore_outcome="queued"}[$__rate_interval]))`, "{{"+member+"}}"),
					advice: "Shoppers are spread by their ids: about equal. One member getting nothing refuses, or the pool's size differs between edges."},
				{title: "Refused for being full, by member", unit: "jobs/s", queries: one(`sum by (wandstore_pool_member) (rate(wandstore_job_publishes_total{wandstore_outcome="refused"}[$__rate_interval]))`, "{{"+member+"}}"),
					advice: "Each is offered to the next member. All members refusing: runbook PoolRefuses."},
			}},
			{title: "Working", panels: []panel{
				{title: "Time of a job", unit: "s", queries: quantiles("wandstore_job_duration_seconds", "", "", "", "0.50", "0.95"),
					advice: "Delivery to settling; the model's time is most of it. Rising: the model's dashboard."},
				{title: "Time of a job, p95 by member", unit: "s", queries: quantiles("wandstore_job_duration_seconds", "", member, " {{"+member+"}}", "0.95"),
					advice: "One member slower than the others: its generator's machine."},
				{title: "Deliveries ended", kind: stacked, unit: "jobs/s", queries: perSecond("wandstore_job_duration_seconds_count", "wandstore_outcome"),
					advice: "ready is what it is for. retry: read the generator's log for the cause; lost and busy: generators that stall or die."},
				{title: "Deliveries again", kind: stacked, unit: "jobs/s", queries: one(`sum by (wandstore_pool_member) (rate(wandstore_job_deliveries_total{wandstore_job_redelivered="true"}[$__rate_interval]))`, "{{"+member+"}}"),
					advice: "Jobs given back or lost by a worker. Steady: generators are killed (memory?) or a store fails."},
				{title: "Attempts a job", unit: "short", queries: one(`sum by (wandstore_outcome) (rate(wandstore_job_attempts_sum[$__rate_interval])) / sum by (wandstore_outcome) (rate(wandstore_job_attempts_count[$__rate_interval]))`, "{{wandstore_outcome}}"),
					advice: "1 is good. Above: see deliveries ended for the cause."},
				{title: "Dead letters in the time shown", kind: bars, unit: "short", warn: 1, alarm: 10, queries: one(`sum by (wandstore_pool_member, wandstore_outcome) (increase(wandstore_job_dead_letters_total[$__range]))`, "{{"+member+"}} {{wandstore_outcome}}"),
					advice: "Any: runbook DeadLetters."},
			}},
		},
	},
	{
		uid: "wandstore-model", title: "WandStore: the model", about: "How fast the model answers, what it costs, and how it fails.",
		rows: []row{
			{title: "Speed", panels: []panel{
				{title: "Time of a call", unit: "s", width: 12, queries: quantiles("gen_ai_client_operation_duration_seconds", "", "gen_ai_request_model", " {{gen_ai_request_model}}", "0.50", "0.95"),
					advice: "Retries included; about 100 s is usual of Kimi. Near LLM_TIMEOUT_SECONDS: the template will serve; raise it or change the model."},
				{title: "Time to the first token", unit: "s", width: 12, queries: quantiles("gen_ai_client_operation_time_to_first_chunk_seconds", "", "gen_ai_request_model", " {{gen_ai_request_model}}", "0.50", "0.95"),
					advice: "High with steady total time: the provider queues. Look at its status page."},
			}},
			{title: "Answers", panels: []panel{
				{title: "Tokens of a call", unit: "short", queries: one(`sum by (gen_ai_token_type) (rate(gen_ai_client_token_usage_sum[$__rate_interval])) / sum by (gen_ai_token_type) (rate(gen_ai_client_token_usage_count[$__rate_interval]))`, "{{gen_ai_token_type}}"),
					advice: "A design takes under 2,500 output tokens. Above: the model writes more than is asked; input rising: a store's catalogue has grown."},
				{title: "Calls that fail, by cause", kind: stacked, unit: "calls/s", queries: one(`sum by (error_type) (rate(gen_ai_client_operation_duration_seconds_count{error_type!=""}[$__rate_interval]))`, "{{error_type}}"),
					advice: "Runbook ModelFailing says what each cause means."},
				{title: "Templates in the model's place, by cause", kind: stacked, unit: "pages/s", queries: one(`sum by (error_type) (rate(wandstore_page_generations_total{wandstore_page_source="template"}[$__rate_interval]))`, "{{error_type}}"),
					advice: "Pages that shoppers got without the model. Runbook ModelFailing."},
				{title: "Breaker", unit: "short", warn: .5, alarm: 1, queries: one(`max(wandstore_breaker_open{wandstore_breaker="kimi"})`, "kimi"),
					advice: "1: the model is not asked at all for a while, since calls failed in a row. Runbook BreakerOpen."},
				{title: "Output tokens a second", unit: "short", queries: one(`sum by (gen_ai_request_model) (rate(gen_ai_client_token_usage_sum{gen_ai_token_type="output"}[$__rate_interval]))`, "{{gen_ai_request_model}}"),
					advice: "Compare with the account's limit of tokens; near it calls are rate_limited."},
				{title: "Spent an hour", unit: "currencyUSD", queries: one(spentAnHour, "{{gen_ai_request_model}}"),
					advice: "At the present rate, estimated. Runbook BudgetNear."},
			}},
		},
	},
	{
		uid: "wandstore-edge", title: "WandStore: the edge and its tiers", about: "What shoppers' requests take, and where pages are found.",
		rows: []row{
			{title: "Requests", panels: []panel{
				{title: "Requests by route", kind: stacked, unit: "reqps", queries: perSecond("http_server_request_duration_seconds_count", "http_route"),
					advice: "A fall to nothing: the proxy before the edge, or the edge itself; runbook ServiceDown."},
				{title: "Requests by status", kind: stacked, unit: "reqps", queries: perSecond("http_server_request_duration_seconds_count", "http_response_status_code"),
					advice: "429: the pool is full (runbook PoolRefuses) or somebody asks too often. 5xx: the edge's log, by the trace of an exemplar."},
				{title: "Time of a front page", unit: "s", queries: quantiles("http_server_request_duration_seconds", `{http_route="/s/:store"}`, "", "", "0.50", "0.99"),
					advice: "About a millisecond from memory. p99 above 0.3 s: a tier is slow, see below; open the trace of an exemplar."},
			}},
			{title: "Tiers", panels: []panel{
				{title: "Hits by tier", kind: stacked, unit: "reqps", queries: one(`sum by (wandstore_tier) (rate(wandstore_page_responses_total{wandstore_outcome=~"hit|stale"}[$__rate_interval]))`, "{{wandstore_tier}}"),
					advice: "Mostly memory. Mostly minio or kv: raise CACHE_MEMORY_BYTES, or the watch is broken."},
				{title: "Look-ups by tier and result", unit: "reqps", queries: one(`sum by (wandstore_tier, wandstore_result) (rate(wandstore_pagestore_lookups_total[$__rate_interval]))`, "{{wandstore_tier}} {{wandstore_result}}"),
					advice: "Errors of a tier: its server. Its breaker opens soon after: runbook BreakerOpen."},
				{title: "Time of a look-up, p99", unit: "s", queries: quantiles("wandstore_pagestore_lookup_duration_seconds", "", "wandstore_tier", " {{wandstore_tier}}", "0.99"),
					advice: "Memory takes microseconds, the others milliseconds. A tier above 0.1 s: its disk or its network."},
				{title: "Misses, by what became of asking", kind: stacked, unit: "reqps", queries: one(`sum by (wandstore_generation) (rate(wandstore_page_responses_total{wandstore_outcome="fallback"}[$__rate_interval]))`, "{{wandstore_generation}}"),
					advice: "triggered and pending are usual, full is runbook PoolRefuses, unavailable is NATS away."},
				{title: "Breakers", unit: "short", warn: .5, alarm: 1, queries: worst("wandstore_breaker_open", "wandstore_breaker"),
					advice: "1: that dependency is not asked any more. Runbook BreakerOpen."},
				{title: "Time until a change is heard, p99", unit: "s", queries: quantiles("wandstore_watch_delay_seconds", "", "", "", "0.99"),
					advice: "Milliseconds near NATS. Seconds: the edge is busy or far away, or clocks differ."},
				{title: "Watching", unit: "short", warn: 1, queries: one(`min by (instance) (wandstore_watch_up)`, "{{instance}}"),
					advice: "0: that edge hears of no changes and looks every page up. Runbook WatchBroken."},
				{title: "Browsers that wait", unit: "short", warn: 8000, alarm: 10000, queries: one(`sum by (instance) (wandstore_events_listeners)`, "{{instance}}"),
					advice: "An edge holds 10,000 and refuses more: add an edge."},
			}},
		},
	},
	{
		uid: "wandstore-stores", title: "WandStore: NATS and MinIO", about: "What the services see of NATS, and what MinIO tells of itself.",
		rows: []row{
			{title: "NATS", panels: []panel{
				{title: "Messages, by stream", kind: bars, unit: "short", warn: 1e6, alarm: 1e7, queries: worst("wandstore_stream_messages", "wandstore_stream"),
					advice: "KV buckets are streams. GENERATION_DEAD above 0: runbook DeadLetters."},
				{title: "Disk, by stream", kind: stacked, unit: "bytes", queries: worst("wandstore_stream_size_bytes", "wandstore_stream"),
					advice: "Of one replica. Pages leave KV_UI_CACHE after CACHE_TTL_SECONDS; growth without end elsewhere: runbook StreamNearlyFull."},
				{title: "Bound in use, by stream", kind: bars, unit: "percentunit", warn: .6, alarm: .8, queries: one(`max by (wandstore_stream) (wandstore_stream_size_bytes) / max by (wandstore_stream) (wandstore_stream_limit_bytes)`, "{{wandstore_stream}}"),
					advice: "At the whole a stream refuses what is new. Above four fifths: runbook StreamNearlyFull."},
				{title: "Time of a KV look-up", unit: "s", queries: quantiles("wandstore_pagestore_lookup_duration_seconds", `{wandstore_tier="kv"}`, "", "", "0.50", "0.99"),
					advice: "Above 50 ms: NATS's disk or the network to it."},
				{title: "Processes that Prometheus reaches", unit: "short", warn: 1, queries: one(`sum by (job) (up)`, "{{job}}"),
					advice: "Fewer than were started: runbook ServiceDown."},
			}},
			{title: "MinIO", panels: []panel{
				{title: "Room left", kind: number, unit: "percentunit", warn: .2, alarm: .1, queries: one(`min(minio_cluster_capacity_usable_free_bytes) / min(minio_cluster_capacity_usable_total_bytes)`, ""),
					advice: "Under a tenth: runbook DiskNearlyFull."},
				{title: "Requests by kind", kind: stacked, unit: "reqps", queries: perSecond("minio_s3_requests_total", "api"),
					advice: "getobject is the edges' look-ups. Many with few visitors: memory is not used, runbook WatchBroken."},
				{title: "Drives online", kind: number, unit: "short", warn: 1, queries: one(`sum(minio_cluster_drive_online_total)`, ""),
					advice: "Fewer than there are: pages still come while the write quorum holds; replace the drive."},
				{title: "Time of an object look-up", unit: "s", queries: quantiles("wandstore_pagestore_lookup_duration_seconds", `{wandstore_tier="minio"}`, "", "", "0.50", "0.99"),
					advice: "Above 50 ms: MinIO's disk or the network to it."},
				{title: "Traffic", unit: "Bps", queries: []query{
					{expr: `sum(rate(minio_s3_traffic_received_bytes[$__rate_interval]))`, legend: "written"},
					{expr: `sum(rate(minio_s3_traffic_sent_bytes[$__rate_interval]))`, legend: "read"},
				}, advice: "Reads in step with the requests above. Much more: somebody else reads the bucket."},
				{title: "Memory", unit: "bytes", queries: one(`sum by (server) (minio_node_process_resident_memory_bytes)`, "{{server}}"),
					advice: "Near the container's limit it is killed: raise the limit in deploy/compose.yaml."},
			}},
		},
	},
}
