package pagemaker

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"go.opentelemetry.io/otel"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/design"
	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/telemetry"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// Drafts keeps the beginnings of pages; see package pagedraft.
type Drafts interface {
	Put(ctx context.Context, key pagekey.Key, draft *wandstorev1.PageDraft, revision uint64) (uint64, error)
	Remove(ctx context.Context, key pagekey.Key, revision uint64) error
}

// draftTimeout bounds one write of a draft, which delays the reading of the model's
// answer.
const draftTimeout = time.Second

// draft is the beginning of the page that is being made. It is published for whoever waits
// for the page, as long as that works: after the first error no more of it is.
type draft struct {
	maker *Maker
	order Order
	// arrange makes of the beginning of the Designer's design that of the page.
	arrange func(design.Design) design.Design

	// answer is the Designer's number of the answer that shown is of.
	answer int
	shown  design.Design

	message  *wandstorev1.PageDraft
	revision uint64
	failed   bool
}

func (m *Maker) newDraft(o Order, personaName string, arrange func(design.Design) design.Design) *draft {
	return &draft{
		maker: m, order: o, arrange: arrange,
		message: &wandstorev1.PageDraft{JobId: o.JobID, RequestedAt: timestamppb.New(o.RequestedAt), Persona: personaName},
		// Nobody waits for a page that is not a queue job's.
		failed: m.Drafts == nil || o.Member == "",
	}
}

// add takes the beginning of a design and publishes the sections that are new. What was
// shown of an answer before stays until the new answer has a section.
func (d *draft) add(ctx context.Context, answer int, beginning design.Design) {
	arranged := d.arrange(beginning)
	known := len(d.shown.Sections)
	if answer != d.answer {
		known = 0
	}
	if len(arranged.Sections) <= known {
		return
	}
	d.answer, d.shown = answer, arranged
	d.message.Traceparents = d.message.GetTraceparents()[:min(known, len(d.message.GetTraceparents()))]
	d.message.Answer = fmt.Sprintf("%d.%d", d.order.Attempt, answer)
	if d.failed {
		return
	}
	if err := d.publish(ctx, len(arranged.Sections)-known); err != nil {
		d.failed = true
		d.maker.problem(ctx, d.order, "draft", err)
	}
}

// publish writes the draft with its last sections, which are new.
func (d *draft) publish(ctx context.Context, sections int) (err error) {
	ctx, span := otel.Tracer(scope).Start(ctx, "send section", trace.WithSpanKind(trace.SpanKindProducer), trace.WithAttributes(
		semconv.MessagingSystemKey.String("nats"), semconv.MessagingDestinationName(wandnats.BucketDrafts), telemetry.Section.Int(len(d.shown.Sections))))
	defer func() { telemetry.End(span, err) }()
	for range sections {
		d.message.Traceparents = append(d.message.Traceparents, telemetry.Traceparent(ctx))
	}
	text, err := json.Marshal(d.shown)
	if err != nil {
		return fmt.Errorf("encode design: %w", err)
	}
	d.message.Design = &structpb.Struct{}
	if err := protojson.Unmarshal(text, d.message.GetDesign()); err != nil {
		return fmt.Errorf("encode design: %w", err)
	}
	bounded, cancel := context.WithTimeout(ctx, max(draftTimeout, d.maker.Patience))
	defer cancel()
	begins := d.revision == 0
	revision, err := d.maker.Drafts.Put(bounded, d.order.Key, d.message, d.revision)
	if err != nil {
		return err // what was published before still has to be removed, by its revision
	}
	d.revision = revision
	if !begins {
		return nil
	}
	// A shopper who was forgotten before this first write has to be looked for after it. If
	// it comes later, the next write fails.
	forgotten, err := d.maker.forgotten(bounded, d.order)
	if err == nil && forgotten {
		err = fmt.Errorf("%w: its shopper was forgotten", jobqueue.ErrCancelled)
	}
	if err != nil {
		d.remove(ctx)
	}
	return err
}

// remove removes what was published. It outlives ctx, because whoever waits later must not
// get the beginning of a page that is not written any more. If it fails, the draft lapses.
func (d *draft) remove(ctx context.Context) {
	if d.revision == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), draftTimeout)
	defer cancel()
	_ = d.maker.Drafts.Remove(ctx, d.order.Key, d.revision)
	d.revision = 0
}
