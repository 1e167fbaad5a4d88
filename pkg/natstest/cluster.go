package natstest

import (
	"fmt"
	"net/url"
	"slices"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/freeport"
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
	// A node has to know the ports of the others before they have started.
	routes := make([]*url.URL, clusterNodes)
	for i := range routes {
		routes[i] = &url.URL{Scheme: "nats-route", Host: freeport.Addr(t)}
	}
	c := &Cluster{}
	for i, route := range routes {
		opts := options(storeDir(t))
		opts.ServerName, opts.Routes = fmt.Sprintf("n%d", i+1), routes
		opts.Cluster = server.ClusterOpts{Name: "natstest", Host: "127.0.0.1", Port: portOf(t, route.Host)}
		node, err := server.NewServer(&opts)
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
	eventually.True(t, "the cluster has a leader", func() bool {
		return slices.ContainsFunc(c.nodes, func(s *server.Server) bool {
			return s.JetStreamIsLeader() && len(s.JetStreamClusterPeers()) == len(c.nodes)
		})
	})
}
