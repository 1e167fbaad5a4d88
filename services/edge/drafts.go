package edge

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"go.opentelemetry.io/otel"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
	"go.opentelemetry.io/otel/trace"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/design"
	"github.com/wandstore/wandstore/pkg/design/gate"
	"github.com/wandstore/wandstore/pkg/pagedraft"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/storefront"
	"github.com/wandstore/wandstore/pkg/telemetry"
	"github.com/wandstore/wandstore/services/edge/internal/draftboard"
)

// Drafts reads the beginnings of pages that are being written.
type Drafts interface {
	Get(ctx context.Context, key pagekey.Key) (pagedraft.Draft, error)
}

// draftTimeout bounds the lookup of a draft. Without it the page appears when it is whole.
const draftTimeout = time.Second

// draftsHeard is how many drafts may wait to be taken by their listeners. What comes then is
// lost, and the next draft of its page contains it.
const draftsHeard = 256

// draftFollower subscribes to drafts that somebody waits for. An edge that waits for none is
// sent none, however many are written.
type draftFollower struct {
	nc    *nats.Conn
	log   *slog.Logger
	heard chan *nats.Msg
}

func newDraftFollower(nc *nats.Conn, log *slog.Logger) *draftFollower {
	return &draftFollower{nc: nc, log: log, heard: make(chan *nats.Msg, draftsHeard)}
}

// follow subscribes to the drafts of a key until stop is called. The subscription outlives
// outages of the connection.
func (f *draftFollower) follow(key pagekey.Key) (stop func()) {
	sub, err := f.nc.ChanSubscribe(wandnats.DraftSubject(key.Shop(), key.Shopper()), f.heard)
	if err != nil {
		// The connection is closed, or not yet open: the page appears when it is whole.
		f.log.Warn("sections are not followed", "error", err)
		return func() {}
	}
	return func() { _ = sub.Unsubscribe() } // it fails on a closed connection only
}

// hearDrafts gives the drafts that are heard to those who wait for them, until ctx ends.
func (p *parts) hearDrafts(ctx context.Context) error {
	for {
		select {
		case msg := <-p.follower.heard:
			if key, draft, err := pagedraft.Hear(msg); err == nil {
				p.drafts.Set(key, draft)
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// readDrafts reads the drafts that are awaited when the buckets are there and after each
// reconnect, for what was stored meanwhile was not heard. It returns when ctx ends.
func (p *parts) readDrafts(ctx context.Context, b *bus) error {
	connected := p.nc.StatusChanged(nats.CONNECTED)
	defer p.nc.RemoveStatusListener(connected)
	for {
		for _, key := range p.drafts.Awaited() {
			readDraft(ctx, b.Drafts, p.drafts, key, p.cfg.atLeast(draftTimeout))
		}
		select {
		case <-connected:
		case <-ctx.Done():
			return nil
		}
	}
}

// readDraft gives a key's draft to those who wait for it.
func readDraft(ctx context.Context, drafts Drafts, board *draftboard.Board, key pagekey.Key, timeout time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if draft, err := drafts.Get(ctx, key); err == nil {
		board.Set(key, draft)
	}
}

// listenForDrafts listens for drafts of the keys, and then reads those that there are, so
// that none is missed in between.
func (e *Edge) listenForDrafts(ctx context.Context, keys []pagekey.Key) *draftboard.Listener {
	l := e.deps.Drafts.Listen(keys...)
	b := e.deps.Bus()
	if b == nil {
		return l
	}
	for _, key := range keys {
		readDraft(ctx, b.Drafts, e.deps.Drafts, key, e.cfg.atLeast(draftTimeout))
	}
	return l
}

// section is one section of a page that is being written, as the data of an event.
type section struct {
	// Index is the section's place, from 0. An index that was there before replaces that
	// section and all after it: the model has begun another answer.
	Index int    `json:"index"`
	HTML  string `json:"html"`
	// Theme is the page's, with the first section.
	Theme *catalogue.Theme `json:"theme,omitempty"`
}

// draftSender sends the sections of drafts on one stream, each of them once.
type draftSender struct {
	edge *Edge
	send func(format string, args ...any) error

	answer string // that the sections sent are of
	sent   int
}

// sendNew sends the sections of the draft that were not sent. A draft that is of no live
// job, or cannot be rendered, has none. The error is that of the stream.
func (s *draftSender) sendNew(ctx context.Context, key pagekey.Key, draft pagedraft.Draft) error {
	if draft.PageDraft == nil {
		return nil
	}
	place, live := s.edge.deps.Board.Find(key)
	shop, known := s.edge.deps.Shops.Shop(key.Shop())
	if !live || !known || place.Record.GetJobId() != draft.GetJobId() {
		return nil
	}
	from := s.sent
	if answer := draft.GetJobId() + "." + draft.GetAnswer(); answer != s.answer {
		s.answer, from = answer, 0
	}
	sections, unrendered := s.edge.sectionsOf(draft, shop, from)
	if unrendered != nil {
		trace.SpanFromContext(ctx).AddEvent("draft cannot be rendered")
	}
	for _, one := range sections {
		if err := s.sendOne(ctx, draft, one); err != nil {
			return err
		}
		s.sent = one.Index + 1
	}
	if from == 0 && len(sections) > 0 {
		s.edge.metrics.firstSection.Record(ctx, max(0, s.edge.now().Sub(place.Record.GetRequestedAt().AsTime()).Seconds()))
	}
	return nil
}

// sendOne sends a section. Its span is in the trace of the page, not of the stream.
func (s *draftSender) sendOne(ctx context.Context, draft pagedraft.Draft, one section) (err error) {
	if written := draft.GetTraceparents(); one.Index < len(written) {
		ctx = trace.ContextWithRemoteSpanContext(ctx, telemetry.SpanContext(written[one.Index]))
	}
	_, span := otel.Tracer(scope).Start(ctx, "show section", trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(
		semconv.MessagingSystemKey.String("nats"), semconv.MessagingDestinationName(wandnats.BucketDrafts), telemetry.Section.Int(one.Index+1)))
	defer func() { telemetry.End(span, err) }()
	// HTML in JSON doubles where its brackets are escaped, which an event need not be.
	var data bytes.Buffer
	encoder := json.NewEncoder(&data)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(one); err != nil {
		return err
	}
	return s.send("event: section\ndata: %s\n", data.Bytes()) // Encode ends with a newline
}

// sectionsOf renders the sections of a draft from the given number on, once for all who wait
// for them at the same time.
func (e *Edge) sectionsOf(draft pagedraft.Draft, shop *catalogue.Shop, from int) ([]section, error) {
	flight := fmt.Sprintf("draft:%s:%s:%d:%d", shop.Slug, draft.GetJobId(), draft.Revision, from)
	rendered, err, _ := e.renders.Do(flight, func() (any, error) { return e.renderDraft(draft, shop, from) })
	sections, _ := rendered.([]section) // the flight returns no other type
	return sections, err
}

// renderDraft renders the sections of a draft from the given number on. What comes by the
// bus is not trusted: it passes the gate like a model's answer.
func (e *Edge) renderDraft(draft pagedraft.Draft, shop *catalogue.Shop, from int) ([]section, error) {
	text, err := draft.GetDesign().MarshalJSON()
	if err != nil {
		return nil, err
	}
	d, err := gate.ReadDesign(text, shop)
	if err != nil {
		return nil, err
	}
	d = d.Fit(shop.For(draft.GetPersona()), &design.Report{})
	rendered, err := e.deps.Renderer.Sections(storefront.PageInput{Shop: shop, Design: d, Persona: draft.GetPersona()}, from)
	if err != nil {
		return nil, err
	}
	sections := make([]section, len(rendered))
	for i, html := range rendered {
		sections[i] = section{Index: from + i, HTML: html}
		if from+i == 0 {
			sections[i].Theme = &d.Theme
		}
	}
	return sections, nil
}
