package operate_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/wandstore/wandstore/pkg/checkout"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/faulttest"
	"github.com/wandstore/wandstore/pkg/miniotest"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
	"github.com/wandstore/wandstore/services/edge"
)

// The page deploy/minio/replication.md is typed as it is written: a PoP reads pages from its
// own MinIO. Cut off, each store has what it had, and says at once what it does not have.
// Afterwards they become the same again. Who is forgotten at one end is gone at both.
func TestPagesOfAPoP(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	home, pop := w.S3.Endpoint, miniotest.StartOwn(t).Addr()
	toHome, toPoP := faulttest.NewProxy(t, home), faulttest.NewProxy(t, pop)
	stores := objectStores(t, map[string]string{"home": home, "pop": pop})
	dir := t.TempDir()
	if err := os.Symlink(filepath.Join(checkout.Root(t), "deploy"), filepath.Join(dir, "deploy")); err != nil {
		t.Fatal(err)
	}
	blocks := operatorsPage(t, "deploy", "minio", "replication.md")
	if len(blocks) != 2 {
		t.Fatalf("the page has %d blocks", len(blocks))
	}
	setUp, sendAgain := blocks[0], blocks[1]
	setUp.run(t, "", dir, stores, "HOME_S3=http://"+toHome.Addr(), "POP_S3=http://"+toPoP.Addr(), "REPLICA_PASSWORD=0123456789abcdef")
	w.S3.Bucket = "wandstore-generated-ui"
	w.StartGenerator()
	atPoP := func(c *edge.Config) { c.S3.Endpoint = pop }
	e := w.StartEdge(atPoP)
	atHome, there := pages{w.S3, home}, pages{w.S3, pop}

	e.Visit(t, "magic-wands", "ada")
	page := e.BecomesHit(t, "magic-wands", "ada")
	eventually.True(t, "the page is at the PoP", func() bool { return there.has(t, "ada") })
	if a := w.StartEdge(atPoP).Visit(t, "magic-wands", "ada"); a.Tier() != pagestore.TierMinIO || a.Body != page.Body {
		t.Errorf("at the PoP: %s from %q", a.Header.Get("X-Cache"), a.Tier())
	}

	toPoP.Cut()
	toHome.Hang()
	e.Visit(t, "magic-wands", "grace")
	e.BecomesHit(t, "magic-wands", "grace")
	eventually.True(t, "the page is at home", func() bool { return atHome.has(t, "grace") })
	if there.has(t, "grace") {
		t.Error("a page came to the PoP without a link")
	}
	w.CLI("req", "wandstore.control.forget", `{"shopper":"ada"}`, "--raw")
	if atHome.has(t, "ada") || !there.has(t, "ada") {
		t.Errorf("forgotten without a link: at home %v, at the PoP %v", atHome.has(t, "ada"), there.has(t, "ada"))
	}

	toPoP.Restore()
	toHome.Restore()
	eventually.True(t, "the stores are the same again", func() bool {
		sendAgain.run(t, "", dir, stores)
		return there.has(t, "grace") && !there.has(t, "ada")
	})
	if a := world.Post(t, e.Base+"/s/magic-wands/forget", "", "Content-Type", world.Form, "Cookie", "wandstore_shopper=grace"); a.Status != http.StatusSeeOther {
		t.Fatalf("forget at the PoP: %d %s", a.Status, a.Body)
	}
	eventually.True(t, "a shopper who was forgotten at the PoP is gone at home", func() bool { return !atHome.has(t, "grace") })
	// Who comes back after that gets a page as anybody.
	e.Visit(t, "magic-wands", "ada")
	e.BecomesHit(t, "magic-wands", "ada")
	eventually.True(t, "a page of who came back is at the PoP", func() bool { return there.has(t, "ada") })
}

// pages are those of an object store at an address.
type pages struct {
	config pagestore.S3Config
	addr   string
}

func (p pages) has(t *testing.T, shopper string) bool {
	t.Helper()
	p.config.Endpoint = p.addr
	s3, err := pagestore.NewS3(p.config)
	if err != nil {
		t.Fatal(err)
	}
	defer s3.Close()
	key, err := pagekey.New("magic-wands", shopper)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), eventually.Patience)
	defer cancel()
	_, err = s3.Get(ctx, key)
	if err != nil && !errors.Is(err, pagestore.ErrMiss) {
		t.Fatalf("%s at %s: %v", shopper, p.addr, err)
	}
	return err == nil
}
