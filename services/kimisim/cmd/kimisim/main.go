// Command kimisim is a simulated Kimi: for development, tests and load.
//
// It is configured by the environment; the README lists the settings.
package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/wandstore/wandstore/pkg/lifecycle"
	"github.com/wandstore/wandstore/services/kimisim"
)

func main() {
	os.Exit(lifecycle.Main(lifecycle.Service[kimisim.Config]{
		Name: "kimisim",
		Addr: func(cfg kimisim.Config) string { return cfg.Addr },
		Run: func(ctx context.Context, cfg kimisim.Config, log *slog.Logger) error {
			s, err := kimisim.New(cfg, log)
			if err != nil {
				return err
			}
			return s.Run(ctx)
		},
	}, os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}
