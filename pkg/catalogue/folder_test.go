package catalogue_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/catalogue/cataloguetest"
	"github.com/wandstore/wandstore/pkg/eventually"
)

// teas is the document of the built-in tea shop under another slug and name.
func teas(t testing.TB, slug, name string) []byte {
	t.Helper()
	return edited(t, func(d map[string]any) { d["slug"], d["name"] = slug, name })
}

func edited(t testing.TB, edit func(map[string]any)) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "catalogue", "shops", "whitby-tea.json"))
	if err != nil {
		t.Fatal(err)
	}
	var d map[string]any
	if err := json.Unmarshal(b, &d); err != nil {
		t.Fatal(err)
	}
	edit(d)
	if b, err = json.Marshal(d); err != nil {
		t.Fatal(err)
	}
	return b
}

// write replaces a file in one step, as operators' tools do.
func write(t testing.TB, dir, name string, text []byte) {
	t.Helper()
	made := filepath.Join(dir, "."+name)
	if err := os.WriteFile(made, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(made, filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

// logged is a log output that can be searched while it is written.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) count(words string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), words)
}

// follow gives a directory that follows the folder until the test ends.
func follow(t testing.TB, dir string) (*catalogue.Directory, *logged) {
	t.Helper()
	log := &logged{}
	d, err := catalogue.New(catalogue.Config{Dir: dir, ReadInterval: 20 * time.Millisecond}, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	background(t, d.Run)
	return d, log
}

// background runs f until the test ends.
func background(t testing.TB, f func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := eventually.Receive(t, done, "end"); err != nil {
			t.Error(err)
		}
	})
}

// named waits until the shop has that name, or for "" until the shop is gone.
func named(t testing.TB, d *catalogue.Directory, slug, name string) {
	t.Helper()
	eventually.True(t, slug+" is called "+name, func() bool {
		shop, ok := d.Shop(slug)
		return !ok && name == "" || ok && shop.Name == name
	})
}

func TestFolderIsFollowed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "harbour.json", teas(t, "harbour", "First"))
	write(t, dir, "notes.txt", []byte("not a store"))
	d, _ := follow(t, dir)
	if shop, ok := d.Shop("harbour"); !ok || shop.Name != "First" || len(d.All()) != 3 {
		t.Fatalf("at the start: %v, %d shops", shop, len(d.All()))
	}
	write(t, dir, "harbour.json", teas(t, "harbour", "Second"))
	named(t, d, "harbour", "Second")
	write(t, dir, "pier.json", teas(t, "pier", "Pier"))
	named(t, d, "pier", "Pier")
	if err := os.Remove(filepath.Join(dir, "pier.json")); err != nil {
		t.Fatal(err)
	}
	named(t, d, "pier", "")

	// A file replaces a built-in shop, which comes back when the file is removed.
	write(t, dir, "whitby-tea.json", teas(t, "whitby-tea", "Ours"))
	named(t, d, "whitby-tea", "Ours")
	if err := os.Remove(filepath.Join(dir, "whitby-tea.json")); err != nil {
		t.Fatal(err)
	}
	named(t, d, "whitby-tea", "Whitby Tea Room")
	if faults := d.Faults(); len(faults) != 0 {
		t.Errorf("faults %v", faults)
	}
}

// Kubernetes updates a ConfigMap by replacing a symbolic link to a folder. The files are
// links into that folder.
func TestSwappedFolderIsFollowed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for version, name := range map[string]string{"..1": "First", "..2": "Second"} {
		if err := os.Mkdir(filepath.Join(dir, version), 0o750); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, version), "harbour.json", teas(t, "harbour", name))
	}
	point := func(version string) {
		if err := os.Symlink(version, filepath.Join(dir, "..new")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(dir, "..new"), filepath.Join(dir, "..data")); err != nil {
			t.Fatal(err)
		}
	}
	point("..1")
	if err := os.Symlink(filepath.Join("..data", "harbour.json"), filepath.Join(dir, "harbour.json")); err != nil {
		t.Fatal(err)
	}
	d, _ := follow(t, dir)
	named(t, d, "harbour", "First")
	point("..2")
	named(t, d, "harbour", "Second")
}

func TestFaultyFileKeepsTheLastValidShop(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	good := teas(t, "harbour", "Good")
	write(t, dir, "harbour.json", good)
	d, log := follow(t, dir)
	before, _ := d.Shop("harbour")
	for text, want := range map[string]string{
		`{"slug":"harbour"`: "is not JSON",
		string(edited(t, func(d map[string]any) {
			d["slug"] = "harbour"
			d["currency"] = "GALLEON"
		})): `harbour.json: currency: is "GALLEON"`,
		string(teas(t, "pier", "Pier")): `slug: is "pier", must be "harbour"`,
	} {
		write(t, dir, "harbour.json", []byte(text))
		eventually.True(t, "the fault is reported: "+want, func() bool { return strings.Contains(d.Faults()["harbour.json"], want) })
		if now, _ := d.Shop("harbour"); now != before {
			t.Errorf("%s: another shop is served", want)
		}
		said := log.count("store refused")
		// When a later file is served, the faulty one has been read again.
		later := "After " + strings.Fields(want)[0]
		write(t, dir, "later.json", teas(t, "later", later))
		named(t, d, "later", later)
		if again := log.count("store refused"); again != said {
			t.Errorf("%s: said %d times more", want, again-said)
		}
	}
	write(t, dir, "harbour.json", good)
	eventually.True(t, "no fault is reported", func() bool { return len(d.Faults()) == 0 })
	if now, _ := d.Shop("harbour"); now != before {
		t.Error("the same document became another shop")
	}
}

func TestFaultyProductIsLeftOut(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "harbour.json", edited(t, func(d map[string]any) {
		d["slug"], d["name"] = "harbour", "Harbour"
		products := d["products"].([]any)
		products[2].(map[string]any)["priceCents"] = -5
		products[4] = "no product"
		products[5].(map[string]any)["colour"] = "red"
	}))
	d, _ := follow(t, dir)
	named(t, d, "harbour", "Harbour")
	shop, _ := d.Shop("harbour")
	if all := len(cataloguetest.Shop(t, "whitby-tea").Products); len(shop.Products) != all-3 || shop.LeftOut.Products != 3 {
		t.Errorf("%d of %d products are served, %d left out", len(shop.Products), all, shop.LeftOut.Products)
	}
	if fault := d.Faults()["harbour.json"]; !strings.HasPrefix(fault, "product left out: harbour.json: products[2].priceCents: is -5, must be above 0") {
		t.Errorf("fault %q", fault)
	}
	var out bytes.Buffer
	status := catalogue.Verify(dir, &out, &out)
	for _, want := range []string{"products[2].priceCents", "products[4]: is a string", "products[5].colour: is not a field"} {
		if status != 2 || !strings.Contains(out.String(), want) {
			t.Errorf("verify: %d, want %q in %s", status, want, &out)
		}
	}
}

func TestFaultyFilesDoNotAffectOthers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string][]byte{
		"harbour.json":    teas(t, "harbour", "Harbour"),
		"whitby-tea.json": []byte("{}"),
		"Bad Name.json":   teas(t, "harbour", "Harbour"),
		"huge.json":       make([]byte, 1<<20),
	} {
		write(t, dir, name, text)
	}
	if err := os.Mkdir(filepath.Join(dir, "folder.json"), 0o750); err != nil {
		t.Fatal(err)
	}
	d, _ := follow(t, dir)
	named(t, d, "harbour", "Harbour")
	named(t, d, "whitby-tea", "Whitby Tea Room")
	faults := d.Faults()
	for name, want := range map[string]string{
		"whitby-tea.json": "more)", "Bad Name.json": "lower-case letters", "huge.json": "more than 524288 bytes", "folder.json": "not a file",
	} {
		if !strings.Contains(faults[name], want) || strings.Contains(faults[name], "\n") || strings.Contains(faults[name], dir) {
			t.Errorf("%s: %q, want %q", name, faults[name], want)
		}
	}
	if len(faults) != 4 {
		t.Errorf("faults %v", faults)
	}
}

func TestMissingFolderKeepsTheShops(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "stores")
	if err := os.Mkdir(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "harbour.json", teas(t, "harbour", "Harbour"))
	d, _ := follow(t, dir)
	if err := os.Rename(dir, dir+".away"); err != nil {
		t.Fatal(err)
	}
	eventually.True(t, "the folder is missed", func() bool { return d.Faults()["STORES_DIR"] != "" })
	if _, ok := d.Shop("harbour"); !ok {
		t.Error("the shop disappeared with the folder")
	}
	if err := os.Rename(dir+".away", dir); err != nil {
		t.Fatal(err)
	}
	eventually.True(t, "the folder is back", func() bool { return len(d.Faults()) == 0 })
}

func TestValidateNamesTheVariable(t *testing.T) {
	t.Parallel()
	for dir, right := range map[string]bool{"": true, t.TempDir(): true, filepath.Join(t.TempDir(), "none"): false} {
		err := catalogue.Config{Dir: dir}.Validate()
		if (err == nil) != right || err != nil && (!strings.HasPrefix(err.Error(), "STORES_DIR ") || strings.Contains(err.Error(), dir)) {
			t.Errorf("%q: %v", dir, err)
		}
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	verify := func() (int, string) {
		var out bytes.Buffer
		return catalogue.Verify(dir, &out, &out), out.String()
	}
	if status, out := verify(); status != 2 || !strings.Contains(out, "no {slug}.json") {
		t.Errorf("an empty folder: %d %s", status, out)
	}
	write(t, dir, "harbour.json", teas(t, "harbour", "Harbour"))
	if status, out := verify(); status != 0 || out != "right: harbour\n" {
		t.Errorf("a right one: %d %s", status, out)
	}
	write(t, dir, "pier.json", []byte(`{"slug":"pier"}`))
	write(t, dir, "quay.json", []byte(`{`))
	status, out := verify()
	for _, want := range []string{"pier.json: name:", "pier.json: collections: must", "quay.json: line 1:"} {
		if status != 2 || !strings.Contains(out, want) {
			t.Errorf("faulty ones: %d, want %q in %s", status, want, out)
		}
	}
}
