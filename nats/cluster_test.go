package wandnats_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
)

// freePorts gives three ports of loopback that were free a moment ago.
func freePorts(t *testing.T) []int {
	t.Helper()
	return []int{freePort(t), freePort(t), freePort(t)}
}

// clusterEnv is what is the same on all nodes.
func clusterEnv(t *testing.T, ports []int) {
	t.Helper()
	setPasswords(t)
	t.Setenv("NATS_ROUTE_PASSWORD", "secretOfRoutes1")
	for i, port := range ports {
		t.Setenv(fmt.Sprintf("NATS_ROUTE_%d", i+1), fmt.Sprintf("nats-route://route:secretOfRoutes1@127.0.0.1:%d", port))
	}
}

// attempt bounds one request of several: one that went to a node as it stopped is
// never answered.
func attempt(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// startCluster runs three servers by cluster.conf, and returns once their leader knows all
// three: before that it has no place for a third replica.
func startCluster(t *testing.T) (nodes map[string]*live, urls string) {
	t.Helper()
	return startClusterIn(t, "server")
}

// startClusterIn is startCluster with the files of another folder.
func startClusterIn(t *testing.T, dir string) (nodes map[string]*live, urls string) {
	t.Helper()
	ports := freePorts(t)
	clusterEnv(t, ports)
	nodes = map[string]*live{}
	addresses := make([]string, 0, len(ports))
	all := make([]*server.Options, 0, len(ports))
	for i, port := range ports {
		t.Setenv("NATS_SERVER_NAME", fmt.Sprintf("n%d", i+1))
		t.Setenv("NATS_STORE_DIR", storeDir(t))
		t.Setenv("NATS_CLUSTER_LISTEN", fmt.Sprintf("127.0.0.1:%d", port))
		opts := configuredIn(t, dir, "cluster.conf")
		if opts.SyncAlways || opts.SyncInterval != 10*time.Second {
			t.Errorf("sync always %v, interval %v; want 10s", opts.SyncAlways, opts.SyncInterval)
		}
		opts.JetStreamMaxStore *= 2 // room for a tenant's account
		all = append(all, opts)
	}
	for _, opts := range all {
		s := start(t, opts)
		nodes[s.Name()] = s
		addresses = append(addresses, s.url)
	}
	eventually(t, "a leader of three", func() error {
		for _, s := range nodes {
			if s.JetStreamIsLeader() && len(s.JetStreamClusterPeers()) == len(nodes) {
				return nil
			}
		}
		return errors.New("none")
	})
	return nodes, strings.Join(addresses, ",")
}

func TestClusterSurvivesANode(t *testing.T) {
	nodes, urls := startCluster(t)
	_, provision := connect(t, urls, as("provision"))
	_, js := connect(t, urls, as("generator"),
		natsgo.MaxReconnects(-1), natsgo.ReconnectWait(50*time.Millisecond), natsgo.ReconnectJitter(0, 0))
	settings := defaults()
	settings.Replicas, settings.PoolSize = 3, 1
	// As the services do, until the cluster has found its leader.
	eventually(t, "a cluster of three", func() error { return wandnats.Provision(attempt(t), provision, settings) })
	// A consumer without a leader yet answers no request, and a later one only.
	eventually(t, "the generator finds its consumer", func() error { return wandnats.Ensure(attempt(t), js, settings) })
	var leader string
	eventually(t, "three replicas in step", func() error {
		stream, err := js.Stream(attempt(t), wandnats.StreamGeneration)
		if err != nil {
			return err
		}
		cluster := stream.CachedInfo().Cluster
		if cluster == nil || cluster.Leader == "" || len(cluster.Replicas) != 2 {
			return fmt.Errorf("cluster: %+v", cluster)
		}
		for _, r := range cluster.Replicas {
			if !r.Current {
				return fmt.Errorf("%s is behind", r.Name)
			}
		}
		leader = cluster.Leader
		return nil
	})
	publish := func(payload string) error {
		_, err := js.Publish(attempt(t), wandnats.GenerateSubject("pool-0"), []byte(payload), jetstream.WithMsgID(payload))
		return err
	}
	eventually(t, "a job is taken by the three", func() error { return publish("before") })

	gone := nodes[leader]
	if gone == nil {
		t.Fatalf("the leader %q is none of ours", leader)
	}
	stop(gone.Server)

	eventually(t, "a job is taken by the other two", func() error { return publish("after") })
	eventually(t, "another leads", func() error {
		stream, err := js.Stream(attempt(t), wandnats.StreamGeneration)
		if err != nil {
			return err
		}
		if now := stream.CachedInfo().Cluster.Leader; now == leader || now == "" {
			return fmt.Errorf("leader: %q, was %q", now, leader)
		}
		return nil
	})
	eventually(t, "the consumer answers", func() error {
		_, err := js.Consumer(attempt(t), wandnats.StreamGeneration, "pool-0")
		return err
	})
	if jobs := work(t, js, "pool-0", 2); jobs[0] != "before" || jobs[1] != "after" {
		t.Errorf("jobs: %v", jobs)
	}
}

// Whoever reaches a node's route port is not yet one of the cluster.
func TestClusterRefusesStrangers(t *testing.T) {
	ports := freePorts(t)
	clusterEnv(t, ports)
	t.Setenv("NATS_SERVER_NAME", "n1")
	t.Setenv("NATS_STORE_DIR", storeDir(t))
	t.Setenv("NATS_CLUSTER_LISTEN", fmt.Sprintf("127.0.0.1:%d", ports[0]))
	start(t, configured(t, "cluster.conf"))

	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", ports[0]))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	// What a server without the password says.
	if _, err := fmt.Fprintf(conn, "CONNECT {\"name\":\"stranger\",\"cluster\":\"wandstore\"}\r\n"); err != nil {
		t.Fatal(err)
	}
	heard, err := io.ReadAll(conn)
	if err != nil {
		t.Fatalf("not hung up on: %v", err)
	}
	if !strings.Contains(string(heard), "Authorization Violation") {
		t.Errorf("heard %q", heard)
	}
}
