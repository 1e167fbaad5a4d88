package kimisim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Limits of the HTTP server. There is no write timeout: answers are as slow as
// they are told to be.
const (
	maxBody           = 4 << 20  // a chat completion's body, bytes
	maxControlBody    = 64 << 10 // a control request's body, bytes
	maxHeaders        = 64 << 10 // bytes
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 30 * time.Second
	idleTimeout       = 2 * time.Minute
	// stopTimeout is what answers in flight get when Run ends.
	stopTimeout = 5 * time.Second
)

// Server is an OpenAI-compatible model server. Make it with New.
type Server struct {
	cfg    Config
	log    *slog.Logger
	faults *faults
	record *record
	// account is the one that all keys are of.
	account *account
	cache   *promptCache
	// slowStep is the time between two bytes of a Slow answer.
	slowStep time.Duration
	// hugeSize is the content of a Huge answer, in bytes.
	hugeSize int

	closed    chan struct{}
	closeOnce sync.Once
	started   chan struct{}

	mu     sync.Mutex
	addr   string
	script func(Request) string
	gate   *Gate
}

// New checks cfg and makes a server that does not listen yet: serve Handler, or
// call Run. A nil log is silent.
func New(cfg Config, log *slog.Logger) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Server{
		cfg:      cfg,
		log:      log,
		faults:   newFaults(cfg.Seed),
		record:   newRecord(),
		account:  &account{limits: Limits{Concurrency: cfg.Concurrency, RPM: cfg.RPM, TPM: cfg.TPM}},
		cache:    newPromptCache(),
		slowStep: time.Second,
		hugeSize: 50 << 20,
		closed:   make(chan struct{}),
		started:  make(chan struct{}),
	}, nil
}

// Handler serves the API and the control endpoints.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /v1/chat/completions", s.withKey(s.chat))
	mux.Handle("GET /v1/models", s.withKey(s.models))
	mux.Handle("GET /v1/users/me/balance", s.withKey(s.balance))
	mux.HandleFunc("GET /control/faults", s.getFaults)
	mux.HandleFunc("PUT /control/faults", s.putFaults)
	mux.HandleFunc("DELETE /control/faults", s.deleteFaults)
	mux.HandleFunc("GET /control/limits", s.getLimits)
	mux.HandleFunc("PUT /control/limits", s.putLimits)
	mux.HandleFunc("GET /control/stats", s.getStats)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		writeError(w, http.StatusNotFound, "invalid_request_error", "There is nothing at "+r.Method+" "+r.URL.Path+".")
	})
	return mux
}

// Run listens on the configured address and serves until ctx ends, then gives
// answers in flight five seconds and returns nil. It can run once. An address
// it cannot have is an error that names KIMISIM_ADDR.
func (s *Server) Run(ctx context.Context) error {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", s.cfg.Addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("KIMISIM_ADDR: %s is taken: stop what listens there, or choose another: %w", s.cfg.Addr, err)
	} else if err != nil {
		return fmt.Errorf("KIMISIM_ADDR: cannot listen on %s: %w", s.cfg.Addr, err)
	}
	s.mu.Lock()
	s.addr = ln.Addr().String()
	s.mu.Unlock()
	close(s.started)
	s.log.InfoContext(ctx, "kimisim listens", "addr", s.Addr(), "model", Model)

	srv := &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaders,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	select {
	case err := <-served:
		s.Close()
		return fmt.Errorf("kimisim: %w", err)
	case <-ctx.Done():
	}

	s.Close()
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	if err := srv.Shutdown(within); err != nil {
		// A slow answer may take longer than any timeout; its client sees it truncated.
		_ = srv.Close()
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("kimisim: %w", err)
	}
	return nil
}

// Started is closed once Run listens.
func (s *Server) Started() <-chan struct{} { return s.started }

// Addr is the host:port that Run listens on; empty before Started.
func (s *Server) Addr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addr
}

// Close ends the requests that hang or wait at a gate, and all that come later do
// neither. Run calls it at its end. A caller that serves Handler itself calls it
// before it closes the HTTP server. It may be called more than once.
func (s *Server) Close() {
	s.closeOnce.Do(func() { close(s.closed) })
}

// withKey lets a request pass that carries any bearer token.
func (s *Server) withKey(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if !strings.EqualFold(scheme, "Bearer") || strings.TrimSpace(key) == "" {
			writeError(w, http.StatusUnauthorized, "invalid_authentication_error",
				"No API key: send the header Authorization: Bearer <any>.")
			return
		}
		next(w, r)
	})
}

func (s *Server) models(w http.ResponseWriter, _ *http.Request) {
	writeBody(w, http.StatusOK, map[string]any{
		"object": "list",
		"data": []any{map[string]any{
			"id": Model, "object": "model", "created": created, "owned_by": "wandstore",
		}},
	})
}

// balance answers in Moonshot's shape, which wraps the amounts.
func (s *Server) balance(w http.ResponseWriter, _ *http.Request) {
	available := 49.59
	if s.faults.get().Name == InsufficientBalance {
		available = 0
	}
	writeBody(w, http.StatusOK, map[string]any{
		"code": 0, "scode": "0x0", "status": true,
		"data": map[string]any{"available_balance": available, "voucher_balance": available, "cash_balance": 0},
	})
}

// created is the model's date in OpenAI's shapes, Unix seconds: it has none.
const created = 0

// writeBody answers v as JSON.
func writeBody(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// The status is out: a client that went away is all that can go wrong.
	//nolint:errchkjson // v is made of strings and numbers here
	_ = json.NewEncoder(w).Encode(v)
}

// writeError answers in OpenAI's error shape.
func writeError(w http.ResponseWriter, status int, kind, message string) {
	writeBody(w, status, map[string]any{
		"error": map[string]any{"message": message, "type": kind, "param": nil, "code": nil},
	})
}

// readBody reads at most limit bytes, or answers the request itself.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, bool) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		writeError(w, http.StatusRequestEntityTooLarge, "invalid_request_error",
			fmt.Sprintf("The body is over %d bytes.", tooLarge.Limit))
		return nil, false
	} else if err != nil {
		writeError(w, http.StatusBadRequest, "invalid_request_error", "The body could not be read.")
		return nil, false
	}
	return body, true
}
