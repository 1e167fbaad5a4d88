package contract_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
)

// hostileIDs are ids that must never become a key, a subject or an object name.
var hostileIDs = []string{
	"", strings.Repeat("a", 65), "..", ".", "*", ">", ":", "/", "a/b", "a.b", "a b", "a\r\nX-Evil: 1", "a\x00b", "zauberstäbe", "日本", "%2e%2e", "a*", "$JS",
}

func TestHostileIDsLeaveNothingBehind(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	e := w.StartEdge()
	_, js := w.Connect()
	for _, id := range hostileIDs {
		q := url.QueryEscape(id)
		for path, wants := range map[string]int{
			"/api/generation/status?store=magic-wands&shopper=" + q: http.StatusBadRequest,
			"/api/generation/events?store=magic-wands&shopper=" + q: http.StatusBadRequest,
			"/debug/errors?store=magic-wands&shopper=" + q:          http.StatusBadRequest,
			"/api/generation/status?shopper=abc&store=" + q:         http.StatusBadRequest,
			"/debug/generate?store=" + q:                            http.StatusBadRequest,
		} {
			if strings.Contains(path, "/debug/generate") && id == "" {
				continue // no store named is the first store
			}
			if a := world.Get(t, e.Base+path); a.Status != wants {
				t.Errorf("%s: %d, want %d", path, a.Status, wants)
			}
		}
		// Of a path, "", "." and ".." name another one, and "/" ends the shop's own.
		if id != "" && id != "." && id != ".." && id != "/" {
			if a := world.Get(t, e.Base+"/s/"+url.PathEscape(id)+"?shopper=abc"); a.Status != http.StatusBadRequest && a.Status != http.StatusNotFound {
				t.Errorf("store %q: %d", id, a.Status)
			}
		}
		body := fmt.Sprintf(`{"shopper":%q,"store":"magic-wands","event":"view"}`, id)
		if a := world.Post(t, e.Base+"/api/shopper/track", body); a.Status != http.StatusBadRequest {
			t.Errorf("track of %q: %d", id, a.Status)
		}
	}
	if a := world.Get(t, e.Base+"/s/no-such-store?shopper=abc"); a.Status != http.StatusNotFound || !strings.Contains(a.Header.Get("Content-Type"), "text/html") {
		t.Errorf("unknown store: %d %s", a.Status, a.Header.Get("Content-Type"))
	}
	if a := world.Get(t, e.Base+"/api/generation/status?store=no-such-store&shopper=abc"); a.Status != http.StatusNotFound || a.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("unknown store, API: %d %s", a.Status, a.Header.Get("Content-Type"))
	}
	nothingStored(t, js)
}

// A link with an id that is none, as a mail's placeholder that was not filled in, leads to
// the shop.
func TestLinkWithoutAnID(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	e := w.StartEdge()
	for _, id := range append([]string{"*|UNIQID|*", "{{customer.id}}", "gid://shop/Customer/7"}, hostileIDs...) {
		if a := world.Get(t, e.Base+"/s/magic-wands?shopper="+url.QueryEscape(id)); a.Status != http.StatusOK || !strings.Contains(a.Body, "Hollow &amp; Hart") {
			t.Errorf("shopper %q: %d", id, a.Status)
		}
	}
}

func TestBadBodiesLeaveNothingBehind(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	e := w.StartEdge()
	_, js := w.Connect()
	event := `{"shopper":"abc","store":"magic-wands","event":"view"}`
	many := "[" + strings.Repeat(event+",", 50) + event + "]"
	for name, body := range map[string]string{
		"empty": "", "not JSON": "{", "a number": "7", "null": "null", "no events": "[]", "nested": "[[" + event + "]]",
		"unknown event":           `{"shopper":"abc","store":"magic-wands","event":"steal"}`,
		"one bad among good ones": "[" + event + `,{"shopper":"abc","store":"..","event":"view"}]`,
		"too many":                many,
		"wrong type":              `{"shopper":["abc"],"store":"magic-wands","event":"view"}`,
	} {
		if a := world.Post(t, e.Base+"/api/shopper/track", body); a.Status != http.StatusBadRequest || a.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
	}
	if a := world.Post(t, e.Base+"/api/shopper/track", `{"shopper":"abc","store":"magic-wands","event":"view","query":"`+strings.Repeat("x", 100<<10)+`"}`); a.Status != http.StatusRequestEntityTooLarge {
		t.Errorf("oversized: %d", a.Status)
	}
	if a := world.Do(t, http.MethodDelete, e.Base+"/s/magic-wands?shopper=abc", ""); a.Status != http.StatusMethodNotAllowed {
		t.Errorf("a method that is not there: %d", a.Status)
	}
	if a := world.Get(t, e.Base+"/no/such/path"); a.Status != http.StatusNotFound {
		t.Errorf("no such path: %d", a.Status)
	}
	nothingStored(t, js)
}

func TestWebhook(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	e := w.StartEdge()
	_, js := w.Connect()
	target := e.Base + "/webhook/generation-complete"
	page := `<html><head><title>x</title></head><body><script>alert(1)</script><h1 onclick="steal()">Wands for a quiet evening</h1><p>Chosen with care for long nights by the fire.</p></body></html>`
	body := fmt.Sprintf(`{"jobId":"legacy-1","storeSlug":"magic-wands","shopperId":"legacy","success":true,"persona":"loyalist","html":%q}`, page)

	for name, headers := range map[string][]string{
		"unsigned":          nil,
		"signed by another": signed(t, "whsec_"+base64.StdEncoding.EncodeToString([]byte("another")), body, time.Now()),
		"of yesterday":      signed(t, world.WebhookSecret, body, time.Now().Add(-24*time.Hour)),
		"of other body":     signed(t, world.WebhookSecret, body+" ", time.Now()),
	} {
		if a := world.Post(t, target, body, headers...); a.Status != http.StatusUnauthorized {
			t.Errorf("%s: %d", name, a.Status)
		}
	}
	nothingStored(t, js)

	if a := world.Post(t, target, body, signed(t, world.WebhookSecret, body, time.Now())...); a.Status != http.StatusAccepted {
		t.Fatalf("signed: %d %s", a.Status, a.Body)
	}
	hit := e.Visit(t, "magic-wands", "legacy")
	if hit.Header.Get("X-Cache") != "HIT" || hit.Header.Get("X-Persona") != "loyalist" {
		t.Fatalf("%v", hit.Header)
	}
	if !strings.Contains(hit.Body, "quiet evening") {
		t.Error("the page's words were not kept")
	}
	if strings.Contains(hit.Body, "alert(1)") || strings.Contains(hit.Body, "steal()") {
		t.Error("the page's script is served")
	}
	bad := `{"jobId":"../x","storeSlug":"magic-wands","shopperId":"legacy","success":true,"html":"<h1>x</h1>"}`
	if a := world.Post(t, target, bad, signed(t, world.WebhookSecret, bad, time.Now())...); a.Status != http.StatusBadRequest {
		t.Errorf("a signed body with a bad job id: %d", a.Status)
	}
}

func signed(t *testing.T, secret, body string, at time.Time) []string {
	t.Helper()
	wh, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	signature, err := wh.Sign("msg_1", at, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return []string{
		standardwebhooks.HeaderWebhookID, "msg_1",
		standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(at.Unix(), 10),
		standardwebhooks.HeaderWebhookSignature, signature,
	}
}

// nothingStored checks that no job, record, page or session was made.
func nothingStored(t *testing.T, js jetstream.JetStream) {
	t.Helper()
	for _, name := range []string{
		wandnats.StreamGeneration, wandnats.StreamDead,
		"KV_" + wandnats.BucketPages, "KV_" + wandnats.BucketJobs, "KV_" + wandnats.BucketSessions,
	} {
		stream, err := js.Stream(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if n := stream.CachedInfo().State.LastSeq; n != 0 {
			t.Errorf("%s: %d messages were written", name, n)
		}
	}
}
