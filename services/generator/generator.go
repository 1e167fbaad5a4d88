package generator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/lifecycle"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/storefront"
	"github.com/wandstore/wandstore/services/generator/internal/designer"
	"github.com/wandstore/wandstore/services/generator/internal/kimi"
)

// grace is how long running jobs may go on after a signal: less than the thirty
// seconds that orchestrators wait, so that what is left can be handed back.
const grace = 20 * time.Second

// Run runs a generator until ctx ends or, with ExitWhenIdle, its members are cold.
// Both return nil.
func Run(ctx context.Context, cfg Config, log *slog.Logger) error {
	nc, js, err := wandnats.Dial(cfg.NATS, "generator", log)
	if err != nil {
		return err
	}
	defer nc.Close()
	g, err := newGenerator(cfg, nc, js, log)
	if err != nil {
		return err
	}
	defer g.s3.Close()
	defer g.model.Close()
	return lifecycle.Run(ctx,
		lifecycle.Part{Name: "stores", Run: g.shops.Run},
		lifecycle.Part{Name: "pool", Run: g.runPool, StopWithin: grace + 2*settling},
		lifecycle.Part{Name: "http", Run: g.runHTTP},
	)
}

// settling is what handing back the last jobs may take.
const settling = 10 * time.Second

type generator struct {
	cfg    Config
	nc     *nats.Conn
	js     jetstream.JetStream
	s3     *pagestore.S3
	model  model
	shops  *catalogue.Directory
	render *storefront.Renderer
	worker string
	log    *slog.Logger

	// pool is nil until NATS has been reached.
	pool atomic.Pointer[pool]
}

func newGenerator(cfg Config, nc *nats.Conn, js jetstream.JetStream, log *slog.Logger) (*generator, error) {
	s3, err := pagestore.NewS3(cfg.S3)
	if err != nil {
		return nil, err
	}
	model, err := newModel(cfg)
	if err != nil {
		return nil, err
	}
	shops, err := catalogue.New(cfg.Stores, log)
	if err != nil {
		return nil, err
	}
	render, err := storefront.NewRenderer()
	if err != nil {
		return nil, err
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("hostname: %w", err)
	}
	return &generator{
		cfg: cfg, nc: nc, js: js, s3: s3, model: model, shops: shops, render: render,
		worker: fmt.Sprintf("%s-%d", host, os.Getpid()), log: log,
	}, nil
}

// model is what the generator needs of the Kimi client.
type model interface {
	designer.Model
	BreakerState() string
	Close()
}

func newModel(cfg Config) (model, error) {
	if cfg.KimiKey == "" {
		return noModel{}, nil
	}
	client, err := kimi.New(kimi.Config{
		BaseURL: cfg.modelURL(), APIKey: cfg.KimiKey, Model: cfg.KimiModel, Timeout: cfg.llmTimeout(),
	})
	if err != nil {
		return nil, fmt.Errorf("%w: KIMI_BASE_URL, AI_GATEWAY_URL or KIMI_API_KEY: %w", lifecycle.ErrSettings, err)
	}
	return client, nil
}

// noModel is there without a key: every page is the template's.
type noModel struct{}

var errNoKey = errors.New("KIMI_API_KEY is not set")

func (noModel) Complete(context.Context, kimi.Request) (kimi.Answer, error) {
	return kimi.Answer{}, errNoKey
}
func (noModel) BreakerState() string { return "open" }
func (noModel) Close()               {}
