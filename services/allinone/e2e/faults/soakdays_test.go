//go:build soak

package faults_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/sdk/trace"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/faulttest"
	"github.com/wandstore/wandstore/pkg/miniotest"
	"github.com/wandstore/wandstore/pkg/natstest"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
	"github.com/wandstore/wandstore/services/edge"
	"github.com/wandstore/wandstore/services/generator"
	"github.com/wandstore/wandstore/services/kimisim"
)

var (
	soakJobs  = flag.Int64("jobs", 1000, "how many shoppers come on a bad day")
	soakSeeds = flag.Uint64("seeds", 20, "how often each bad day comes")
)

// badDay is a day on which something goes wrong while shoppers come.
type badDay struct {
	// options are what the day's world is made of besides.
	options []world.Option
	// strike has something go wrong, and mends it.
	strike func(*day)
	// herd says that all shoppers come at once.
	herd bool
	// template says that pages may be the template's.
	template bool
	// small says whose disk is a small file system.
	small string
	// region says that one of the edges is at a PoP, cluster that NATS has three nodes.
	region, cluster bool
	// afterwards, unless nil, checks what only this day promises.
	afterwards func(*day)
}

// badDays are the days by name, which -run selects: 'TestSoakJobs/slow_MinIO'.
func badDays() map[string]badDay {
	return map[string]badDay{
		"thundering herd":           {strike: func(*day) {}, herd: true},
		"a node of NATS is lost":    {cluster: true, strike: nodeIsLost},
		"the disk of NATS is lost":  {options: []world.Option{world.OwnNATS}, strike: func(d *day) { d.NATSServer.RestartEmpty() }},
		"dead MinIO":                {strike: func(d *day) { d.store.Cut(); d.lasts(); d.store.Restore() }},
		"silent MinIO":              {strike: func(d *day) { d.store.Hang(); d.lasts(); d.store.Restore() }},
		"slow MinIO":                {strike: func(d *day) { d.store.Latency(d.upTo(time.Second)); d.lasts(); d.store.Restore() }},
		"the disk of MinIO is full": {small: "MinIO", strike: func(d *day) { d.fill(); d.lasts(); d.free() }},
		// The server gives JetStream up, and is started again by who watches its health.
		"the disk of NATS is full":     {small: "NATS", strike: func(d *day) { d.fill(); d.lasts(); d.free(); d.NATSServer.Restart() }},
		"clocks are wrong":             {strike: clocksAreWrong},
		"roll-out of all services":     {strike: rollOut},
		"the model's worst day":        {strike: worstDay, template: true},
		"NATS is restarted all day":    {options: []world.Option{world.OwnNATS}, strike: natsRestarts},
		"edges and generators are cut": {strike: func(d *day) { d.bus.Cut(); d.lasts(); d.bus.Restore() }},
		"a region loses its link":      {region: true, strike: linkIsLost, afterwards: popServesByItself},
	}
}

// Each day of badDays, with other chances at each seed: every visit is answered with a page,
// no job is lost, none is paid for twice, and afterwards all is as before without hands. A day
// waits for its model most of the time, so that a core has room for several at a time.
func TestSoakJobs(t *testing.T) {
	// Nobody looks at the spans, of which there would be millions.
	otel.SetTracerProvider(trace.NewTracerProvider(trace.WithSampler(trace.NeverSample())))
	for name, bad := range badDays() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for n := range *soakSeeds {
				t.Run(fmt.Sprint("seed=", *soakSeed+n), func(t *testing.T) {
					t.Parallel()
					soakDay(t, bad, *soakSeed+n)
				})
			}
		})
	}
}

func soakDay(t *testing.T, bad badDay, seed uint64) {
	d := startDay(t, bad, seed)
	var arrived sync.WaitGroup
	arrived.Go(func() { d.arriveAll(*soakJobs, bad.herd) })
	eventually.True(t, "a third has come", func() bool { return d.came.Load() >= *soakJobs/3 })
	began := time.Now()
	bad.strike(d)
	t.Logf("mended after %s; %d shoppers", time.Since(began).Round(time.Millisecond), d.came.Load())
	arrived.Wait()
	d.haveTheirPages()

	_, js := d.Connect()
	eventually.TrueWithin(t, 5*time.Minute, "the queue is empty", func() bool { return len(d.Waiting(js)) == 0 })
	all := end(t, js)
	t.Logf("normal after %s", time.Since(began).Round(time.Second))
	if !bad.template {
		all.check(t)
	}
	noLetters(t, js)
	d.calls.check(t, d.came.Load())
	if t.Failed() {
		d.tellTwice(js)
	}
	if bad.afterwards != nil {
		bad.afterwards(d)
	}
}

func noLetters(t *testing.T, js jetstream.JetStream) {
	t.Helper()
	if n := stream(t, js, wandnats.StreamDead).CachedInfo().State.Msgs; n != 0 {
		t.Errorf("%d dead letters", n)
	}
}

// day is a world in which something goes wrong.
type day struct {
	*world.World
	*crowd

	rng        *rand.Rand
	calls      *calls
	bus, store *faulttest.Proxy
	generators []*world.Process
	// started counts the generators, to name them.
	started int
	// ahead is how far the clocks of the services that are started now are ahead.
	ahead time.Duration
	// disk is the small file system, if there is one.
	disk string
	// region has the hub, where all is but the second edge, and nodes are those of a cluster; nil
	// on other days.
	region *region
	nodes  *nodes
}

func startDay(t *testing.T, bad badDay, seed uint64) *day {
	t.Helper()
	d := &day{crowd: newCrowd(t, 2), rng: rand.New(rand.NewPCG(seed, 0))}
	d.World = world.New(t, append([]world.Option{world.Paced(100*time.Millisecond, 0)}, bad.options...)...)
	switch bad.small {
	case "MinIO":
		d.disk = mountSmall(t)
		own := miniotest.StartIn(t, d.disk)
		d.S3.Endpoint, d.S3.Bucket = own.Addr(), own.Bucket(t)
	case "NATS":
		d.disk = mountSmall(t)
		d.NATSServer = natstest.StartIn(t, d.disk)
		d.NATS = d.NATSServer.Account
	}
	d.Pool.Concurrency, d.Pool.MaxQueueDepth = 8, max(100, int(*soakJobs)/5)
	starts := []func() *world.Process{d.startEdge, d.startEdge}
	if bad.region {
		d.region, d.once = startRegion(t, d.World), true
		d.NATS = account("operator", d.region.hub)
		starts[popEdge] = d.startEdgeThere
	}
	if bad.cluster {
		d.nodes = startNodes(t, d.World)
		d.NATS = account("operator", d.nodes.each[0].addr)
	}
	d.calls = countCalls(t, d.Sim)
	d.bus, d.store = faulttest.NewProxy(t, d.NATS.Addr()), faulttest.NewProxy(t, d.S3.Endpoint)
	for i, e := range d.edges {
		e.Store(starts[i]())
		e.Load().Ready(t)
	}
	for range 2 {
		d.generators = append(d.generators, d.startGenerator())
	}
	return d
}

func (d *day) startEdge() *world.Process {
	return d.StartEdgeUnready(world.ProductionTimeouts, func(c *edge.Config) {
		c.NATS.URL, c.S3.Endpoint, c.Clock = d.url("edge"), d.store.Addr(), wrongBy(d.ahead)
	})
}

func (d *day) startGenerator() *world.Process {
	d.started++
	name := fmt.Sprint("generator-", d.started)
	return d.StartGenerator(func(c *generator.Config) {
		c.NATS.URL, c.S3.Endpoint, c.Clock = d.url("generator"), d.store.Addr(), wrongBy(d.ahead)
		c.KimiBaseURL, c.LLMTimeoutSeconds, c.StallTimeout, c.MaxConcurrency = d.calls.url(name), 20, 5*time.Second, 80
		c.Patience = 0 // as in production: an outage may not outlast a call
	})
}

// url is where a service connects to NATS. Only a hub and the nodes of a cluster know them
// apart.
func (d *day) url(user string) string {
	switch {
	case d.region != nil:
		return as(user, d.bus.Addr())
	case d.nodes != nil:
		return d.nodes.urls(user)
	default:
		return d.NATS.URLVia(d.bus.Addr())
	}
}

// upTo is a part of a time, by chance.
func (d *day) upTo(most time.Duration) time.Duration {
	return most/10 + time.Duration(d.rng.Int64N(int64(most)))
}

// lasts waits for as long as something is wrong.
func (d *day) lasts() { <-time.After(d.upTo(8 * time.Second)) }

// clocksAreWrong has the services run on machines whose clocks are wrong by up to an hour, each
// on another, and at last on some that are right. A clock that steps under a running service is
// another matter: nothing here can step the wall clock and leave the monotonic one.
func clocksAreWrong(d *day) {
	for range 3 {
		d.replaceAll(func() { d.ahead = time.Duration(d.rng.Int64N(int64(2*time.Hour))) - time.Hour })
		d.lasts()
	}
	d.replaceAll(func() { d.ahead = 0 })
}

// rollOut replaces every edge and every generator by another.
func rollOut(d *day) { d.replaceAll(func() {}) }

// replaceAll replaces every edge and every generator by another, one after the other. before is
// called before each.
func (d *day) replaceAll(before func()) {
	for _, at := range d.edges {
		before()
		next := d.startEdge()
		next.Ready(d.t)
		at.Swap(next).Stop()
	}
	for i, old := range d.generators {
		before()
		d.generators[i] = d.startGenerator()
		old.Stop()
	}
}

// worstDay has the model fail in each way that it can, one after the other, at most calls.
func worstDay(d *day) {
	names := []string{
		kimisim.RateLimit, kimisim.ServerError, kimisim.Reset, kimisim.Truncated, kimisim.Malformed, kimisim.Empty,
		kimisim.Hostile, kimisim.NoEnd, kimisim.StreamError, kimisim.HTML, kimisim.Hang,
	}
	for _, i := range d.rng.Perm(len(names)) {
		d.calls.spoil(names[i], 0.7)
		<-time.After(2 * time.Second)
	}
	d.calls.spoil("", 0)
}

func natsRestarts(d *day) {
	for range 4 {
		d.NATSServer.Stop()
		<-time.After(d.upTo(2 * time.Second))
		d.NATSServer.Restart()
		<-time.After(d.upTo(2 * time.Second))
	}
}

// mountSmall mounts a small file system. Its removal waits for who has its data there.
func mountSmall(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "soak-disk-") //nolint:usetesting // it is a mount point when the test's folders are removed
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=256m"); err != nil {
		t.Fatalf("mount a small file system: %v: be root, or run it by unshare -Urm", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
		_ = os.Remove(dir) // in the temporary directory: nothing depends on it
	})
	return dir
}

func (d *day) ballast() string { return filepath.Join(d.disk, "ballast") }

// fill writes the small file system full to its last byte.
func (d *day) fill() {
	f, err := os.Create(d.ballast())
	if err != nil {
		d.t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for block := make([]byte, 1<<20); len(block) > 0; {
		if _, err := f.Write(block); err != nil {
			block = block[:len(block)/2]
		}
	}
}

func (d *day) free() {
	if err := os.Remove(d.ballast()); err != nil {
		d.t.Error(err)
	}
}
