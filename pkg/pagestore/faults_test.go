package pagestore_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/faulttest"
	"github.com/wandstore/wandstore/pkg/miniotest"
	"github.com/wandstore/wandstore/pkg/natstest"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/pagestore/pagestoretest"
)

// deadline is the deadline of the tier that breaks in these tests. The other one is waited for
// as long as it takes on a busy machine.
const deadline = time.Second

// stack is a lookup over real stores, each behind a faulty network.
type stack struct {
	t                 *testing.T
	minioNet, natsNet *faulttest.Proxy
	s3                *pagestore.S3
	kv                *pagestore.KV
	memory            *pagestore.Memory
	tiered            *pagestore.Tiered
	requested         int
}

// newStack returns a lookup in which that tier will break.
func newStack(t *testing.T, breaks string, minio miniotest.Store, nats natstest.Account) *stack {
	t.Helper()
	deadlines := map[string]time.Duration{pagestore.TierMinIO: eventually.Patience, pagestore.TierKV: eventually.Patience}
	deadlines[breaks] = deadline
	s := &stack{t: t, minioNet: faulttest.NewProxy(t, minio.Addr()), natsNet: faulttest.NewProxy(t, nats.Addr())}
	s.s3 = newS3(t, s.minioNet.Addr(), minio.Bucket(t))
	_, js := natstest.Connect(t, nats.URLVia(s.natsNet.Addr()))
	s.kv = pagestore.NewKV(newBucket(t, js, "UI_CACHE"))
	s.memory = newMemory(t, pagestore.MemoryConfig{})
	s.tiered = newTiered(t, s.memory, s.s3, s.kv,
		pagestore.WithDeadline(pagestore.TierMinIO, deadlines[pagestore.TierMinIO]),
		pagestore.WithDeadline(pagestore.TierKV, deadlines[pagestore.TierKV]),
		pagestore.WithProbeInterval(50*time.Millisecond))
	return s
}

// stored is a new shopper's page, in both stores.
func (s *stack) stored() *pagestore.Page {
	s.t.Helper()
	s.requested++
	msg := pagestoretest.Message(fmt.Sprintf("job-%d", s.requested), 0)
	msg.ShopperId = fmt.Sprintf("shopper-%d", s.requested)
	msg.GeneratedAt = timestamppb.Now()
	page := pagestoretest.Make(s.t, msg)
	put(s.t, s.s3, page)
	put(s.t, s.kv, page)
	return page
}

// get looks a page up that memory does not have.
func (s *stack) get(page *pagestore.Page, tier string) time.Duration {
	s.t.Helper()
	begun := time.Now()
	hit, err := s.tiered.Get(s.t.Context(), page.Key())
	took := time.Since(begun)
	if err != nil || hit.Tier != tier || hit.Page.JobID() != page.JobID() {
		s.t.Fatalf("Get: got %+v, %v, want it from %s", hit, err, tier)
	}
	return took
}

// survives runs an outage of one tier and checks what shoppers get.
func (s *stack) survives(broken, other string, begin, end func()) {
	s.t.Helper()
	pages := make([]*pagestore.Page, 12)
	for i := range pages {
		pages[i] = s.stored()
	}
	begin()
	for _, page := range pages[:3] {
		s.get(page, other)
	}
	// A busy machine is slow once or twice, a get that waits for the tier every time.
	slow := 0
	for _, page := range pages[3:10] {
		if s.get(page, other) >= deadline {
			slow++
		}
	}
	if slow > 2 {
		s.t.Errorf("%d of 7 gets took %v and longer with the breaker open", slow, deadline)
	}
	if got := s.tiered.Breakers()[broken]; got == "closed" {
		s.t.Errorf("breaker of %s is closed in the outage", broken)
	}
	end()
	eventually.True(s.t, "the breaker closes", func() bool { return s.tiered.Breakers()[broken] == "closed" })
	// As before the outage, once the tier answers within its deadline.
	eventually.True(s.t, "a page is from MinIO", func() bool {
		s.memory.Invalidate(pages[10].Key())
		hit, err := s.tiered.Get(s.t.Context(), pages[10].Key())
		return err == nil && hit.Tier == pagestore.TierMinIO
	})
}

func TestTieredSurvivesOutages(t *testing.T) {
	t.Parallel()
	minio, kv := pagestore.TierMinIO, pagestore.TierKV
	for name, outage := range map[string]struct {
		broken, other string
		begin, end    func(*stack)
	}{
		"minio cut":  {minio, kv, func(s *stack) { s.minioNet.Cut() }, func(s *stack) { s.minioNet.Restore() }},
		"minio hung": {minio, kv, func(s *stack) { s.minioNet.Hang() }, func(s *stack) { s.minioNet.Restore() }},
		"nats cut":   {kv, minio, func(s *stack) { s.natsNet.Cut() }, func(s *stack) { s.natsNet.Restore() }},
		"nats hung":  {kv, minio, func(s *stack) { s.natsNet.Hang() }, func(s *stack) { s.natsNet.Restore() }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStack(t, outage.broken, miniotest.Start(t), natstest.Start(t))
			s.survives(outage.broken, outage.other, func() { outage.begin(s) }, func() { outage.end(s) })
		})
	}
	t.Run("minio killed", func(t *testing.T) {
		t.Parallel()
		server := miniotest.StartOwn(t)
		s := newStack(t, minio, server.Store, natstest.Start(t))
		s.survives(minio, kv, server.Stop, server.Restart)
	})
	t.Run("nats stopped", func(t *testing.T) {
		t.Parallel()
		server := natstest.StartOwn(t)
		s := newStack(t, kv, miniotest.Start(t), server.Account)
		s.survives(kv, minio, server.Stop, server.Restart)
	})
}

func TestTieredServesFromMemoryWithEverythingGone(t *testing.T) {
	t.Parallel()
	// A request to KV waits for the connection, one to MinIO does not.
	s := newStack(t, pagestore.TierKV, miniotest.Start(t), natstest.Start(t))
	page := s.stored()
	s.get(page, pagestore.TierMinIO)
	s.minioNet.Cut()
	s.natsNet.Cut()
	s.memory.InvalidateAll()
	for range 10 {
		hit, err := s.tiered.Get(t.Context(), page.Key())
		if err != nil || !hit.Unverified || hit.Tier != pagestore.TierMemory {
			t.Fatalf("Get: got %+v, %v, want it stale from memory", hit, err)
		}
	}
	s.minioNet.Restore()
	s.natsNet.Restore()
	eventually.True(t, "the page is fresh", func() bool {
		hit, err := s.tiered.Get(t.Context(), page.Key())
		return err == nil && !hit.Unverified
	})
}

func TestTieredCoalescesToOneRequest(t *testing.T) {
	t.Parallel()
	server := miniotest.Start(t)
	slow := faulttest.NewProxy(t, server.Addr())
	addr, requests := countRequests(t, slow.Addr())
	store := newS3(t, addr, server.Bucket(t))
	page := pagestoretest.Page(t, "job", 0)
	put(t, store, page)
	requests.Store(0)
	slow.Latency(50 * time.Millisecond)
	memory := newMemory(t, pagestore.MemoryConfig{})
	memory.SetWatched(true) // a get that comes late finds the page there
	tiered := newTiered(t, memory, store, &tier{}, pagestore.WithDeadline(pagestore.TierMinIO, eventually.Patience), pagestore.WithDeadline(pagestore.TierKV, eventually.Patience))

	var group sync.WaitGroup
	begin := make(chan struct{})
	for range 200 {
		group.Go(func() {
			<-begin
			if _, err := tiered.Get(t.Context(), page.Key()); err != nil {
				t.Errorf("Get: %v", err)
			}
		})
	}
	close(begin)
	group.Wait()
	if got := requests.Load(); got != 1 {
		t.Errorf("200 gets made %d requests, want 1", got)
	}
}

// A lookup waits for a slow store no longer than the deadline.
func TestS3GetEndsWithItsDeadline(t *testing.T) {
	t.Parallel()
	server := miniotest.Start(t)
	proxy := faulttest.NewProxy(t, server.Addr())
	store := newS3(t, proxy.Addr(), server.Bucket(t))
	msg := pagestoretest.Message("job", 0)
	msg.Html = strings.Repeat("<p>wand", 50_000)
	page := pagestoretest.Make(t, msg)
	put(t, store, page)
	proxy.Hang()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := store.Get(ctx, page.Key()); ctx.Err() == nil || err == nil {
		t.Errorf("Get of a hung store: got %v", err)
	}
}
