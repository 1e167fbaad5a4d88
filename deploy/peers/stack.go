package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// shop is the shop that all visit.
const shop = "magic-wands"

// What MinIO is told, and all that ask it.
const (
	minioUser, minioPassword = "minioadmin", "minioadmin"
	pagesBucket              = "wandstore-generated-ui"
)

// stack is WandStore as processes: NATS and MinIO with what they hold on disk, an edge, and a
// model that answers at once.
type stack struct {
	lab               *lab
	nats, minio, edge string
	js                jetstream.JetStream
	model             string
}

// startNATS starts nats-server as on a laptop and before production: each write is on disk
// before its acknowledgement.
func startNATS(ctx context.Context, l *lab) (addr string, err error) {
	if addr, err = freeAddress(ctx); err != nil {
		return "", err
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", err
	}
	p, err := l.start(ctx, "nats-server", []string{
		"-c", filepath.Join(l.root, "nats", "server", "dev.conf"), "-a", host, "-p", port, "-sd", filepath.Join(l.dir, "nats"),
	}, nil)
	if err != nil {
		return "", err
	}
	return addr, p.await(ctx, listens(addr))
}

// connect connects to NATS until the lab ends.
func connect(l *lab, addr string) (jetstream.JetStream, error) {
	nc, err := nats.Connect("nats://" + addr)
	if err != nil {
		return nil, err
	}
	l.onEnd(nc.Close)
	return jetstream.New(nc)
}

// startStack starts a stack without a generator.
func startStack(ctx context.Context, l *lab) (*stack, error) {
	s := &stack{lab: l}
	var err error
	if s.nats, err = startNATS(ctx, l); err != nil {
		return nil, err
	}
	if s.js, err = connect(l, s.nats); err != nil {
		return nil, err
	}
	if s.minio, err = freeAddress(ctx); err != nil {
		return nil, err
	}
	minio, err := l.start(ctx, "minio", []string{"server", "--quiet", "--address", s.minio, filepath.Join(l.dir, "minio")}, []string{
		"MINIO_ROOT_USER=" + minioUser, "MINIO_ROOT_PASSWORD=" + minioPassword,
		"MINIO_BROWSER=off", "MINIO_UPDATE=off", "MINIO_CALLHOME_ENABLE=off",
	})
	if err != nil {
		return nil, err
	}
	if err := minio.await(ctx, healthy("http://"+s.minio+"/minio/health/ready")); err != nil {
		return nil, err
	}
	s.edge, err = s.startEdge(ctx, l)
	return s, err
}

// startEdge starts an edge and waits until it is ready.
func (s *stack) startEdge(ctx context.Context, l *lab) (addr string, err error) {
	if addr, err = freeAddress(ctx); err != nil {
		return "", err
	}
	// A visit waits for all that it asks, however long that takes, because that is the work. With
	// its usual patience an edge leaves some of it out when the machine is busy.
	edge, err := l.start(ctx, "edge", nil, append(s.settings(),
		"EDGE_ADDR="+addr, "PRIVATE_ADDR="+l.private, "TRIGGER_TIMEOUT=10s", "STORE_TIMEOUT=10s", "SESSION_TIMEOUT=10s"))
	if err != nil {
		return "", err
	}
	return addr, edge.await(ctx, healthy("http://"+addr+"/ready"))
}

// settings are what edge and generator have in common. No queue is ever full.
func (s *stack) settings() []string {
	return []string{
		"NATS_URL=nats://" + s.nats, "MINIO_ENDPOINT=" + s.minio, "MINIO_BUCKET=" + pagesBucket,
		"MINIO_ACCESS_KEY=" + minioUser, "MINIO_SECRET_KEY=" + minioPassword,
		"MAX_QUEUE_DEPTH=1000000", fmt.Sprintf("POOL_CONCURRENCY=%d", jobsAtATime/members), "LOG_LEVEL=WARN",
	}
}

// A generator has as many jobs at a time, of so many pool members. The model is waited for by
// none of them, so more would only wait for each other.
const (
	members     = 10
	jobsAtATime = 20
)

// startGenerator starts a generator of all members, whose model answers at once.
func (s *stack) startGenerator(ctx context.Context) (*process, error) {
	if s.model == "" {
		var err error
		if s.model, err = startModel(ctx, s.lab, 1); err != nil {
			return nil, err
		}
	}
	// The model has no limits that were to be found out.
	return s.startGeneratorOf(ctx, s.model, "KIMI_MAX_CONCURRENCY=100")
}

// startGeneratorOf starts a generator of all members with a model and further settings.
func (s *stack) startGeneratorOf(ctx context.Context, model string, more ...string) (*process, error) {
	addr, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	private, err := nextPort(s.lab.private)
	if err != nil {
		return nil, err
	}
	env := append(s.settings(), "GENERATOR_ADDR="+addr, "PRIVATE_ADDR="+private, "KIMI_API_KEY=peers", "KIMI_BASE_URL=http://"+model+"/v1")
	p, err := s.lab.start(ctx, "generator", nil, append(env, more...))
	if err != nil {
		return nil, err
	}
	return p, p.await(ctx, healthy("http://"+addr+"/health"))
}

// nextPort is the address with the port after, and "" of "".
func nextPort(addr string) (string, error) {
	if addr == "" {
		return "", nil
	}
	a, err := netip.ParseAddrPort(addr)
	if err != nil {
		return "", fmt.Errorf("-private: %w", err)
	}
	return netip.AddrPortFrom(a.Addr(), a.Port()+1).String(), nil
}

// page is the path of a shopper's page.
func page(shopper string) string { return "/s/" + shop + "?shopper=" + shopper }

// visitor opens a connection whose operation is the first visit of somebody new: it ends
// when the job for their page is on disk.
func (s *stack) visitor(c *client) operation {
	return func(_ context.Context, n int64) error {
		target := page(newcomer(n))
		if _, err := c.get(target); err != nil {
			return err
		}
		if got := c.header("X-Generation"); got != "triggered" {
			return fmt.Errorf("%s has the X-Generation %q", target, got)
		}
		return nil
	}
}

// newcomer is the name of the shopper of a number.
func newcomer(n int64) string { return fmt.Sprintf("new-%d", n) }

// visitors are so many of them.
func (s *stack) visitors(ctx context.Context, l *lab, n int) ([]operation, error) {
	clients, err := dialAll(ctx, l, s.edge, n)
	if err != nil {
		return nil, err
	}
	var all []operation
	for _, c := range clients {
		all = append(all, s.visitor(c))
	}
	return all, nil
}
