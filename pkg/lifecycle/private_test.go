package lifecycle_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"go.opentelemetry.io/otel"

	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/freeport"
	"github.com/wandstore/wandstore/pkg/lifecycle"
)

type secretive struct {
	Addr  string `env:"WAND_ADDR" envDefault:":80"`
	Key   string `env:"WAND_KEY" secret:"true"`
	Token string `env:"WAND_TOKEN" secret:"true"`
	URL   string `env:"WAND_URL" secret:"url"`
	Inner struct {
		Size int `env:"WAND_SIZE" envDefault:"3"`
	}
}

func (secretive) Validate() error { return nil }

func service(run func(context.Context, secretive, *slog.Logger) error) lifecycle.Service[secretive] {
	return lifecycle.Service[secretive]{
		Name: "wand", PrivateAddr: "127.0.0.1:9", Run: run,
		Addr: func(cfg secretive) string { return cfg.Addr },
	}
}

func TestFlags(t *testing.T) {
	environ := []string{"WAND_KEY=hunter2", "WAND_URL=nats://merlin:hunter2@tower:4222?x=hunter2", "LOG_LEVEL=WARN"}
	shown := "WAND_ADDR=:80\nWAND_KEY=(set)\nWAND_TOKEN=\nWAND_URL=nats://xxxxx@tower:4222?xxxxx\nWAND_SIZE=3\nPRIVATE_ADDR=127.0.0.1:9\nLOG_LEVEL=WARN\n"
	for _, c := range []struct {
		name    string
		args    []string
		environ []string
		status  int
		stdout  string
		stderr  string
	}{
		{"verify", []string{"-config.verify"}, environ, 0, "wand: the settings are right\n", ""},
		{"verify a wrong one", []string{"-config.verify"}, []string{"WAND_SIZE=x"}, 2, "", "wand: wrong setting: WAND_SIZE is not a valid whole number\n"},
		{"verify a wrong level", []string{"-config.verify"}, []string{"LOG_LEVEL=loud"}, 2, "", "wand: wrong setting: LOG_LEVEL is not a valid level (DEBUG, INFO, WARN or ERROR)\n"},
		{"verify a wrong address", []string{"-config.verify"}, []string{"PRIVATE_ADDR=9464"}, 2, "", "wand: wrong setting: PRIVATE_ADDR is not host:port\n"},
		{"print", []string{"-config.print"}, environ, 0, shown, ""},
		{"an argument", []string{"serve"}, nil, 2, "", "wand: takes no arguments, it is configured by the environment\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			status := lifecycle.Main(service(func(context.Context, secretive, *slog.Logger) error {
				t.Error("started")
				return nil
			}), c.args, c.environ, &stdout, &stderr)
			if status != c.status || stdout.String() != c.stdout || stderr.String() != c.stderr {
				t.Errorf("got status %d,\n%q,\n%q, want %d,\n%q,\n%q", status, stdout.String(), stderr.String(), c.status, c.stdout, c.stderr)
			}
		})
	}
}

func TestUnreadableURLIsMaskedWhole(t *testing.T) {
	for _, url := range []string{"nats://a:hunter2@x:1,nats://b:hunter2@y:2", "merlin:hunter2@tower", "https://a:hunter2,1@x/v1", "\x7fhunter2"} {
		for _, s := range lifecycle.Settings([]string{}, secretive{URL: url}) {
			if strings.Contains(s.Value, "hunter2") {
				t.Errorf("%q: got %q", url, s.Value)
			}
		}
	}
}

func ask(t *testing.T, method, url string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

func TestPrivatePort(t *testing.T) {
	addr := freeport.Addr(t)
	var stderr bytes.Buffer
	status := lifecycle.Main(service(func(ctx context.Context, _ secretive, log *slog.Logger) error {
		counter, err := otel.Meter("test").Int64Counter("wandstore.spells")
		if err != nil {
			return err
		}
		counter.Add(ctx, 3)
		base := "http://" + addr
		log.Debug("before")
		for _, c := range []struct {
			method, path string
			status       int
			says         string
		}{
			{"GET", "/metrics", 200, "wandstore_spells_total 3"},
			{"GET", "/metrics", 200, "go_goroutines"},
			{"GET", "/status/config", 200, `{"name":"WAND_KEY","value":"(set)","from":"environment"}`},
			{"GET", "/debug/log-level", 200, "INFO"},
			{"PUT", "/debug/log-level?level=loud", 400, "not one of"},
			{"PUT", "/debug/log-level?level=DEBUG", 200, "DEBUG"},
			{"GET", "/debug/pprof/goroutine?debug=1", 200, "goroutine profile"},
			{"GET", "/", 404, ""},
		} {
			if status, body := ask(t, c.method, base+c.path); status != c.status || !strings.Contains(body, c.says) || strings.Contains(body, "hunter2") {
				t.Errorf("%s %s: got %d %.200q", c.method, c.path, status, body)
			}
		}
		log.Debug("after")
		return nil
	}), nil, []string{"PRIVATE_ADDR=" + addr, "WAND_KEY=hunter2"}, io.Discard, &stderr)
	if status != 0 || strings.Contains(stderr.String(), `"before"`) || !strings.Contains(stderr.String(), `"after"`) {
		t.Errorf("got status %d and %s", status, stderr.String())
	}
}

// A service adds routes of its own to the private port, or cannot start.
func TestPrivateRoutes(t *testing.T) {
	addr := freeport.Addr(t)
	s := service(func(context.Context, secretive, *slog.Logger) error {
		for path, want := range map[string]string{"/spells": "lumos", "/debug/log-level": "INFO"} {
			if _, body := ask(t, http.MethodGet, "http://"+addr+path); !strings.Contains(body, want) {
				t.Errorf("GET %s: got %q, want %q", path, body, want)
			}
		}
		return nil
	})
	s.Private = func(_ context.Context, _ secretive, mux *http.ServeMux, _ *slog.Logger) error {
		mux.HandleFunc("GET /spells", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("lumos")) })
		return nil
	}
	if status := lifecycle.Main(s, nil, []string{"PRIVATE_ADDR=" + addr}, io.Discard, io.Discard); status != 0 {
		t.Errorf("status %d", status)
	}
	s.Private = func(context.Context, secretive, *http.ServeMux, *slog.Logger) error { return errors.New("no wand") }
	s.Run = func(context.Context, secretive, *slog.Logger) error {
		t.Error("started")
		return nil
	}
	var stderr bytes.Buffer
	if status := lifecycle.Main(s, nil, []string{"PRIVATE_ADDR=" + addr}, io.Discard, &stderr); status != 1 || !strings.Contains(stderr.String(), "no wand") {
		t.Errorf("without its routes: status %d: %s", status, stderr.String())
	}
}

func TestPrivatePortIsTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var stderr bytes.Buffer
	status := lifecycle.Main(service(func(context.Context, secretive, *slog.Logger) error {
		t.Error("started")
		return nil
	}), nil, []string{"PRIVATE_ADDR=" + l.Addr().String()}, io.Discard, &stderr)
	if status != 1 || !strings.Contains(stderr.String(), " is taken by another process: stop it, or set PRIVATE_ADDR to another address\n") {
		t.Errorf("got status %d and %q", status, stderr.String())
	}
}

func TestPrivatePortIsOff(t *testing.T) {
	var stderr bytes.Buffer
	status := lifecycle.Main(service(func(context.Context, secretive, *slog.Logger) error { return nil }),
		nil, []string{"PRIVATE_ADDR="}, io.Discard, &stderr)
	if status != 0 || stderr.String() != "" {
		t.Errorf("got status %d and %q, want 0 and not a line about a port", status, stderr.String())
	}
}

func TestHealth(t *testing.T) {
	healthy := true
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/health" || !healthy {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})}
	go func() { _ = server.Serve(l) }()
	defer func() { _ = server.Close() }()
	defer http.DefaultClient.CloseIdleConnections()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	probe := func() (int, string) {
		var stderr bytes.Buffer
		status := lifecycle.Main(service(nil), []string{"-health"}, []string{"WAND_ADDR=127.0.0.1:" + port}, io.Discard, &stderr)
		return status, stderr.String()
	}
	// The server of a busy machine may not answer in the time that a probe has.
	answered := func() (status int, said string) {
		eventually.True(t, "the probe is answered", func() bool {
			status, said = probe()
			return !strings.Contains(said, "deadline")
		})
		return status, said
	}
	if status, said := answered(); status != 0 || said != "" {
		t.Errorf("healthy: got %d and %q", status, said)
	}
	healthy = false
	if status, said := answered(); status != 1 || !strings.Contains(said, "503") {
		t.Errorf("unwell: got %d and %q", status, said)
	}
}

// A flag of the service's own runs instead of the service, also with wrong settings.
func TestCheck(t *testing.T) {
	t.Parallel()
	s := service(func(context.Context, secretive, *slog.Logger) error { return errors.New("it ran") })
	s.Checks = []lifecycle.Check{{Name: "things.verify", Usage: "look at the `thing`", Do: func(thing string, stdout, _ io.Writer) int {
		_, _ = fmt.Fprint(stdout, "looked at ", thing)
		return 2
	}}}
	var stdout, stderr strings.Builder
	if status := lifecycle.Main(s, []string{"-things.verify", "a cup"}, nil, &stdout, &stderr); status != 2 || stdout.String() != "looked at a cup" {
		t.Errorf("status %d, %q, %q", status, stdout.String(), stderr.String())
	}
	// An empty argument, as from an unset variable of a script, must not start the service.
	if status := lifecycle.Main(s, []string{"-things.verify", ""}, nil, &stdout, &stderr); status != 2 {
		t.Errorf("without a thing the status is %d", status)
	}
	if status := lifecycle.Main(s, []string{"-help"}, nil, &stdout, &stderr); status != 0 || !strings.Contains(stderr.String(), "-things.verify thing") {
		t.Errorf("status %d, the help is %q", status, stderr.String())
	}
}

// A task is done in place of running, with the service's settings.
func TestTask(t *testing.T) {
	t.Parallel()
	s := service(func(context.Context, secretive, *slog.Logger) error { return errors.New("it ran") })
	var failure error
	did := 0
	s.Tasks = []lifecycle.Task[secretive]{{Name: "tidy", Usage: "tidy up", Do: func(context.Context, secretive, *slog.Logger) error {
		did++
		return failure
	}}}
	var stdout, stderr strings.Builder
	if status := lifecycle.Main(s, []string{"-tidy"}, nil, &stdout, &stderr); status != 0 || did != 1 {
		t.Errorf("status %d, done %d times: %s", status, did, stderr.String())
	}
	failure = errors.New("no broom")
	if status := lifecycle.Main(s, []string{"-tidy"}, nil, &stdout, &stderr); status != 1 || !strings.Contains(stderr.String(), "tidy: no broom") {
		t.Errorf("status %d, %q", status, stderr.String())
	}
	if status := lifecycle.Main(s, []string{"-tidy"}, []string{"LOG_LEVEL=loud"}, &stdout, &stderr); status != 2 || did != 2 {
		t.Errorf("a wrong setting: status %d, done %d times", status, did)
	}
}
