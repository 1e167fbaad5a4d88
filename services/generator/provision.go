package generator

import (
	"context"
	"errors"
	"log/slog"
	"time"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/lifecycle"
)

// provisionTimeout bounds Provision: a server may be starting, and a cluster electing.
const provisionTimeout = 2 * time.Minute

// Provision creates and updates the streams, buckets and consumers that edges and
// generators need, for installations whose services may not do so themselves. It waits
// up to two minutes for NATS. Calling it again is harmless, and applies changed
// settings.
func Provision(ctx context.Context, cfg Config, log *slog.Logger) error {
	nc, js, err := wandnats.Dial(cfg.NATS, "provision", log)
	if err != nil {
		return err
	}
	defer nc.Close()
	ctx, cancel := context.WithTimeout(ctx, provisionTimeout)
	defer cancel()
	// What another try does not change ends the waiting; the rest is not there yet.
	var final error
	err = lifecycle.Retry(ctx, log, "NATS", func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
		defer cancel()
		err := wandnats.Provision(ctx, js, cfg.Pool)
		if errors.Is(err, wandnats.ErrMayNotProvision) {
			final, err = err, nil
		}
		return err
	})
	if err := errors.Join(err, final); err != nil {
		return err
	}
	log.Info("streams, buckets and consumers are provisioned")
	return nil
}
