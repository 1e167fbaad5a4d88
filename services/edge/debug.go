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

	"github.com/wandstore/wandstore/pkg/design"
	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/pagekey"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

const (
	// debugShopper is the shopper whose page /debug/generate makes. There is only one, so
	// that concurrent calls share a job and only one page is stored.
	debugShopper = "debug-generate"
	// memberTimeout bounds a request to a pool member.
	memberTimeout = time.Second
)

// health answers GET /health. The status is 200 as long as the edge serves; the body says
// "degraded" if a dependency is unavailable.
func (e *Edge) health(c *fiber.Ctx) error {
	checks := fiber.Map{"nats": "ok"}
	status := "ok"
	if !e.deps.Connected() || !e.deps.Loaded() {
		checks["nats"], status = "away", "degraded"
	}
	if e.atPoP() {
		checks["hub"] = "ok"
		if e.deps.Bus() == nil {
			checks["hub"], status = "away", "degraded"
		}
	}
	for tier, breaker := range e.deps.Pages.Breakers() {
		checks[tier] = "ok"
		if breaker != "closed" {
			checks[tier], status = "away", "degraded"
		}
	}
	for document, fault := range e.deps.Shops.Faults() {
		checks["store "+document], status = fault, "degraded"
	}
	if fault := e.deps.Clock.Fault(); fault != "" {
		checks["clock"], status = fault, "degraded"
	}
	for name, fault := range e.deps.Streams.Faults() {
		checks["stream "+name], status = fault, "degraded"
	}
	if b := e.deps.Bus(); b != nil {
		for name, fault := range b.Generation.Faults() {
			checks["switch "+name], status = fault, "degraded"
		}
	}
	return c.JSON(fiber.Map{"status": status, "checks": checks})
}

// ready answers GET /ready: 503 until NATS was reached, while streams are missing there, and
// while draining.
func (e *Edge) ready(c *fiber.Ctx) error {
	state := "ready"
	select {
	case <-e.stopping:
		state = "draining"
	default:
		switch {
		case e.deps.Streams.Missing():
			state = "streams are missing"
		case !e.deps.Loaded():
			state = "starting"
		}
	}
	if state != "ready" {
		c.Status(http.StatusServiceUnavailable)
	}
	return c.JSON(fiber.Map{"status": state})
}

// Members sends requests to pool members.
type Members interface {
	// Health returns the member's state, as the JSON of its generator.
	Health(ctx context.Context, member string) ([]byte, error)
}

// debugContainer answers GET /debug/container with the state of the first member.
func (e *Edge) debugContainer(c *fiber.Ctx) error {
	ctx, cancel := context.WithTimeout(c.UserContext(), e.cfg.atLeast(memberTimeout))
	defer cancel()
	member := e.cfg.Pool.Members()[0]
	answer := fiber.Map{"poolMember": member, "status": http.StatusOK}
	err := errUnavailable
	var health []byte
	if b := e.deps.Bus(); b != nil {
		health, err = b.Members.Health(ctx, member)
	}
	if err != nil || !json.Valid(health) {
		answer["status"] = http.StatusServiceUnavailable
		answer["detail"] = "no generator answers for this member"
		return c.Status(http.StatusServiceUnavailable).JSON(answer)
	}
	answer["health"] = json.RawMessage(health)
	return c.JSON(answer)
}

// debugRules answers GET /debug/rules?store= with what each rule of the shop's merchant
// affects today, of all products that the shop has now.
func (e *Edge) debugRules(c *fiber.Ctx) error {
	shop, ok := e.deps.Shops.Shop(c.Query("store"))
	if !ok {
		return errUnknownShop
	}
	return c.JSON(fiber.Map{"store": shop.Slug, "rules": design.RuleEffects(shop, e.now())})
}

// debugGenerate answers GET /debug/generate after a whole generation through the pool.
func (e *Edge) debugGenerate(c *fiber.Ctx) error {
	key, err := pagekey.New(c.Query("store", e.deps.Shops.All()[0].Slug), debugShopper)
	if err != nil {
		return err
	}
	if _, ok := e.deps.Shops.Shop(key.Shop()); !ok {
		return errUnknownShop
	}
	b := e.deps.Bus()
	if b == nil {
		return errUnavailable
	}
	start := time.Now()
	l := e.deps.Board.Listen(key)
	defer e.deps.Board.Leave(l)
	ctx, cancel := context.WithTimeout(c.UserContext(), e.cfg.generateTimeout())
	defer cancel()
	ticket, err := b.Queue.Trigger(ctx, jobqueue.Request{Key: key, Origin: "debug", Force: true})
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

// await waits until the job has ended. It returns errTimeout if ctx ends first.
func (e *Edge) await(ctx context.Context, b *Bus, key pagekey.Key, jobID string, changed <-chan struct{}) (*wandstorev1.JobRecord, error) {
	// changed comes from the watch. The record is also read every five seconds, in case the
	// watch is broken.
	poll := time.NewTicker(5 * time.Second)
	defer poll.Stop()
	for {
		rec, err := b.Queue.Record(ctx, key)
		ended := rec.GetState() == wandstorev1.JobState_JOB_STATE_READY || rec.GetState() == wandstorev1.JobState_JOB_STATE_FAILED
		if err == nil && ended && rec.GetJobId() == jobID {
			return rec, nil
		}
		select {
		case <-changed:
		case <-poll.C:
		case <-e.draining:
			return nil, errUnavailable
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: the job is still on its way", errTimeout)
		}
	}
}

// Trail writes and reads a shopper's breadcrumbs.
type Trail interface {
	Debug(ctx context.Context, key pagekey.Key, c jobqueue.Breadcrumb)
	Error(ctx context.Context, key pagekey.Key, c jobqueue.Breadcrumb)
	Read(ctx context.Context, key pagekey.Key) (breadcrumbs, problems []*wandstorev1.Breadcrumb, err error)
}

// debugErrors answers GET /debug/errors?shopper=&store= with a shopper's trail.
func (e *Edge) debugErrors(c *fiber.Ctx) error {
	key, err := e.keyOfQuery(c)
	if err != nil {
		return err
	}
	b := e.deps.Bus()
	if b == nil {
		return errUnavailable
	}
	ctx, cancel := context.WithTimeout(c.UserContext(), e.cfg.atLeast(5*time.Second))
	defer cancel()
	breadcrumbs, problems, err := b.Trail.Read(ctx, key)
	if err != nil {
		return errors.Join(errUnavailable, err)
	}
	errs, err := asJSON(problems)
	if err != nil {
		return err
	}
	trail, err := asJSON(breadcrumbs)
	if err != nil {
		return err
	}
	return c.JSON(fiber.Map{"errors": errs, "breadcrumbs": trail})
}

// asJSON encodes breadcrumbs as on the bus.
func asJSON(breadcrumbs []*wandstorev1.Breadcrumb) ([]json.RawMessage, error) {
	out := make([]json.RawMessage, len(breadcrumbs))
	for i, b := range breadcrumbs {
		text, err := protojson.Marshal(b)
		if err != nil {
			return nil, err
		}
		out[i] = text
	}
	return out, nil
}
