package imports_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/checkout"
	"github.com/wandstore/wandstore/pkg/natstest"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
	"github.com/wandstore/wandstore/services/importer"
)

// bus is an account with the buckets.
type bus struct {
	url string
	js  jetstream.JetStream
}

func newBus(t testing.TB) *bus {
	t.Helper()
	account := natstest.Start(t)
	_, js := account.Connect(t)
	ensure(t, js)
	return &bus{account.URL(), js}
}

func ensure(t testing.TB, js jetstream.JetStream) {
	t.Helper()
	settings := wandnats.Settings{PoolSize: 10, MaxQueueDepth: 100, Concurrency: 1, CacheTTLSeconds: 3600, Replicas: 1}
	if err := wandnats.EnsureStreams(t.Context(), js, settings); err != nil {
		t.Fatal(err)
	}
}

// run is "importer import" with the arguments; it returns its status and what it says.
func (b *bus) run(t testing.TB, args ...string) (status int, says string) {
	t.Helper()
	var out bytes.Buffer
	status = importer.Command(args, []string{"NATS_URL=" + b.url}, strings.NewReader(""), &out, &out)
	return status, out.String()
}

// products are the products of a shop in the bucket.
func (b *bus) products(t *testing.T, shop string) map[string]*catalogue.Product {
	t.Helper()
	kv, err := b.js.KeyValue(t.Context(), wandnats.BucketCatalogue)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*catalogue.Product{}
	err = wandnats.Watch{Bucket: kv, Keys: wandnats.ProductsOf(shop), Entry: func(e jetstream.KeyValueEntry) {
		if e.Operation() != jetstream.KeyValuePut {
			return
		}
		_, id, _ := wandnats.SplitProductKey(e.Key())
		if all[id], err = catalogue.ReadProduct(e.Key(), id, e.Value()); err != nil {
			t.Error(err)
		}
	}}.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func write(t testing.TB, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "products_export.csv")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// export is a Shopify export of n products, of which those that change names are changed.
func export(n int, change func(product int) (price string)) string {
	var b strings.Builder
	b.WriteString("Handle,Title,Body (HTML),Type,Tags,Published,Option1 Name,Option1 Value,Variant SKU,Variant Inventory Tracker,Variant Inventory Qty,Variant Price,Image Src\n")
	for i := range n {
		price := "10.00"
		if change != nil {
			price = change(i)
		}
		fmt.Fprintf(&b, "bowl-%d,Bowl %d,<p>Thrown.</p>,Bowls,\"clay, no %d\",true,Size,S,B-%d-S,shopify,%d,%s,https://img.example.com/%d.jpg\n", i, i, i, i, i, price, i)
		fmt.Fprintf(&b, "bowl-%d,,,,,,,L,B-%d-L,shopify,5,%s,\n", i, i, price)
	}
	return b.String()
}

func TestExports(t *testing.T) {
	t.Parallel()
	b := newBus(t)
	whole := write(t, export(20, nil))
	steps := []struct {
		name   string
		args   []string
		status int
		says   []string
		kept   int // products in the bucket afterwards
	}{
		{"without a shop", []string{"-shop", "bowls", whole}, 2, []string{"-name and -currency"}, 0},
		{"a dry run", []string{"-shop", "bowls", "-name", "Bowls", "-currency", "EUR", "-dry-run", whole}, 0, []string{"added         20", "nothing was written"}, 0},
		{"the first run", []string{"-shop", "bowls", "-name", "Bowls", "-currency", "EUR", whole}, 0, []string{"added         20", "document was made"}, 20},
		{"a second run", []string{"-shop", "bowls", whole}, 0, []string{"added          0", "changed        0", "unchanged     20"}, 20},
		{"another currency", []string{"-shop", "bowls", "-currency", "USD", whole}, 1, []string{"the shop's currency is EUR"}, 20},
		{"a change", []string{write(t, export(20, func(i int) string {
			if i == 7 {
				return "12.00"
			}
			return "10.00"
		})), "-shop", "bowls"}, 0, []string{"changed        1", "changed bowl-7 (line 16): price", "unchanged     19"}, 20},
		{"a fault", []string{"-shop", "bowls", write(t, export(20, func(i int) string {
			if i == 3 {
				return "cheap"
			}
			return "10.00"
		}))}, 3, []string{"left out       1", `left out bowl-3 (line 8): the price "cheap" is no amount`, "changed        1", "removed        0"}, 20},
		{"an early end", []string{"-shop", "bowls", "-yes", write(t, export(12, nil)+"bowl-12,Bo")}, 1, []string{"line 26: the file ends early"}, 20},
		{"two fewer", []string{"-shop", "bowls", write(t, export(18, nil))}, 0, []string{"removed        2", "removed bowl-19"}, 18},
		{"half of it", []string{"-shop", "bowls", write(t, export(9, nil))}, 4, []string{"nothing was removed: 9 of 18 products", "-yes"}, 18},
		{"half of it, meant", []string{"-shop", "bowls", "-yes", write(t, export(9, nil))}, 0, []string{"removed        9"}, 9},
		{"a draft", []string{"-shop", "bowls", "-yes", write(t, strings.Replace(export(9, nil), "no 4\",true", "no 4\",false", 1))}, 0, []string{"left out bowl-4 (line 10): is not published", "removed        1"}, 8},
		{"not a table", []string{"-shop", "bowls", write(t, "PK\x03\x04")}, 1, []string{"line 1: the file is a workbook"}, 8},
		{"no known header", []string{"-shop", "bowls", write(t, "a,b\n1,2\n")}, 1, []string{"line 1: the header is of no known format"}, 8},
	}
	for _, step := range steps {
		status, says := b.run(t, step.args...)
		if status != step.status {
			t.Errorf("%s: status %d, want %d: %s", step.name, status, step.status, says)
		}
		for _, want := range step.says {
			if !strings.Contains(says, want) {
				t.Errorf("%s does not say %q: %s", step.name, want, says)
			}
		}
		if got := len(b.products(t, "bowls")); got != step.kept {
			t.Errorf("%s: the bucket has %d products, want %d", step.name, got, step.kept)
		}
	}
}

// What somebody else changes while a source is read that lacks it stays.
func TestARemovalGivesWay(t *testing.T) {
	t.Parallel()
	b := newBus(t)
	if status, says := b.run(t, "-shop", "bowls", "-name", "Bowls", "-currency", "EUR", write(t, export(20, nil))); status != 0 {
		t.Fatalf("status %d: %s", status, says)
	}
	kv, err := b.js.KeyValue(t.Context(), wandnats.BucketCatalogue)
	if err != nil {
		t.Fatal(err)
	}
	key := wandnats.ProductKey("bowls", "bowl-19")
	report := &hook{do: func() {
		entry, err := kv.Get(t.Context(), key)
		if err != nil {
			t.Error(err)
			return
		}
		if _, err := kv.Update(t.Context(), key, bytes.ReplaceAll(entry.Value(), []byte("1000"), []byte("1100")), entry.Revision()); err != nil {
			t.Error(err)
		}
	}}
	source := strings.NewReader(export(18, func(int) string { return "12.00" }))
	summary, err := importer.Import(t.Context(), b.js, importer.Options{Shop: "bowls", Source: "-", Format: "auto", Stdin: source, Yes: true, Report: report, Progress: io.Discard, Now: time.Now()})
	if err != nil || summary.Removed != 1 || !strings.Contains(report.String(), "was changed while the source was read") {
		t.Errorf("removed %d, %v: %s", summary.Removed, err, report)
	}
	if left := b.products(t, "bowls"); len(left) != 19 || left["bowl-19"] == nil || left["bowl-19"].NowCents() != 1100 {
		t.Errorf("%d products are left: %+v", len(left), left["bowl-19"])
	}
}

// hook calls do before the first thing is written to it.
type hook struct {
	bytes.Buffer
	once sync.Once
	do   func()
}

func (h *hook) Write(p []byte) (int, error) {
	h.once.Do(h.do)
	return h.Buffer.Write(p)
}

// What a report has is everything, a line of JSON each.
func TestReport(t *testing.T) {
	t.Parallel()
	b := newBus(t)
	report := filepath.Join(t.TempDir(), "report.json")
	if status, says := b.run(t, "-shop", "bowls", "-name", "Bowls", "-currency", "EUR", "-report", report, write(t, export(50, nil))); status != 0 || !strings.Contains(says, "30 more") {
		t.Fatalf("status %d: %s", status, says)
	}
	content, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	var e importer.Entry
	if err := json.Unmarshal([]byte(lines[49]), &e); err != nil || len(lines) != 50 || e.Outcome != "added" || e.Product != "bowl-49" || e.Line != 100 {
		t.Errorf("%d lines, the last is %+v, %v", len(lines), e, err)
	}
}

// The commands of the README, as they stand there.
func TestReadmesThreeCommands(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	edge := w.StartEdge()
	root, folder := checkout.Root(t), t.TempDir()
	golden, err := os.ReadFile(filepath.Join(root, "services", "importer", "internal", "shopifycsv", "testdata", "old.csv"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "products_export.csv"), golden, 0o600); err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(readme), "## From an export to a shop\n")
	block := regexp.MustCompile("(?s)```sh\n(.*?)```").FindStringSubmatch(section)
	if !found || block == nil {
		t.Fatal("the README has no section of it")
	}
	commands := strings.Split(strings.TrimSpace(block[1]), "\n")
	if len(commands) != 3 {
		t.Errorf("%d commands, want three", len(commands))
	}
	for _, command := range commands {
		cmd := exec.CommandContext(t.Context(), "sh", "-c", strings.ReplaceAll(command, "http://localhost:8787", edge.Base))
		if cmd.Dir = folder; strings.HasPrefix(command, "go ") {
			cmd.Dir = root
		}
		cmd.Env = append(os.Environ(), "GOBIN="+folder, "PATH="+folder+":"+os.Getenv("PATH"), "NATS_URL="+w.NATS.URL())
		// The export has a faulty product, so that the import's status is 3.
		out, err := cmd.CombinedOutput()
		if exit := cmd.ProcessState.ExitCode(); exit != 0 && exit != 3 {
			t.Fatalf("%s: %v: %s", command, err, out)
		}
	}
	_, js := w.Connect()
	if got := (&bus{w.NATS.URL(), js}).products(t, "linen"); len(got) != 4 || got["linen-apron"].Variants[1].SKU != "AP-2" {
		t.Errorf("the shop has %v", got)
	}
}
