package edge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gofiber/fiber/v2"
	"google.golang.org/protobuf/encoding/protojson"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/pagekey"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

const (
	// debugShopper is whose page /debug/generate makes: always the same, so that
	// calls at once share one job and leave one page behind.
	debugShopper = "debug-generate"
	askWithin    = time.Second
)

// health answers GET /health: 200 for as long as shoppers are answered, "degraded"
// when a dependency is away.
func (e *edge) health(c *fiber.Ctx) error {
	checks := fiber.Map{"nats": "ok"}
	status := "ok"
	if !e.nc.IsConnected() || e.bus.Load() == nil {
		checks["nats"], status = "away", "degraded"
	}
	for tier, breaker := range e.pages.Breakers() {
		checks[tier] = "ok"
		if breaker != "closed" {
			checks[tier], status = "away", "degraded"
		}
	}
	for document, fault := range e.shops.Faults() {
		checks["store "+document], status = fault, "degraded"
	}
	return c.JSON(fiber.Map{"status": status, "checks": checks})
}

// ready answers GET /ready: 503 until NATS has been reached, and while draining.
func (e *edge) ready(c *fiber.Ctx) error {
	state := "ready"
	select {
	case <-e.draining:
		state = "draining"
	default:
		if e.bus.Load() == nil {
			state = "starting"
		}
	}
	if state != "ready" {
		c.Status(http.StatusServiceUnavailable)
	}
	return c.JSON(fiber.Map{"status": state})
}

// debugContainer answers GET /debug/container: what pool-0's generator says.
func (e *edge) debugContainer(c *fiber.Ctx) error {
	ctx, cancel := context.WithTimeout(c.UserContext(), askWithin)
	defer cancel()
	member := wandnats.Member(0)
	answer := fiber.Map{"poolMember": member, "status": http.StatusOK}
	m, err := e.nc.RequestWithContext(ctx, wandnats.HealthSubject(member), nil)
	if err != nil || !json.Valid(m.Data) {
		answer["status"] = http.StatusServiceUnavailable
		answer["detail"] = "no generator answers for this member"
		return c.Status(http.StatusServiceUnavailable).JSON(answer)
	}
	answer["health"] = json.RawMessage(m.Data)
	return c.JSON(answer)
}

// debugGenerate answers GET /debug/generate: a whole generation through the pool.
func (e *edge) debugGenerate(c *fiber.Ctx) error {
	key, err := pagekey.New(c.Query("store", e.shops.All()[0].Slug), debugShopper)
	if err != nil {
		return err
	}
	if _, ok := e.shops.Shop(key.Store()); !ok {
		return errUnknownStore
	}
	b := e.bus.Load()
	if b == nil {
		return errUnavailable
	}
	start := time.Now()
	l := e.board.Listen(key)
	defer e.board.Leave(l)
	ctx, cancel := context.WithTimeout(c.UserContext(), e.cfg.generateWithin())
	defer cancel()
	ticket, err := b.queue.Trigger(ctx, jobqueue.Request{Key: key, Origin: "debug", Again: true})
	if errors.Is(err, jobqueue.ErrPoolFull) {
		return err
	}
	if err != nil {
		return errors.Join(errUnavailable, err)
	}
	rec, err := e.await(ctx, b, key, ticket.Record.GetJobId(), l.Changed)
	if err != nil {
		return err
	}
	answer := fiber.Map{
		"status": http.StatusOK, "poolMember": rec.GetPoolMember(), "source": rec.GetSource(),
		"persona": rec.GetPersona(), "durationMs": time.Since(start).Milliseconds(),
	}
	if rec.GetReason() != "" {
		answer["reason"] = rec.GetReason()
	}
	if rec.GetState() == wandstorev1.JobState_JOB_STATE_FAILED {
		answer["status"] = http.StatusBadGateway
		return c.Status(http.StatusBadGateway).JSON(answer)
	}
	return c.JSON(answer)
}

// await waits until the job has ended: errTimeout when ctx ends first.
func (e *edge) await(ctx context.Context, b *bus, key pagekey.Key, jobID string, changed <-chan struct{}) (*wandstorev1.JobRecord, error) {
	// The watch wakes us; the look now and then is for a watch that is broken.
	again := time.NewTicker(5 * time.Second)
	defer again.Stop()
	for {
		rec, err := b.queue.Record(ctx, key)
		ended := rec.GetState() == wandstorev1.JobState_JOB_STATE_READY || rec.GetState() == wandstorev1.JobState_JOB_STATE_FAILED
		if err == nil && ended && rec.GetJobId() == jobID {
			return rec, nil
		}
		select {
		case <-changed:
		case <-again.C:
		case <-e.draining:
			return nil, errUnavailable
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: the job is still on its way", errTimeout)
		}
	}
}

// debugErrors answers GET /debug/errors?shopper=&store=: a shopper's trail.
func (e *edge) debugErrors(c *fiber.Ctx) error {
	key, err := e.keyOfQuery(c)
	if err != nil {
		return err
	}
	b := e.bus.Load()
	if b == nil {
		return errUnavailable
	}
	ctx, cancel := context.WithTimeout(c.UserContext(), 5*time.Second)
	defer cancel()
	crumbs, problems, err := jobqueue.ReadTrail(ctx, b.Jobs, key)
	if err != nil {
		return errors.Join(errUnavailable, err)
	}
	errs, err := asJSON(problems)
	if err != nil {
		return err
	}
	trail, err := asJSON(crumbs)
	if err != nil {
		return err
	}
	return c.JSON(fiber.Map{"errors": errs, "breadcrumbs": trail})
}

// asJSON writes breadcrumbs as they are on the bus.
func asJSON(crumbs []*wandstorev1.Breadcrumb) ([]json.RawMessage, error) {
	out := make([]json.RawMessage, len(crumbs))
	for i, crumb := range crumbs {
		b, err := protojson.Marshal(crumb)
		if err != nil {
			return nil, err
		}
		out[i] = b
	}
	return out, nil
}
