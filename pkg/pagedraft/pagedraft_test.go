package pagedraft_test

import (
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/types/known/timestamppb"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/leaktest"
	"github.com/wandstore/wandstore/pkg/natstest"
	"github.com/wandstore/wandstore/pkg/pagedraft"
	"github.com/wandstore/wandstore/pkg/pagekey"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

func TestMain(m *testing.M) { leaktest.Main(natstest.Main(m)) }

func newStore(t *testing.T) (*pagedraft.Store, pagekey.Key) {
	t.Helper()
	_, store, key := connectStore(t)
	return store, key
}

func connectStore(t *testing.T) (*nats.Conn, *pagedraft.Store, pagekey.Key) {
	t.Helper()
	nc, js := natstest.Start(t).Connect(t)
	if err := wandnats.EnsureStreams(t.Context(), js, wandnats.Settings{PoolSize: 1, MaxQueueDepth: 1, Concurrency: 1, CacheTTLSeconds: 60, Replicas: 1}); err != nil {
		t.Fatal(err)
	}
	bucket, err := wandnats.OpenBucket(t.Context(), js, wandnats.BucketDrafts)
	if err != nil {
		t.Fatal(err)
	}
	key, err := pagekey.New("magic-wands", "ada")
	if err != nil {
		t.Fatal(err)
	}
	return nc, pagedraft.NewStore(bucket), key
}

// Who waits for a page hears each of its drafts once it is stored, and no other page's.
func TestDraftsAreHeardByWhoWaits(t *testing.T) {
	t.Parallel()
	nc, store, key := connectStore(t)
	heard, err := nc.SubscribeSync(wandnats.DraftSubject(key.Shop(), key.Shopper()))
	if err != nil {
		t.Fatal(err)
	}
	other, err := pagekey.New("magic-wands", "bob")
	if err != nil {
		t.Fatal(err)
	}
	draft := &wandstorev1.PageDraft{JobId: "job-1", RequestedAt: timestamppb.Now(), Answer: "1.1"}
	if _, err := store.Put(t.Context(), other, draft, 0); err != nil {
		t.Fatal(err)
	}
	revision := uint64(0)
	next := func() (pagekey.Key, pagedraft.Draft, error) {
		msg, err := heard.NextMsg(eventually.Patience)
		if err != nil {
			t.Fatal(err)
		}
		return pagedraft.Hear(msg)
	}
	for _, persona := range []string{"", "explorer"} {
		draft.Persona = persona
		if revision, err = store.Put(t.Context(), key, draft, revision); err != nil {
			t.Fatal(err)
		}
		got, d, err := next()
		if err != nil || got != key || d.Revision != revision || d.GetPersona() != persona || d.GetJobId() != "job-1" {
			t.Errorf("heard %v %+v, %v", got, d, err)
		}
	}
	// A write that is refused is not heard: the next message is that of the removal.
	if _, err := store.Put(t.Context(), key, draft, revision-1); !errors.Is(err, pagedraft.ErrSuperseded) {
		t.Errorf("a refused write: %v", err)
	}
	if err := store.Remove(t.Context(), key, 0); err != nil {
		t.Fatal(err)
	}
	if _, _, err := next(); !errors.Is(err, pagedraft.ErrNone) {
		t.Errorf("the removal: %v", err)
	}
}

// What anybody else may say on such a subject is no draft.
func TestHearRefusesWhatIsNoDraft(t *testing.T) {
	t.Parallel()
	for name, msg := range map[string]*nats.Msg{
		"no revision":    {Subject: "wandstore.draft.magic-wands.ada", Data: []byte("{}")},
		"a revision < 0": {Subject: "wandstore.draft.magic-wands.ada", Data: []byte("{}"), Header: nats.Header{"Nats-Sequence": {"-1"}}},
		"no shopper":     {Subject: "wandstore.draft.magic-wands", Data: []byte("{}"), Header: nats.Header{"Nats-Sequence": {"1"}}},
		"no slug":        {Subject: "wandstore.draft.MAGIC.ada", Data: []byte("{}"), Header: nats.Header{"Nats-Sequence": {"1"}}},
		"no JSON":        {Subject: "wandstore.draft.magic-wands.ada", Data: []byte("<b>"), Header: nats.Header{"Nats-Sequence": {"1"}}},
	} {
		if key, draft, err := pagedraft.Hear(msg); err == nil {
			t.Errorf("%s: %v, %+v", name, key, draft)
		}
	}
}

func TestADraftGrowsAndGoes(t *testing.T) {
	t.Parallel()
	store, key := newStore(t)
	ctx := t.Context()
	if _, err := store.Get(ctx, key); !errors.Is(err, pagedraft.ErrNone) {
		t.Fatalf("before there is one: %v", err)
	}
	draft := &wandstorev1.PageDraft{JobId: "job-1", RequestedAt: timestamppb.Now(), Answer: "1.1"}
	first, err := store.Put(ctx, key, draft, 0)
	if err != nil {
		t.Fatal(err)
	}
	draft.Persona = "explorer"
	second, err := store.Put(ctx, key, draft, first)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := store.Get(ctx, key); err != nil || got.GetPersona() != "explorer" || got.Revision != second {
		t.Errorf("%+v, %v", got, err)
	}
	// Of two workers at one page the later request's goes on.
	earlier := &wandstorev1.PageDraft{JobId: "job-0", RequestedAt: timestamppb.New(time.Now().Add(-time.Hour))}
	if _, err := store.Put(ctx, key, earlier, 0); !errors.Is(err, pagedraft.ErrSuperseded) {
		t.Errorf("a draft of an earlier request: %v", err)
	}
	later := &wandstorev1.PageDraft{JobId: "job-2", RequestedAt: timestamppb.New(time.Now().Add(time.Hour))}
	third, err := store.Put(ctx, key, later, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Put(ctx, key, draft, second); !errors.Is(err, pagedraft.ErrSuperseded) {
		t.Errorf("going on after another worker began: %v", err)
	}
	if err := store.Remove(ctx, key, second); err != nil {
		t.Error(err)
	}
	if got, err := store.Get(ctx, key); err != nil || got.GetJobId() != "job-2" {
		t.Errorf("the other worker's draft is gone: %+v, %v", got, err)
	}
	// Forgetting purges the key, whoever writes it. Nothing is written after that.
	if err := store.Remove(ctx, key, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Put(ctx, key, later, third); !errors.Is(err, pagedraft.ErrSuperseded) {
		t.Errorf("going on after the removal: %v", err)
	}
	if _, err := store.Get(ctx, key); !errors.Is(err, pagedraft.ErrNone) {
		t.Errorf("after the removal: %v", err)
	}
	if _, err := store.Put(ctx, key, draft, 0); err != nil {
		t.Errorf("the next page: %v", err)
	}
}
