package jobqueue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/telemetry"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// Sweeper makes dead letters of jobs whose last delivery ended with its worker's
// process. The server does not deliver such a message again. It leaves the message in
// the stream, where it counts against its member's limit. The server publishes one
// advisory, which is lost if no generator is subscribed. So Sweeper also checks every
// minute.
type Sweeper struct {
	js      jetstream.JetStream
	nc      *nats.Conn
	records records
	trail   *Trail
	metrics *metrics
	log     *slog.Logger
	tracer  trace.Tracer
	outage  *outage
}

// NewSweeper returns a Sweeper for all members. jobs is the bucket GENERATION_QUEUE, label a
// shop's name in metrics, one of a few; nil is none.
func NewSweeper(nc *nats.Conn, js jetstream.JetStream, jobs jetstream.KeyValue, trail *Trail, label func(shop string) string, log *slog.Logger) *Sweeper {
	return &Sweeper{js: js, nc: nc, records: records{jobs, trail.now}, trail: trail, metrics: newMetrics(label), log: log, tracer: otel.Tracer(scope), outage: newOutage(nc)}
}

// sweepEvery is how long such a job may stay in the stream if its advisory was missed.
const sweepEvery = time.Minute

// reasonLapsed is the reason in the Sweeper's dead letters.
const reasonLapsed = "every delivery lapsed without an answer: its workers were killed or hung"

var errLapsed = telemetry.Typed("lapsed", errors.New(reasonLapsed))

// Run sweeps until ctx ends, then returns nil.
func (s *Sweeper) Run(ctx context.Context) error {
	advisories := make(chan *nats.Msg, 256)
	// In a queue group, one of all generators gets each advisory.
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
		err = s.giveUp(ctx, stream, a.Consumer, a.StreamSeq, a.Deliveries)
	}
	if err != nil {
		s.log.Warn("dead job left for the next sweep", "member", a.Consumer, "seq", a.StreamSeq, "error", err)
	}
}

// sweep gives up the messages whose deliveries are used up. An ack removes a message
// from a work queue; the end of its deliveries does not.
func (s *Sweeper) sweep(ctx context.Context) error {
	stream, err := s.js.Stream(ctx, wandnats.StreamGeneration)
	if err != nil {
		return fmt.Errorf("stream: %w", err)
	}
	// The list is read to its end first. Otherwise its goroutine would not end.
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

// sweepMember gives up the messages of one member whose deliveries are used up. Those
// are the messages at or below its ack floor. The server moves the floor by acks only.
// So if no ack is pending, those are all messages that were delivered. If one message
// cannot be given up, the sweep goes on with the next.
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
		if err := s.giveUp(ctx, stream, info.Name, m.Sequence, info.Config.MaxDeliver); err != nil {
			errs = append(errs, err)
		}
		seq = m.Sequence + 1
	}
}

// giveUp makes a dead letter of a message and removes it. If the job's page is ready,
// the job was cancelled or a newer request has replaced it, the message is removed
// without a letter. If a worker still holds the job, giveUp does nothing.
func (s *Sweeper) giveUp(ctx context.Context, stream jetstream.Stream, member string, seq uint64, attempts int) error {
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
	case ours && found.GetState() == wandstorev1.JobState_JOB_STATE_RUNNING && s.outage.owns(found.JobRecord, s.records.now()):
		return nil // the next sweep finds it, if it is not done by then
	}
	if err := letter.publish(ctx, s.js, s.records.now()); err != nil {
		return err
	}
	s.metrics.deadLettered(ctx, member, deadLapsed)
	shop := ""
	if parseErr == nil {
		shop = job.Key.Shop()
	}
	s.metrics.failed(ctx, shop, outcomeDead, errLapsed)
	s.log.ErrorContext(ctx, "job is dead", "member", member, "seq", seq, "error", reasonLapsed)
	if ours {
		rec := found.in(wandstorev1.JobState_JOB_STATE_FAILED, s.records.now(), failedFor)
		rec.Reason = reasonLapsed
		if _, err := s.records.put(ctx, job.Key, found, rec); err != nil && !wandnats.IsConflict(err) {
			return err
		}
	}
	if parseErr == nil {
		s.trail.Error(ctx, job.Key, Breadcrumb{Step: "dead", JobID: job.GetJobId(), Member: member, Attempt: attempts, Detail: reasonLapsed})
	}
	return remove(ctx, stream, seq)
}

// remove deletes a message. It is no error if the message is gone already.
func remove(ctx context.Context, stream jetstream.Stream, seq uint64) error {
	err := stream.DeleteMsg(ctx, seq)
	if err == nil {
		return nil
	}
	// The server's error is the same for a message that is gone and one that it keeps.
	if _, getErr := stream.GetMsg(ctx, seq); errors.Is(getErr, jetstream.ErrMsgNotFound) {
		return nil
	}
	return fmt.Errorf("remove message %d: %w", seq, err)
}
