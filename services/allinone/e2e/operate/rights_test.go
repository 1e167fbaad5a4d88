package operate_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/checkout"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/freeport"
	"github.com/wandstore/wandstore/pkg/natstest"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
	"github.com/wandstore/wandstore/services/edge"
	"github.com/wandstore/wandstore/services/generator"
)

// With production's users, services that may not create streams wait for those who may,
// say for what, and then work as ever; and again when NATS has lost its disk.
func TestServicesWaitForProvisioning(t *testing.T) {
	opts := securedNATS(t)
	stop := startNATS(t, opts)
	as := func(user string) wandnats.Config {
		return wandnats.Config{URL: fmt.Sprintf("nats://%s:%s-password@127.0.0.1:%d", user, user, opts.Port)}
	}
	w := world.New(t)
	e := w.StartEdgeUnready(func(c *edge.Config) { c.NATS = as("edge") })
	generatorReady := make(chan *world.Process, 1)
	go func() { generatorReady <- w.StartGenerator(func(c *generator.Config) { c.NATS = as("generator") }) }()
	eventually.True(t, "the edge says what it waits for", func() bool {
		return strings.Contains(e.Log.String(), "waiting for NATS") && strings.Contains(e.Log.String(), "not provisioned")
	})
	if a := e.Visit(t, "magic-wands", "early"); a.Status != 200 || a.Header.Get("X-Generation") != "off" {
		t.Errorf("a page meanwhile: %d, X-Generation %q", a.Status, a.Header.Get("X-Generation"))
	}

	cfg := w.GeneratorConfig()
	log := slog.New(slog.DiscardHandler)
	ctx, cancel := context.WithTimeout(t.Context(), eventually.Patience)
	defer cancel()
	cfg.NATS = as("edge")
	if err := generator.Provision(ctx, cfg, log); err == nil {
		t.Error("the edge's user provisions")
	}
	cfg.NATS = as("provision")
	for range 2 {
		if err := generator.Provision(ctx, cfg, log); err != nil {
			t.Fatal(err)
		}
	}

	e.Ready(t)
	g := <-generatorReady
	e.Visit(t, "magic-wands", "early")
	e.BecomesHit(t, "magic-wands", "early")

	stop()
	// A late flush of the server may write into it once more.
	eventually.NoError(t, func() error { return os.RemoveAll(opts.StoreDir) })
	startNATS(t, opts)
	eventually.True(t, "the edge says what is missing", func() bool {
		ready, health := world.Get(t, e.Base+"/ready"), world.Get(t, e.Base+"/health")
		return ready.Status == 503 && strings.Contains(ready.Body, "missing") && strings.Contains(health.Body, `"stream GENERATION":"missing"`)
	})
	if a := e.Visit(t, "magic-wands", "early"); a.Status != 200 || a.Header.Get("X-Cache") != "HIT" {
		t.Errorf("a page meanwhile: %d, %s", a.Status, a.Header.Get("X-Cache"))
	}
	eventually.True(t, "the generator says it too", func() bool {
		return strings.Contains(world.Get(t, g.Base+"/health").Body, `"GENERATION":"missing"`)
	})
	world.Background(t, "provisioning", func(ctx context.Context) error { return generator.ProvisionAndStay(ctx, cfg, log) })
	e.Ready(t)
	e.Visit(t, "magic-wands", "late")
	e.BecomesHit(t, "magic-wands", "late")
	// Who provisions stays, so nobody has to come when a bucket is lost.
	_, js := natstest.Connect(t, as("operator").URL)
	if err := js.DeleteStream(t.Context(), "KV_"+wandnats.BucketSessions); err != nil {
		t.Fatal(err)
	}
	eventually.True(t, "the bucket is there again", func() bool {
		_, err := js.Stream(t.Context(), "KV_"+wandnats.BucketSessions)
		return err == nil
	})
	e.Ready(t)
	for _, p := range []*world.Process{e, g} {
		p.Stop() // before its NATS
		if strings.Contains(strings.ToLower(p.Log.String()), "permissions violation") {
			t.Errorf("refused: %s", p.Log)
		}
	}
}

// securedNATS is production's configuration of a server, on a port of its own. The password
// of a user is its name and "-password".
func securedNATS(t *testing.T) *server.Options {
	t.Helper()
	t.Setenv("NATS_STORE_DIR", t.TempDir())
	_, port, err := net.SplitHostPort(freeport.Addr(t))
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return securedBy(t, checkout.Root(t), n)
}

// securedBy is securedNATS by the configuration of a checkout. The store is NATS_STORE_DIR.
func securedBy(t *testing.T, root string, port int) *server.Options {
	t.Helper()
	for _, user := range []string{"edge", "generator", "provision", "importer", "pop", "operator", "sys"} {
		t.Setenv(strings.ToUpper(user)+"_PASSWORD", user+"-password")
	}
	opts, err := server.ProcessConfigFile(filepath.Join(root, "nats", "server", "single.conf"))
	if err != nil {
		t.Fatal(err)
	}
	opts.Host, opts.HTTPPort, opts.NoLog, opts.NoSigs, opts.AuthTimeout = "127.0.0.1", 0, true, true, eventually.Patience.Seconds()
	opts.Port = port
	return opts
}

// startNATS runs a server until the test ends or stop is called.
func startNATS(t *testing.T, opts *server.Options) (stop func()) {
	t.Helper()
	s, err := server.NewServer(opts.Clone())
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	stop = func() {
		s.Shutdown()
		s.WaitForShutdown()
	}
	t.Cleanup(stop)
	if !s.ReadyForConnections(eventually.Patience) {
		t.Fatal("the server is not ready")
	}
	return stop
}
