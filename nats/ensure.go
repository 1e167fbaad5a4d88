package wandnats

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

//go:embed streams/*.json buckets/*.json consumers/*.json
var definitions embed.FS

// DevConfig is the configuration of a laptop's nats-server (server/dev.conf).
//
//go:embed server/dev.conf
var DevConfig string

// Settings are the values of the environment that replace those of the files.
type Settings struct {
	// PoolSize is the number of members, 1 to 1000.
	PoolSize int `env:"POOL_SIZE" envDefault:"10"`
	// Shards is how many shards of PoolSize members the queue has, 1 to 100, and at most 1000
	// members altogether. A shop's jobs go to one of them. 0 is 1, which is no shards: the
	// members have the names and subjects that they have always had.
	Shards int `env:"GENERATION_SHARDS" envDefault:"1"`
	// MaxQueueDepth is the most jobs that a member holds, waiting and running, 1 to a
	// million.
	MaxQueueDepth int `env:"MAX_QUEUE_DEPTH" envDefault:"100"`
	// Concurrency is the most jobs that a member runs at a time, over all generators,
	// 1 to 1000.
	Concurrency int `env:"POOL_CONCURRENCY" envDefault:"1"`
	// CacheTTLSeconds is how long UI_CACHE keeps a page, 1 s to a year.
	CacheTTLSeconds int `env:"CACHE_TTL_SECONDS" envDefault:"3600"`
	// JobMaxWait is how long a job is kept for a shopper who does not come again, 10 min to a
	// week; 0 is DefaultJobMaxWait. GENERATION_QUEUE keeps its record for recordMargin longer.
	JobMaxWait time.Duration `env:"JOB_MAX_WAIT" envDefault:"4h"`
	// Replicas is how many replicas a new stream gets, 1 to 5; an existing one keeps
	// its own.
	Replicas int `env:"NATS_REPLICAS" envDefault:"1"`
	// HubDomain is the JetStream domain of the hub that the NATS of a PoP is a leaf node of:
	// all is there but mirrors of what edges read. It is empty at the hub itself.
	HubDomain string `env:"NATS_HUB_DOMAIN"`
}

// Validate returns an error that names the first variable out of range.
func (s Settings) Validate() error {
	for _, v := range []struct {
		name             string
		value, low, high int
	}{
		{"POOL_SIZE", s.PoolSize, 1, maxMembers},
		{"GENERATION_SHARDS", s.Shards, 1, 100},
		{"MAX_QUEUE_DEPTH", s.MaxQueueDepth, 1, 1_000_000},
		{"POOL_CONCURRENCY", s.Concurrency, 1, 1000},
		{"CACHE_TTL_SECONDS", s.CacheTTLSeconds, 1, 365 * 24 * 3600},
		{"NATS_REPLICAS", s.Replicas, 1, 5},
	} {
		if v.value < v.low || v.value > v.high {
			return fmt.Errorf("%s is not from %d to %d", v.name, v.low, v.high)
		}
	}
	if s.PoolSize*s.Shards > maxMembers {
		return fmt.Errorf("GENERATION_SHARDS times POOL_SIZE is above %d", maxMembers)
	}
	if s.HubDomain != "" && !domainName.MatchString(s.HubDomain) {
		return errors.New("NATS_HUB_DOMAIN is not letters, digits, _ and -")
	}
	if wait := s.MaxWait(); wait < 10*time.Minute || wait > 7*24*time.Hour {
		return errors.New("JOB_MAX_WAIT is not from 10m to 168h")
	}
	return nil
}

// maxMembers bounds the members of all shards together. Each has a consumer.
const maxMembers = 1000

const (
	// DefaultJobMaxWait is longer than a full queue of default settings takes: 100 jobs of
	// 100 s are 2.8 h.
	DefaultJobMaxWait = 4 * time.Hour
	// recordMargin is how long a record stays after its job may have begun.
	recordMargin = time.Hour
)

// MaxWait is JobMaxWait or its default.
func (s Settings) MaxWait() time.Duration {
	if s.JobMaxWait == 0 {
		return DefaultJobMaxWait
	}
	return s.JobMaxWait
}

// Members are the names of the members of all shards.
func (s Settings) Members() []string {
	names := make([]string, 0, s.PoolSize*max(1, s.Shards))
	for shard := range max(1, s.Shards) {
		names = append(names, s.ShardMembers(shard)...)
	}
	return names
}

// ShardMembers are the names of the members of one shard, from 0 to Shards-1.
func (s Settings) ShardMembers(shard int) []string {
	names := make([]string, s.PoolSize)
	for n := range names {
		names[n] = Member(n)
		if s.Shards > 1 {
			names[n] = ShardMember(shard, n)
		}
	}
	return names
}

// CacheTTL is how long UI_CACHE keeps a page.
func (s Settings) CacheTTL() time.Duration { return time.Duration(s.CacheTTLSeconds) * time.Second }

// EnsureStreams creates the streams and buckets that are missing and updates
// those that differ from the files and s. It loses no job: a MaxQueueDepth lower
// than before is left for a later call while a member holds more than half of it.
// A user who may not create streams only checks that all of them exist, whatever
// their settings, and gets ErrNotProvisioned until they do.
// Other errors are ErrNotConnected, or JetStream's wrapped with the stream's name.
func EnsureStreams(ctx context.Context, js jetstream.JetStream, s Settings) error {
	if err := ready(js.Conn()); err != nil {
		return err
	}
	if !mayProvision(ctx, js) {
		return checkStreams(ctx, js, s)
	}
	return provisionStreams(ctx, js, s)
}

// Ensure is EnsureStreams and, after it, the same for the members' consumers. A PoP has no
// consumers of its own.
func Ensure(ctx context.Context, js jetstream.JetStream, s Settings) error {
	if err := ready(js.Conn()); err != nil {
		return err
	}
	if mayProvision(ctx, js) {
		return provision(ctx, js, s)
	}
	if err := checkStreams(ctx, js, s); err != nil {
		return err
	}
	return checkConsumers(ctx, js, s)
}

// Provision is Ensure for a user who has to have the right to create and change
// streams: without it the error is ErrMayNotProvision, even if nothing is missing.
func Provision(ctx context.Context, js jetstream.JetStream, s Settings) error {
	if err := ready(js.Conn()); err != nil {
		return err
	}
	if !mayProvision(ctx, js) {
		return ErrMayNotProvision
	}
	return provision(ctx, js, s)
}

func provision(ctx context.Context, js jetstream.JetStream, s Settings) error {
	if err := provisionStreams(ctx, js, s); err != nil || s.HubDomain != "" {
		return err
	}
	for _, member := range s.Members() {
		want, err := Consumer(member, s.Concurrency)
		if err != nil {
			return err
		}
		if _, err := js.CreateOrUpdateConsumer(ctx, StreamGeneration, want); err != nil {
			return fmt.Errorf("ensure consumer %s: %w", want.Durable, err)
		}
	}
	return nil
}

func provisionStreams(ctx context.Context, js jetstream.JetStream, s Settings) error {
	if s.HubDomain != "" {
		return provisionMirrors(ctx, js, s)
	}
	configs, err := Streams(s)
	if err != nil {
		return err
	}
	for _, want := range configs {
		if err := ensureStream(ctx, js, want); err != nil {
			return fmt.Errorf("ensure stream %s: %w", want.Name, err)
		}
	}
	return nil
}

func ensureStream(ctx context.Context, js jetstream.JetStream, want jetstream.StreamConfig) error {
	stream, err := js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		_, err = js.CreateStream(ctx, want)
		if !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			return err
		}
		// Another service has just created it, with settings of its own.
		stream, err = js.Stream(ctx, want.Name)
	}
	if err != nil {
		return err
	}
	have := stream.CachedInfo().Config
	want.MaxBytes = bound(stream.CachedInfo(), want.MaxBytes)
	want.Subjects = withShards(have, want)
	want = defined(have, want)
	if want.Retention == jetstream.WorkQueuePolicy && want.MaxMsgsPerSubject < have.MaxMsgsPerSubject {
		room, err := roomFor(ctx, stream, want.MaxMsgsPerSubject)
		if err != nil {
			return err
		}
		if !room {
			want.MaxMsgsPerSubject = have.MaxMsgsPerSubject
		}
	}
	if reflect.DeepEqual(have, want) {
		return nil
	}
	_, err = js.UpdateStream(ctx, want)
	return err
}

// defined is the server's configuration with every setting that the files define
// replaced. All other settings are an operator's, and so are the replicas: they depend on
// the servers, not on the jobs.
func defined(have, want jetstream.StreamConfig) jetstream.StreamConfig {
	c := have
	c.Description = want.Description
	c.Subjects = want.Subjects
	c.Retention = want.Retention
	c.Storage = want.Storage
	c.Discard = want.Discard
	c.DiscardNewPerSubject = want.DiscardNewPerSubject
	c.MaxMsgsPerSubject = want.MaxMsgsPerSubject
	c.MaxMsgs = want.MaxMsgs
	c.MaxBytes = want.MaxBytes
	c.MaxConsumers = want.MaxConsumers
	c.MaxAge = want.MaxAge
	c.MaxMsgSize = want.MaxMsgSize
	c.Duplicates = want.Duplicates
	c.AllowDirect = want.AllowDirect
	c.AllowRollup = want.AllowRollup
	c.AllowAtomicPublish = want.AllowAtomicPublish
	// The server refuses to switch it off again.
	c.AllowMsgTTL = have.AllowMsgTTL || want.AllowMsgTTL
	c.DenyDelete = want.DenyDelete
	c.DenyPurge = want.DenyPurge
	c.Mirror = want.Mirror
	if want.RePublish != nil {
		c.RePublish = want.RePublish
	}
	return c
}

// withShards is the subjects that the queue is to have: those of shards that it has stay, because
// their jobs are to be done, and a process with older settings may publish to them.
func withShards(have, want jetstream.StreamConfig) []string {
	subjects := want.Subjects
	if want.Name != StreamGeneration {
		return subjects
	}
	for _, subject := range have.Subjects {
		if isShardSubjects(subject) && !slices.Contains(subjects, subject) {
			subjects = append(subjects, subject)
		}
	}
	return subjects
}

// bound is the bound in bytes that a stream is to have: that of the file for a stream
// without one, unless it holds more already. A bound that a stream has is an operator's,
// and depends on the disk.
func bound(info *jetstream.StreamInfo, file int64) int64 {
	if have := info.Config.MaxBytes; have > 0 || file <= 0 || info.State.Bytes >= uint64(file) {
		return have
	}
	return file
}

// roomFor tells whether a stream can be given a lower depth without losing a
// message: on lowering the limit the server drops the oldest messages above it, even
// with discard new. Half of the new depth has to be free in every subject, for what
// is published between this check and the update.
func roomFor(ctx context.Context, stream jetstream.Stream, depth int64) (bool, error) {
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(">"))
	if err != nil {
		return false, err
	}
	for _, held := range info.State.Subjects {
		if held > uint64(max(depth, 0))/2 {
			return false, nil
		}
	}
	return true, nil
}

// Streams returns the definitions of the streams and buckets with s applied: at a PoP, of
// the mirrors.
func Streams(s Settings) ([]jetstream.StreamConfig, error) {
	var configs []jetstream.StreamConfig
	for _, pattern := range []string{"streams/*.json", "buckets/*.json"} {
		files, err := fs.Glob(definitions, pattern)
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			var c jetstream.StreamConfig
			if err := decode(file, &c); err != nil {
				return nil, err
			}
			c.Replicas = s.Replicas
			switch c.Name {
			case StreamGeneration:
				c.MaxMsgsPerSubject = int64(s.MaxQueueDepth)
				if s.Shards > 1 {
					for shard := range s.Shards {
						c.Subjects = append(c.Subjects, ShardSubjects(shard))
					}
				}
			case "KV_" + BucketJobs:
				c.MaxAge = s.MaxWait() + recordMargin
			case "KV_" + BucketPages:
				c.MaxAge = s.CacheTTL()
				// The server refuses a duplicate window longer than the age.
				c.Duplicates = min(c.Duplicates, c.MaxAge)
			}
			if s.HubDomain != "" {
				if !mirrored(c.Name) {
					continue
				}
				c = mirrorOf(c, s.HubDomain)
			}
			configs = append(configs, c)
		}
	}
	return configs, nil
}

// Consumer returns the definition of a member's consumer.
func Consumer(member string, concurrency int) (jetstream.ConsumerConfig, error) {
	var c jetstream.ConsumerConfig
	if err := decode("consumers/pool-0.json", &c); err != nil {
		return c, err
	}
	shard, n, ok := ParseMember(member)
	if !ok {
		return c, fmt.Errorf("%q is not a member", member)
	}
	c.Name, c.Durable = member, member
	c.Description = "Pool member " + strconv.Itoa(n)
	if shard != Unsharded {
		c.Description += " of shard " + strconv.Itoa(shard)
	}
	c.FilterSubject = GenerateSubject(member)
	c.MaxAckPending = concurrency
	return c, nil
}

// decode reads an embedded definition. A field that the client does not know is
// an error: it would silently not be ensured.
func decode(file string, into any) error {
	b, err := definitions.ReadFile(file)
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}
