package allinone

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/wandstore/wandstore/pkg/lifecycle"
	"github.com/wandstore/wandstore/pkg/telemetry"
	"github.com/wandstore/wandstore/services/allinone/internal/progress"
	"github.com/wandstore/wandstore/services/edge"
	"github.com/wandstore/wandstore/services/generator"
	"github.com/wandstore/wandstore/services/kimisim"
)

// Run runs all parts until ctx ends, and then drains them and returns nil. It prints
// addresses and commands to out, and writes the log to a file in the data folder. It returns
// an error if an address is in use, the data folder cannot be written or a part fails.
func Run(ctx context.Context, cfg Config, out io.Writer) error {
	if err := checkAddrs(ctx, cfg); err != nil {
		return err
	}
	// The path must be absolute, because the S3 gateway changes the working directory.
	data, err := filepath.Abs(cfg.DataDir)
	if err != nil {
		return fmt.Errorf("WANDSTORE_DATA_DIR: %w", err)
	}
	if err := os.MkdirAll(data, 0o750); err != nil {
		return fmt.Errorf("WANDSTORE_DATA_DIR: %w", err)
	}
	logPath := filepath.Join(data, "wandstore.log")
	logFile, err := os.OpenFile(logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("log file: %w", err)
	}
	defer logFile.Close()
	log := telemetry.NewLogger(logFile, "wandstore")

	wired := cfg.wired()
	bus, err := startNATS(cfg.NATSAddr, filepath.Join(data, "nats"))
	if err != nil {
		return err
	}
	parts := []lifecycle.Part{
		{Name: "nats-server", Run: func(ctx context.Context) error { <-ctx.Done(); bus.stop(); return nil }},
		{Name: "S3 gateway", Run: func(ctx context.Context) error { return runS3(ctx, wired.Edge.S3, filepath.Join(data, "s3")) }},
	}
	if cfg.simulated() {
		sim, err := kimisim.New(cfg.Kimisim, log)
		if err != nil {
			return err
		}
		parts = append(parts, lifecycle.Part{Name: "kimisim", Run: sim.Run})
	}
	parts = append(parts,
		lifecycle.Part{Name: "generator", StopTimeout: wired.Generator.ShutdownGrace + 40*time.Second, Run: func(ctx context.Context) error { return generator.Run(ctx, wired.Generator, log) }},
		lifecycle.Part{Name: "edge", Run: func(ctx context.Context) error { return edge.Run(ctx, wired.Edge, log) }},
		lifecycle.Part{Name: "banner", Run: func(ctx context.Context) error { return announce(ctx, cfg, logPath, log, out) }},
	)
	return lifecycle.Run(ctx, parts...)
}

// Console adds the operators' live page of the generator to mux. What goes wrong it tells on
// the page; the terminal is the banner's.
func Console(ctx context.Context, cfg Config, mux *http.ServeMux, _ *slog.Logger) error {
	return generator.Console(ctx, cfg.wired().Generator, mux, slog.New(slog.DiscardHandler))
}

// checkAddrs returns an error if an address is in use, before any part starts.
func checkAddrs(ctx context.Context, cfg Config) error {
	addrs := []struct{ variable, addr string }{
		{"EDGE_ADDR", cfg.Edge.Addr}, {"GENERATOR_ADDR", cfg.Generator.Addr},
		{"NATS_ADDR", cfg.NATSAddr}, {"S3_ADDR", cfg.S3Addr},
	}
	if cfg.simulated() {
		addrs = append(addrs, struct{ variable, addr string }{"KIMISIM_ADDR", cfg.Kimisim.Addr})
	}
	for _, a := range addrs {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", a.addr)
		if errors.Is(err, syscall.EADDRINUSE) {
			return fmt.Errorf("%s is taken by another process: stop it, or set %s to another address", a.addr, a.variable)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", a.variable, err)
		}
		if err := l.Close(); err != nil {
			return err
		}
	}
	return nil
}

// announce waits until the edge and the generator are ready and prints the banner. From then
// on it prints the progress of the jobs, and at the end what the shutdown waits for.
func announce(ctx context.Context, cfg Config, logPath string, log *slog.Logger, out io.Writer) error {
	base := "http://" + lifecycle.Reachable(cfg.Edge.Addr)
	for _, url := range []string{base + "/ready", "http://" + lifecycle.Reachable(cfg.Generator.Addr) + "/health"} {
		if err := lifecycle.Retry(ctx, log, url, func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
			defer cancel()
			return lifecycle.Probe(ctx, url)
		}); err != nil {
			return err
		}
	}
	if err := progress.Run(ctx, cfg.wired().Edge.NATS, log, out, func() { banner(cfg, base, logPath, out) }); err != nil {
		// No page depends on the progress, so its failure must not end the process.
		log.Warn("progress is not shown any more", "error", err)
	}
	<-ctx.Done()
	fmt.Fprintln(out, "\nStopping: running jobs have 20 s. Ctrl-C again stops at once.")
	return nil
}

// banner prints the addresses and commands to begin with.
func banner(cfg Config, base, logPath string, out io.Writer) {
	traces := "not exported; set OTEL_EXPORTER_OTLP_ENDPOINT"
	if endpoint := os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT"); endpoint != "" {
		traces = endpoint
	}
	model := cfg.Generator.KimiModel
	if cfg.simulated() {
		model = "kimisim, a simulated Kimi on " + cfg.Kimisim.Addr + " (set KIMI_API_KEY for the real one)"
	}
	natsCLI := "nats -s nats://" + cfg.NATSAddr
	fmt.Fprintf(out, `
WandStore is open.

  A shopper's page     %[1]s/s/magic-wands?shopper=abc123
  Another shop         %[1]s/s/whitby-tea?shopper=abc123
                       open it, watch it upgrade, open it again: a hit

  See the pool         %[2]s consumer report GENERATION
  See a job's trail    %[2]s kv history GENERATION_QUEUE debug.magic-wands.abc123
  Watch pages appear   %[2]s sub '$KV.UI_CACHE.ui.>' --subjects-only
  The generators       %[2]s micro ls

  Model                %[3]s
  Traces               %[4]s
  Data and log         %[5]s

Ctrl-C stops it.
`, base, natsCLI, model, traces, logPath)
	fmt.Fprintln(out)
}
