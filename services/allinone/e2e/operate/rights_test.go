package operate_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/checkout"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
	"github.com/wandstore/wandstore/services/edge"
	"github.com/wandstore/wandstore/services/generator"
)

// With production's users, services that may not create streams wait for those who may,
// say for what, and then work as ever.
func TestServicesWaitForProvisioning(t *testing.T) {
	addr := startSecuredNATS(t)
	as := func(user string) wandnats.Config {
		return wandnats.Config{URL: fmt.Sprintf("nats://%s:%s-password@%s", user, user, addr)}
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
	for _, p := range []*world.Process{e, g} {
		if strings.Contains(strings.ToLower(p.Log.String()), "permissions violation") {
			t.Errorf("refused: %s", p.Log)
		}
	}
}

// startSecuredNATS runs a server by production's configuration and gives its address.
// The password of a user is its name and "-password".
func startSecuredNATS(t *testing.T) string {
	t.Helper()
	for _, user := range []string{"edge", "generator", "provision", "importer", "operator", "sys"} {
		t.Setenv(strings.ToUpper(user)+"_PASSWORD", user+"-password")
	}
	t.Setenv("NATS_STORE_DIR", t.TempDir())
	opts, err := server.ProcessConfigFile(filepath.Join(checkout.Root(t), "nats", "server", "single.conf"))
	if err != nil {
		t.Fatal(err)
	}
	opts.Host, opts.Port, opts.HTTPPort, opts.NoLog, opts.NoSigs = "127.0.0.1", server.RANDOM_PORT, 0, true, true
	s, err := server.NewServer(opts)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(time.Minute) {
		t.Fatal("the server is not ready")
	}
	return s.Addr().(*net.TCPAddr).String()
}
