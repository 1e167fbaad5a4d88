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
	"github.com/wandstore/wandstore/pkg/account"
	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/control"
	"github.com/wandstore/wandstore/pkg/lifecycle"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/storefront"
	"github.com/wandstore/wandstore/services/generator/internal/designer"
	"github.com/wandstore/wandstore/services/generator/internal/kimi"
)

// settling is how long handing back the last jobs may take.
const settling = 10 * time.Second

// Run makes a generator of real parts and runs it until ctx ends or, with ExitWhenIdle, all
// members are cold. In both cases it returns nil. It returns an error if the address is in
// use, the configuration is invalid or a part fails.
func Run(ctx context.Context, cfg Config, log *slog.Logger) error {
	if cfg.Pool.HubDomain != "" {
		return errors.New("NATS_HUB_DOMAIN is set: generators run at the hub, and at a PoP the mirrors are provisioned")
	}
	nc, js, err := wandnats.Dial(cfg.NATS, "generator", log)
	if err != nil {
		return err
	}
	defer nc.Close()
	host, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("hostname: %w", err)
	}
	worker := fmt.Sprintf("%s-%d", host, os.Getpid())
	clock := wandnats.NewClock(cfg.Clock)
	shared := account.New(cfg.account(worker, clock.Now, log))
	defer shared.Close()
	p, err := newParts(cfg, nc, js, worker, clock, shared, log)
	if err != nil {
		return err
	}
	defer p.s3.Close()
	defer p.model.Close()
	return lifecycle.Run(ctx,
		lifecycle.Part{Name: "shops", Run: p.shops.Run},
		lifecycle.Part{Name: "pool", Run: p.runPool, StopTimeout: cfg.grace() + 2*settling},
		lifecycle.Part{Name: "http", Run: p.generator.serve},
	)
}

// parts are the real parts of a generator.
type parts struct {
	cfg       Config
	nc        *nats.Conn
	js        jetstream.JetStream
	log       *slog.Logger
	s3        *pagestore.S3
	keys      pagestore.Keys
	model     model
	shops     *catalogue.Directory
	renderer  *storefront.Renderer
	control   *control.Switch
	meter     *meter
	account   *account.Account
	keeper    *wandnats.Keeper
	clock     *wandnats.Clock
	generator *Generator

	// pool is nil until NATS and the object store were reached.
	pool atomic.Pointer[pool]
}

func newParts(cfg Config, nc *nats.Conn, js jetstream.JetStream, worker string, clock *wandnats.Clock, shared *account.Account, log *slog.Logger) (*parts, error) {
	if cfg.Shops.Now == nil {
		cfg.Shops.Now = clock.Now
	}
	keys, err := cfg.PageKeys.Keys()
	if err != nil {
		return nil, err
	}
	s3, err := pagestore.NewS3(cfg.S3, keys)
	if err != nil {
		return nil, err
	}
	switches := control.New(log)
	meter := newMeter(cfg, switches)
	model, err := newModel(cfg, shared, meter)
	if err != nil {
		return nil, err
	}
	shops, err := catalogue.New(cfg.Shops, log)
	if err != nil {
		return nil, err
	}
	renderer, err := storefront.NewRenderer()
	if err != nil {
		return nil, err
	}
	p := &parts{
		cfg: cfg, nc: nc, js: js, log: log, s3: s3, keys: keys, model: model, shops: shops, renderer: renderer,
		control: switches, meter: meter, account: shared, clock: clock,
		keeper: &wandnats.Keeper{JetStream: js, Settings: cfg.Pool, Clock: clock, Log: log},
	}
	p.generator = New(cfg, Deps{
		Shops: shops, Model: model, Streams: p.keeper, Connected: nc.IsConnected, Clock: clock, Worker: worker, Log: log,
		Pool: func() *Pool {
			if pool := p.pool.Load(); pool != nil {
				return &pool.Pool
			}
			return nil
		},
	})
	return p, nil
}

// model is a client of the model, with its breaker.
type model interface {
	designer.Model
	Model
	Close()
}

func newModel(cfg Config, shared *account.Account, m kimi.Meter) (model, error) {
	if cfg.KimiKey == "" {
		return noModel{}, nil
	}
	return NewModel(cfg, shared, m)
}

// NewModel makes a client of the model of the settings. Without an account a call that is
// refused for rate is tried again twice. Errors wrap lifecycle.ErrSettings.
func NewModel(cfg Config, shared *account.Account, m kimi.Meter) (*kimi.Client, error) {
	client, err := kimi.New(kimi.Config{
		BaseURL: cfg.modelURL(), APIKey: cfg.KimiKey, Model: cfg.KimiModel, Timeout: cfg.llmTimeout(), StallTimeout: cfg.StallTimeout, Meter: m,
		Thinking: kimi.Thinking(cfg.KimiThinking), MaxCompletionTokens: cfg.KimiMaxTokens,
		Account: shared, Calls: cfg.calls(),
	})
	if err != nil {
		return nil, fmt.Errorf("%w: KIMI_BASE_URL, AI_GATEWAY_URL or KIMI_API_KEY: %w", lifecycle.ErrSettings, err)
	}
	return client, nil
}

// noModel is used without a key. Its calls fail, so every page is the template's.
type noModel struct{}

var errNoKey = errors.New("KIMI_API_KEY is not set")

func (noModel) Complete(context.Context, kimi.Request) (kimi.Answer, error) {
	return kimi.Answer{}, errNoKey
}
func (noModel) BreakerState() string { return "open" }

func (noModel) StoppedShops() []string { return nil }
func (noModel) Close()                 {}
