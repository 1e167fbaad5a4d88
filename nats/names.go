package wandnats

import (
	"cmp"
	"strconv"
	"strings"
	"time"
)

// Streams.
const (
	// StreamGeneration is the work queue of generation jobs.
	StreamGeneration = "GENERATION"
	// StreamDead keeps the dead letters.
	StreamDead = "GENERATION_DEAD"
)

// Key-value buckets.
const (
	// BucketPages holds generated pages for CACHE_TTL_SECONDS.
	BucketPages = "UI_CACHE"
	// BucketJobs holds job records and breadcrumbs.
	BucketJobs = "GENERATION_QUEUE"
	// BucketSessions holds shopper sessions.
	BucketSessions = "SHOPPER_SESSIONS"
	// BucketStores holds the documents of the shops by their slug; only operators
	// write it.
	BucketStores = "STORES"
	// BucketCatalogue holds the products of the shops, a key each; imports write it.
	BucketCatalogue = "CATALOGUE"
	// BucketSpend holds what the model costs on each UTC day.
	BucketSpend = "SPEND"
	// BucketControl holds the operators' switches; only operators write it, by the CLI or the
	// generators' console.
	BucketControl = "CONTROL"
	// BucketAccount holds what the generators use of the model's account, and what is
	// known of its limits.
	BucketAccount = "MODEL_ACCOUNT"
	// BucketImports holds what imports remember for a week: removals, stocks by location,
	// and the orders that were counted.
	BucketImports = "IMPORTS"
	// BucketForgotten holds the tombstones of forgotten shoppers by their ids.
	BucketForgotten = "FORGOTTEN"
	// BucketDrafts holds the beginnings of pages that a model is writing.
	BucketDrafts = "PAGE_DRAFTS"
)

// Subjects.
const (
	// SubjectReplay takes an operator's request to put a dead letter back into the
	// queue.
	SubjectReplay = "wandstore.control.replay"
	// SubjectForget takes an operator's request to forget a shopper.
	SubjectForget = "wandstore.control.forget"
	// SubjectExport takes an operator's request for what is kept of a shopper.
	SubjectExport = "wandstore.control.export"
	// SubjectCost takes an operator's question for what the model cost.
	SubjectCost = "wandstore.control.cost"
	// SubjectMaxDeliveries carries the server's max-deliveries advisory: a job's last
	// delivery was not acknowledged in time.
	SubjectMaxDeliveries = "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES." + StreamGeneration + ".*"

	prefixGenerate = "wandstore.generate."
	prefixDead     = "wandstore.dead."
	prefixMember   = "pool-"
)

// MicroService is the name of the generators' NATS micro service (ADR-32).
const MicroService = "wandstore-generator"

// Member is the name of pool member n and of its consumer: "pool-3".
func Member(n int) string { return prefixMember + strconv.Itoa(n) }

// ShardMember is the name of member n of a shard and of its consumer: "2-pool-3".
func ShardMember(shard, n int) string { return strconv.Itoa(shard) + "-" + Member(n) }

// Unsharded is the shard of the members of a queue that has none.
const Unsharded = -1

// ParseMember gives the shard and the number of a member's name; Unsharded for "pool-3", and
// false for any other name.
func ParseMember(member string) (shard, n int, ok bool) {
	shard = Unsharded
	if first, rest, sharded := strings.Cut(member, "-"+prefixMember); sharded {
		if shard, ok = number(first); !ok {
			return 0, 0, false
		}
		member = prefixMember + rest
	}
	digits, ok := strings.CutPrefix(member, prefixMember)
	if !ok {
		return 0, 0, false
	}
	n, ok = number(digits)
	return shard, n, ok
}

// number reads a number as strconv.Itoa writes those that are not below 0.
func number(digits string) (int, bool) {
	n, err := strconv.Atoi(digits)
	return n, err == nil && n >= 0 && strconv.Itoa(n) == digits
}

// IsMember reports whether that is the name of a member, of any shard.
func IsMember(name string) bool {
	_, _, ok := ParseMember(name)
	return ok
}

// CompareMembers orders members' names by their shards and numbers. Members of no shard come
// first.
func CompareMembers(a, b string) int {
	aShard, aNumber, _ := ParseMember(a)
	bShard, bNumber, _ := ParseMember(b)
	return cmp.Or(cmp.Compare(aShard, bShard), cmp.Compare(aNumber, bNumber), strings.Compare(a, b))
}

// AllGenerate matches the subjects of the jobs of all members, of all shards.
const AllGenerate = prefixGenerate + ">"

// GenerateSubject is the subject of a member's jobs: "wandstore.generate.pool-3", and
// "wandstore.generate.2.pool-3" for member 3 of shard 2.
func GenerateSubject(member string) string {
	if shard, n, ok := ParseMember(member); ok && shard != Unsharded {
		return prefixGenerate + strconv.Itoa(shard) + "." + Member(n)
	}
	return prefixGenerate + member
}

// ShardSubjects matches the subjects of a shard's jobs.
func ShardSubjects(shard int) string { return prefixGenerate + strconv.Itoa(shard) + ".*" }

// isShardSubjects reports whether a stream's subject is that of a shard.
func isShardSubjects(subject string) bool {
	shard, ok := strings.CutPrefix(strings.TrimSuffix(subject, ".*"), prefixGenerate)
	if !ok {
		return false
	}
	n, ok := number(shard)
	return ok && subject == ShardSubjects(n)
}

// MemberOfSubject is the member a job's subject belongs to, or "".
func MemberOfSubject(subject string) string {
	member, ok := strings.CutPrefix(subject, prefixGenerate)
	if !ok {
		return ""
	}
	return strings.Replace(member, ".", "-", 1)
}

// DeadSubject is the subject of a member's dead letters.
func DeadSubject(member string) string { return prefixDead + member }

// HealthSubject is where a member answers requests for its health.
func HealthSubject(member string) string { return "wandstore.member." + member + ".health" }

// Keys of the buckets. store and shopper must be checked ids.

// PageKey is a page's key in UI_CACHE.
func PageKey(store, shopper string) string { return "ui." + store + "." + shopper }

// JobKey is a job record's key in GENERATION_QUEUE.
func JobKey(store, shopper string) string { return "job." + store + "." + shopper }

// DebugKey is a breadcrumb trail's key in GENERATION_QUEUE.
func DebugKey(store, shopper string) string { return "debug." + store + "." + shopper }

// ErrorKey is an error trail's key in GENERATION_QUEUE.
func ErrorKey(store, shopper string) string { return "error." + store + "." + shopper }

// WebhookKey is the key in GENERATION_QUEUE of a webhook that was taken, by a digest of
// its id.
func WebhookKey(digest string) string { return "webhook." + digest }

// SessionKey is a session's key in SHOPPER_SESSIONS.
func SessionKey(shopper string) string { return "session." + shopper }

// SpendKey is the key in SPEND of what all shops together cost on the UTC day of at.
func SpendKey(at time.Time) string { return "day." + at.UTC().Format(time.DateOnly) }

// ShopSpendKey is the key in SPEND of what one shop costs on the UTC day of at.
func ShopSpendKey(at time.Time, shop string) string { return SpendKey(at) + "." + shop }

// KeyGeneration is the key in CONTROL of the switch for generation as a whole.
const KeyGeneration = "generation"

// GenerationKey is the key in CONTROL of the switch for one shop's generation.
func GenerationKey(shop string) string { return KeyGeneration + "." + shop }

// RemovedKey is the key in IMPORTS of a removed product, by its id at the source.
func RemovedKey(store, id string) string { return "removed." + store + "." + id }

// LevelsKey is the key in IMPORTS of the stocks of an item at the source, by location.
func LevelsKey(store, item string) string { return "levels." + store + "." + item }

// OrderKey is the key in IMPORTS of an order that was counted, by its id at the source.
func OrderKey(store, id string) string { return "order." + store + "." + id }

// ForgottenKey is the key in FORGOTTEN of the tombstone of a shopper in all shops.
func ForgottenKey(shopper string) string { return shopper }

// ForgottenInKey is the key in FORGOTTEN of the tombstone of a shopper in one shop.
func ForgottenInKey(shop, shopper string) string { return shopper + "." + shop }

// DraftKey is the key in PAGE_DRAFTS of the beginning of a page.
func DraftKey(store, shopper string) string { return "draft." + store + "." + shopper }

// prefixRepublished is before a draft's key in the subject on which the server publishes it
// once it is stored.
const prefixRepublished = "wandstore."

// DraftSubject is where each change of a draft is heard by who has subscribed to it, from
// the server itself: "wandstore.draft.magic-wands.ada". The header Nats-Sequence is its
// revision.
func DraftSubject(store, shopper string) string { return prefixRepublished + DraftKey(store, shopper) }

// KeyOfDraftSubject is the key of the draft that is heard on a subject.
func KeyOfDraftSubject(subject string) string { return strings.TrimPrefix(subject, prefixRepublished) }

// ProductKey is a product's key in CATALOGUE.
func ProductKey(store, product string) string { return store + "." + product }

// SplitProductKey gives the store and product of a key of CATALOGUE; false for any other
// key.
func SplitProductKey(key string) (store, product string, ok bool) {
	store, product, ok = strings.Cut(key, ".")
	return store, product, ok && store != "" && product != "" && !strings.Contains(product, ".")
}

// ProductsOf matches every key of a store in CATALOGUE.
func ProductsOf(store string) string { return store + ".*" }

// SplitKey gives the store and shopper of a page's, job's or draft's key, as in
// "ui.{store}.{shopper}"; false for any other key.
func SplitKey(key string) (store, shopper string, ok bool) {
	parts := strings.Split(key, ".")
	if len(parts) != 3 {
		return "", "", false
	}
	return parts[1], parts[2], true
}

// Key patterns for watches.
const (
	// AllPages matches every page of UI_CACHE.
	AllPages = "ui.>"
	// AllJobs matches every job record of GENERATION_QUEUE, and no breadcrumb.
	AllJobs = "job.>"
)
