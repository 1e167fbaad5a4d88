package jobqueue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/types/known/timestamppb"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/telemetry"
	"github.com/wandstore/wandstore/pkg/wire"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// deadLetter is what is known of a message that is given up.
type deadLetter struct {
	jobID, member, reason string
	attempts              int
	seq                   uint64
	payload               []byte
	header                nats.Header
}

// maxLetter bounds a letter with its payload as text, in bytes. JSON makes six of
// a control character; a payload full of them is no job, and as text the stream
// would refuse it.
const maxLetter = 192 << 10

// publish puts the letter into GENERATION_DEAD. The message's sequence is part
// of its id, so that two who bury the same message leave one letter.
func (l deadLetter) publish(ctx context.Context, js jetstream.JetStream) error {
	letter := &wandstorev1.DeadLetter{
		JobId: l.jobID, PoolMember: l.member, Reason: cut(l.reason), Attempts: uint32(l.attempts),
		DiedAt: timestamppb.New(time.Now()), StreamSeq: l.seq,
		Traceparent: cut(l.header.Get("traceparent")),
	}
	if utf8.Valid(l.payload) {
		letter.Payload = string(l.payload)
	} else {
		letter.RawPayload = l.payload
	}
	b, err := wire.Marshal(letter)
	if err != nil {
		return err
	}
	if len(b) > maxLetter {
		letter.Payload, letter.RawPayload = "", l.payload
		if b, err = wire.Marshal(letter); err != nil {
			return err
		}
	}
	msg := &nats.Msg{Subject: wandnats.DeadSubject(l.member), Header: nats.Header{}, Data: b}
	if tp := l.header.Get("traceparent"); tp != "" {
		msg.Header.Set("traceparent", tp)
	}
	id := "dead-" + strconv.FormatUint(l.seq, 10) + "-" + l.jobID
	if _, err := js.PublishMsg(ctx, msg, jetstream.WithMsgID(id), jetstream.WithExpectStream(wandnats.StreamDead)); err != nil {
		return fmt.Errorf("publish dead letter: %w", err)
	}
	return nil
}

// Sweeper makes dead letters of jobs whose last delivery died with its worker.
// The server then stops delivering the message and leaves it where it is, holding
// a place in its member's queue. It says so once, by an advisory that nobody may
// be there to hear; so the sweep also looks, every minute.
type Sweeper struct {
	js      jetstream.JetStream
	nc      *nats.Conn
	records records
	trail   *Trail
	metrics *metrics
	log     *slog.Logger
	tracer  trace.Tracer
}

// NewSweeper sweeps for all members; jobs is the bucket GENERATION_QUEUE.
func NewSweeper(nc *nats.Conn, js jetstream.JetStream, jobs jetstream.KeyValue, trail *Trail, log *slog.Logger) *Sweeper {
	return &Sweeper{js: js, nc: nc, records: records{jobs}, trail: trail, metrics: newMetrics(), log: log, tracer: otel.Tracer(scope)}
}

// sweepEvery is how long a job may lie dead if the advisory was missed.
const sweepEvery = time.Minute

// reasonLapsed is the dead letter's reason.
const reasonLapsed = "every delivery lapsed without an answer: its workers were killed or hung"

// Run sweeps until ctx ends, then returns nil.
func (s *Sweeper) Run(ctx context.Context) error {
	advisories := make(chan *nats.Msg, 256)
	// One generator of all hears each advisory.
	sub, err := s.nc.ChanQueueSubscribe(wandnats.SubjectMaxDeliveries, "dead-letters", advisories)
	if err != nil {
		return fmt.Errorf("subscribe to max-deliveries advisories: %w", err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if err := s.sweep(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("sweep for dead jobs", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case m := <-advisories:
			s.advised(ctx, m)
		}
	}
}

func (s *Sweeper) advised(ctx context.Context, m *nats.Msg) {
	var a struct {
		Consumer   string `json:"consumer"`
		StreamSeq  uint64 `json:"stream_seq"`
		Deliveries int    `json:"deliveries"`
	}
	if err := json.Unmarshal(m.Data, &a); err != nil {
		s.log.Warn("advisory unreadable", "error", err)
		return
	}
	stream, err := s.js.Stream(ctx, wandnats.StreamGeneration)
	if err == nil {
		err = s.bury(ctx, stream, a.Consumer, a.StreamSeq, a.Deliveries)
	}
	if err != nil {
		s.log.Warn("dead job left for the next sweep", "member", a.Consumer, "seq", a.StreamSeq, "error", err)
	}
}

// sweep buries what has been delivered and has ended, but is still there: an ack
// removes a message from a work queue, the end of its deliveries does not.
func (s *Sweeper) sweep(ctx context.Context) error {
	stream, err := s.js.Stream(ctx, wandnats.StreamGeneration)
	if err != nil {
		return fmt.Errorf("stream: %w", err)
	}
	// Read to the end first: the list's goroutine waits for its reader for ever.
	list := stream.ListConsumers(ctx)
	var members []*jetstream.ConsumerInfo
	for info := range list.Info() {
		members = append(members, info)
	}
	errs := []error{list.Err()}
	for _, info := range members {
		errs = append(errs, s.sweepMember(ctx, stream, info))
	}
	return errors.Join(errs...)
}

// sweepMember buries what has ended in one member. That is what lies at or below
// its ack floor; the server moves that with an ack only, so with nothing pending it
// is all that was delivered. It goes on past what it cannot bury: one message must
// not keep the others' places.
func (s *Sweeper) sweepMember(ctx context.Context, stream jetstream.Stream, info *jetstream.ConsumerInfo) error {
	ended := info.AckFloor.Stream
	if info.NumAckPending == 0 {
		ended = info.Delivered.Stream
	}
	var errs []error
	for seq := uint64(0); ; {
		m, err := stream.GetMsg(ctx, seq, jetstream.WithGetMsgSubject(info.Config.FilterSubject))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return errors.Join(errs...)
		}
		if err != nil {
			return errors.Join(append(errs, fmt.Errorf("look into %s: %w", info.Name, err))...)
		}
		if m.Sequence > ended {
			return errors.Join(errs...)
		}
		if err := s.bury(ctx, stream, info.Name, m.Sequence, info.Config.MaxDeliver); err != nil {
			errs = append(errs, err)
		}
		seq = m.Sequence + 1
	}
}

// bury makes a dead letter of a message and removes it. One whose job's page is
// ready, or that a newer request has replaced, was only being removed just then,
// and one that a worker still holds is left to it, or to the next sweep.
func (s *Sweeper) bury(ctx context.Context, stream jetstream.Stream, member string, seq uint64, attempts int) error {
	m, err := stream.GetMsg(ctx, seq)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read dead job: %w", err)
	}
	ctx, span := s.tracer.Start(telemetry.Extract(ctx, m.Header), "bury", trace.WithAttributes(telemetry.Member.String(member)))
	defer span.End()

	letter := deadLetter{member: member, reason: reasonLapsed, attempts: attempts, seq: seq, payload: m.Data, header: m.Header}
	var found held
	job, parseErr := parse(m.Data)
	if parseErr == nil {
		letter.jobID = job.GetJobId()
		found, err = s.records.get(ctx, job.Key)
		if err != nil && !errors.Is(err, ErrNoRecord) {
			return err
		}
	}
	ours := parseErr == nil && found.GetJobId() == job.GetJobId()
	switch {
	case ours && (found.GetState() == wandstorev1.JobState_JOB_STATE_READY || found.cancels(job)), parseErr == nil && found.replaces(job):
		return remove(ctx, stream, seq)
	case ours && found.GetState() == wandstorev1.JobState_JOB_STATE_RUNNING && owned(found.JobRecord, time.Now()):
		return nil
	}
	if err := letter.publish(ctx, s.js); err != nil {
		return err
	}
	s.metrics.died(ctx, member, deadLapsed)
	s.log.ErrorContext(ctx, "job is dead", "member", member, "seq", seq, "error", reasonLapsed)
	if ours {
		rec := found.in(wandstorev1.JobState_JOB_STATE_FAILED, time.Now(), failedFor)
		rec.Reason = reasonLapsed
		if _, err := s.records.put(ctx, job.Key, found, rec); err != nil && !wandnats.IsConflict(err) {
			return err
		}
	}
	if parseErr == nil {
		s.trail.Error(ctx, job.Key, Crumb{Step: "dead", JobID: job.GetJobId(), Member: member, Attempt: attempts, Detail: reasonLapsed})
	}
	return remove(ctx, stream, seq)
}

// remove deletes a message; that it is gone already is no error.
func remove(ctx context.Context, stream jetstream.Stream, seq uint64) error {
	err := stream.DeleteMsg(ctx, seq)
	if err == nil {
		return nil
	}
	// The server's refusal does not tell a message that is gone from one that stays.
	if _, getErr := stream.GetMsg(ctx, seq); errors.Is(getErr, jetstream.ErrMsgNotFound) {
		return nil
	}
	return fmt.Errorf("remove message %d: %w", seq, err)
}

// Replayed is a dead letter back in the queue.
type Replayed struct {
	// JobID is the job's, the same as before.
	JobID string
	// Member is where it waits now.
	Member string
}

// Replay puts the dead letter with that sequence of GENERATION_DEAD back into the
// queue, as the same job with its first time of request, and removes the letter.
// Errors: ErrNoLetter; ErrTerminal if its payload is no job; ErrPoolFull.
func (q *Queue) Replay(ctx context.Context, seq uint64) (Replayed, error) {
	if seq == 0 {
		// No message has it, and the server takes it for a request without one.
		return Replayed{}, fmt.Errorf("%w: 0", ErrNoLetter)
	}
	dead, err := q.js.Stream(ctx, wandnats.StreamDead)
	if err != nil {
		return Replayed{}, fmt.Errorf("stream: %w", err)
	}
	m, err := dead.GetMsg(ctx, seq)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return Replayed{}, fmt.Errorf("%w: %d", ErrNoLetter, seq)
	}
	if err != nil {
		return Replayed{}, fmt.Errorf("read dead letter: %w", err)
	}
	ctx = telemetry.Extract(ctx, m.Header)
	letter := &wandstorev1.DeadLetter{}
	if err := wire.Unmarshal(m.Data, letter); err != nil {
		return Replayed{}, fmt.Errorf("%w: %w", ErrTerminal, err)
	}
	job, err := parse([]byte(letter.GetPayload()))
	if err != nil {
		return Replayed{}, fmt.Errorf("%w: %w", ErrTerminal, err)
	}
	// The first publish's id is still in the duplicate window; the letter's sequence
	// makes a new one that a second replay of the same letter repeats.
	id := job.GetJobId() + "-replay-" + strconv.FormatUint(seq, 10)
	member, queuedAt, err := q.publish(ctx, job.Key.Shopper(), id, []byte(letter.GetPayload()))
	if err != nil {
		return Replayed{}, err
	}
	q.requeued(ctx, job, member, queuedAt)
	q.trail.Debug(ctx, job.Key, Crumb{Step: "replayed", JobID: job.GetJobId(), Member: member})
	if err := remove(ctx, dead, seq); err != nil {
		return Replayed{}, err
	}
	return Replayed{JobID: job.GetJobId(), Member: member}, nil
}

// requeued notes on the record that the job waits again, unless somebody else's
// job is there or the worker was faster.
func (q *Queue) requeued(ctx context.Context, job *Job, member string, seq uint64) {
	found, err := q.records.get(ctx, job.Key)
	if err != nil && !errors.Is(err, ErrNoRecord) {
		return
	}
	if err == nil && (found.GetJobId() != job.GetJobId() || found.GetState() != wandstorev1.JobState_JOB_STATE_FAILED) {
		return
	}
	if found.JobRecord == nil {
		found.JobRecord = &wandstorev1.JobRecord{
			JobId: job.GetJobId(), StoreSlug: job.Key.Store(), ShopperId: job.Key.Shopper(), RequestedAt: job.GetRequestedAt(),
		}
	}
	rec := found.in(wandstorev1.JobState_JOB_STATE_QUEUED, time.Now(), queuedFor)
	rec.PoolMember, rec.StreamSeq, rec.Reason = member, seq, ""
	_, _ = q.records.put(ctx, job.Key, found, rec)
}
