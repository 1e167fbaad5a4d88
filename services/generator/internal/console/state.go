package console

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/types/known/timestamppb"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/control"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/spend"
	"github.com/wandstore/wandstore/pkg/streamstate"
	"github.com/wandstore/wandstore/pkg/telemetry"
	"github.com/wandstore/wandstore/pkg/wire"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

const (
	// maxJobs bounds the job records that are shown, those that changed last.
	maxJobs = 20_000
	// maxLetters bounds the dead letters that are shown, the newest.
	maxLetters = 50
	// maxShops bounds the shops that are shown, those with the most jobs and the dearest.
	maxShops = 100
	// maxAsked bounds the members that are asked for at a time.
	maxAsked = 32
)

// state is what is shown, as it was read at one time.
type state struct {
	At time.Time
	// Took is how long reading took.
	Took    time.Duration
	Members []member
	// On tells whether pages are generated, but for the shops that are off.
	On    bool
	Spend spend.Report
	Shops []shop
	Jobs  []job
	// MoreJobs tells that there are more than maxJobs.
	MoreJobs bool
	Letters  []letter
	// LettersInAll counts those that are not shown too.
	LettersInAll uint64
}

// member is a pool member.
type member struct {
	Name                     string
	Depth                    uint64
	Running, Waiting, Redone uint64
	Paused                   time.Duration // 0: it is not
	Oldest                   time.Duration // how long the oldest job has been there
	Serves                   bool
}

// shop is a shop that has jobs, cost something today or has a switch.
type shop struct {
	Slug string
	On   bool
	Live int // jobs that wait or run, of those that are shown
	Cost spend.Line
}

// job is a job record.
type job struct {
	Key                               pagekey.Key
	State, Member, Reason             string
	Persona, Source                   string
	Attempt                           uint32
	Requested, Updated, WaitsForModel time.Time
	Trace                             string
}

// live reports whether the job waits or runs.
func (j job) live() bool { return slices.Contains(liveStates, j.State) }

// liveStates are the states of jobs that have not ended.
var liveStates = []string{"publishing", "queued", "running"}

// letter is a dead letter.
type letter struct {
	Sequence       uint64
	Member, Reason string
	JobID, Trace   string
	Key            pagekey.Key // the zero Key if the payload is not a job
	Attempts       uint32
	Died           time.Time
	Replay, Drop   Action
}

// reader reads states from NATS.
type reader struct {
	js jetstream.JetStream
	// bus is opened with the first read that can.
	bus *wandnats.Bus
}

// read reads the state. The error is NATS's or ctx's.
func (r *reader) read(ctx context.Context) (*state, error) {
	if r.bus == nil {
		bus, err := wandnats.Open(ctx, r.js)
		if err != nil {
			return nil, err
		}
		r.bus = bus
	}
	s := &state{At: time.Now()}
	for _, part := range []struct {
		name string
		read func(ctx context.Context, s *state) error
	}{
		{"members", r.members}, {"jobs", r.jobs}, {"dead letters", r.letters}, {"shops", r.shops},
	} {
		if err := part.read(ctx, s); err != nil {
			return nil, fmt.Errorf("%s: %w", part.name, err)
		}
	}
	s.Took = time.Since(s.At)
	return s, nil
}

// members reads the queue and the consumers.
func (r *reader) members(ctx context.Context, s *state) error {
	stream, err := r.js.Stream(ctx, wandnats.StreamGeneration)
	if err != nil {
		return err
	}
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(wandnats.AllGenerate))
	if err != nil {
		return err
	}
	consumers := stream.ListConsumers(ctx)
	for c := range consumers.Info() {
		if !wandnats.IsMember(c.Name) {
			continue
		}
		m := member{
			Name: c.Name, Depth: info.State.Subjects[wandnats.GenerateSubject(c.Name)],
			Running: uint64(c.NumAckPending), Waiting: c.NumPending, Redone: uint64(c.NumRedelivered),
			Serves: c.NumWaiting > 0 || c.NumAckPending > 0,
		}
		if c.Paused {
			m.Paused = c.PauseRemaining
		}
		s.Members = append(s.Members, m)
	}
	if err := consumers.Err(); err != nil {
		return err
	}
	slices.SortFunc(s.Members, func(a, b member) int { return wandnats.CompareMembers(a.Name, b.Name) })
	var asked errgroup.Group
	asked.SetLimit(maxAsked)
	for i := range s.Members {
		if m := &s.Members[i]; m.Depth > 0 {
			asked.Go(func() (err error) {
				m.Oldest, err = streamstate.OldestAge(ctx, stream, info.TimeStamp, m.Name)
				return err
			})
		}
	}
	return asked.Wait()
}

// jobs reads the job records, the last changed first. All are delivered, in the order of
// their changes, and only the last are kept and decoded.
func (r *reader) jobs(ctx context.Context, s *state) error {
	var entries []jetstream.KeyValueEntry
	watch := wandnats.Watch{
		Bucket: r.bus.Jobs, Keys: wandnats.AllJobs, Options: []jetstream.WatchOpt{jetstream.IgnoreDeletes()},
		Entry: func(entry jetstream.KeyValueEntry) {
			if len(entries) == 2*maxJobs {
				entries = append(entries[:0], entries[maxJobs:]...)
				s.MoreJobs = true
			}
			entries = append(entries, entry)
		},
	}
	if err := watch.Read(ctx); err != nil {
		return err
	}
	if len(entries) > maxJobs {
		entries, s.MoreJobs = entries[len(entries)-maxJobs:], true
	}
	for _, entry := range slices.Backward(entries) {
		if j, ok := readJob(entry); ok {
			s.Jobs = append(s.Jobs, j)
		}
	}
	return nil
}

// readJob returns the job of a record; false if it cannot be read.
func readJob(entry jetstream.KeyValueEntry) (job, bool) {
	slug, shopper, _ := wandnats.SplitKey(entry.Key())
	key, err := pagekey.Parse(slug, shopper)
	if err != nil {
		return job{}, false
	}
	rec := &wandstorev1.JobRecord{}
	if err := wire.Unmarshal(entry.Value(), rec); err != nil {
		return job{}, false
	}
	j := job{
		Key: key, State: strings.ToLower(strings.TrimPrefix(rec.GetState().String(), "JOB_STATE_")),
		Member: rec.GetPoolMember(), Reason: rec.GetReason(), Persona: rec.GetPersona(), Source: rec.GetSource(),
		Attempt: rec.GetAttempt(), Requested: timeOf(rec.GetRequestedAt()), Updated: timeOf(rec.GetUpdatedAt()),
		Trace: traceID(rec.GetTraceparent()),
	}
	if wait := rec.GetAccountWait(); wait != nil {
		j.WaitsForModel = timeOf(wait.GetSince())
	}
	return j, true
}

// timeOf is the zero time where the message has none.
func timeOf(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime()
}

// traceID is the trace id of a W3C traceparent, or "".
func traceID(traceparent string) string {
	if in := telemetry.SpanContext(traceparent); in.HasTraceID() {
		return in.TraceID().String()
	}
	return ""
}

// letters reads the newest dead letters, the newest first.
func (r *reader) letters(ctx context.Context, s *state) error {
	stream, err := r.js.Stream(ctx, wandnats.StreamDead)
	if err != nil {
		return err
	}
	at := stream.CachedInfo().State
	s.LettersInAll = at.Msgs
	if at.Msgs == 0 {
		return nil
	}
	// Letters that were removed leave gaps, so how far back the newest go is not known.
	for window := uint64(maxLetters); len(s.Letters) < min(maxLetters, int(at.Msgs)); window *= 4 {
		from := at.FirstSeq
		if at.LastSeq-at.FirstSeq >= window {
			from = at.LastSeq - window + 1
		}
		if s.Letters, err = lettersFrom(ctx, stream, from, s.At); err != nil {
			return err
		}
		if from == at.FirstSeq {
			break
		}
	}
	slices.Reverse(s.Letters)
	s.Letters = s.Letters[:min(len(s.Letters), maxLetters)]
	return nil
}

// lettersFrom reads the dead letters from that sequence on.
func lettersFrom(ctx context.Context, stream jetstream.Stream, from uint64, now time.Time) ([]letter, error) {
	var letters []letter
	for {
		m, err := stream.GetMsg(ctx, from, jetstream.WithGetMsgSubject(wandnats.DeadSubject("*")))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return letters, nil
		}
		if err != nil {
			return nil, err
		}
		letters = append(letters, readLetter(m, now))
		from = m.Sequence + 1
	}
}

// readLetter returns a dead letter. One that cannot be read can still be dropped.
func readLetter(m *jetstream.RawStreamMsg, now time.Time) letter {
	on := strconv.FormatUint(m.Sequence, 10)
	l := letter{Sequence: m.Sequence, Died: m.Time, Reason: "it cannot be read"}
	l.Replay, _ = newAction("replay", on, now)
	l.Drop, _ = newAction("drop", on, now)
	dead := &wandstorev1.DeadLetter{}
	if err := wire.Unmarshal(m.Data, dead); err != nil {
		return l
	}
	l.Member, l.Reason, l.JobID, l.Attempts = dead.GetPoolMember(), dead.GetReason(), dead.GetJobId(), dead.GetAttempts()
	l.Trace = traceID(dead.GetTraceparent())
	of := &wandstorev1.GenerationJob{}
	if err := wire.Unmarshal([]byte(dead.GetPayload()), of); err == nil {
		if key, err := pagekey.Parse(of.GetStoreSlug(), of.GetShopperId()); err == nil {
			l.Key = key
		}
	}
	return l
}

// shops reads the switches and what was spent, and counts the jobs by shop.
func (r *reader) shops(ctx context.Context, s *state) error {
	shops := map[string]*shop{}
	of := func(slug string) *shop {
		if shops[slug] == nil {
			shops[slug] = &shop{Slug: slug, On: true}
		}
		return shops[slug]
	}
	for _, j := range s.Jobs {
		if sh := of(j.Key.Shop()); j.live() {
			sh.Live++
		}
	}
	// What they say is shown, not logged: the services log each change.
	switches := control.New(slog.New(slog.DiscardHandler))
	if err := switches.Load(ctx, r.bus.Control); err != nil {
		return err
	}
	stopped, ones := switches.Off()
	s.On = !stopped
	for _, slug := range ones {
		if pagekey.ValidShop(slug) {
			of(slug).On = false
		}
	}
	var err error
	if s.Spend, err = spend.ReadReport(ctx, r.bus.Spend, s.At, ""); err != nil {
		return err
	}
	for _, line := range s.Spend.Shops {
		of(line.Shop).Cost = line.Line
	}
	for _, slug := range slices.Sorted(maps.Keys(shops)) {
		s.Shops = append(s.Shops, *shops[slug])
	}
	slices.SortStableFunc(s.Shops, func(a, b shop) int {
		return cmp.Or(cmp.Compare(b.Live, a.Live), cmp.Compare(b.Cost.USD, a.Cost.USD))
	})
	s.Shops = s.Shops[:min(len(s.Shops), maxShops)]
	return nil
}
