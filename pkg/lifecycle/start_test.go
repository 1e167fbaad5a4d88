package lifecycle_test

import (
	"context"
	"io"
	"log/slog"

	"github.com/wandstore/wandstore/pkg/lifecycle"
)

// start runs a service as a process without arguments and without a private port.
func start(environ []string, stderr io.Writer, run func(context.Context, settings, *slog.Logger) error) int {
	return lifecycle.Main(lifecycle.Service[settings]{Name: "wand", Run: run}, nil, environ, io.Discard, stderr)
}
