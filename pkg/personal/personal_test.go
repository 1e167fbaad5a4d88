package personal_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/catalogue/cataloguetest"
	"github.com/wandstore/wandstore/pkg/design"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/miniotest"
	"github.com/wandstore/wandstore/pkg/natstest"
	"github.com/wandstore/wandstore/pkg/pagedraft"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/pagemaker"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/pagestore/pagestoretest"
	"github.com/wandstore/wandstore/pkg/personal"
	"github.com/wandstore/wandstore/pkg/session"
	"github.com/wandstore/wandstore/pkg/storefront"
	"github.com/wandstore/wandstore/pkg/wire"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// house is Data on real servers, with what writes to it.
type house struct {
	*personal.Data

	t     *testing.T
	bus   *wandnats.Bus
	s3    *pagestore.S3
	kv    *pagestore.KV
	trail *jobqueue.Trail
	queue *jobqueue.Queue
	hook  func(step string)
}

func newHouse(t *testing.T) *house {
	t.Helper()
	_, js := natstest.Start(t).Connect(t)
	settings := wandnats.Settings{PoolSize: 1, MaxQueueDepth: 100, Concurrency: 1, CacheTTLSeconds: 3600, Replicas: 1}
	if err := wandnats.Ensure(t.Context(), js, settings); err != nil {
		t.Fatal(err)
	}
	bus, err := wandnats.Open(t.Context(), js)
	if err != nil {
		t.Fatal(err)
	}
	server := miniotest.Start(t)
	s3, err := pagestore.NewS3(pagestore.S3Config{
		Endpoint: server.Addr(), AccessKey: miniotest.AccessKey, SecretKey: miniotest.SecretKey, Bucket: server.Bucket(t),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s3.Close)
	h := &house{t: t, bus: bus, s3: s3, kv: pagestore.NewKV(bus.Pages), trail: jobqueue.NewTrail(js, "test")}
	h.queue = jobqueue.NewQueue(js, bus.Jobs, wandnats.Settings{PoolSize: 1}, h.trail)
	h.Data = &personal.Data{Permanent: s3, Cache: h.kv, Jobs: bus.Jobs, Sessions: session.NewStore(bus.Sessions), Forgotten: bus.Forgotten, Drafts: pagedraft.NewStore(bus.Drafts)}
	return h
}

func keyOf(t *testing.T, id string) pagekey.Key {
	t.Helper()
	key, err := pagekey.New(shop, id)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// left is what is kept of a shopper in the shop. A cancelled record is kept for its worker.
func (h *house) left(id string) (left []string) {
	h.t.Helper()
	// Breadcrumbs are written in the background, in order on one connection.
	if err := h.bus.Conn.FlushTimeout(eventually.Patience); err != nil {
		h.t.Fatal(err)
	}
	for kv, names := range map[jetstream.KeyValue][]string{
		h.bus.Sessions: {wandnats.SessionKey(id)}, h.bus.Pages: {wandnats.PageKey(shop, id)},
		h.bus.Jobs: {wandnats.JobKey(shop, id), wandnats.DebugKey(shop, id), wandnats.ErrorKey(shop, id)},
	} {
		for _, name := range names {
			entry, err := kv.Get(h.t.Context(), name)
			switch {
			case errors.Is(err, jetstream.ErrKeyNotFound):
			case err != nil:
				h.t.Fatal(err)
			case !strings.Contains(string(entry.Value()), "JOB_STATE_CANCELLED"):
				left = append(left, name)
			}
		}
	}
	if _, err := h.s3.Get(h.t.Context(), keyOf(h.t, id)); !errors.Is(err, pagestore.ErrMiss) {
		left = append(left, fmt.Sprintf("object (%v)", err))
	}
	return left
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) step(name string) {
	if h.hook != nil {
		h.hook(name)
	}
}

// spied calls step before and after each thing that a maker does with a real store.
type spied struct {
	pagemaker.Store

	name string
	step func(string)
}

func (s spied) Get(ctx context.Context, key pagekey.Key) (*pagestore.Page, error) {
	s.step(s.name + " get")
	defer s.step(s.name + " got")
	return s.Store.Get(ctx, key)
}

func (s spied) Put(ctx context.Context, page *pagestore.Page) error {
	s.step(s.name + " put")
	defer s.step(s.name + " has")
	return s.Store.Put(ctx, page)
}

type spiedSessions struct {
	*session.Store

	step func(string)
}

func (s spiedSessions) Update(ctx context.Context, shopper string, change func(*wandstorev1.ShopperSession)) error {
	s.step("session update")
	defer s.step("session updated")
	return s.Store.Update(ctx, shopper, func(found *wandstorev1.ShopperSession) {
		s.step("session read")
		change(found)
	})
}

type spiedData struct {
	*personal.Data

	step func(string)
}

func (s spiedData) ForgottenSince(ctx context.Context, key pagekey.Key, at time.Time) (bool, error) {
	s.step("tombstone")
	defer s.step("tombstone read")
	return s.Data.ForgottenSince(ctx, key, at)
}

func (h *house) maker() *pagemaker.Maker {
	renderer, err := storefront.NewRenderer()
	h.must(err)
	return &pagemaker.Maker{
		Shops: cataloguetest.BuiltIn(h.t), Renderer: renderer, Log: slog.New(slog.DiscardHandler), Metrics: pagemaker.NewMetrics(),
		Permanent: spied{h.s3, "minio", h.step}, Cache: spied{h.kv, "kv", h.step},
		Sessions: spiedSessions{h.Sessions, h.step}, Trail: h.trail, Forgotten: spiedData{h.Data, h.step},
	}
}

// A shopper with a session, a cart and a live job is forgotten at each step of the making
// of their page, once with all that real servers do in between. Nothing is left.
func TestForgettingWinsOnRealServers(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.forgetAtEachStep("shopper", view, func(id string) error { return h.Forget(h.t.Context(), id, []string{shop}) })
}

// A shopper who is forgotten in one shop has nothing there, and in other shops what they
// had.
func TestForgettingInOneShopWinsOnRealServers(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.forgetAtEachStep("customer", view, func(id string) error { return h.ForgetIn(h.t.Context(), keyOf(h.t, id)) })
	inBoth := func(s *wandstorev1.ShopperSession) {
		view(s)
		session.Signals(s, "whitby-tea").Cart = []string{"lapsang"}
	}
	h.must(h.Sessions.Update(t.Context(), "both", inBoth))
	h.must(h.ForgetIn(t.Context(), keyOf(t, "both")))
	s, err := h.Sessions.Get(t.Context(), "both")
	h.must(err)
	if _, here := s.GetStores()[shop]; here || len(s.GetStores()["whitby-tea"].GetCart()) != 1 {
		t.Errorf("the session is %v, want the other shop's part", s)
	}
	elsewhere, err := pagekey.New("whitby-tea", "both")
	h.must(err)
	for key, want := range map[pagekey.Key]bool{keyOf(t, "both"): true, elsewhere: false} {
		if got, err := h.ForgottenSince(t.Context(), key, time.Now().Add(-time.Hour)); got != want || err != nil {
			t.Errorf("%s: forgotten %t (%v), want %t", key.Shop(), got, err, want)
		}
	}
}

// forgetAtEachStep makes a page for a shopper of that name and number as often as the
// making has steps, and forgets the shopper at one step after the other.
func (h *house) forgetAtEachStep(name string, view func(*wandstorev1.ShopperSession), forget func(id string) error) {
	t := h.t
	t.Helper()
	maker := h.maker()
	steps := 0
	for at := 0; ; at++ {
		id := fmt.Sprintf("%s-%d", name, at)
		key := keyOf(t, id)
		h.must(h.Sessions.Update(t.Context(), id, view))
		ticket, err := h.queue.Trigger(t.Context(), jobqueue.Request{Key: key, Origin: "visit"})
		h.must(err)
		// Some steps are taken at the same time.
		var n atomic.Int64
		during, forgotten := "", error(nil)
		h.hook = func(step string) {
			if n.Add(1)-1 == int64(at) {
				during, forgotten = step, forget(id)
			}
		}
		_, err = maker.Make(t.Context(), pagemaker.Order{
			Key: key, JobID: ticket.Record.GetJobId(), RequestedAt: ticket.Record.GetRequestedAt().AsTime(), Source: pagestore.SourceLLM,
			Designer: pagemaker.Ready(design.Design{Sections: []design.Section{{Type: "hero", Headline: "A quiet shelf"}}}),
		})
		h.hook = nil
		h.must(forgotten)
		if during == "" {
			if h.must(err); steps < 16 {
				t.Errorf("only %d steps", steps)
			}
			// The server has the breadcrumbs, and stores them a moment later.
			eventually.True(t, "a shopper who was not forgotten has all", func() bool { return len(h.left(id)) == 5 })
			return
		}
		steps++
		if err != nil && !errors.Is(err, jobqueue.ErrCancelled) {
			t.Errorf("forgotten at %q: %v", during, err)
		}
		if got := h.left(id); len(got) > 0 {
			t.Errorf("forgotten at %q: left %v", during, got)
		}
	}
}

// An update that has read the session before the forgetting does not bring it back.
func TestSessionReadBeforeForgettingLoses(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for range 3 {
		h.must(h.Sessions.Update(t.Context(), shopper, view))
	}
	tries := 0
	h.must(h.Sessions.Update(t.Context(), shopper, func(s *wandstorev1.ShopperSession) {
		if tries++; tries == 1 {
			h.must(h.Forget(t.Context(), shopper, nil))
		}
		view(s)
	}))
	s, err := h.Sessions.Get(t.Context(), shopper)
	h.must(err)
	if views := s.GetStores()[shop].GetViews(); tries != 2 || views != 1 {
		t.Errorf("after %d tries %d views are kept, want the one since", tries, views)
	}
}

// kept stores a page, a session, a record and breadcrumbs of a shopper, all of that time.
func (h *house) kept(id string, at time.Time) {
	h.t.Helper()
	msg := pagestoretest.Message("job-"+id, at.Sub(pagestoretest.Epoch))
	msg.ShopperId = id
	page := pagestoretest.Make(h.t, msg)
	h.must(errors.Join(h.s3.Put(h.t.Context(), page), h.kv.Put(h.t.Context(), page)))
	for kv, values := range map[jetstream.KeyValue]map[string]any{
		h.bus.Sessions: {wandnats.SessionKey(id): &wandstorev1.ShopperSession{
			ShopperId: id, CreatedAt: msg.GetRequestedAt(), UpdatedAt: msg.GetRequestedAt(),
			Stores: map[string]*wandstorev1.StoreSignals{shop: {Views: 7, BegunAt: msg.GetRequestedAt(), LastEventAt: msg.GetRequestedAt()}},
		}},
		h.bus.Jobs: {
			wandnats.JobKey(shop, id):   &wandstorev1.JobRecord{JobId: "job-" + id, RequestedAt: msg.GetRequestedAt(), State: wandstorev1.JobState_JOB_STATE_READY},
			wandnats.DebugKey(shop, id): &wandstorev1.Breadcrumb{At: msg.GetRequestedAt(), Step: "stored"},
		},
	} {
		for name, value := range values {
			var b []byte
			var err error
			switch m := value.(type) {
			case *wandstorev1.ShopperSession:
				b, err = wire.Marshal(m)
			case *wandstorev1.JobRecord:
				b, err = wire.Marshal(m)
			case *wandstorev1.Breadcrumb:
				b, err = wire.Marshal(m)
			}
			h.must(err)
			_, err = kv.Put(h.t.Context(), name, b)
			h.must(err)
		}
	}
}

// Keep forgets again whom a restored backup brought back, and nobody else.
func TestRestoredBackupBringsNobodyBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	before := time.Now().Add(-time.Hour)
	forget := func(id string) error { return h.Forget(t.Context(), id, []string{shop}) }
	forgetHere := func(id string) error { return h.ForgetIn(t.Context(), keyOf(t, id)) }
	for id, forget := range map[string]func(id string) error{
		"restored": forget, "returned": forget, "gone": forget, "restored-here": forgetHere, "returned-here": forgetHere,
	} {
		h.kept(id, before)
		h.must(forget(id))
		if left := h.left(id); len(left) > 0 {
			t.Fatalf("%s: left %v", id, left)
		}
	}
	// The old state is written back; the tombstone is younger.
	for _, id := range []string{"restored", "restored-here"} {
		h.kept(id, before)
	}
	for _, id := range []string{"returned", "returned-here"} {
		h.kept(id, time.Now())
	}
	h.kept("never", before)

	ctx, cancel := context.WithCancel(t.Context())
	kept := make(chan error, 1)
	go func() {
		kept <- h.Keep(ctx, func() []string { return []string{shop} }, slog.New(slog.DiscardHandler))
	}()
	eventually.True(t, "the restored data is gone", func() bool { return len(h.left("restored"))+len(h.left("restored-here")) == 0 })
	cancel()
	h.must(eventually.Receive(t, kept, "the end of Keep"))
	for _, id := range []string{"returned", "returned-here", "never"} {
		if left := h.left(id); len(left) != 5 {
			t.Errorf("%s: only %v is left", id, left)
		}
	}
}
