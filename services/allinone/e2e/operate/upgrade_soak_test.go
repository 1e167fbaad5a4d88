//go:build soak

package operate_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/checkout"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/natstest"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
)

var releaseDir = flag.String("release", "", "the last release: its files, and its edge and generator in bin")

// Production's NATS, edges and generators of the last release become those of this one while
// shoppers come, and then those of the last release again, by what deploy/README.md says.
// Every visit is answered with a page, every shopper gets one of their own, and no job is lost
// or paid for twice.
func TestUpgradeUnderTraffic(t *testing.T) {
	if *releaseDir == "" {
		t.Fatal("-release is missing: run `task soak:upgrade`")
	}
	last := release{name: "last", root: *releaseDir, binary: func(service string) string { return *releaseDir + "/bin/" + service }}
	next := release{name: "next", root: checkout.Root(t), binary: func(service string) string { return world.Binary(t, service) }}
	p := startProduction(t, last)
	leave := p.bringShoppers()
	p.awaitShoppers()
	p.edge().PutIntoCart(t, "magic-wands", "with-cart", "action=add&product=halcyon")

	p.typed("upgrade", next)
	p.awaitShoppers()
	p.hasDefinitions(next)
	p.hasInCart("with-cart", "halcyon")
	p.edge().PutIntoCart(t, "magic-wands", "with-cart", "action=add&product=nightjar")

	last.root = p.withRoomOf(next, last)
	p.typed("roll back", last)
	p.awaitShoppers()
	p.hasInCart("with-cart", "halcyon")
	p.hasInCart("with-cart", "nightjar")

	p.typed("upgrade", next)
	p.awaitShoppers()
	leave()
	p.everybodyHasAPage()
	p.nothingIsPaidForTwice()
}

// withRoomOf is a folder of a release's NATS with the server of another.
func (p *production) withRoomOf(server, r release) (root string) {
	p.t.Helper()
	root = p.t.TempDir()
	folder := filepath.Join("nats", "server")
	if err := os.CopyFS(filepath.Join(root, folder), os.DirFS(filepath.Join(r.root, folder))); err != nil {
		p.t.Fatal(err)
	}
	conf, err := os.ReadFile(filepath.Join(server.root, folder, "single.conf"))
	if err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, folder, "single.conf"), conf, 0o600); err != nil {
		p.t.Fatal(err)
	}
	return root
}

// hasDefinitions checks that each stream and bucket is what the release says.
func (p *production) hasDefinitions(r release) {
	p.t.Helper()
	_, js := p.connect("operator")
	want, err := wandnats.Streams(p.Pool)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, w := range want {
		stream, err := js.Stream(p.t.Context(), w.Name)
		if err != nil {
			p.t.Fatal(err)
		}
		have := stream.CachedInfo().Config
		for _, differs := range []struct {
			what       string
			have, want any
		}{
			{"subjects", fmt.Sprint(have.Subjects), fmt.Sprint(w.Subjects)},
			{"age", have.MaxAge, w.MaxAge},
			{"bytes", have.MaxBytes, w.MaxBytes},
			{"messages of a subject", have.MaxMsgsPerSubject, w.MaxMsgsPerSubject},
			{"discard", have.Discard, w.Discard},
			{"batches", have.AllowAtomicPublish, w.AllowAtomicPublish},
			{"TTL of messages", have.AllowMsgTTL, w.AllowMsgTTL},
			{"description", have.Description, w.Description},
		} {
			if differs.have != differs.want {
				p.t.Errorf("%s of the %s release: %s: %v, not %v", w.Name, r.name, differs.what, differs.have, differs.want)
			}
		}
	}
}

// hasInCart checks that the shopper's cart has the product, on every edge.
func (p *production) hasInCart(shopper, product string) {
	p.t.Helper()
	for _, e := range p.serving() {
		eventually.True(p.t, product+" is in the cart", func() bool {
			a := world.Get(p.t, e.Base+"/s/magic-wands/cart?shopper="+shopper)
			return a.Status == 200 && strings.Contains(a.Body, "/p/"+product)
		})
	}
}

// everybodyHasAPage checks that each shopper who came has a page of their own.
func (p *production) everybodyHasAPage() {
	p.t.Helper()
	for n := range p.came.Load() {
		p.edge().BecomesHit(p.t, "magic-wands", shopperName(n))
	}
	_, js := p.connect("operator")
	eventually.True(p.t, "the queue is empty", func() bool { return len(p.Waiting(js)) == 0 })
}

// nothingIsPaidForTwice checks, by the breadcrumbs, that each job was answered by the model
// once at the most and begun once, and that none ended as a dead letter.
func (p *production) nothingIsPaidForTwice() {
	p.t.Helper()
	_, js := p.connect("operator")
	jobs, err := js.KeyValue(p.t.Context(), wandnats.BucketJobs)
	if err != nil {
		p.t.Fatal(err)
	}
	published, answered := map[string]int{}, map[string]int{}
	for n := range p.came.Load() {
		key, err := pagekey.New("magic-wands", shopperName(n))
		if err != nil {
			p.t.Fatal(err)
		}
		breadcrumbs, problems, err := jobqueue.ReadTrail(p.t.Context(), jobs, key)
		if err != nil {
			p.t.Fatal(err)
		}
		for _, b := range append(breadcrumbs, problems...) {
			switch {
			case b.GetStep() == "published":
				published[b.GetJobId()]++
			case b.GetStep() == "model answered":
				answered[b.GetJobId()]++
			}
			if b.GetAttempt() > 1 {
				p.t.Errorf("%s: a delivery was used up: %v", key.Shopper(), b)
			}
		}
	}
	for job, n := range answered {
		if n > 1 {
			p.t.Errorf("job %s was paid for %d times", job, n)
		}
	}
	calls := p.Sim.Stats().Requests
	p.t.Logf("%d shoppers, %d jobs, %d answered, %d calls of the model", p.came.Load(), len(published), len(answered), calls)
	if calls > len(published) {
		p.t.Errorf("%d calls of the model for %d jobs", calls, len(published))
	}
	dead, err := js.Stream(p.t.Context(), wandnats.StreamDead)
	if err != nil {
		p.t.Fatal(err)
	}
	if n := dead.CachedInfo().State.Msgs; n != 0 {
		p.t.Errorf("%d dead letters", n)
	}
}

// connect gives a client of one of production's users.
func (p *production) connect(user string) (*nats.Conn, jetstream.JetStream) {
	p.t.Helper()
	return natstest.Connect(p.t, p.url(user))
}
