package lifecycle_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/lifecycle"
)

func TestMainsStatus(t *testing.T) {
	for _, c := range []struct {
		name    string
		environ []string
		err     error
		status  int
		says    string
	}{
		{"well", nil, nil, 0, ""},
		{"stopped", nil, fmt.Errorf("serve: %w", context.Canceled), 0, ""},
		{"failed", nil, errors.New("the port is taken"), 1, "wand: the port is taken\n"},
		{"a setting found wrong later", nil, fmt.Errorf("%w: KEY is not one", lifecycle.ErrSettings), 2, "wand: wrong setting: KEY is not one\n"},
		{"a wrong setting", []string{"STORE_SIZE=hunter2"}, nil, 2, "wand: wrong setting: STORE_SIZE is not a valid whole number\n"},
		{"two wrong settings", []string{"STORE_SIZE=0", "KEY=wrong"}, nil, 2, "wand: wrong setting: STORE_SIZE is below 1; KEY is not one\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var stderr bytes.Buffer
			ran := false
			status := start(c.environ, &stderr, func(_ context.Context, cfg settings, _ *slog.Logger) error {
				ran = true
				if cfg.Store.Size != 10 {
					t.Errorf("settings: got %+v", cfg)
				}
				return c.err
			})
			if status != c.status || stderr.String() != c.says {
				t.Errorf("got status %d and %q, want %d and %q", status, stderr.String(), c.status, c.says)
			}
			if started := c.environ == nil; ran != started {
				t.Errorf("started: %t, want %t", ran, started)
			}
		})
	}
}

func TestMainStopsOnASignal(t *testing.T) {
	var stderr bytes.Buffer
	status := start(nil, &stderr, func(ctx context.Context, _ settings, log *slog.Logger) error {
		if err := syscall.Kill(syscall.Getpid(), syscall.SIGTERM); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			log.Info("stopping")
			return ctx.Err()
		case <-time.After(eventually.Patience):
			return errors.New("no signal came")
		}
	})
	var line map[string]any
	if err := json.Unmarshal(stderr.Bytes(), &line); status != 0 || err != nil || line["service"] != "wand" || line["msg"] != "stopping" {
		t.Errorf("got status %d and %q", status, stderr.String())
	}
}

func TestMainWithWrongTelemetry(t *testing.T) {
	t.Setenv("OTEL_TRACES_EXPORTER", "pigeons")
	var stderr bytes.Buffer
	status := start(nil, &stderr, func(context.Context, settings, *slog.Logger) error {
		t.Error("started")
		return nil
	})
	if status != 2 || strings.Count(stderr.String(), "\n") != 1 {
		t.Errorf("got status %d and %q, want 2 and one line", status, stderr.String())
	}
}

// A service without HTTP has no flag -health.
func TestMainWithoutAddr(t *testing.T) {
	var stderr bytes.Buffer
	status := lifecycle.Main(lifecycle.Service[settings]{Name: "wand"}, []string{"-health"}, nil, &bytes.Buffer{}, &stderr)
	if status != 2 || !strings.Contains(stderr.String(), "-health") {
		t.Errorf("got status %d and %q", status, stderr.String())
	}
}
