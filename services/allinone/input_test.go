package allinone_test

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
)

var webhookSecret = "whsec_" + base64.StdEncoding.EncodeToString([]byte("a secret for tests only"))

// hostileIDs are ids that must never become a key, a subject or an object name.
var hostileIDs = []string{
	"", strings.Repeat("a", 65), "..", ".", "*", ">", ":", "/", "a/b", "a.b", "a b", "a\r\nX-Evil: 1", "a\x00b", "zauberstäbe", "日本", "%2e%2e", "a*", "$JS",
}

func TestHostileIDsLeaveNothingBehind(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.startEdge()
	_, js := w.connect()
	for _, id := range hostileIDs {
		q := url.QueryEscape(id)
		for path, wants := range map[string]int{
			"/s/magic-wands?shopper=" + q:                           http.StatusBadRequest,
			"/api/generation/status?store=magic-wands&shopper=" + q: http.StatusBadRequest,
			"/api/generation/events?store=magic-wands&shopper=" + q: http.StatusBadRequest,
			"/debug/errors?store=magic-wands&shopper=" + q:          http.StatusBadRequest,
			"/api/generation/status?shopper=abc&store=" + q:         http.StatusBadRequest,
			"/debug/generate?store=" + q:                            http.StatusBadRequest,
		} {
			if strings.Contains(path, "/debug/generate") && id == "" {
				continue // no store named is the first store
			}
			if a := get(t, e.base+path); a.status != wants {
				t.Errorf("%s: %d, want %d", path, a.status, wants)
			}
		}
		if id != "" && id != "." && id != ".." {
			if a := get(t, e.base+"/s/"+url.PathEscape(id)+"?shopper=abc"); a.status != http.StatusBadRequest && a.status != http.StatusNotFound {
				t.Errorf("store %q: %d", id, a.status)
			}
		}
		body := fmt.Sprintf(`{"shopper":%q,"store":"magic-wands","event":"view"}`, id)
		if a := post(t, e.base+"/api/shopper/track", body); a.status != http.StatusBadRequest {
			t.Errorf("track of %q: %d", id, a.status)
		}
	}
	if a := get(t, e.base+"/s/no-such-store?shopper=abc"); a.status != http.StatusNotFound || !strings.Contains(a.header.Get("Content-Type"), "text/html") {
		t.Errorf("unknown store: %d %s", a.status, a.header.Get("Content-Type"))
	}
	if a := get(t, e.base+"/api/generation/status?store=no-such-store&shopper=abc"); a.status != http.StatusNotFound || a.header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("unknown store, API: %d %s", a.status, a.header.Get("Content-Type"))
	}
	nothingStored(t, js)
}

func TestBadBodiesLeaveNothingBehind(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.startEdge()
	_, js := w.connect()
	event := `{"shopper":"abc","store":"magic-wands","event":"view"}`
	many := "[" + strings.Repeat(event+",", 50) + event + "]"
	for name, body := range map[string]string{
		"empty": "", "not JSON": "{", "a number": "7", "null": "null", "no events": "[]", "nested": "[[" + event + "]]",
		"unknown event":           `{"shopper":"abc","store":"magic-wands","event":"steal"}`,
		"one bad among good ones": "[" + event + `,{"shopper":"abc","store":"..","event":"view"}]`,
		"too many":                many,
		"wrong type":              `{"shopper":["abc"],"store":"magic-wands","event":"view"}`,
	} {
		if a := post(t, e.base+"/api/shopper/track", body); a.status != http.StatusBadRequest || a.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if a := post(t, e.base+"/api/shopper/track", `{"shopper":"abc","store":"magic-wands","event":"view","query":"`+strings.Repeat("x", 100<<10)+`"}`); a.status != http.StatusRequestEntityTooLarge {
		t.Errorf("oversized: %d", a.status)
	}
	if a := do(t, http.MethodDelete, e.base+"/s/magic-wands?shopper=abc", ""); a.status != http.StatusMethodNotAllowed {
		t.Errorf("a method that is not there: %d", a.status)
	}
	if a := get(t, e.base+"/no/such/path"); a.status != http.StatusNotFound {
		t.Errorf("no such path: %d", a.status)
	}
	nothingStored(t, js)
}

func TestWebhook(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.startEdge()
	_, js := w.connect()
	target := e.base + "/webhook/generation-complete"
	page := `<html><head><title>x</title></head><body><script>alert(1)</script><h1 onclick="steal()">Wands for a quiet evening</h1><p>Chosen with care for long nights by the fire.</p></body></html>`
	body := fmt.Sprintf(`{"jobId":"legacy-1","storeSlug":"magic-wands","shopperId":"legacy","success":true,"persona":"loyalist","html":%q}`, page)

	for name, headers := range map[string][]string{
		"unsigned":          nil,
		"signed by another": signed(t, "whsec_"+base64.StdEncoding.EncodeToString([]byte("another")), body, time.Now()),
		"of yesterday":      signed(t, webhookSecret, body, time.Now().Add(-24*time.Hour)),
		"of other body":     signed(t, webhookSecret, body+" ", time.Now()),
	} {
		if a := post(t, target, body, headers...); a.status != http.StatusUnauthorized {
			t.Errorf("%s: %d", name, a.status)
		}
	}
	nothingStored(t, js)

	if a := post(t, target, body, signed(t, webhookSecret, body, time.Now())...); a.status != http.StatusAccepted {
		t.Fatalf("signed: %d %s", a.status, a.body)
	}
	hit := visit(t, e, "magic-wands", "legacy")
	if hit.header.Get("X-Cache") != "HIT" || hit.header.Get("X-Persona") != "loyalist" {
		t.Fatalf("%v", hit.header)
	}
	if !strings.Contains(hit.body, "quiet evening") {
		t.Error("the page's words were not kept")
	}
	if strings.Contains(hit.body, "alert(1)") || strings.Contains(hit.body, "steal()") {
		t.Error("the page's script is served")
	}
	bad := `{"jobId":"../x","storeSlug":"magic-wands","shopperId":"legacy","success":true,"html":"<h1>x</h1>"}`
	if a := post(t, target, bad, signed(t, webhookSecret, bad, time.Now())...); a.status != http.StatusBadRequest {
		t.Errorf("a signed body with a bad job id: %d", a.status)
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
