package session_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/session"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

func TestGuest(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		session *wandstorev1.ShopperSession
		guest   bool
	}{
		"new":                      {&wandstorev1.ShopperSession{}, true},
		"one visit":                {signals(&wandstorev1.StoreSignals{Visits: 1, Views: 9, Cart: []string{"nightjar"}}), true},
		"a page was made":          {signals(&wandstorev1.StoreSignals{LastJobId: "job-1"}), true},
		"came back":                {signals(&wandstorev1.StoreSignals{Visits: 2}), false},
		"bought":                   {signals(&wandstorev1.StoreSignals{Visits: 1, Purchases: 1}), false},
		"named by a shop":          {&wandstorev1.ShopperSession{Known: true}, false},
		"came back to some shop":   {&wandstorev1.ShopperSession{Stores: map[string]*wandstorev1.StoreSignals{"a": {Visits: 1}, "b": {Visits: 2}}}, false},
		"one visit to each of two": {&wandstorev1.ShopperSession{Stores: map[string]*wandstorev1.StoreSignals{"a": {Visits: 1}, "b": {Visits: 1}}}, true},
	} {
		if got := session.Guest(tt.session); got != tt.guest {
			t.Errorf("%s: guest %t, want %t", name, got, tt.guest)
		}
	}
}

func signals(g *wandstorev1.StoreSignals) *wandstorev1.ShopperSession {
	return &wandstorev1.ShopperSession{Stores: map[string]*wandstorev1.StoreSignals{"magic-wands": g}}
}

// The session of a guest expires; of who came back, bought or is known, it does not.
func TestGuestsExpire(t *testing.T) {
	t.Parallel()
	account, kv := newBucket(t)
	_, js := account.Connect(t)
	store := session.NewStore(kv, session.GuestTTL(js, time.Second))
	for id, change := range map[string]func(*wandstorev1.ShopperSession){
		"guest":    view,
		"returned": func(s *wandstorev1.ShopperSession) { session.Signals(s, "magic-wands").Visits = 2 },
		"bought":   func(s *wandstorev1.ShopperSession) { session.Signals(s, "magic-wands").Purchases = 1 },
		"known":    func(s *wandstorev1.ShopperSession) { s.Known = true },
	} {
		// As a guest first: what a later update knows counts.
		for _, change := range []func(*wandstorev1.ShopperSession){view, change} {
			if err := store.Update(t.Context(), id, change); err != nil {
				t.Fatal(err)
			}
		}
	}
	eventually.NoError(t, func() error {
		if _, err := kv.Get(t.Context(), wandnats.SessionKey("guest")); !errors.Is(err, jetstream.ErrKeyNotFound) {
			return fmt.Errorf("the guest's session is kept: %w", err)
		}
		return nil
	})
	stream, err := js.Stream(t.Context(), "KV_"+wandnats.BucketSessions)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"returned", "bought", "known"} {
		msg, err := stream.GetLastMsgForSubject(t.Context(), "$KV."+wandnats.BucketSessions+"."+wandnats.SessionKey(id))
		if err != nil || msg.Header.Get(jetstream.MsgTTLHeader) != "" {
			t.Errorf("%s: %v, %v, want the session without a time to live", id, msg, err)
		}
	}
}

func TestRetract(t *testing.T) {
	t.Parallel()
	_, kv := newBucket(t)
	store := session.NewStore(kv)
	ofJob := func(s *wandstorev1.ShopperSession) { session.Signals(s, "magic-wands").LastJobId = "job-1" }
	acts := func(s *wandstorev1.ShopperSession) { session.Signals(s, "magic-wands").Cart = []string{"nightjar"} }
	for name, tt := range map[string]struct {
		changes   []func(*wandstorev1.ShopperSession)
		forgotten time.Time
		want      string // the job of what is left; "-" if nothing is
	}{
		"nothing stored":       {nil, time.Now(), "-"},
		"begun before":         {[]func(*wandstorev1.ShopperSession){acts}, time.Now().Add(time.Hour), "-"},
		"a page's only":        {[]func(*wandstorev1.ShopperSession){ofJob}, time.Now().Add(-time.Hour), "-"},
		"came back":            {[]func(*wandstorev1.ShopperSession){ofJob, acts}, time.Now().Add(-time.Hour), ""},
		"came back, other job": {[]func(*wandstorev1.ShopperSession){acts, func(s *wandstorev1.ShopperSession) { session.Signals(s, "magic-wands").LastJobId = "job-2" }}, time.Now().Add(-time.Hour), "job-2"},
	} {
		for how, retract := range map[string]func(ctx context.Context, shopper, shop, job string, forgotten time.Time) error{
			"everywhere": store.Retract, "in the shop": store.RetractIn,
		} {
			id := strings.NewReplacer(" ", "-", ",", "", "'", "").Replace(name + "-" + how)
			for _, change := range tt.changes {
				if err := store.Update(t.Context(), id, change); err != nil {
					t.Fatal(err)
				}
			}
			if err := retract(t.Context(), id, "magic-wands", "job-1", tt.forgotten); err != nil {
				t.Errorf("%s, %s: %v", name, how, err)
			}
			s, err := store.Get(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			got := "-"
			if s.GetUpdatedAt() != nil {
				got = s.GetStores()["magic-wands"].GetLastJobId()
			}
			if got != tt.want {
				t.Errorf("%s, %s: %q is left, want %q", name, how, got, tt.want)
			}
		}
	}
}
