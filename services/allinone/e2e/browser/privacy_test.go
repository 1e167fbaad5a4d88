package browser_test

import (
	"testing"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/session"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
)

// signals are a shopper's signals in the wand shop.
func signals(t testing.TB, sessions *session.Store, shopper string) *wandstorev1.StoreSignals {
	t.Helper()
	s, err := sessions.Get(t.Context(), shopper)
	if err != nil {
		t.Fatal(err)
	}
	return session.Signals(s, "magic-wands")
}

// A shopper's events arrive in their session. A browser that asks not to be tracked sends
// none.
func TestBrowserTellsWhatIsDone(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	e := w.StartEdge()
	w.StartGenerator()
	sessions := session.NewStore(w.KV(wandnats.BucketSessions))
	shop := e.Base + "/s/magic-wands"
	browse := func(page *world.Tab) {
		page.Visit(shop + "/search?q=owl&sort=price&sale=1")
		page.Visit(shop + "/p/nightjar")
		page.Visit(shop + "/cart")
	}

	open := world.OpenTab(t, 390)
	open.Visit(shop + "?shopper=open")
	open.Until("the page becomes the shopper's", isPersonal)
	browse(open)
	var got *wandstorev1.StoreSignals
	eventually.True(t, "all is counted", func() bool {
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
		private := world.OpenTab(t, 390)
		private.OnNewDocument(says + `; navigator.sendBeacon = () => { throw new Error("something is told") }`)
		private.Visit(shop + "?shopper=" + name)
		private.Until("the page becomes the shopper's", isPersonal)
		browse(private)
		if got := signals(t, sessions, name); got.GetSearches()+got.GetViews()+got.GetSorts()+got.GetFilters() != 0 {
			t.Errorf("%s: counted %v", name, got)
		}
	}
}
