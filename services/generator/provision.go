package generator

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go/jetstream"

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
	return provision(ctx, js, cfg, log)
}

// ProvisionAndStay is Provision, and then makes anew whatever is lost, within seconds, until
// ctx ends.
func ProvisionAndStay(ctx context.Context, cfg Config, log *slog.Logger) error {
	nc, js, err := wandnats.Dial(cfg.NATS, "provision", log)
	if err != nil {
		return err
	}
	defer nc.Close()
	if err := provision(ctx, js, cfg, log); err != nil {
		return err
	}
	keeper := &wandnats.Keeper{JetStream: js, Settings: cfg.Pool, Log: log}
	for {
		err := ensure(ctx, keeper, log)
		if err == nil {
			err = keeper.Watch(ctx)
		}
		switch {
		case errors.Is(err, context.Canceled):
			return nil
		case !errors.Is(err, wandnats.ErrLost):
			return err
		}
	}
}

// ensure has the keeper make what is missing, for as long as it takes.
func ensure(ctx context.Context, keeper *wandnats.Keeper, log *slog.Logger) error {
	return lifecycle.Retry(ctx, log, "NATS", func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, openTimeout)
		defer cancel()
		return keeper.Ensure(ctx)
	})
}

func provision(ctx context.Context, js jetstream.JetStream, cfg Config, log *slog.Logger) error {
	ctx, cancel := context.WithTimeout(ctx, provisionTimeout)
	defer cancel()
	// What another try does not change ends the waiting; the rest is not there yet.
	var final error
	err := lifecycle.Retry(ctx, log, "NATS", func(ctx context.Context) error {
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
