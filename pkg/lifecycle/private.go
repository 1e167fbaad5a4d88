package lifecycle

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"syscall"
	"time"

	"github.com/caarlos0/env/v11"

	"github.com/wandstore/wandstore/pkg/telemetry"
)

// Process is the settings that the processes of all services have.
type Process struct {
	// PrivateAddr is the address of the private port for operators: metrics, profiles,
	// settings and the log level. Empty disables it.
	PrivateAddr string `env:"PRIVATE_ADDR"`
	// LogLevel is the lowest level that is logged: DEBUG, INFO, WARN or ERROR.
	LogLevel slog.Level `env:"LOG_LEVEL" envDefault:"INFO"`
}

// Validate returns an error that names the variable with a wrong value.
func (p Process) Validate() error {
	if p.PrivateAddr == "" {
		return nil
	}
	if _, _, err := net.SplitHostPort(p.PrivateAddr); err != nil {
		return errors.New("PRIVATE_ADDR is not host:port")
	}
	return nil
}

// loadProcess loads the settings of the process. Without PRIVATE_ADDR the private port is
// at addr. An empty PRIVATE_ADDR disables it.
func loadProcess(environ []string, addr string) (Process, error) {
	var p Process
	if _, set := env.ToMap(environ)["PRIVATE_ADDR"]; !set {
		p.PrivateAddr = addr
	}
	return p, Load(environ, &p)
}

// privateHandler answers operators:
//
//	GET      /metrics           OpenMetrics for Prometheus, with exemplars if traces are exported
//	GET      /status/config     the settings in effect, with secrets masked
//	GET, PUT /debug/log-level   the log level; PUT ?level=DEBUG changes it for this process
//	GET      /debug/pprof/      profiles
func privateHandler(metrics http.Handler, settings []Setting, log *slog.Logger) *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metrics)
	mux.HandleFunc("GET /status/config", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(map[string]any{"settings": settings}); err != nil {
			log.Warn("settings not answered", "error", err)
		}
	})
	mux.HandleFunc("GET /debug/log-level", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, telemetry.LogLevel.Level())
	})
	mux.HandleFunc("PUT /debug/log-level", func(w http.ResponseWriter, r *http.Request) {
		var wanted slog.Level
		if err := wanted.UnmarshalText([]byte(r.FormValue("level"))); err != nil {
			http.Error(w, "level is not one of DEBUG, INFO, WARN, ERROR", http.StatusBadRequest)
			return
		}
		// At a level that is logged under the old setting as well as the new one.
		log.Log(r.Context(), max(slog.LevelError, wanted), "log level changed", "from", telemetry.LogLevel.Level().String(), "to", wanted.String())
		telemetry.LogLevel.Set(wanted)
		fmt.Fprintln(w, wanted)
	})
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}

// servePrivate serves handler on addr until stop is called. With "" it does nothing. It
// returns an error if it cannot listen.
func servePrivate(ctx context.Context, addr string, handler http.Handler, log *slog.Logger) (stop func(), err error) {
	if addr == "" {
		return func() {}, nil
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s is taken by another process: stop it, or set PRIVATE_ADDR to another address", addr)
	}
	if err != nil {
		return nil, fmt.Errorf("PRIVATE_ADDR: %w", err)
	}
	// There is no write timeout, because the request sets the duration of a profile.
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	served := make(chan struct{})
	go func() {
		defer close(served)
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("private port", "error", err)
		}
	}()
	log.Debug("private port", "addr", listener.Addr().String())
	return func() {
		// Requests in progress are aborted. They are operators', not shoppers'.
		if err := server.Close(); err != nil {
			log.Warn("private port not closed", "error", err)
		}
		<-served
	}, nil
}
