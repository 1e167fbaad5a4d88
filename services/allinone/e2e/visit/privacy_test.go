package visit_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/session"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
)

// The server itself ignores the events of a browser that asks not to be tracked.
func TestPrivateBrowserIsNotCounted(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	e := w.StartEdge()
	sessions := session.NewStore(w.KV(wandnats.BucketSessions))
	const view = `[{"store":"magic-wands","event":"view","product":"nightjar"}]`
	cookie := []string{"Cookie", "wandstore_shopper=abc"}
	for _, tt := range []struct {
		headers []string
		status  int
		body    string
		views   uint32
	}{
		{append(cookie, "DNT", "1"), http.StatusAccepted, `{"accepted":0}`, 0},
		{append(cookie, "Sec-GPC", "1"), http.StatusAccepted, `{"accepted":0}`, 0},
		{append(cookie, "Sec-Fetch-Site", "cross-site"), http.StatusBadRequest, "shopper", 0},
		{nil, http.StatusBadRequest, "shopper", 0},
		{append(cookie, "Sec-Fetch-Site", "same-origin"), http.StatusAccepted, `{"accepted":1}`, 1},
	} {
		a := world.Post(t, e.Base+"/api/shopper/track", view, tt.headers...)
		if a.Status != tt.status || !strings.Contains(a.Body, tt.body) {
			t.Errorf("%v: %d %s", tt.headers, a.Status, a.Body)
		}
		if got := signals(t, sessions, "abc").GetViews(); got != tt.views {
			t.Errorf("%v: %d views are counted, want %d", tt.headers, got, tt.views)
		}
	}
}

// Nothing is left of a shopper who was forgotten, at their own request or an operator's.
// A page that is being generated meanwhile is not stored.
func TestForget(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	e, other := w.StartEdge(), w.StartEdge()
	w.StartGenerator()
	nc, js := w.Connect()
	shop := e.Base + "/s/magic-wands"
	for name, forget := range map[string]func(shopper string) error{
		"by-themselves": func(shopper string) error {
			a := world.Post(t, shop+"/forget", "", "Content-Type", world.Form, "Cookie", "wandstore_shopper="+shopper)
			cookies := strings.Join(a.Header.Values("Set-Cookie"), "\n")
			if a.Status != http.StatusSeeOther || a.Header.Get("Location") != "/s/magic-wands" || !strings.Contains(cookies, "wandstore_shopper=; expires=") || strings.Count(cookies, "wandstore_cart=; expires=") != 2 {
				return fmt.Errorf("%d %v", a.Status, a.Header)
			}
			return nil
		},
		"by-an-operator": func(shopper string) error {
			m, err := nc.Request(wandnats.SubjectForget, fmt.Appendf(nil, `{"shopper":%q}`, shopper), eventually.Patience)
			if err == nil && string(m.Data) != fmt.Sprintf(`{"forgotten":%q}`, shopper) {
				err = fmt.Errorf("%s %v", m.Data, m.Header)
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			e.PutIntoCart(t, "magic-wands", name, "action=add&product=nightjar")
			for _, store := range []string{"magic-wands", "whitby-tea"} {
				e.Visit(t, store, name)
				e.BecomesHit(t, store, name)
				other.BecomesHit(t, store, name)
			}
			gate := w.Sim.Gate()
			key, err := pagekey.New("magic-wands", name)
			if err != nil {
				t.Fatal(err)
			}
			queue := jobqueue.NewQueue(js, w.KV(wandnats.BucketJobs), w.Pool, jobqueue.NewTrail(js, "test"))
			if _, err := queue.Trigger(t.Context(), jobqueue.Request{Key: key, Origin: "debug", Force: true}); err != nil {
				t.Fatal(err)
			}
			eventually.True(t, "a new page is being made", func() bool {
				return world.Get(t, e.Base+"/api/generation/status?store=magic-wands&shopper="+name).JSON(t)["state"] == "running"
			})
			if err := forget(name); err != nil {
				t.Fatal(err)
			}
			left := func() (left []string) {
				for bucket, keys := range map[string][]string{
					wandnats.BucketSessions: {wandnats.SessionKey(name)},
					wandnats.BucketPages:    {wandnats.PageKey("magic-wands", name), wandnats.PageKey("whitby-tea", name)},
					wandnats.BucketJobs:     {wandnats.DebugKey("whitby-tea", name), wandnats.ErrorKey("whitby-tea", name)},
				} {
					for _, key := range keys {
						if _, err := w.KV(bucket).Get(t.Context(), key); err == nil {
							left = append(left, key)
						}
					}
				}
				s3, err := pagestore.NewS3(w.S3)
				if err != nil {
					t.Fatal(err)
				}
				defer s3.Close()
				for _, store := range []string{"magic-wands", "whitby-tea"} {
					key, err := pagekey.New(store, name)
					if err != nil {
						t.Fatal(err)
					}
					if _, err := s3.Get(t.Context(), key); err == nil {
						left = append(left, "object of "+store)
					}
				}
				return left
			}
			if got := left(); len(got) != 0 {
				t.Errorf("still there: %v", got)
			}
			gate.Open()
			eventually.True(t, "the job is let go", func() bool {
				var left uint64
				for _, n := range w.Waiting(js) {
					left += n
				}
				return left == 0
			})
			if got := left(); len(got) != 0 {
				t.Errorf("came back: %v", got)
			}
			gate = w.Sim.Gate()
			defer gate.Open()
			for _, p := range []*world.Process{e, other} {
				eventually.True(t, "no edge has the page", func() bool { return p.Visit(t, "whitby-tea", name).Header.Get("X-Cache") == "MISS" })
			}
		})
	}
	for name, headers := range map[string][]string{
		"another site": {"Cookie", "wandstore_shopper=abc", "Sec-Fetch-Site", "cross-site"},
	} {
		if a := world.Post(t, shop+"/forget", "", append(headers, "Content-Type", world.Form)...); a.Status != http.StatusForbidden {
			t.Errorf("%s: %d", name, a.Status)
		}
	}
	// Knowing a shopper's id is not enough to have the shopper forgotten.
	e.Visit(t, "magic-wands", "victim")
	e.BecomesHit(t, "magic-wands", "victim")
	world.Post(t, shop+"/forget?shopper=victim", "", "Content-Type", world.Form)
	if a := e.Visit(t, "magic-wands", "victim"); a.Header.Get("X-Cache") != "HIT" {
		t.Error("an id in the address forgot its shopper")
	}
	if m, err := nc.Request(wandnats.SubjectForget, []byte(`{"shopper":"*"}`), eventually.Patience); err != nil || m.Header.Get("Nats-Service-Error-Code") != "400" {
		t.Errorf("a hostile id: %v, %v", m, err)
	}
}

// signals are a shopper's signals in the wand shop.
func signals(t testing.TB, sessions *session.Store, shopper string) *wandstorev1.StoreSignals {
	t.Helper()
	s, err := sessions.Get(t.Context(), shopper)
	if err != nil {
		t.Fatal(err)
	}
	return session.Signals(s, "magic-wands")
}
