package wandnats_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
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

func TestConfigIsValidated(t *testing.T) {
	creds := filepath.Join(t.TempDir(), "edge.creds")
	if err := os.WriteFile(creds, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	const secret = "hunter2"
	ca := newAuthority(t).ca
	for _, c := range []struct {
		cfg  wandnats.Config
		want string // in the error; "" for none
	}{
		{wandnats.Config{URL: "nats://127.0.0.1:4222"}, ""},
		{wandnats.Config{URL: "nats://edge:" + secret + "@one:4222, tls://two:4222"}, ""},
		{wandnats.Config{URL: "nats://127.0.0.1:4222", Creds: creds}, ""},
		{wandnats.Config{URL: "tls://127.0.0.1:4222", CA: ca}, ""},
		{wandnats.Config{URL: "nats://127.0.0.1:4222", InboxPrefix: "_INBOX.edge-1"}, ""},
		{wandnats.Config{URL: "tls://one:4222", CA: filepath.Join(creds+secret, secret)}, "NATS_CA"},
		{wandnats.Config{URL: "tls://one:4222", CA: creds}, "NATS_CA"},
		{wandnats.Config{URL: "nats://one:4222", InboxPrefix: "_INBOX.>"}, "NATS_INBOX_PREFIX"},
		{wandnats.Config{URL: "nats://one:4222", InboxPrefix: "a b"}, "NATS_INBOX_PREFIX"},
		{wandnats.Config{URL: "nats://one:4222", InboxPrefix: "a."}, "NATS_INBOX_PREFIX"},
		{wandnats.Config{URL: ""}, "NATS_URL"},
		{wandnats.Config{URL: "one:4222"}, "NATS_URL"},
		{wandnats.Config{URL: "nats://one:4222,"}, "NATS_URL"},
		{wandnats.Config{URL: "nats://edge:" + secret + "%zz@one:4222"}, "NATS_URL"},
		{wandnats.Config{URL: "nats://edge:" + secret + "\n@one:4222"}, "NATS_URL"},
		{wandnats.Config{URL: "nats://edge:" + secret + "@one:port"}, "NATS_URL"},
		{wandnats.Config{URL: "nats://one:4222", Creds: filepath.Join(creds+secret, secret)}, "NATS_CREDS"},
		// The variable holds the credentials themselves instead of a path.
		{wandnats.Config{URL: "nats://one:4222", Creds: "-----BEGIN USER NKEY SEED-----\n" + secret}, "NATS_CREDS"},
		{wandnats.Config{URL: "nats://one:4222", Creds: "\x00" + secret}, "NATS_CREDS"},
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
	var out logs
	nc, js, err := wandnats.Dial(wandnats.Config{URL: startPlain(t).url}, "edge", out.logger())
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
	logged(t, &out, "NATS connected")
}

// Replies come to a prefix of the user's own, so that a server can keep it from others.
func TestInboxPrefix(t *testing.T) {
	s := startPlain(t)
	addr := strings.TrimPrefix(s.url, "nats://")
	for _, tt := range []struct{ user, prefix, want string }{
		{"", "", "_INBOX."},
		{"edge:a-password@", "", "_INBOX_edge."},
		{"edge:a-password@", "_INBOX.mine", "_INBOX.mine."},
		// A token, which is secret.
		{"a-token@", "", "_INBOX."},
		// No part of a subject.
		{"an.edge%20*:a-password@", "", "_INBOX."},
	} {
		nc, _, err := wandnats.Dial(wandnats.Config{URL: "nats://" + tt.user + addr + ", nats://other:b@" + addr, InboxPrefix: tt.prefix}, "edge", slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		if inbox := nc.NewRespInbox(); !strings.HasPrefix(inbox, tt.want) {
			t.Errorf("%+v: replies to %s", tt, inbox)
		}
	}
}

func TestDialFailsOnWrongOptionsOnly(t *testing.T) {
	var out logs
	nc, _, err := wandnats.Dial(wandnats.Config{URL: "nats://127.0.0.1:4222", Creds: "/nowhere"}, "edge", out.logger())
	if err == nil {
		nc.Close()
		t.Error("credentials that are not there were accepted")
	}
}

// A service may start before its NATS.
func TestDialBeforeTheServerIsUp(t *testing.T) {
	server := startPlain(t)
	stop(server.Server)
	var out logs
	nc, js, err := wandnats.Dial(wandnats.Config{URL: server.url}, "edge", out.logger())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if err := wandnats.EnsureStreams(t.Context(), js, defaults()); !errors.Is(err, wandnats.ErrNotConnected) {
		t.Errorf("EnsureStreams: got %v, want ErrNotConnected", err)
	}
	if _, err := wandnats.Open(t.Context(), js); !errors.Is(err, wandnats.ErrNotConnected) {
		t.Errorf("Open: got %v, want ErrNotConnected", err)
	}
	server.restart(t)
	eventually(t, "NATS answers", func() error {
		_, err := js.AccountInfo(attempt(t))
		return err
	})
	logged(t, &out, "NATS connected")
}

func TestOutage(t *testing.T) {
	server := startPlain(t)
	var out logs
	nc, js, err := wandnats.Dial(wandnats.Config{URL: server.url}, "edge", out.logger())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	kv, err := js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "B"})
	if err != nil {
		t.Fatal(err)
	}
	stop(server.Server)
	becomes(t, nc, natsgo.RECONNECTING)
	// What is published now must not arrive later, when nobody waits for it.
	// It is refused by the client, which waits for no answer.
	if _, err := kv.PutString(t.Context(), "key", "late"); !errors.Is(err, natsgo.ErrReconnectBufExceeded) {
		t.Errorf("put: got %v", err)
	}
	if err := nc.Publish("subject", nil); !errors.Is(err, natsgo.ErrReconnectBufExceeded) {
		t.Errorf("publish: got %v", err)
	}
	server.restart(t)
	becomes(t, nc, natsgo.CONNECTED)
	if _, err := kv.Get(t.Context(), "key"); !errors.Is(err, jetstream.ErrKeyNotFound) {
		t.Errorf("the put from the outage: got %v, want it gone", err)
	}
	if _, err := kv.PutString(t.Context(), "key", "value"); err != nil {
		t.Errorf("put after the outage: %v", err)
	}
	logged(t, &out, "NATS disconnected")
	logged(t, &out, "NATS reconnected")
}

func logged(t *testing.T, out *logs, line string) {
	t.Helper()
	eventually(t, line, func() error {
		if s := out.String(); !strings.Contains(s, line) {
			return fmt.Errorf("logged: %s", s)
		}
		return nil
	})
}

func becomes(t *testing.T, nc *natsgo.Conn, want natsgo.Status) {
	t.Helper()
	eventually(t, want.String(), func() error {
		if is := nc.Status(); is != want {
			return fmt.Errorf("%v", is)
		}
		return nil
	})
}
