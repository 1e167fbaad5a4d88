package allinone_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/session"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// bucket is one of the stack's buckets.
func (w *world) bucket(name string) jetstream.KeyValue {
	w.t.Helper()
	_, js := w.connect()
	kv, err := js.KeyValue(w.t.Context(), name)
	if err != nil {
		w.t.Fatal(err)
	}
	return kv
}

// signals are what is remembered of a shopper in the wand shop.
func signals(t testing.TB, sessions *session.Store, shopper string) *wandstorev1.StoreSignals {
	t.Helper()
	s, err := sessions.Get(t.Context(), shopper)
	if err != nil {
		t.Fatal(err)
	}
	return session.Signals(s, "magic-wands")
}

// What a shopper does in the shop arrives in their session, in few requests; of one
// whose browser says no, nothing does.
func TestBrowserTellsWhatIsDone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.startEdge()
	w.startGenerator()
	b := startBrowser(t)
	sessions := session.NewStore(w.bucket(wandnats.BucketSessions))
	shop := e.base + "/s/magic-wands"
	browse := func(page *tab) {
		page.visit(shop + "/search?q=owl&sort=price&sale=1")
		page.visit(shop + "/p/nightjar")
		page.visit(shop + "/cart")
	}

	open := b.open(t, 390)
	open.visit(shop + "?shopper=open")
	open.until("the page becomes the shopper's", isPersonal)
	browse(open)
	var got *wandstorev1.StoreSignals
	eventually(t, "all is counted", func() bool {
		got = signals(t, sessions, "open")
		return got.GetSearches() == 1 && got.GetSorts() == 1 && got.GetFilters() == 1 && got.GetViews() == 1
	})
	if viewed := got.GetRecentProducts(); len(viewed) != 1 || viewed[0] != "nightjar" {
		t.Errorf("looked at %v, want the nightjar", viewed)
	}
	if terms := got.GetRecentQueries(); len(terms) != 1 || terms[0] != "owl" {
		t.Errorf("searched for %v, want the owl", terms)
	}

	for name, says := range map[string]string{
		"track-not": `Object.defineProperty(navigator, "doNotTrack", {value: "1"})`,
		"sell-not":  `Object.defineProperty(navigator, "globalPrivacyControl", {value: true})`,
	} {
		private := b.open(t, 390)
		private.onNewDocument(says + `; navigator.sendBeacon = () => { throw new Error("something is told") }`)
		private.visit(shop + "?shopper=" + name)
		private.until("the page becomes the shopper's", isPersonal)
		browse(private)
		if got := signals(t, sessions, name); got.GetSearches()+got.GetViews()+got.GetSorts()+got.GetFilters() != 0 {
			t.Errorf("%s: counted %v", name, got)
		}
	}
}

// The server keeps to it too, whatever a script does.
func TestPrivateBrowserIsNotCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.startEdge()
	sessions := session.NewStore(w.bucket(wandnats.BucketSessions))
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
		a := post(t, e.base+"/api/shopper/track", view, tt.headers...)
		if a.status != tt.status || !strings.Contains(a.body, tt.body) {
			t.Errorf("%v: %d %s", tt.headers, a.status, a.body)
		}
		if got := signals(t, sessions, "abc").GetViews(); got != tt.views {
			t.Errorf("%v: %d views are counted, want %d", tt.headers, got, tt.views)
		}
	}
}

// Nothing is left of a shopper who was forgotten: asked by themselves, or by an
// operator. A page that is being made meanwhile does not come back.
func TestForget(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e, other := w.startEdge(), w.startEdge()
	w.startGenerator()
	nc, js := w.connect()
	shop := e.base + "/s/magic-wands"
	for name, forget := range map[string]func(shopper string) error{
		"by-themselves": func(shopper string) error {
			a := post(t, shop+"/forget", "", "Content-Type", form, "Cookie", "wandstore_shopper="+shopper)
			cookies := strings.Join(a.header.Values("Set-Cookie"), "\n")
			if a.status != http.StatusSeeOther || a.header.Get("Location") != "/s/magic-wands" || !strings.Contains(cookies, "wandstore_shopper=; expires=") || !strings.Contains(cookies, "wandstore_cart=; expires=") {
				return fmt.Errorf("%d %v", a.status, a.header)
			}
			return nil
		},
		"by-an-operator": func(shopper string) error {
			m, err := nc.Request(wandnats.SubjectForget, fmt.Appendf(nil, `{"shopper":%q}`, shopper), 10*time.Second)
			if err == nil && string(m.Data) != fmt.Sprintf(`{"forgotten":%q}`, shopper) {
				err = fmt.Errorf("%s %v", m.Data, m.Header)
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			putIntoCart(t, shop, name, "action=add&product=nightjar")
			for _, store := range []string{"magic-wands", "whitby-tea"} {
				visit(t, e, store, name)
				becomesHit(t, e, store, name)
				becomesHit(t, other, store, name)
			}
			gate := w.sim.Gate()
			key, err := pagekey.New("magic-wands", name)
			if err != nil {
				t.Fatal(err)
			}
			queue := jobqueue.NewQueue(js, w.bucket(wandnats.BucketJobs), w.pool.PoolSize, jobqueue.NewTrail(js, "test"))
			if _, err := queue.Trigger(t.Context(), jobqueue.Request{Key: key, Origin: "debug", Again: true}); err != nil {
				t.Fatal(err)
			}
			eventually(t, "a new page is being made", func() bool {
				return get(t, e.base+"/api/generation/status?store=magic-wands&shopper="+name).json(t)["state"] == "running"
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
						if _, err := w.bucket(bucket).Get(t.Context(), key); err == nil {
							left = append(left, key)
						}
					}
				}
				s3, err := pagestore.NewS3(w.s3)
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
			eventually(t, "the job is let go", func() bool {
				var left uint64
				for _, n := range w.waiting(js) {
					left += n
				}
				return left == 0
			})
			if got := left(); len(got) != 0 {
				t.Errorf("came back: %v", got)
			}
			gate = w.sim.Gate()
			defer gate.Open()
			for _, p := range []*process{e, other} {
				eventually(t, "no edge has the page", func() bool { return visit(t, p, "whitby-tea", name).header.Get("X-Cache") == "MISS" })
			}
		})
	}
	for name, headers := range map[string][]string{
		"another site": {"Cookie", "wandstore_shopper=abc", "Sec-Fetch-Site", "cross-site"},
	} {
		if a := post(t, shop+"/forget", "", append(headers, "Content-Type", form)...); a.status != http.StatusForbidden {
			t.Errorf("%s: %d", name, a.status)
		}
	}
	// Whoever knows an id cannot forget its shopper by it.
	visit(t, e, "magic-wands", "victim")
	becomesHit(t, e, "magic-wands", "victim")
	post(t, shop+"/forget?shopper=victim", "", "Content-Type", form)
	if a := visit(t, e, "magic-wands", "victim"); a.header.Get("X-Cache") != "HIT" {
		t.Error("an id in the address forgot its shopper")
	}
	if m, err := nc.Request(wandnats.SubjectForget, []byte(`{"shopper":"*"}`), 10*time.Second); err != nil || m.Header.Get("Nats-Service-Error-Code") != "400" {
		t.Errorf("a hostile id: %v, %v", m, err)
	}
}
