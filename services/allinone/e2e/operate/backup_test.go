package operate_test

import (
	"os/exec"
	"testing"

	"github.com/wandstore/wandstore/pkg/checkout"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/miniotest"
	"github.com/wandstore/wandstore/pkg/natstest"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
	"github.com/wandstore/wandstore/services/edge"
	"github.com/wandstore/wandstore/services/generator"
)

// The page deploy/backup.md is typed as it is written: after the loss of NATS and the object
// store, with the keys as they were, shoppers get the same pages and none is paid for twice.
func TestEverythingIsRestored(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	keys := pagestore.KeyConfig{PageKeys: "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}
	startEdge := func() *world.Process { return w.StartEdge(func(c *edge.Config) { c.PageKeys = keys }) }
	startGenerator := func() *world.Process { return w.StartGenerator(func(c *generator.Config) { c.PageKeys = keys }) }
	mc := objectStores(t, map[string]string{"pages": w.S3.Endpoint, "backup": w.S3.Endpoint})
	dir := t.TempDir()
	blocks := operatorsPage(t, "deploy", "backup.md")
	if len(blocks) != 4 {
		t.Fatalf("the page has %d blocks", len(blocks))
	}
	once, backUpNATS, backUpObjects, restore := blocks[0], blocks[1], blocks[2], blocks[3]
	typed := func(b block) {
		t.Helper()
		b.run(t, w.NATS.URL(), dir, mc, "MINIO_BUCKET="+w.S3.Bucket)
	}
	typed(once)

	e, g := startEdge(), startGenerator()
	pages := map[string]string{}
	e.Visit(t, "magic-wands", "ada")
	pages["ada"] = e.BecomesHit(t, "magic-wands", "ada").Body
	g.Stop()
	// This one's job waits in the backup of NATS, and its page is in that of the objects.
	e.Visit(t, "magic-wands", "grace")
	typed(backUpNATS)
	g = startGenerator()
	pages["grace"] = e.BecomesHit(t, "magic-wands", "grace").Body
	typed(backUpObjects)
	g.Stop()
	e.Stop()
	paid := len(w.Sim.Requests())

	// A NATS with nothing in it, and an empty bucket.
	w.NATS = natstest.Start(t)
	w.S3.Bucket = miniotest.Start(t).Bucket(t)
	typed(restore)
	_, js := w.Connect()
	if waiting := w.Waiting(js); len(waiting) != 1 {
		t.Errorf("of the jobs there wait %v, want the one that was not done", waiting)
	}

	e, g = startEdge(), startGenerator()
	for shopper, body := range pages {
		if a := e.Visit(t, "magic-wands", shopper); a.Header.Get("X-Cache") != "HIT" || a.Body != body {
			t.Errorf("%s: %s, X-Generation %q, the same page %v", shopper, a.Header.Get("X-Cache"), a.Header.Get("X-Generation"), a.Body == body)
		}
	}
	eventually.True(t, "the job of the backup is settled", func() bool { return len(w.Waiting(js)) == 0 })
	g.Stop()
	if n := len(w.Sim.Requests()); n != paid {
		t.Errorf("the model was asked %d times after the restore", n-paid)
	}
}

// objectStores gives mc an alias for each address, and returns the setting by which it
// knows them.
func objectStores(t *testing.T, aliases map[string]string) (setting string) {
	t.Helper()
	setting = "MC_CONFIG_DIR=" + t.TempDir()
	for alias, addr := range aliases {
		cmd := exec.CommandContext(t.Context(), checkout.Tool(t, "mc"), "--quiet", "alias", "set", alias, "http://"+addr, miniotest.AccessKey, miniotest.SecretKey)
		cmd.Env = append(cmd.Environ(), setting)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("mc alias set %s: %v\n%s", alias, err, out)
		}
	}
	return setting
}
