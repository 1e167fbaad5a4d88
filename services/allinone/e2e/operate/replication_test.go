package operate_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

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
	w := world.New(t, world.OwnMinIO)
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
	setUp.run(t, "", dir, stores, "HOME_S3=http://"+toHome.Addr(), "POP_S3=http://"+toPoP.Addr(), "MINIO_ROOT_USER="+miniotest.AccessKey, "REPLICA_PASSWORD=0123456789abcdef")
	w.S3.Bucket = "wandstore-generated-ui"
	w.StartGenerator()
	atPoP := func(c *edge.Config) { c.S3.Endpoint = pop }
	e := w.StartEdge(atPoP)
	atHome, there := pagesAt(t, w.S3, home), pagesAt(t, w.S3, pop)

	e.Visit(t, "magic-wands", "ada")
	page := e.BecomesHit(t, "magic-wands", "ada")
	asked(t, "the page is at the PoP", func() bool { return there.has(t, "ada") })
	if a := w.StartEdge(atPoP).Visit(t, "magic-wands", "ada"); a.Tier() != pagestore.TierMinIO || a.Body != page.Body {
		t.Errorf("at the PoP: %s from %q", a.Header.Get("X-Cache"), a.Tier())
	}

	toPoP.Cut()
	toHome.Hang()
	e.Visit(t, "magic-wands", "grace")
	e.BecomesHit(t, "magic-wands", "grace")
	asked(t, "the page is at home", func() bool { return atHome.has(t, "grace") })
	if there.has(t, "grace") {
		t.Error("a page came to the PoP without a link")
	}
	w.CLI("req", "wandstore.control.forget", `{"shopper":"ada"}`, "--raw")
	if atHome.has(t, "ada") || !there.has(t, "ada") {
		t.Errorf("forgotten without a link: at home %v, at the PoP %v", atHome.has(t, "ada"), there.has(t, "ada"))
	}

	toPoP.Restore()
	toHome.Restore()
	// Reading a page at home has it sent again, once the store there has seen that the link is back.
	asked(t, "the page of meanwhile is at the PoP", func() bool { return atHome.has(t, "grace") && there.has(t, "grace") })
	sendAgain.run(t, "", dir, stores)
	asked(t, "who was forgotten meanwhile is gone at the PoP", func() bool { return !there.has(t, "ada") })
	if a := world.Post(t, e.Base+"/s/magic-wands/forget", "", "Content-Type", world.Form, "Cookie", "wandstore_shopper=grace"); a.Status != http.StatusSeeOther {
		t.Fatalf("forget at the PoP: %d %s", a.Status, a.Body)
	}
	asked(t, "a shopper who was forgotten at the PoP is gone at home", func() bool { return !atHome.has(t, "grace") })
	// Who comes back after that gets a page as anybody.
	e.Visit(t, "magic-wands", "ada")
	e.BecomesHit(t, "magic-wands", "ada")
	asked(t, "a page of who came back is at the PoP", func() bool { return there.has(t, "ada") })
}

// asked is eventually.True for what stores are asked, which costs them more than a moment.
func asked(t *testing.T, what string, holds func() bool) {
	t.Helper()
	every := time.NewTicker(100 * time.Millisecond)
	defer every.Stop()
	eventually.True(t, what, func() bool {
		<-every.C
		return holds()
	})
}

// pages are those of one object store.
type pages struct{ *pagestore.S3 }

// pagesAt gives the pages of the store at an address.
func pagesAt(t *testing.T, config pagestore.S3Config, addr string) pages {
	t.Helper()
	config.Endpoint = addr
	s3, err := pagestore.NewS3(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s3.Close)
	return pages{s3}
}

func (p pages) has(t *testing.T, shopper string) bool {
	t.Helper()
	key, err := pagekey.New("magic-wands", shopper)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), eventually.Patience)
	defer cancel()
	_, err = p.Get(ctx, key)
	if err != nil && !errors.Is(err, pagestore.ErrMiss) {
		t.Fatalf("%s: %v", shopper, err)
	}
	return err == nil
}
