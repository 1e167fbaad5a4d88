package wandnats_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	natsgo "github.com/nats-io/nats.go"

	wandnats "github.com/wandstore/wandstore/nats"
)

// authority is a certificate authority of the test's own.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	// ca is the path of its certificate.
	ca string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{dir: t.TempDir()}
	a.cert = &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "an authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	a.key = newKey(t)
	a.ca = a.write(t, "ca.pem", "CERTIFICATE", sign(t, a.cert, a.cert, a.key, a.key))
	return a
}

// issue makes a certificate for loopback, for a server and a client, and gives the paths
// of it and of its key.
func (a *authority) issue(t *testing.T) (cert, key string) {
	t.Helper()
	own := newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "a node"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.MarshalPKCS8PrivateKey(own)
	if err != nil {
		t.Fatal(err)
	}
	return a.write(t, "node.pem", "CERTIFICATE", sign(t, template, a.cert, own, a.key)), a.write(t, "node.key", "PRIVATE KEY", der)
}

func (a *authority) write(t *testing.T, name, kind string, der []byte) string {
	t.Helper()
	path := filepath.Join(a.dir, name)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func sign(t *testing.T, template, parent *x509.Certificate, of, by *ecdsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &of.PublicKey, by)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// tlsEnv is what the TLS configurations want besides.
func tlsEnv(t *testing.T, a *authority) {
	t.Helper()
	cert, key := a.issue(t)
	t.Setenv("NATS_TLS_CERT", cert)
	t.Setenv("NATS_TLS_KEY", key)
	t.Setenv("NATS_TLS_CA", a.ca)
}

// signIn is a service's connection, by TLS unless the scheme is nats.
func signIn(t *testing.T, scheme, user, ca string, log *slog.Logger, servers ...*live) *natsgo.Conn {
	t.Helper()
	var urls []string
	for _, s := range servers {
		urls = append(urls, fmt.Sprintf("%s://%s:%s@127.0.0.1:%d", scheme, user, strings.ReplaceAll(passwords[user], " ", "%20"), s.port))
	}
	cfg := wandnats.Config{URL: strings.Join(urls, ","), CA: ca}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	nc, _, err := wandnats.Dial(cfg, "test", log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

func TestTLS(t *testing.T) {
	a, others := newAuthority(t), newAuthority(t)
	tlsEnv(t, a)
	s := startSecuredBy(t, "single-tls.conf", nil)
	for _, scheme := range []string{"tls", "nats"} {
		nc := signIn(t, scheme, "edge", a.ca, slog.New(slog.DiscardHandler), s)
		eventually(t, "connected by "+scheme, func() error { return nc.FlushTimeout(time.Second) })
		if !nc.TLSRequired() {
			t.Errorf("by %s: no TLS", scheme)
		}
		if state, err := nc.TLSConnectionState(); err != nil || state.Version < tls.VersionTLS12 {
			t.Errorf("by %s: %+v, %v", scheme, state.Version, err)
		}
	}
	for name, ca := range map[string]string{"without an authority": "", "by another authority": others.ca} {
		var out logs
		nc := signIn(t, "tls", "edge", ca, out.logger(), s)
		options := []natsgo.Option{as("edge"), natsgo.Timeout(patience)}
		if ca != "" {
			options = append(options, natsgo.RootCAs(ca))
		}
		once, err := natsgo.Connect(strings.Replace(s.url, "nats:", "tls:", 1), options...)
		if _, unknown := errors.AsType[x509.UnknownAuthorityError](err); !unknown {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			once.Close()
		}
		if nc.IsConnected() {
			t.Errorf("%s: connected", name)
		}
	}
	// Who speaks no TLS is not listened to.
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.port))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	must(t, "deadline", conn.SetDeadline(time.Now().Add(patience)))
	_, err = fmt.Fprintf(conn, "CONNECT {\"user\":\"edge\",\"pass\":%q}\r\nPING\r\n", passwords["edge"])
	must(t, "write", err)
	var heard bytes.Buffer
	_, _ = heard.ReadFrom(conn)
	if strings.Contains(heard.String(), "PONG") {
		t.Errorf("heard %q", heard.String())
	}
}

func TestClusterByMutualTLS(t *testing.T) {
	a := newAuthority(t)
	tlsEnv(t, a)
	ports := freePorts(t)
	clusterEnv(t, ports)
	all := make([]*server.Options, 0, len(ports))
	for i, port := range ports {
		t.Setenv("NATS_SERVER_NAME", fmt.Sprintf("n%d", i+1))
		t.Setenv("NATS_STORE_DIR", storeDir(t))
		t.Setenv("NATS_CLUSTER_LISTEN", fmt.Sprintf("127.0.0.1:%d", port))
		all = append(all, configured(t, "cluster-tls.conf"))
	}
	nodes := make([]*live, 0, len(all))
	for _, opts := range all {
		nodes = append(nodes, start(t, opts))
	}
	nc := signIn(t, "tls", "provision", a.ca, slog.New(slog.DiscardHandler), nodes...)
	js := jetStream(t, nc)
	settings := defaults()
	settings.Replicas, settings.PoolSize = 3, 1
	eventually(t, "a cluster of three", func() error { return wandnats.Provision(attempt(t), js, settings) })

	// The routes' password is not enough.
	for name, config := range map[string]*tls.Config{
		"without a certificate": {InsecureSkipVerify: true},
		"of another authority":  {InsecureSkipVerify: true, Certificates: []tls.Certificate{pair(t, newAuthority(t))}},
		"of the cluster":        {InsecureSkipVerify: true, Certificates: []tls.Certificate{pair(t, a)}},
	} {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", ports[0]))
		if err != nil {
			t.Fatal(err)
		}
		must(t, "deadline", conn.SetDeadline(time.Now().Add(patience)))
		stranger := tls.Client(conn, config)
		_, _ = fmt.Fprintf(stranger, "CONNECT {\"name\":\"stranger\",\"cluster\":\"wandstore\",\"user\":\"route\",\"pass\":\"secretOfRoutes1\"}\r\nPING\r\n")
		var heard bytes.Buffer
		for err = nil; err == nil && !strings.Contains(heard.String(), "INFO"); {
			_, err = io.CopyN(&heard, stranger, 1)
		}
		if known := name == "of the cluster"; known != (heard.Len() > 0) {
			t.Errorf("a node %s: heard %q, %v", name, heard.String(), err)
		}
		_ = conn.Close()
	}
}

func pair(t *testing.T, a *authority) tls.Certificate {
	t.Helper()
	p, err := tls.LoadX509KeyPair(a.issue(t))
	if err != nil {
		t.Fatal(err)
	}
	return p
}
