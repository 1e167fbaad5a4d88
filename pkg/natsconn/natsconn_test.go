package natsconn_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/natsconn"
	"github.com/wandstore/wandstore/pkg/natstest"
)

// logs keeps what is logged, from any goroutine.
type logs struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logs) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *logs) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

func TestValidate(t *testing.T) {
	t.Parallel()
	creds := filepath.Join(t.TempDir(), "edge.creds")
	if err := os.WriteFile(creds, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	const secret = "hunter2"
	for _, c := range []struct {
		cfg  natsconn.Config
		want string // in the error; "" for none
	}{
		{natsconn.Config{URL: "nats://127.0.0.1:4222"}, ""},
		{natsconn.Config{URL: "nats://edge:" + secret + "@one:4222, tls://two:4222"}, ""},
		{natsconn.Config{URL: "nats://127.0.0.1:4222", Creds: creds}, ""},
		{natsconn.Config{URL: ""}, "NATS_URL"},
		{natsconn.Config{URL: "one:4222"}, "NATS_URL"},
		{natsconn.Config{URL: "nats://one:4222,"}, "NATS_URL"},
		{natsconn.Config{URL: "nats://edge:" + secret + "%zz@one:4222"}, "NATS_URL"},
		{natsconn.Config{URL: "nats://edge:" + secret + "\n@one:4222"}, "NATS_URL"},
		{natsconn.Config{URL: "nats://edge:" + secret + "@one:port"}, "NATS_URL"},
		{natsconn.Config{URL: "nats://one:4222", Creds: filepath.Join(creds+secret, secret)}, "NATS_CREDS"},
		// Somebody took the variable for the credentials themselves.
		{natsconn.Config{URL: "nats://one:4222", Creds: "-----BEGIN USER NKEY SEED-----\n" + secret}, "NATS_CREDS"},
		{natsconn.Config{URL: "nats://one:4222", Creds: "\x00" + secret}, "NATS_CREDS"},
	} {
		err := c.cfg.Validate()
		if c.want == "" {
			if err != nil {
				t.Errorf("%+v: got %v", c.cfg, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: got %v, want it to name %s", c.cfg, err, c.want)
		} else if strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%+v: got %q", c.cfg, err)
		}
	}
}

func TestDial(t *testing.T) {
	t.Parallel()
	var out logs
	nc, js, err := natsconn.Dial(natsconn.Config{URL: natstest.Start(t).URL()}, "edge", out.logger())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if _, err := js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "B"}); err != nil {
		t.Error(err)
	}
	if nc.Opts.Name != "edge" {
		t.Errorf("name: got %q", nc.Opts.Name)
	}
	eventually.True(t, "the connection is logged", func() bool { return strings.Contains(out.String(), "NATS connected") })
}

func TestDialFailsOnWrongOptionsOnly(t *testing.T) {
	t.Parallel()
	var out logs
	nc, _, err := natsconn.Dial(natsconn.Config{URL: "nats://127.0.0.1:4222", Creds: "/nowhere"}, "edge", out.logger())
	if err == nil {
		nc.Close()
		t.Error("credentials that are not there were accepted")
	}
}

// A service that starts before its NATS waits for it, and says so.
func TestDialBeforeTheServerIsUp(t *testing.T) {
	t.Parallel()
	server := natstest.StartOwn(t)
	server.Stop()
	var out logs
	nc, js, err := natsconn.Dial(natsconn.Config{URL: server.URL()}, "edge", out.logger())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	reached := make(chan error, 1)
	go func() {
		reached <- natsconn.Until(ctx, out.logger(), "NATS", func(ctx context.Context) error {
			_, err := js.AccountInfo(ctx)
			return err
		})
	}()
	eventually.True(t, "the wait is logged", func() bool { return strings.Contains(out.String(), "waiting for NATS") })
	server.Restart()
	if err := <-reached; err != nil {
		t.Errorf("Until: %v", err)
	}
	eventually.True(t, "the connection is logged", func() bool { return strings.Contains(out.String(), "NATS connected") })
}

func TestOutage(t *testing.T) {
	t.Parallel()
	server := natstest.StartOwn(t)
	var out logs
	nc, js, err := natsconn.Dial(natsconn.Config{URL: server.URL()}, "edge", out.logger())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	kv, err := js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "B"})
	if err != nil {
		t.Fatal(err)
	}
	server.Stop()
	eventually.True(t, "the outage is noticed", func() bool { return nc.Status() == nats.RECONNECTING })
	// What is published now must not arrive later, when nobody waits for it.
	begun := time.Now()
	if _, err := kv.PutString(t.Context(), "key", "late"); err == nil {
		t.Error("a put without a server succeeded")
	}
	if err := nc.Publish("subject", nil); !errors.Is(err, nats.ErrReconnectBufExceeded) {
		t.Errorf("publish: got %v", err)
	}
	if took := time.Since(begun); took > time.Second {
		t.Errorf("publishes failed after %v, want at once", took)
	}
	server.Restart()
	eventually.True(t, "the client is connected", nc.IsConnected)
	if _, err := kv.Get(t.Context(), "key"); !errors.Is(err, jetstream.ErrKeyNotFound) {
		t.Errorf("the put from the outage: got %v, want it gone", err)
	}
	if _, err := kv.PutString(t.Context(), "key", "value"); err != nil {
		t.Errorf("put after the outage: %v", err)
	}
	eventually.True(t, "the outage and its end are logged", func() bool {
		s := out.String()
		return strings.Contains(s, "NATS away") && strings.Contains(s, "NATS is back")
	})
}

func TestUntil(t *testing.T) {
	t.Parallel()
	var out logs
	tries := 0
	err := natsconn.Until(t.Context(), out.logger(), "the moon", func(context.Context) error {
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
}

func TestUntilEndsWithItsContext(t *testing.T) {
	t.Parallel()
	var out logs
	ctx, cancel := context.WithCancel(t.Context())
	tries := 0
	err := natsconn.Until(ctx, out.logger(), "the moon", func(context.Context) error {
		tries++
		cancel()
		return net.ErrClosed
	})
	if !errors.Is(err, context.Canceled) || tries != 1 {
		t.Errorf("got %v after %d tries", err, tries)
	}
	// Also while it pauses.
	ctx, cancel = context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	err = natsconn.Until(ctx, out.logger(), "the moon", func(context.Context) error { return net.ErrClosed })
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}
