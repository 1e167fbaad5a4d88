package lifecycle_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wandstore/wandstore/pkg/lifecycle"
)

func TestRetryUntilSuccess(t *testing.T) {
	// By a clock that stands still but for the pauses: they decide how often it logs.
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		tries := 0
		err := lifecycle.Retry(t.Context(), slog.New(slog.NewTextHandler(&out, nil)), "the moon", func(context.Context) error {
			if tries++; tries < 4 {
				return errors.New("not yet")
			}
			return nil
		})
		if err != nil || tries != 4 {
			t.Errorf("got %v after %d tries", err, tries)
		}
		if s := out.String(); strings.Count(s, "waiting for the moon") != 1 || !strings.Contains(s, "not yet") {
			t.Errorf("logged %q, want one line for all tries", s)
		}
	})
}

func TestRetryEndsWithItsContext(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	ctx, cancel := context.WithCancel(t.Context())
	tries := 0
	err := lifecycle.Retry(ctx, log, "the moon", func(context.Context) error {
		tries++
		cancel()
		return net.ErrClosed
	})
	if !errors.Is(err, context.Canceled) || tries != 1 {
		t.Errorf("got %v after %d tries", err, tries)
	}
	// It also ends during a pause.
	ctx, cancel = context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	err = lifecycle.Retry(ctx, log, "the moon", func(context.Context) error { return net.ErrClosed })
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}
