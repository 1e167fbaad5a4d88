package generator

import (
	"context"
	"log/slog"
	"net/http"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/services/generator/internal/console"
)

// Console adds the operators' live page to mux, at /console/. It has a connection to NATS of
// its own until ctx ends, so that it shows what there is while the generator cannot work.
// The error is about the settings of NATS.
func Console(ctx context.Context, cfg Config, mux *http.ServeMux, log *slog.Logger) error {
	nc, js, err := wandnats.Dial(cfg.NATS, "console", log)
	if err != nil {
		return err
	}
	page, err := console.New(nc, js, log)
	if err != nil {
		nc.Close()
		return err
	}
	context.AfterFunc(ctx, nc.Close)
	mux.Handle(console.Path, page.Handler())
	return nil
}
