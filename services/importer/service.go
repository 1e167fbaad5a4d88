package importer

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/lifecycle"
	"github.com/wandstore/wandstore/services/importer/internal/live"
)

// Importer takes webhooks.
type Importer struct {
	cfg  Config
	keys *live.Keys
	log  *slog.Logger
	// desk is nil until NATS was reached and the products were read.
	desk      atomic.Pointer[live.Desk]
	connected func() bool
	metrics   metrics
}

// New returns an importer that is not connected yet: Run is.
func New(cfg Config, log *slog.Logger) (*Importer, error) {
	keys, err := cfg.Keys.Keys()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", lifecycle.ErrSettings, err)
	}
	return &Importer{cfg: cfg, keys: keys, log: log, connected: func() bool { return false }, metrics: newMetrics()}, nil
}

// Run takes webhooks until ctx ends. Then it answers those that are under way and returns
// nil. An error is that the address is in use, or a wrong setting.
func Run(ctx context.Context, cfg Config, log *slog.Logger) error {
	i, err := New(cfg, log)
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Addr)
	if err != nil {
		return fmt.Errorf("IMPORTER_ADDR: %w", err)
	}
	defer listener.Close()
	nc, js, err := wandnats.Dial(cfg.NATS, "importer", log)
	if err != nil {
		return err
	}
	defer nc.Close()
	i.connected = nc.IsConnected
	return lifecycle.Run(ctx,
		lifecycle.Part{Name: "bus", Run: func(ctx context.Context) error { return i.follow(ctx, nc, js) }},
		lifecycle.Part{Name: "http", Run: func(ctx context.Context) error { return i.serve(ctx, listener) }},
	)
}

// follow opens the desk when NATS answers, and keeps its index.
func (i *Importer) follow(ctx context.Context, nc *nats.Conn, js jetstream.JetStream) error {
	signer, err := i.cfg.Orders.Signer()
	if err != nil {
		return err
	}
	var desk *live.Desk
	if err := lifecycle.Retry(ctx, i.log, "NATS", func(ctx context.Context) (err error) {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		desk, err = live.Open(ctx, js, signer, i.log)
		return err
	}); err != nil {
		return err
	}
	desk.Follow(ctx, nc, func() { i.desk.Store(desk) })
	return nil
}
