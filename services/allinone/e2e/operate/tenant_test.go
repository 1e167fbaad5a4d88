package operate_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/checkout"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/freeport"
	"github.com/wandstore/wandstore/pkg/miniotest"
	"github.com/wandstore/wandstore/pkg/natstest"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
	"github.com/wandstore/wandstore/services/edge"
	"github.com/wandstore/wandstore/services/generator"
	"github.com/wandstore/wandstore/services/importer"
)

// The page nats/tenants.md is typed as it is written: a tenant's services work in an account
// of their own, without seeing the others or being seen, and harm nobody when it is full.
func TestATenantHasAnAccount(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	addr, leafs := freeport.Addr(t), freeport.Addr(t)
	productionNATS(t, dir, addr, fmt.Sprintf("include ./single.conf\nleafnodes { listen: %q }\njetstream { store_dir: $NATS_STORE_DIR, domain: hub, max_file_store: 32GB }", leafs))
	blocks := operatorsPage(t, "nats", "tenants.md")
	if len(blocks) != 3 {
		t.Fatalf("the page has %d blocks", len(blocks))
	}
	typed := func(b block) {
		t.Helper()
		b.run(t, "nats://"+addr, dir, "TENANT=acme", "DISK=14GB", "SYS_PASSWORD=sys-password")
	}
	typed(blocks[0])
	passwords := tenantPasswords(t, filepath.Join(dir, "acme.passwords"))

	// Two worlds on one server: of its own each has nothing but users and buckets of objects.
	others, tenant := newHouse(t, "others", func(user string) wandnats.Config {
		return wandnats.Config{URL: fmt.Sprintf("nats://%s:%s-password@%s", user, user, addr)}
	}), newHouse(t, "tenant", func(user string) wandnats.Config {
		return wandnats.Config{URL: fmt.Sprintf("nats://acme-%s:%s@%s", user, passwords["acme-"+user], addr), InboxPrefix: "_INBOX_" + user}
	})
	operator, js := natstest.Connect(t, tenant.as("operator").URL)
	heard := make(chan *nats.Msg, 1<<16)
	if _, err := operator.ChanSubscribe(">", heard); err != nil {
		t.Fatal(err)
	}
	if err := operator.Flush(); err != nil {
		t.Fatal(err)
	}
	tenant.servesPage(t, "ada")
	others.servesPage(t, "grace")
	if err := operator.Flush(); err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for len(heard) > 0 {
		subject := (<-heard).Subject
		seen[subject[strings.LastIndex(subject, ".")+1:]]++
	}
	if seen["ada"] == 0 || seen["grace"] != 0 {
		t.Errorf("the tenant's operator heard %d messages of its own shopper and %d of another's", seen["ada"], seen["grace"])
	}
	for name, e := range map[string]*world.Process{"grace": tenant.edge, "ada": others.edge} {
		if status := e.GenerationStatus(t, "magic-wands", name); status["state"] != "none" {
			t.Errorf("one account knows of the other's %s: %v", name, status)
		}
	}
	tenant.hasPoP(t, fmt.Sprintf("nats://acme-pop:%s@%s", passwords["acme-pop"], leafs))
	tenant.imports(t)
	eventually.True(t, "the tenant's shop has what was imported", func() bool {
		return world.Get(t, tenant.edge.Base+"/s/lanterns/p/lantern").Status == http.StatusOK
	})
	if a := world.Get(t, others.edge.Base+"/s/lanterns/p/lantern"); a.Status != http.StatusNotFound {
		t.Errorf("the others' shop has what the tenant imported: %d", a.Status)
	}
	typed(blocks[1])
	if report := natsCLI(t, addr, "sys", "sys-password", "server", "report", "accounts"); !strings.Contains(report, "WANDSTORE") || !strings.Contains(report, "acme") {
		t.Errorf("the system's user does not see both accounts:\n%s", report)
	}

	// What it may take of the disk is taken, and its queue's records are full.
	if out := natsCLI(t, addr, "acme-operator", passwords["acme-operator"], "stream", "add", "MORE", "--subjects=more", "--storage=file", "--max-bytes=2GB", "--defaults"); !strings.Contains(out, "insufficient storage") {
		t.Errorf("a stream beyond the account's storage: %s", out)
	}
	records, err := js.Stream(t.Context(), "KV_"+wandnats.BucketJobs)
	if err != nil {
		t.Fatal(err)
	}
	full := records.CachedInfo().Config
	full.MaxBytes = int64(records.CachedInfo().State.Bytes) + 1
	if _, err := js.UpdateStream(t.Context(), full); err != nil {
		t.Fatal(err)
	}
	if a := tenant.edge.Visit(t, "magic-wands", "edith"); a.Status != 200 || a.Header.Get("X-Generation") != "off" {
		t.Errorf("the tenant's full queue: %d, X-Generation %q", a.Status, a.Header.Get("X-Generation"))
	}
	others.servesPage(t, "edith")

	tenant.stop()
	operator.Close()
	typed(blocks[2])
	if out := natsCLI(t, addr, "acme-operator", passwords["acme-operator"], "account", "info"); !strings.Contains(out, "Authorization Violation") {
		t.Errorf("an account that was removed: %s", out)
	}
	others.servesPage(t, "hedy")
	others.stop()
	for _, p := range []*world.Process{others.edge, others.generator, tenant.edge, tenant.generator} {
		wasRefusedNothing(t, p)
	}
}

// wasRefusedNothing checks that the process may what it did.
func wasRefusedNothing(t *testing.T, p *world.Process) {
	t.Helper()
	if strings.Contains(strings.ToLower(p.Log.String()), "permissions violation") {
		t.Errorf("refused: %s", p.Log)
	}
}

// house is the services of one account.
type house struct {
	world           *world.World
	edge, generator *world.Process
	as              func(user string) wandnats.Config
}

// newHouse provisions an account and starts its services.
func newHouse(t *testing.T, name string, as func(user string) wandnats.Config) house {
	t.Helper()
	w := world.New(t)
	cfg := w.GeneratorConfig()
	cfg.NATS = as("provision")
	if err := generator.Provision(t.Context(), cfg, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return house{
		world:     w,
		generator: w.StartGenerator(func(c *generator.Config) { c.NATS = as("generator") }),
		edge:      w.StartEdge(func(c *edge.Config) { c.NATS = as("edge") }),
		as:        as,
	}
}

func (h house) servesPage(t *testing.T, shopper string) {
	t.Helper()
	h.edge.Visit(t, "magic-wands", shopper)
	h.edge.BecomesHit(t, "magic-wands", shopper)
}

// hasPoP starts a PoP whose hub has that URL, and visits its edge: the page is made at the hub,
// and comes by the mirror.
func (h house) hasPoP(t *testing.T, hub string) {
	t.Helper()
	addr := freeport.Addr(t)
	productionNATS(t, t.TempDir(), addr, "include ./pop.conf", "NATS_DOMAIN=pop-1", "NATS_HUB_URL="+hub)
	as := func(user string) wandnats.Config {
		return wandnats.Config{URL: fmt.Sprintf("nats://%s:%s-password@%s", user, user, addr), InboxPrefix: "_INBOX_pop"}
	}
	provision := h.world.GeneratorConfig()
	provision.NATS, provision.Pool.HubDomain = as("provision"), "hub"
	if err := generator.Provision(t.Context(), provision, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatalf("the PoP: %v", err)
	}
	bucket := miniotest.Start(t).Bucket(t) // the PoP's own, without pages
	there := h.world.StartEdge(func(c *edge.Config) {
		c.NATS, c.Pool.HubDomain, c.S3.Bucket = as("edge"), "hub", bucket
	})
	there.Visit(t, "magic-wands", "mary")
	there.BecomesHit(t, "magic-wands", "mary")
	there.Stop()
	wasRefusedNothing(t, there)
}

// imports makes the shop lanterns by "importer import", as the operator, and adds a product to
// it as the user that may only write products.
func (h house) imports(t *testing.T) {
	t.Helper()
	newShop := []string{"-name", "Lanterns", "-currency", "EUR"}
	const candle, lantern = "candle,Candle,true,CANDLE,9.00\n", "lantern,Lantern,true,LANTERN,29.00\n"
	for _, run := range []struct {
		user, rows string
		flags      []string
		status     int
		says       string
	}{
		{"importer", candle, newShop, 1, "permissions violation"},
		{"operator", candle, newShop, 0, "document was made"},
		{"importer", candle + lantern, nil, 0, "added          1"},
	} {
		file := filepath.Join(t.TempDir(), "products.csv")
		if err := os.WriteFile(file, []byte("Handle,Title,Published,Variant SKU,Variant Price\n"+run.rows), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg := h.as(run.user)
		var out bytes.Buffer
		status := importer.Command(append(run.flags, "-shop", "lanterns", file), []string{"NATS_URL=" + cfg.URL, "NATS_INBOX_PREFIX=" + cfg.InboxPrefix}, strings.NewReader(""), &out, &out)
		if status != run.status || !strings.Contains(strings.ToLower(out.String()), run.says) {
			t.Errorf("import as %s: %d, want %d and %q\n%s", run.user, status, run.status, run.says, out.String())
		}
	}
}

func (h house) stop() {
	h.edge.Stop()
	h.generator.Stop()
}

// productionNATS runs the pinned nats-server at addr by a configuration of an operator's own in
// dir/nats/server, beside the others. The password of a user is its name and "-password".
func productionNATS(t *testing.T, dir, addr, config string, variables ...string) {
	t.Helper()
	configs := filepath.Join(dir, "nats", "server")
	if err := os.CopyFS(configs, os.DirFS(filepath.Join(checkout.Root(t), "nats", "server"))); err != nil {
		t.Fatal(err)
	}
	own := fmt.Sprintf("%s\nlisten: %q\nhttp: %q\nauthorization { timeout: %.0f }\n", config, addr, freeport.Addr(t), eventually.Patience.Seconds())
	if err := os.WriteFile(filepath.Join(configs, "own.conf"), []byte(own), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(checkout.Tool(t, "nats-server"), "-c", filepath.Join(configs, "own.conf"))
	cmd.Env = append(append(os.Environ(), "NATS_STORE_DIR="+t.TempDir()), variables...)
	for _, user := range []string{"edge", "generator", "provision", "importer", "pop", "operator", "sys"} {
		cmd.Env = append(cmd.Env, strings.ToUpper(user)+"_PASSWORD="+user+"-password")
	}
	var output bytes.Buffer
	cmd.Stderr = &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
		if t.Failed() {
			t.Logf("nats-server:\n%s", output.String())
		}
	})
	eventually.NoError(t, func() error {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			err = conn.Close()
		}
		return err
	})
}

// tenantPasswords reads what the page wrote: a user and its password a line.
func tenantPasswords(t *testing.T, file string) map[string]string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	passwords := map[string]string{}
	for line := range strings.Lines(string(b)) {
		if fields := strings.Fields(line); len(fields) == 2 {
			passwords[fields[0]] = fields[1]
		}
	}
	return passwords
}

// natsCLI runs the pinned nats CLI as a user, whatever it exits with, and returns what it
// prints.
func natsCLI(t *testing.T, addr, user, password string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), checkout.Tool(t, "nats"), append([]string{"--server", addr, "--user", user, "--password", password}, args...)...)
	cmd.Env = append(cmd.Environ(), "XDG_CONFIG_HOME="+t.TempDir(), world.CLIPatience)
	out, err := cmd.CombinedOutput()
	if err != nil && len(out) == 0 {
		t.Fatalf("nats %s: %v", strings.Join(args, " "), err)
	}
	return string(out)
}
