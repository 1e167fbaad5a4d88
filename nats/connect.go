package wandnats

import (
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"regexp"
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
	// CA is the path of a PEM file with the certificate authorities that may have signed
	// the server's certificate; empty is those of the system. A connection with it is
	// made by TLS, whatever the URL's scheme.
	CA string `env:"NATS_CA"`
	// InboxPrefix is what the subjects of replies begin with. Empty is "_INBOX_{user}"
	// for a user in the URL, so that users can be kept from reading each other's
	// replies, and "_INBOX" without one.
	InboxPrefix string `env:"NATS_INBOX_PREFIX"`
}

// Validate checks that the servers are URLs, the files are there, and the prefix is
// part of a subject.
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
			return fmt.Errorf("NATS_CREDS: %w", pathless(err))
		}
	}
	if c.CA != "" {
		pem, err := os.ReadFile(c.CA)
		if err != nil {
			return fmt.Errorf("NATS_CA: %w", pathless(err))
		}
		if !x509.NewCertPool().AppendCertsFromPEM(pem) {
			return errors.New("NATS_CA is not a file of PEM certificates")
		}
	}
	if c.InboxPrefix != "" && !inboxPrefix.MatchString(c.InboxPrefix) {
		return errors.New("NATS_INBOX_PREFIX is not letters, digits, _ and -, or several of these with dots between")
	}
	return nil
}

// pathless is an error of a file without the file's path.
func pathless(err error) error {
	if wrapped := errors.Unwrap(err); wrapped != nil {
		return wrapped
	}
	return err
}

var (
	inboxPrefix = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)
	inboxUser   = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
)

// inbox is what the subjects of replies begin with. A user who cannot be part of a
// subject gets the prefix that everybody has, and so does one without a password: that
// is a token, which is secret.
func (c Config) inbox() string {
	if c.InboxPrefix != "" {
		return c.InboxPrefix
	}
	first, _, _ := strings.Cut(c.URL, ",")
	if u, err := url.Parse(strings.TrimSpace(first)); err == nil {
		if _, password := u.User.Password(); password && inboxUser.MatchString(u.User.Username()) {
			return "_INBOX_" + u.User.Username()
		}
	}
	return "_INBOX"
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
		nats.CustomInboxPrefix(cfg.inbox()),
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
	if cfg.CA != "" {
		options = append(options, nats.RootCAs(cfg.CA))
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
