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

// Process is the settings of every service's process, beside the service's own.
type Process struct {
	// PrivateAddr is where operators are answered: metrics, profiles, settings, the
	// log's level. Empty is nowhere.
	PrivateAddr string `env:"PRIVATE_ADDR"`
	// LogLevel is the lowest level that is logged: DEBUG, INFO, WARN or ERROR.
	LogLevel slog.Level `env:"LOG_LEVEL" envDefault:"INFO"`
}

// Validate names the first variable that is wrong.
func (p Process) Validate() error {
	if p.PrivateAddr == "" {
		return nil
	}
	if _, _, err := net.SplitHostPort(p.PrivateAddr); err != nil {
		return errors.New("PRIVATE_ADDR is not host:port")
	}
	return nil
}

// loadProcess loads them; a PRIVATE_ADDR that is set empty is off, one that is not set
// is addr.
func loadProcess(environ []string, addr string) (Process, error) {
	var p Process
	if _, set := env.ToMap(environ)["PRIVATE_ADDR"]; !set {
		p.PrivateAddr = addr
	}
	return p, Load(environ, &p)
}

// privateHandler answers operators:
//
//	GET      /metrics           OpenMetrics, with exemplars, for Prometheus
//	GET      /status/config     the settings that hold, secrets masked
//	GET, PUT /debug/log-level   the log's level; PUT ?level=DEBUG changes it until the end
//	GET      /debug/pprof/      profiles
func privateHandler(metrics http.Handler, settings []Setting, log *slog.Logger) http.Handler {
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
		// Both said at a level that is never left out.
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

// servePrivate answers on addr until stopped; "" answers nobody. A port that is
// taken is an error at once.
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
	// No write time-out: a profile takes as long as it is asked to.
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
		// What is under way there is nobody's page.
		if err := server.Close(); err != nil {
			log.Warn("private port not closed", "error", err)
		}
		<-served
	}, nil
}
