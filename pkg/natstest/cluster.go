package natstest

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Cluster is three nats-servers that keep replicated streams. Its methods are for
// the goroutine of the test.
type Cluster struct {
	nodes []*server.Server
}

// clusterNodes is the smallest number of nodes that outlives the loss of one.
const clusterNodes = 3

// StartCluster starts three servers and returns once they have elected a leader
// that sees all three. They are gone when the test ends.
func StartCluster(t testing.TB) *Cluster {
	t.Helper()
	ports := freePorts(t, clusterNodes)
	routes := make([]*url.URL, len(ports))
	for i, port := range ports {
		routes[i] = &url.URL{Scheme: "nats-route", Host: fmt.Sprintf("127.0.0.1:%d", port)}
	}
	c := &Cluster{}
	for i, port := range ports {
		node, err := server.NewServer(&server.Options{
			ServerName:        fmt.Sprintf("n%d", i+1),
			Host:              "127.0.0.1",
			Port:              server.RANDOM_PORT,
			Cluster:           server.ClusterOpts{Name: "natstest", Host: "127.0.0.1", Port: port},
			Routes:            routes,
			JetStream:         true,
			StoreDir:          t.TempDir(),
			JetStreamMaxStore: maxStore,
			NoLog:             true,
			NoSigs:            true,
		})
		if err != nil {
			t.Fatalf("natstest: %v", err)
		}
		node.Start()
		t.Cleanup(func() {
			node.Shutdown()
			node.WaitForShutdown()
		})
		c.nodes = append(c.nodes, node)
	}
	for _, node := range c.nodes {
		if !node.ReadyForConnections(patience) {
			t.Fatalf("natstest: server is not ready after %v", patience)
		}
	}
	c.waitForLeader(t)
	return c
}

// Connect connects a client to node n, counted from 0, and to no other; it is
// closed when t ends.
func (c *Cluster) Connect(t testing.TB, n int) (*nats.Conn, jetstream.JetStream) {
	t.Helper()
	return Connect(t, c.nodes[n].ClientURL())
}

func (c *Cluster) waitForLeader(t testing.TB) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !slices.ContainsFunc(c.nodes, func(s *server.Server) bool {
		return s.JetStreamIsLeader() && len(s.JetStreamClusterPeers()) == len(c.nodes)
	}) {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("natstest: no leader after %v", patience)
		}
	}
}

// freePorts gives ports of loopback that were free a moment ago: a node has to
// know the ports of the others before they have started.
func freePorts(t testing.TB, n int) []int {
	t.Helper()
	ports := make([]int, n)
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatalf("natstest: %v", err)
		}
		// Kept open until all are taken, so that none is given twice.
		defer func() { _ = l.Close() }()
		addr, ok := l.Addr().(*net.TCPAddr)
		if !ok {
			t.Fatalf("natstest: no TCP address: %v", l.Addr())
		}
		ports[i] = addr.Port
	}
	return ports
}
