package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/wandstore/wandstore/pkg/telemetry"
)

// Exit statuses.
const (
	statusOK       = 0
	statusFailed   = 1
	statusSettings = 2
)

// flushTimeout bounds the last export of spans and metrics.
const flushTimeout = 5 * time.Second

// Main runs a service as a process and returns its exit status: 0 when it ended
// as asked, 1 when it failed, 2 when a setting is wrong. Logs go to stderr.
func Main[T Validator](service string, environ []string, stderr io.Writer, run func(ctx context.Context, cfg T, log *slog.Logger) error) int {
	var cfg T
	if err := Load(environ, &cfg); err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", service, err)
		return statusSettings
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// With the handler gone, the next signal has its default effect.
	context.AfterFunc(ctx, stop)

	log := telemetry.NewLogger(stderr, service)
	flush, err := telemetry.Setup(ctx, service)
	if err != nil {
		fmt.Fprintf(stderr, "%s: %v: %v\n", service, ErrSettings, err)
		return statusSettings
	}
	err = run(ctx, cfg, log)
	flushCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
	defer cancel()
	if flushErr := flush(flushCtx); flushErr != nil {
		log.Warn("telemetry not flushed", "error", flushErr)
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintf(stderr, "%s: %v\n", service, err)
		if errors.Is(err, ErrSettings) {
			return statusSettings
		}
		return statusFailed
	}
	return statusOK
}
