package edge

import (
	"context"
	"errors"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/pagekey"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
	"github.com/wandstore/wandstore/services/edge/internal/jobboard"
)

// generationStatus is the state of a shopper's page and its job.
type generationStatus struct {
	State       string     `json:"state"` // none, queued, running, ready or failed
	PoolMember  string     `json:"poolMember,omitempty"`
	QueuedAhead int        `json:"queuedAhead"`
	ETASeconds  int        `json:"etaSeconds"`
	Persona     string     `json:"persona,omitempty"`
	Source      string     `json:"source,omitempty"`
	GeneratedAt *time.Time `json:"generatedAt,omitempty"`
	Reason      string     `json:"reason,omitempty"`
	// Rung is "cohort" if it is the page of the shopper's cohort, since none of their own is made.
	Rung string `json:"rung,omitempty"`

	// requestedAt is when the live job was requested.
	requestedAt time.Time
}

const (
	stateNone    = "none"
	stateQueued  = "queued"
	stateRunning = "running"
	stateReady   = "ready"
	stateFailed  = "failed"
)

// ended reports whether the state is final.
func (s generationStatus) ended() bool { return s.State == stateReady || s.State == stateFailed }

// live reports whether the page is being made.
func (s generationStatus) live() bool { return s.State == stateQueued || s.State == stateRunning }

// expected reports whether the page is there or being made.
func (s generationStatus) expected() bool { return s.State == stateReady || s.live() }

// status answers GET /api/generation/status.
func (e *Edge) status(c *fiber.Ctx) error {
	key, err := e.keyOfQuery(c)
	if err != nil {
		return err
	}
	s, err := e.generation(c.UserContext(), key)
	if err != nil {
		return err
	}
	if !s.expected() {
		cohorts, _ := e.cohortsOfListener(c, key)
		if cohort := e.best(c.UserContext(), cohorts); cohort.expected() {
			s = cohort
		}
	}
	c.Set(fiber.HeaderCacheControl, "no-store")
	return c.JSON(s)
}

// generation returns the state of the key's live job, otherwise that of its page, otherwise
// that of its last job. Of a cohort, only a page that the model designed is one.
func (e *Edge) generation(ctx context.Context, key pagekey.Key) (generationStatus, error) {
	if place, live := e.deps.Board.Find(key); live {
		s := generationStatus{
			State: stateQueued, PoolMember: place.Record.GetPoolMember(),
			QueuedAhead: place.Ahead, ETASeconds: int(place.ETA.Round(time.Second) / time.Second),
			requestedAt: place.Record.GetRequestedAt().AsTime(),
		}
		if jobboard.Runs(place.Record) {
			s.State = stateRunning
		}
		return s, nil
	}
	shop, ok := e.deps.Shops.Shop(key.Shop())
	if !ok {
		return generationStatus{}, errUnknownShop
	}
	if found, err := e.shownPage(ctx, key, shop); err == nil && found.decision.Servable() {
		at := found.Page.GeneratedAt()
		return generationStatus{State: stateReady, Persona: found.Page.Persona(), Source: found.Page.Source(), GeneratedAt: &at}, nil
	}
	b := e.deps.Bus()
	if b == nil {
		return generationStatus{}, errUnavailable
	}
	ctx, cancel := context.WithTimeout(ctx, e.cfg.atLeast(time.Second))
	defer cancel()
	rec, err := b.Queue.Record(ctx, key)
	switch {
	case errors.Is(err, jobqueue.ErrNoRecord):
		return generationStatus{State: stateNone}, nil
	case err != nil:
		return generationStatus{}, errors.Join(errUnavailable, err)
	}
	s := generationStatus{State: stateNone, PoolMember: rec.GetPoolMember()}
	switch {
	case rec.GetState() == wandstorev1.JobState_JOB_STATE_FAILED:
		s.State, s.Reason = stateFailed, rec.GetReason()
	case rec.GetState() != wandstorev1.JobState_JOB_STATE_READY && rec.GetDeadline().AsTime().After(e.now()):
		// The job is live, but the watch has not reported it yet. A ready record without a
		// page means that the page is gone since, so its state is none.
		s.State = stateQueued
	}
	return s, nil
}
