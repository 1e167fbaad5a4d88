//go:build soak

package faults_test

import (
	"flag"
	"math/rand/v2"
	"os/exec"
	"testing"
	"time"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/faulttest"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
	"github.com/wandstore/wandstore/services/edge"
	"github.com/wandstore/wandstore/services/generator"
	"github.com/wandstore/wandstore/services/kimisim"
)

// The build tag keeps the soak out of `task test`: it runs for as long as -soak says.
var (
	soakFor  = flag.Duration("soak", 2*time.Minute, "how long faults strike")
	soakSeed = flag.Uint64("seed", uint64(time.Now().UnixNano()), "which faults strike when")
)

// Shoppers come while random faults strike, one after the other. Every visit is answered
// with a page. After the last fault every shopper gets a page of their own, the queue
// becomes empty, and no job record is queued or running.
func TestSoak(t *testing.T) {
	t.Logf("-seed %d", *soakSeed)
	s := startSoak(t)
	stopShoppers := s.come(150*time.Millisecond, 50*time.Millisecond)
	rng := rand.New(rand.NewPCG(*soakSeed, 0))
	for until := time.Now().Add(*soakFor); time.Now().Before(until); {
		fault := s.faults[rng.IntN(len(s.faults))]
		lasts := 200*time.Millisecond + time.Duration(rng.Int64N(int64(4*time.Second)))
		t.Logf("%s %-28s for %4.1f s  %d shoppers", time.Now().Format(time.TimeOnly), fault.name, lasts.Seconds(), s.came.Load())
		mend := fault.strike(rng)
		<-time.After(lasts)
		mend()
		// Between faults there is time to catch up.
		<-time.After(time.Duration(rng.Int64N(int64(2 * time.Second))))
	}
	stopShoppers()
	t.Logf("all is mended; %d shoppers", s.came.Load())
	s.haveTheirPages()
	_, js := s.Connect()
	eventually.TrueWithin(t, 5*time.Minute, "the queue is empty", func() bool { return len(s.Waiting(js)) == 0 })
	end(t, js)
	dead, err := js.Stream(t.Context(), wandnats.StreamDead)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d dead letters; %d calls of the model for %d shoppers", dead.CachedInfo().State.Msgs, s.Sim.Stats().Requests, s.came.Load())
}

// soak is a world in which everything can break.
type soak struct {
	*world.World
	*crowd

	faults []fault
}

// fault is something that can break; strike returns what repairs it.
type fault struct {
	name   string
	strike func(rng *rand.Rand) (mend func())
}

func startSoak(t *testing.T) *soak {
	t.Helper()
	s := &soak{World: world.New(t, world.OwnNATS), crowd: newCrowd(t, 2)}
	s.Pool.PoolSize, s.Pool.MaxQueueDepth = 4, 20
	edgeBus, generatorBus := faulttest.NewProxy(t, s.NATS.Addr()), faulttest.NewProxy(t, s.NATS.Addr())
	edgeStore, generatorStore := faulttest.NewProxy(t, s.S3.Endpoint), faulttest.NewProxy(t, s.S3.Endpoint)
	startEdge := func(clockOff time.Duration) *world.Process {
		// Ready or not: it may start while NATS is unavailable.
		return s.StartEdgeUnready(func(c *edge.Config) {
			c.NATS.URL, c.S3.Endpoint, c.Clock = s.NATS.URLVia(edgeBus.Addr()), edgeStore.Addr(), wrongBy(clockOff)
		})
	}
	for _, e := range s.edges {
		e.Store(startEdge(0))
		e.Load().Ready(t)
	}
	s.StartGenerator(func(c *generator.Config) {
		c.NATS.URL, c.S3.Endpoint, c.LLMTimeoutSeconds = s.NATS.URLVia(generatorBus.Addr()), generatorStore.Addr(), 5
		c.Patience = 0 // as in production: an outage may not outlast a call
		c.Clock = wrongBy(-time.Hour)
	})
	victim := s.startVictim()
	cut := func(p *faulttest.Proxy) func(*rand.Rand) func() {
		return func(*rand.Rand) func() { p.Cut(); return p.Restore }
	}
	hang := func(p *faulttest.Proxy) func(*rand.Rand) func() {
		return func(*rand.Rand) func() { p.Hang(); return p.Restore }
	}
	s.faults = []fault{
		{"edges lose NATS", cut(edgeBus)},
		{"NATS is silent to edges", hang(edgeBus)},
		{"edges lose MinIO", cut(edgeStore)},
		{"MinIO is silent to edges", hang(edgeStore)},
		{"MinIO is slow for edges", func(rng *rand.Rand) func() {
			edgeStore.Latency(time.Duration(rng.Int64N(int64(2 * time.Second))))
			return func() { edgeStore.Latency(0) }
		}},
		{"a generator loses NATS", cut(generatorBus)},
		{"a generator loses MinIO", cut(generatorStore)},
		{"MinIO is silent to a generator", hang(generatorStore)},
		{"NATS is away", func(*rand.Rand) func() { s.NATSServer.Stop(); return s.NATSServer.Restart }},
		{"a generator is killed", func(*rand.Rand) func() {
			kill(t, victim)
			return func() { victim = s.startVictim() }
		}},
		{"an edge is replaced, by any clock", func(rng *rand.Rand) func() {
			at := s.edges[rng.IntN(len(s.edges))]
			old := at.Swap(startEdge(time.Duration(rng.IntN(3)-1) * time.Hour))
			return old.Stop
		}},
	}
	for _, name := range []string{kimisim.RateLimit, kimisim.ServerError, kimisim.Hang, kimisim.Reset, kimisim.Truncated, kimisim.Malformed, kimisim.Empty, kimisim.Hostile} {
		s.faults = append(s.faults, fault{"the model: " + name, func(*rand.Rand) func() {
			if err := s.Sim.SetFault(kimisim.Fault{Name: name, Probability: 0.5}); err != nil {
				t.Fatal(err)
			}
			return s.Sim.ClearFaults
		}})
	}
	return s
}

// wrongBy is a clock that is wrong by d.
func wrongBy(d time.Duration) func() time.Time {
	return func() time.Time { return time.Now().Add(d) }
}

// startVictim starts a generator as a process, to be killed.
func (s *soak) startVictim() *exec.Cmd {
	s.t.Helper()
	victim := s.GeneratorCommand("POOL_SIZE=4", "MAX_QUEUE_DEPTH=20", "LLM_TIMEOUT_SECONDS=5")
	if err := victim.Start(); err != nil {
		s.t.Fatal(err)
	}
	return victim
}

func kill(t *testing.T, victim *exec.Cmd) {
	t.Helper()
	if err := victim.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = victim.Wait() // it says that it was killed
}
