// Package natsconn connects a service to NATS and keeps it connected.
package natsconn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Config says where NATS is.
type Config struct {
	// URL is one server or several, comma-separated; user and password may be in it.
	URL string `env:"NATS_URL" secret:"url" envDefault:"nats://127.0.0.1:4222"`
	// Creds is the path of a credentials file, or empty.
	Creds string `env:"NATS_CREDS"`
}

// Validate checks that the servers are URLs and the credentials file is there.
func (c Config) Validate() error {
	for server := range strings.SplitSeq(c.URL, ",") {
		u, err := url.Parse(strings.TrimSpace(server))
		// The error of url.Parse would quote the password.
		if err != nil || u.Host == "" {
			return errors.New("NATS_URL is not nats://host:port, or several of them with commas between")
		}
	}
	if c.Creds != "" {
		// Without the path: somebody may have put the credentials themselves there.
		if _, err := os.Stat(c.Creds); err != nil {
			if wrapped := errors.Unwrap(err); wrapped != nil {
				err = wrapped
			}
			return fmt.Errorf("NATS_CREDS: %w", err)
		}
	}
	return nil
}

const (
	reconnectWait   = 500 * time.Millisecond
	reconnectJitter = 500 * time.Millisecond
)

// Dial returns a connection that is made, and made again, in the background for
// as long as it takes: a service may start before its NATS. Each change is
// logged. It fails on wrong options only. Close it when done.
func Dial(cfg Config, name string, log *slog.Logger) (*nats.Conn, jetstream.JetStream, error) {
	options := []nats.Option{
		nats.Name(name),
		nats.RetryOnFailedConnect(true),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(reconnectWait),
		nats.ReconnectJitter(reconnectJitter, reconnectJitter),
		// A publish during an outage fails at once instead of being sent, much later,
		// to whoever then no longer waits for it.
		nats.ReconnectBufSize(-1),
		nats.PingInterval(10 * time.Second),
		nats.MaxPingsOutstanding(2),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				log.Warn("NATS away, reconnecting", "error", err)
			}
		}),
		nats.ConnectHandler(func(c *nats.Conn) { log.Info("NATS connected", "server", c.ConnectedServerName()) }),
		nats.ReconnectHandler(func(c *nats.Conn) { log.Info("NATS is back", "server", c.ConnectedServerName()) }),
		nats.ErrorHandler(func(_ *nats.Conn, s *nats.Subscription, err error) {
			subject := ""
			if s != nil {
				subject = s.Subject
			}
			log.Warn("NATS error", "subject", subject, "error", err)
		}),
	}
	if cfg.Creds != "" {
		options = append(options, nats.UserCredentials(cfg.Creds))
	}
	nc, err := nats.Connect(cfg.URL, options...)
	if err != nil {
		return nil, nil, fmt.Errorf("connect to NATS: %w", err)
	}
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(5*time.Second), jetstream.WithPublishAsyncTimeout(5*time.Second))
	if err != nil {
		nc.Close()
		return nil, nil, fmt.Errorf("JetStream: %w", err)
	}
	return nc, js, nil
}

// ErrNotConnected: the connection is not there, or not there again.
var ErrNotConnected = errors.New("not connected")

// Ready is nil while nc is connected, else ErrNotConnected: asking through a
// connection that is not there fails in words that explain nothing.
func Ready(nc *nats.Conn) error {
	if !nc.IsConnected() {
		return ErrNotConnected
	}
	return nil
}

const (
	retryFirst = 100 * time.Millisecond
	retryMost  = 3 * time.Second
	// logEvery spaces the lines that say what is being waited for.
	logEvery = 10 * time.Second
)

// Until calls attempt, with growing pauses, until it succeeds or ctx ends, and
// logs what it waits for. It returns ctx's error, or nil.
func Until(ctx context.Context, log *slog.Logger, what string, attempt func(ctx context.Context) error) error {
	var logged time.Time
	for wait := retryFirst; ; wait = min(2*wait, retryMost) {
		err := attempt(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if time.Since(logged) >= logEvery {
			log.Warn("waiting for "+what, "error", err)
			logged = time.Now()
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
