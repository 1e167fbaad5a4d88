package wandnats

import (
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

// Config is where NATS is, and how to sign in.
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
		// The error leaves out the path: the variable may hold the credentials themselves.
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
	// requestTimeout bounds a JetStream request whose context has no deadline.
	requestTimeout = 5 * time.Second
)

// Dial returns a connection that connects, and reconnects, in the background for as
// long as it takes, so a service may start before its NATS does. While it is not
// connected a publish fails at once. Each change is logged. An error means wrong
// options. The caller closes the connection.
func Dial(cfg Config, name string, log *slog.Logger) (*nats.Conn, jetstream.JetStream, error) {
	options := []nats.Option{
		nats.Name(name),
		nats.RetryOnFailedConnect(true),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(reconnectWait),
		nats.ReconnectJitter(reconnectJitter, reconnectJitter),
		// What is published during an outage would otherwise be sent after it, when
		// nobody waits for it any more.
		nats.ReconnectBufSize(-1),
		nats.PingInterval(10 * time.Second),
		nats.MaxPingsOutstanding(2),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				log.Warn("NATS disconnected, reconnecting", "error", err)
			}
		}),
		nats.ConnectHandler(func(c *nats.Conn) { log.Info("NATS connected", "server", c.ConnectedServerName()) }),
		nats.ReconnectHandler(func(c *nats.Conn) { log.Info("NATS reconnected", "server", c.ConnectedServerName()) }),
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
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(requestTimeout), jetstream.WithPublishAsyncTimeout(requestTimeout))
	if err != nil {
		nc.Close()
		return nil, nil, fmt.Errorf("JetStream: %w", err)
	}
	return nc, js, nil
}

// ErrNotConnected: the connection to NATS is not made yet, or is lost.
var ErrNotConnected = errors.New("not connected to NATS")

// ready is ErrNotConnected unless nc is connected. It is asked before a request,
// whose own error would say "no responders" or "timeout".
func ready(nc *nats.Conn) error {
	if !nc.IsConnected() {
		return ErrNotConnected
	}
	return nil
}
