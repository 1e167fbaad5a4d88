package faults_test

import (
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/wandstore/wandstore/pkg/checkout"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/faulttest"
	"github.com/wandstore/wandstore/pkg/freeport"
	"github.com/wandstore/wandstore/pkg/miniotest"
	"github.com/wandstore/wandstore/pkg/natstest"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
	"github.com/wandstore/wandstore/services/edge"
	"github.com/wandstore/wandstore/services/generator"
)

// region is a hub and a PoP 120 ms away, by the files of production.
type region struct {
	hub, pop string // host:port
	link     *faulttest.Proxy
}

// startRegion starts both, with the streams of the world's settings and their mirrors.
func startRegion(t *testing.T, w *world.World) *region {
	t.Helper()
	leafs := freeport.Addr(t)
	r := &region{}
	r.hub = configuredNATS(t, nil, func(o *server.Options) { o.LeafNode.Host, o.LeafNode.Port = hostPort(t, leafs) }, "single.conf", "leafnodes.conf")
	r.link = faulttest.NewProxy(t, leafs)
	r.pop = configuredNATS(t, map[string]string{"NATS_DOMAIN": "pop-1", "NATS_HUB_URL": as("pop", r.link.Addr())}, func(*server.Options) {}, "pop.conf")
	provision := w.GeneratorConfig()
	provision.NATS.URL = as("provision", r.hub)
	provisioned(t, provision)
	provision.NATS.URL, provision.NATS.InboxPrefix, provision.Pool.HubDomain = as("provision", r.pop), popInbox, hubDomain
	provisioned(t, provision)
	r.restore()
	return r
}

// What the services of a PoP are given besides.
const (
	popInbox  = "_INBOX_pop"
	hubDomain = "hub"
)

// restore has the link be as it was before it failed: the end of all faults ends its delay too.
func (r *region) restore() {
	r.link.Restore()
	r.link.Latency(60 * time.Millisecond)
}

// edgeThere is the setting of an edge at the PoP. Its object store has no page: what is served
// there comes by the mirror.
func (r *region) edgeThere(t *testing.T) func(*edge.Config) {
	t.Helper()
	bucket := miniotest.Start(t).Bucket(t)
	return func(c *edge.Config) {
		c.NATS.URL, c.NATS.InboxPrefix, c.Pool.HubDomain = as("edge", r.pop), popInbox, hubDomain
		c.S3.Bucket = bucket
	}
}

// awaitHub waits until an edge at the PoP says of its hub that it is "ok" or "away".
func awaitHub(t *testing.T, e *world.Process, state string) {
	t.Helper()
	eventually.True(t, "the hub is "+state, func() bool {
		checks, _ := world.Get(t, e.Base+"/health").JSON(t)["checks"].(map[string]any)
		return checks["hub"] == state
	})
}

// A PoP whose hub is 120 ms away serves what it has at once, and has pages made at the hub.
// Cut off, it goes on serving, also after a restart, and asks for nothing. It finds back by
// itself, and pays for no page that was made meanwhile.
func TestPoPAndItsHub(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	r := startRegion(t, w)
	link, there := r.link, r.edgeThere(t)
	g := w.StartGenerator(func(c *generator.Config) { c.NATS.URL = as("generator", r.hub) })
	e := w.StartEdge(there)
	awaitHub(t, e, "ok")

	if a := e.Visit(t, "magic-wands", "ada"); a.Status != http.StatusOK || a.Header.Get("X-Generation") != "triggered" {
		t.Errorf("a miss: %d, X-Generation %q", a.Status, a.Header.Get("X-Generation"))
	}
	page := e.BecomesHit(t, "magic-wands", "ada")
	made := len(w.Sim.Requests())

	// Nothing comes through, and nobody knows it yet: a hit that waited for the hub would wait
	// for one of the edge's deadlines.
	link.Hang()
	for range 3 {
		start := time.Now()
		if a := e.Visit(t, "magic-wands", "ada"); a.Header.Get("X-Cache") != "HIT" || a.Body != page.Body || time.Since(start) > world.Patient*3/4 {
			t.Errorf("a hit beside a silent hub: %s after %s", a.Header.Get("X-Cache"), time.Since(start))
		}
	}

	link.Cut()
	awaitHub(t, e, "away")
	fresh := w.StartEdge(there)
	for _, e := range []*world.Process{e, fresh} {
		if a := e.Visit(t, "magic-wands", "ada"); a.Header.Get("X-Cache") != "HIT" || a.Body != page.Body {
			t.Errorf("a hit without the hub: %s from %q", a.Header.Get("X-Cache"), a.Tier())
		}
		if a := e.Visit(t, "magic-wands", "grace"); a.Status != http.StatusOK || a.Header.Get("X-Cache") != "MISS" || a.Header.Get("X-Generation") != "off" {
			t.Errorf("a miss without the hub: %d, %s, X-Generation %q", a.Status, a.Header.Get("X-Cache"), a.Header.Get("X-Generation"))
		}
		for path, want := range map[string]int{"/ready": 200, "/s/magic-wands/p/nightjar": 200, "/s/no-such-shop": 404} {
			if a := world.Get(t, e.Base+path); a.Status != want {
				t.Errorf("%s without the hub: %d, want %d", path, a.Status, want)
			}
		}
	}
	// Meanwhile, at home.
	body := `{"jobId":"meanwhile","storeSlug":"magic-wands","shopperId":"edith","preferences":{"persona":"loyalist"}}`
	if a := world.Post(t, g.Base+"/generate", body, "Content-Type", "application/json"); a.Status != http.StatusOK || a.JSON(t)["success"] != true {
		t.Fatalf("generate: %d %s", a.Status, a.Body)
	}

	r.restore()
	awaitHub(t, e, "ok")
	awaitHub(t, fresh, "ok")
	if a := e.Visit(t, "magic-wands", "edith"); a.Header.Get("X-Cache") != "HIT" || a.Header.Get("X-Persona") != "loyalist" {
		t.Errorf("the page that was made meanwhile: %s, X-Generation %q", a.Header.Get("X-Cache"), a.Header.Get("X-Generation"))
	}
	if n := len(w.Sim.Requests()); n != made+1 {
		t.Errorf("the model was asked %d times meanwhile, want once", n-made)
	}
	fresh.Visit(t, "magic-wands", "grace")
	fresh.BecomesHit(t, "magic-wands", "grace")
	_, js := natstest.Connect(t, as("operator", r.hub))
	eventually.True(t, "the jobs are settled", func() bool { return len(w.Waiting(js)) == 0 })
}

// as is the URL of a user of a server that configuredNATS started.
func as(user, addr string) string { return account(user, addr).URL() }

func account(user, addr string) natstest.Account { return natstest.At(addr).As(user, user+"-password") }

// users are those of the configurations in nats/server.
var users = []string{"edge", "generator", "provision", "importer", "pop", "operator", "sys"}

// provisioned makes the streams of the NATS that cfg tells of.
func provisioned(t *testing.T, cfg generator.Config) {
	t.Helper()
	if err := generator.Provision(t.Context(), cfg, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
}

// configuredNATS runs a nats-server by files of nats/server, which follow each other, and
// returns its address. The variables are those that the files want besides passwords, which
// are the users' names and "-password".
func configuredNATS(t *testing.T, variables map[string]string, change func(*server.Options), files ...string) string {
	t.Helper()
	values := map[string]string{"NATS_STORE_DIR": t.TempDir()}
	for _, user := range users {
		values[strings.ToUpper(user)+"_PASSWORD"] = user + "-password"
	}
	maps.Copy(values, variables)
	var text, config strings.Builder
	for _, file := range files {
		text.WriteString(included(t, file))
	}
	for name, value := range values {
		// In the file itself, for the environment is that of the tests that run beside. The server
		// refuses one that is not used.
		if strings.Contains(text.String(), "$"+name) {
			fmt.Fprintf(&config, "%s: %q\n", name, value)
		}
	}
	config.WriteString(text.String())
	opts := &server.Options{}
	if err := opts.ProcessConfigString(config.String()); err != nil {
		t.Fatal(err)
	}
	addr := freeport.Addr(t)
	opts.Host, opts.Port = hostPort(t, addr)
	opts.HTTPPort, opts.NoLog, opts.NoSigs, opts.SyncAlways = 0, true, true, false
	change(opts)
	s, err := server.NewServer(opts)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(eventually.Patience) {
		t.Fatal("the server is not ready")
	}
	return addr
}

// included is a file of nats/server with those that it includes in their place: an included
// file is told no variables but the environment's.
func included(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(checkout.Root(t), "nats", "server", file))
	if err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile(`include \./([a-z-]+\.conf)`).ReplaceAllStringFunc(string(b), func(line string) string {
		return included(t, strings.TrimPrefix(line, "include ./"))
	})
}

func hostPort(t *testing.T, addr string) (host string, port int) {
	t.Helper()
	host, text, err := net.SplitHostPort(addr)
	if err == nil {
		port, err = strconv.Atoi(text)
	}
	if err != nil {
		t.Fatal(err)
	}
	return host, port
}
