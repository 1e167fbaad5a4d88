//go:build soak

package faults_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"testing"
	"time"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/freeport"
	"github.com/wandstore/wandstore/pkg/natstest"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
)

var killEvery = flag.Duration("kill", 20*time.Second, "how often a node or process of the cluster is killed")

// Three nodes of NATS by cluster.conf, two edges, two generators and a MinIO are processes,
// of which one is killed after the other and started again, while shoppers come. Every visit
// is answered with a page, no job is lost, done twice or paid for twice, and at the end
// every shopper has a page of their own.
func TestSoakCluster(t *testing.T) {
	t.Logf("-seed %d", *soakSeed)
	c := startSoakCluster(t)
	stopShoppers := c.come(700*time.Millisecond, 200*time.Millisecond)
	rng := rand.New(rand.NewPCG(*soakSeed, 0))
	var round []*killable
	for until := time.Now().Add(*soakFor); time.Now().Before(until); {
		if len(round) == 0 {
			// In any order, and each as often as any other.
			for _, i := range rng.Perm(len(c.all)) {
				round = append(round, c.all[i])
			}
		}
		victim := round[0]
		round = round[1:]
		next := time.After(*killEvery)
		gone := time.Second + time.Duration(rng.Int64N(int64(*killEvery/2)))
		t.Logf("%s %-12s is killed for %4.1f s  %d shoppers", time.Now().Format(time.TimeOnly), victim.name, gone.Seconds(), c.came.Load())
		victim.kill()
		<-time.After(gone)
		began := time.Now()
		victim.start()
		if late := time.Since(began); late > *killEvery/2 {
			t.Logf("%s took %s to serve again", victim.name, late.Round(time.Second))
		}
		<-next
	}
	stopShoppers()
	t.Logf("nothing is killed any more; %d shoppers", c.came.Load())
	c.haveTheirPages()

	_, js := natstest.Connect(t, c.urls("operator"))
	eventually.TrueWithin(t, 5*time.Minute, "the queue is empty", func() bool { return len(c.Waiting(js)) == 0 })
	end(t, js).check(t)
	if n := stream(t, js, wandnats.StreamDead).CachedInfo().State.Msgs; n != 0 {
		t.Errorf("%d dead letters", n)
	}
	c.calls.check(t, c.came.Load())
}

// soakCluster is a world of processes.
type soakCluster struct {
	*world.World
	*crowd
	*nodes

	calls *calls
	all   []*killable
}

func startSoakCluster(t *testing.T) *soakCluster {
	t.Helper()
	// A call takes as long as a kill needs to hit one.
	c := &soakCluster{World: world.New(t, world.OwnMinIO, world.Paced(2*time.Second, 400)), crowd: newCrowd(t, 2)}
	c.calls = countCalls(t, c.Sim)
	c.nodes = startNodes(t, c.World)
	for _, n := range c.each {
		c.all = append(c.all, &n.killable)
	}
	for i := range c.edges {
		c.add(c.edge(t, i))
	}
	for i := range 2 {
		c.add(c.generator(t, i))
	}
	c.all = append(c.all, &killable{"MinIO", c.MinIOServer.Stop, c.MinIOServer.Restart})
	return c
}

func (c *soakCluster) add(k *killable) {
	k.start()
	c.all = append(c.all, k)
}

// production are the deadlines of production: the world's own are patient.
var production = []string{"TRIGGER_TIMEOUT=250ms", "STORE_TIMEOUT=100ms", "SESSION_TIMEOUT=25ms", "NATS_REPLICAS=3"}

// edge is an edge. The balancer sends it shoppers from when it is ready until it is killed.
func (c *soakCluster) edge(t *testing.T, n int) *killable {
	t.Helper()
	addr := freeport.Addr(t)
	k := startable(t, c.logs, fmt.Sprint("edge-", n+1), func() *exec.Cmd {
		return c.Command("edge", append(production, "EDGE_ADDR="+addr, "NATS_URL="+c.urls("edge"))...)
	})
	start, kill := k.start, k.kill
	k.start = func() {
		start()
		p := &world.Process{Base: "http://" + addr}
		p.Ready(t)
		c.edges[n].Store(p)
	}
	k.kill = func() {
		c.edges[n].Store(nil)
		kill()
	}
	return k
}

// generator is a generator, which has another name for the model each time it is started.
func (c *soakCluster) generator(t *testing.T, n int) *killable {
	t.Helper()
	addr, starts := freeport.Addr(t), 0
	name := fmt.Sprint("generator-", n+1)
	asked := func() string { return fmt.Sprintf("%s.%d", name, starts) }
	k := startable(t, c.logs, name, func() *exec.Cmd {
		starts++
		return c.GeneratorCommand(append(production, "GENERATOR_ADDR="+addr, "NATS_URL="+c.urls("generator"), "KIMI_BASE_URL="+c.calls.url(asked()))...)
	})
	start, kill := k.start, k.kill
	k.start = func() {
		start()
		(&world.Process{Base: "http://" + addr}).Healthy(t)
	}
	k.kill = func() {
		kill()
		c.calls.kill(asked())
	}
	return k
}
