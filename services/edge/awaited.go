package edge

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/services/edge/internal/draftboard"
	"github.com/wandstore/wandstore/services/edge/internal/jobboard"
)

// awaited is what an event stream waits for: the shopper's own page, or the page of their
// cohort if none of their own is made.
type awaited struct {
	own, cohort prospect
}

// prospect is a page that a stream waits for: that of the first key that has one.
type prospect struct {
	edge *Edge
	keys []pagekey.Key
	// written is the keys whose pages are shown while they are written, at most one.
	written []pagekey.Key

	job      *jobboard.Listener
	drafts   *draftboard.Listener
	sections draftSender

	status generationStatus
	// requestedAt is when the job was requested, if it was seen live.
	requestedAt time.Time
}

// awaitedBy is what the listener waits for.
func (e *Edge) awaitedBy(c *fiber.Ctx, key pagekey.Key) *awaited {
	a := &awaited{own: prospect{edge: e, keys: []pagekey.Key{key}}, cohort: prospect{edge: e}}
	a.own.written = a.own.keys
	var shared bool
	if a.cohort.keys, shared = e.cohortsOfListener(c, key); shared {
		a.cohort.written = a.cohort.keys
	}
	return a
}

// cohortsOfListener is the cohorts whose page the listener may get, the closest first. shared
// reports that there is one, and that nothing of the listener's own is put into its page.
func (e *Edge) cohortsOfListener(c *fiber.Ctx, key pagekey.Key) (cohorts []pagekey.Key, shared bool) {
	shop, ok := e.deps.Shops.Shop(key.Shop())
	if !ok || !e.cfg.Scope.hasCohorts() {
		return nil, false
	}
	v := e.trackedVisitor(c, key)
	return cohortsOf(shop, v), v == nil || v.interests.Empty()
}

// listen begins to listen, before the states are read, so that no change is missed in between.
func (a *awaited) listen(ctx context.Context, send func(format string, args ...any) error) {
	for _, p := range []*prospect{&a.own, &a.cohort} {
		p.job = p.edge.deps.Board.Listen(p.keys...)
		p.drafts = p.edge.listenForDrafts(ctx, p.written)
		p.sections = draftSender{edge: p.edge, send: send}
		p.update(ctx)
	}
}

func (a *awaited) leave() {
	for _, p := range []*prospect{&a.own, &a.cohort} {
		p.edge.deps.Board.Leave(p.job)
		p.drafts.Leave()
	}
}

// next is the page to tell of: the shopper's own unless it is neither there nor being made,
// then the cohort's. It is nil if the cohort's may yet be asked for.
func (a *awaited) next() *prospect {
	switch {
	case a.own.status.expected() || len(a.cohort.keys) == 0:
		return &a.own
	case a.cohort.status.expected():
		return &a.cohort
	default:
		return nil
	}
}

// givenUp is the last status of a stream that waits no more.
func (a *awaited) givenUp() generationStatus {
	if !a.own.requestedAt.IsZero() || !a.cohort.requestedAt.IsZero() {
		return generationStatus{State: stateFailed, Reason: a.own.status.Reason}
	}
	return a.own.status
}

// update reads the state of the page.
func (p *prospect) update(ctx context.Context) {
	p.status = p.edge.best(ctx, p.keys)
	if !p.status.requestedAt.IsZero() {
		p.requestedAt = p.status.requestedAt
	}
}

// sendSections sends what is written of the page so far. The error is that of the stream.
func (p *prospect) sendSections(ctx context.Context) error {
	for _, key := range p.written {
		if err := p.sections.sendNew(ctx, key, p.drafts.Draft()); err != nil {
			return err
		}
	}
	return nil
}

// best is the state of the first of the keys' pages that is there, else of the first that is
// being made, else of any. While NATS is unavailable it is none.
func (e *Edge) best(ctx context.Context, keys []pagekey.Key) generationStatus {
	best := generationStatus{State: stateNone}
	for _, key := range keys {
		s, err := e.generation(ctx, key)
		if err != nil {
			continue
		}
		if _, _, cohort := key.Cohort(); cohort {
			s.Rung = outcomeCohort
		}
		if s.State == stateReady {
			return s
		}
		if !best.live() && s.State != stateNone {
			best = s
		}
	}
	return best
}
