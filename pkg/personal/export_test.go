package personal_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/personal"
	"github.com/wandstore/wandstore/pkg/session"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// An export has everything, and nothing of another shopper or shop that was not asked for.
func TestExport(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.kept("ada", time.Now())
	h.kept("bob", time.Now())
	h.must(h.Sessions.Update(t.Context(), "ada", func(s *wandstorev1.ShopperSession) {
		session.Signals(s, "whitby-tea").Cart = []string{"lapsang"}
	}))
	for name, tt := range map[string]struct {
		options    personal.ExportOptions
		has, lacks []string
	}{
		"all":          {personal.ExportOptions{All: true, HTML: true}, []string{"lapsang", `"views": 7`, "Page of job-ada", `"minio", "kv"`, "JOB_STATE_READY", `"stored"`, "The draft of a page that is being written is not included"}, []string{"left out"}},
		"one shop":     {personal.ExportOptions{Shops: []string{shop}, HTML: true}, []string{`"views": 7`, "Page of job-ada"}, []string{"lapsang", "whitby"}},
		"another shop": {personal.ExportOptions{Shops: []string{"whitby-tea"}}, []string{"lapsang"}, []string{`"views": 7`, "job-ada"}},
		"no html":      {personal.ExportOptions{All: true}, []string{"job-ada", "left out"}, []string{"Page of job-ada"}},
	} {
		e, err := h.Export(t.Context(), "ada", tt.options)
		h.must(err)
		b, err := json.MarshalIndent(e, "", " ")
		h.must(err)
		text := strings.Join(strings.Fields(string(b)), " ")
		for _, part := range tt.has {
			if !strings.Contains(text, part) {
				t.Errorf("%s: it lacks %q: %s", name, part, text)
			}
		}
		for _, part := range append(tt.lacks, "bob") {
			if strings.Contains(text, part) {
				t.Errorf("%s: it has %q: %s", name, part, text)
			}
		}
	}
	// Nothing but the time of the forgetting is known of who was forgotten.
	h.must(h.ForgetIn(t.Context(), keyOf(t, "bob")))
	for shop, want := range map[string]bool{shop: true, "whitby-tea": false} {
		e, err := h.Export(t.Context(), "bob", personal.ExportOptions{Shops: []string{shop}})
		h.must(err)
		if got := e.ForgottenAt != nil; got != want || len(e.Shops) > 0 {
			t.Errorf("bob in %s: %+v", shop, e)
		}
	}
	h.must(h.Forget(t.Context(), "ada", nil))
	e, err := h.Export(t.Context(), "ada", personal.ExportOptions{All: true, Shops: []string{shop}})
	h.must(err)
	if e.ForgottenAt == nil || len(e.Session) > 0 || len(e.Shops) > 0 {
		t.Errorf("after forgetting: %+v", e)
	}
	if _, err := h.Export(t.Context(), "a.b", personal.ExportOptions{}); !errors.Is(err, pagekey.ErrInvalid) {
		t.Errorf("invalid id: %v", err)
	}
}
