package generator

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/nats-io/nuid"

	"github.com/wandstore/wandstore/pkg/httpserver"
	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/lifecycle"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/pagemaker"
)

const maxBody = 64 << 10

// app returns the HTTP routes. When ctx ends, pages that are being made are cancelled.
func (g *Generator) app(ctx context.Context) *fiber.App {
	app := httpserver.New(fiber.Config{
		DisableStartupMessage: true,
		BodyLimit:             maxBody,
		ReadTimeout:           10 * time.Second,
		IdleTimeout:           60 * time.Second,
		ErrorHandler:          problem,
	})
	app.Get("/health", g.health)
	app.Post("/generate", g.authorize, func(c *fiber.Ctx) error { return g.generate(ctx, c) })
	return app
}

// serve serves the HTTP routes until ctx ends.
func (g *Generator) serve(ctx context.Context) error {
	app := g.app(ctx)
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", g.cfg.Addr)
	if err != nil {
		return fmt.Errorf("GENERATOR_ADDR: %w", err)
	}
	served := make(chan error, 1)
	go func() { served <- app.Listener(listener) }()
	g.log.Info("listening", "addr", listener.Addr().String())
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	if err := app.ShutdownWithTimeout(settling); err != nil {
		return err
	}
	return <-served
}

// health answers GET /health with the state of the members. The status is 503 until the pool
// is open.
func (g *Generator) health(c *fiber.Ctx) error {
	body := fiber.Map{"status": "starting", "worker": g.deps.Worker, "model": g.modelHealth()}
	p := g.deps.Pool()
	if p == nil {
		return c.Status(fiber.StatusServiceUnavailable).JSON(body)
	}
	states := make([]memberState, len(p.Members))
	for i, m := range p.Members {
		states[i] = stateOf(m, g.cfg.inactivity())
	}
	body["status"], body["members"] = "ok", states
	if !g.deps.Connected() {
		body["status"] = "degraded"
	}
	if faults := g.deps.Shops.Faults(); len(faults) > 0 {
		body["status"], body["stores"] = "degraded", faults
	}
	if fault := g.deps.Clock.Fault(); fault != "" {
		body["status"], body["clock"] = "degraded", fault
	}
	if faults := g.deps.Streams.Faults(); len(faults) > 0 {
		body["status"], body["streams"] = "degraded", faults
	}
	return c.JSON(body)
}

// maxNamedShops bounds how many shops a health report names.
const maxNamedShops = 20

// modelHealth says whether the model is called, and for which shops it is not.
func (g *Generator) modelHealth() fiber.Map {
	health := fiber.Map{"name": g.cfg.KimiModel, "breaker": g.deps.Model.BreakerState()}
	if stopped := g.deps.Model.StoppedShops(); len(stopped) > 0 {
		health["stopped"] = fiber.Map{"count": len(stopped), "stores": stopped[:min(len(stopped), maxNamedShops)]}
	}
	return health
}

// authorize refuses a call that may not make pages: each spends the model's money.
func (g *Generator) authorize(c *fiber.Ctx) error {
	token := g.cfg.GenerateToken
	if token == "" && lifecycle.Loopback(g.cfg.Addr) {
		return c.Next()
	}
	given, bearer := strings.CutPrefix(c.Get(fiber.HeaderAuthorization), "Bearer ")
	if token == "" || !bearer || subtle.ConstantTimeCompare([]byte(given), []byte(token)) != 1 {
		c.Set(fiber.HeaderWWWAuthenticate, "Bearer")
		return fiber.NewError(fiber.StatusUnauthorized, "POST /generate wants GENERATE_TOKEN as a bearer token")
	}
	return c.Next()
}

// generate answers POST /generate. The request is {jobId, storeSlug, shopperId,
// preferences}, the answer {success, html, persona, source}.
func (g *Generator) generate(ctx context.Context, c *fiber.Ctx) error {
	var ask struct {
		JobID       string         `json:"jobId"`
		StoreSlug   string         `json:"storeSlug"`
		ShopperID   string         `json:"shopperId"`
		Preferences map[string]any `json:"preferences"`
	}
	if err := json.Unmarshal(c.Body(), &ask); err != nil {
		return fiber.NewError(fiber.StatusBadRequest, "the body is not the JSON of a job")
	}
	key, err := pagekey.New(ask.StoreSlug, ask.ShopperID)
	if err != nil {
		return fiber.NewError(fiber.StatusBadRequest, err.Error())
	}
	if ask.JobID == "" {
		ask.JobID = nuid.Next()
	}
	if !pagekey.ValidShopper(ask.JobID) {
		return fiber.NewError(fiber.StatusBadRequest, "jobId is 1 to 64 of A-Z, a-z, 0-9, _ and -")
	}
	p := g.deps.Pool()
	if p == nil {
		return errNotReady
	}
	// These calls use the same model as the members' jobs, so they are limited to the same
	// number.
	if !g.direct.take(len(p.Members) * g.cfg.Pool.Concurrency) {
		return fiber.NewError(fiber.StatusTooManyRequests, "as many pages are being made as members may run")
	}
	defer g.direct.release()
	ctx, cancel := context.WithTimeout(ctx, g.cfg.jobTimeout())
	defer cancel()
	made, err := p.Maker.Make(ctx, p.order(key, ask.JobID, g.deps.Clock.Now(), words(ask.Preferences)))
	if err != nil {
		return err
	}
	return c.JSON(fiber.Map{
		"success": true, "html": string(made.Page.HTML()), "persona": made.Page.Persona(), "source": made.Page.Source(),
	})
}

// words returns the preferences that are strings, numbers or booleans, as strings. Other
// values have no meaning as a preference.
func words(in map[string]any) map[string]string {
	out := make(map[string]string, len(in))
	for name, v := range in {
		switch v.(type) {
		case string, float64, bool:
			out[name] = fmt.Sprint(v)
		}
	}
	return out
}

// problem answers errors as application/problem+json (RFC 9457).
func problem(c *fiber.Ctx, err error) error {
	status, detail := fiber.StatusInternalServerError, "the page could not be made or stored"
	var f *fiber.Error
	switch {
	case errors.As(err, &f):
		status, detail = f.Code, f.Message
	case errors.Is(err, pagemaker.ErrUnknownShop):
		status, detail = fiber.StatusNotFound, "unknown store"
	case errors.Is(err, jobqueue.ErrCancelled):
		status, detail = fiber.StatusConflict, "the shopper was forgotten meanwhile"
	case errors.Is(err, errNotReady):
		status, detail = fiber.StatusServiceUnavailable, err.Error()
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		status, detail = fiber.StatusGatewayTimeout, "not done in time"
	}
	return c.Status(status).JSON(fiber.Map{"status": status, "detail": detail}, "application/problem+json")
}

// errNotReady: the pool is not open yet.
var errNotReady = errors.New("waiting for NATS or the object store")
