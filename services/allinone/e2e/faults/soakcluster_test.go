//go:build soak

package faults_test

import (
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/checkout"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/freeport"
	"github.com/wandstore/wandstore/pkg/natstest"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
	"github.com/wandstore/wandstore/services/generator"
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

	calls *calls
	all   []*killable
	nodes []string // host:port
	logs  string
}

// killable is a process that can be killed, and started again.
type killable struct {
	name  string
	kill  func()
	start func() // and wait until it serves
}

func startSoakCluster(t *testing.T) *soakCluster {
	t.Helper()
	// A call takes as long as a kill needs to hit one.
	c := &soakCluster{World: world.New(t, world.OwnMinIO, world.Paced(2*time.Second, 400)), crowd: newCrowd(t, 2), logs: t.ArtifactDir()}
	c.Pool.Replicas = 3
	c.calls = countCalls(t, c.Sim)
	c.startNodes(t)
	provision := c.GeneratorConfig()
	provision.NATS.URL = c.urls("provision")
	if err := generator.Provision(t.Context(), provision, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
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

// startNodes starts the nodes of NATS by cluster.conf, as production has them.
func (c *soakCluster) startNodes(t *testing.T) {
	t.Helper()
	env := []string{"NATS_ROUTE_PASSWORD=route"}
	for _, user := range []string{"edge", "generator", "provision", "importer", "pop", "operator", "sys"} {
		env = append(env, strings.ToUpper(user)+"_PASSWORD="+user+"-password")
	}
	routes := make([]string, 3)
	for i := range routes {
		routes[i] = freeport.Addr(t)
		c.nodes = append(c.nodes, freeport.Addr(t))
		env = append(env, fmt.Sprintf("NATS_ROUTE_%d=nats-route://route:route@%s", i+1, routes[i]))
	}
	monitors := make([]string, len(routes))
	for i, addr := range c.nodes {
		name := fmt.Sprintf("n%d", i+1)
		_, port := hostPort(t, addr)
		monitors[i] = freeport.Addr(t)
		_, monitor := hostPort(t, monitors[i])
		own := append([]string{"NATS_SERVER_NAME=" + name, "NATS_STORE_DIR=" + t.TempDir(), "NATS_CLUSTER_LISTEN=" + routes[i]}, env...)
		node := c.process(t, name, func() *exec.Cmd {
			cmd := exec.CommandContext(t.Context(), checkout.Tool(t, "nats-server"), "-c", filepath.Join(checkout.Root(t), "nats", "server", "cluster.conf"),
				"-a", "127.0.0.1", "-p", strconv.Itoa(port), "-m", strconv.Itoa(monitor))
			cmd.Env = append(cmd.Environ(), own...)
			return cmd
		})
		start := node.start
		node.start = func() { start(); awaitOK(t, name, "http://"+monitors[i]+"/healthz") }
		// One alone is not healthy yet.
		start()
		c.all = append(c.all, node)
	}
	for i := range monitors {
		awaitOK(t, c.all[i].name, "http://"+monitors[i]+"/healthz")
	}
}

// urls are the nodes as a user's NATS_URL.
func (c *soakCluster) urls(user string) string {
	urls := make([]string, len(c.nodes))
	for i, addr := range c.nodes {
		urls[i] = as(user, addr)
	}
	return strings.Join(urls, ",")
}

// production are the deadlines of production: the world's own are patient.
var production = []string{"TRIGGER_TIMEOUT=250ms", "STORE_TIMEOUT=100ms", "SESSION_TIMEOUT=25ms", "NATS_REPLICAS=3"}

// edge is an edge. The balancer sends it shoppers from when it is ready until it is killed.
func (c *soakCluster) edge(t *testing.T, n int) *killable {
	t.Helper()
	addr := freeport.Addr(t)
	k := c.process(t, fmt.Sprint("edge-", n+1), func() *exec.Cmd {
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
	k := c.process(t, name, func() *exec.Cmd {
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

// process is a process that writes its log to a file of the test's artifacts.
func (c *soakCluster) process(t *testing.T, name string, command func() *exec.Cmd) *killable {
	t.Helper()
	var running *exec.Cmd
	return &killable{
		name: name,
		start: func() {
			log, err := os.OpenFile(filepath.Join(c.logs, name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = log.Close() }() // the process has its own
			running = command()
			running.Stdout, running.Stderr = log, log
			if err := running.Start(); err != nil {
				t.Fatal(err)
			}
		},
		kill: func() { kill(t, running) },
	}
}

func awaitOK(t *testing.T, what, url string) {
	t.Helper()
	eventually.True(t, what+" is healthy", func() bool {
		a, err := send(http.MethodGet, url, "")
		return err == nil && a.Status == http.StatusOK
	})
}
