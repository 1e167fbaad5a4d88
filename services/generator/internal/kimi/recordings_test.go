package kimi_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wandstore/wandstore/pkg/catalogue/cataloguetest"
	"github.com/wandstore/wandstore/pkg/pagemaker"
	"github.com/wandstore/wandstore/pkg/persona"
	"github.com/wandstore/wandstore/services/generator/internal/designer"
	"github.com/wandstore/wandstore/services/generator/internal/kimi"
	"github.com/wandstore/wandstore/services/generator/internal/kimi/streamtest"
)

// Each recorded answer, from its bytes through client and gate: which sections come out, how
// often the model is asked, and whether it is still asked for other shops.
func TestRecordings(t *testing.T) {
	t.Parallel()
	all, err := streamtest.All()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 140 {
		t.Errorf("%d recordings, want at least 140", len(all))
	}
	for _, r := range all {
		read := func(t *testing.T, listener net.Listener, network ...kimi.Option) {
			t.Helper()
			var asked atomic.Int64
			srv := httptest.NewUnstartedServer(r.Handler(&asked))
			if listener != nil {
				_ = srv.Listener.Close()
				srv.Listener = listener
			}
			srv.Start()
			defer srv.Close()
			c, err := kimi.New(kimi.Config{BaseURL: srv.URL, APIKey: "sk-test", Model: "kimi-test", Backoff: time.Microsecond}, network...)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			types, design := sections(t, c, "magic-wands")
			if types != r.Want {
				t.Errorf("sections %q, want %q", types, r.Want)
			}
			if got := int(asked.Load()); got != r.Tries {
				t.Errorf("asked %d times, want %d", got, r.Tries)
			}
			if got := c.BreakerState(); got != r.Breaker {
				t.Errorf("breaker %s, want %s", got, r.Breaker)
			}
			for _, never := range []string{"draft", "�"} {
				if strings.Contains(design, never) {
					t.Errorf("the page says %q: %s", never, design)
				}
			}
			if strings.HasPrefix(types, "hero") && !strings.Contains(design, "A quiet shelf – for you 🧙") {
				t.Errorf("the headline is not whole: %s", design)
			}
			before := asked.Load()
			_, err = c.Complete(t.Context(), kimi.Request{Call: kimi.Call{Shop: "whitby-tea"}, System: "s", User: "u"})
			if stopped := asked.Load() == before; stopped != r.Stopped {
				t.Errorf("for another shop: stopped %v, %v", stopped, err)
			}
		}
		t.Run(r.Name, func(t *testing.T) {
			t.Parallel()
			if !slices.ContainsFunc(r.Answers, func(a streamtest.Answer) bool { return a.Has("hold") }) {
				read(t, nil)
				return
			}
			// What comes no more is waited for in a bubble: there it takes no time.
			synctest.Test(t, func(t *testing.T) {
				network := streamtest.NewNetwork()
				transport := &http.Transport{DialContext: network.Dial, DisableCompression: true}
				t.Cleanup(transport.CloseIdleConnections)
				read(t, network, kimi.WithTransport(transport))
			})
		})
	}
}

// sections is the types of the sections that the model designs, and their texts.
func sections(t *testing.T, c *kimi.Client, shop string) (types, texts string) {
	t.Helper()
	d := designer.Designer{Model: c, Metrics: designer.NewMetrics("kimi-test")}
	got, err := d.Design(t.Context(), pagemaker.Brief{
		Shop: cataloguetest.Shop(t, shop), Visitor: persona.Visitor{Persona: persona.Explorer},
		Note: func(string, string) {}, Problem: func(string, error) {},
	})
	if errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("late: %v", err)
	}
	var all, said []string
	for _, s := range got.Design.Sections {
		all, said = append(all, s.Type), append(said, s.Headline, s.Body)
	}
	return strings.Join(all, " "), strings.Join(said, "\n")
}
