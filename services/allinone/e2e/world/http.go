package world

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/wandstore/wandstore/pkg/eventually"
)

// Form is the content type of an HTML form.
const Form = "application/x-www-form-urlencoded"

// WebhookSecret is what webhooks are signed with.
var WebhookSecret = "whsec_" + base64.StdEncoding.EncodeToString([]byte("a secret for tests only"))

// Client does not follow redirects, decompress, or give up early.
var Client = &http.Client{
	Timeout: eventually.Patience,
	// It lets go of idle connections long before the services do, which would fail a POST.
	Transport:     &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 256, IdleConnTimeout: 15 * time.Second},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// Answer is an HTTP answer, read to its end.
type Answer struct {
	Status int
	Header http.Header
	Body   string
}

// JSON is the body as a JSON object.
func (a Answer) JSON(t testing.TB) map[string]any {
	t.Helper()
	m := map[string]any{}
	if err := json.Unmarshal([]byte(a.Body), &m); err != nil {
		t.Fatalf("not JSON: %v: %s", err, a.Body)
	}
	return m
}

// Tier is the tier that Cache-Status names.
func (a Answer) Tier() string {
	_, detail, _ := strings.Cut(a.Header.Get("Cache-Status"), "detail=")
	return detail
}

// Get sends a GET request. The headers are names and values in turn.
func Get(t testing.TB, url string, headers ...string) Answer {
	t.Helper()
	return Do(t, http.MethodGet, url, "", headers...)
}

// Post sends a POST request.
func Post(t testing.TB, url, body string, headers ...string) Answer {
	t.Helper()
	return Do(t, http.MethodPost, url, body, headers...)
}

// Do sends a request.
func Do(t testing.TB, method, url, body string, headers ...string) Answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := Client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return Answer{res.StatusCode, res.Header, string(b)}
}

// status is the status of the answer to a GET request; 0 without an answer.
func status(url string) int {
	res, err := Client.Get(url)
	if err != nil {
		return 0
	}
	_ = res.Body.Close()
	return res.StatusCode
}

// Visit opens a shopper's page.
func (p *Process) Visit(t testing.TB, shop, shopper string) Answer {
	t.Helper()
	return Get(t, p.Base+"/s/"+shop+"?shopper="+shopper)
}

// BecomesHit visits until the page is a hit, and returns it.
func (p *Process) BecomesHit(t testing.TB, shop, shopper string) Answer {
	t.Helper()
	var a Answer
	eventually.True(t, shopper+" gets a page of their own", func() bool {
		a = p.Visit(t, shop, shopper)
		return a.Header.Get("X-Cache") == "HIT"
	})
	return a
}

// GenerationStatus is what GET /api/generation/status answers for a shopper.
func (p *Process) GenerationStatus(t testing.TB, shop, shopper string) map[string]any {
	t.Helper()
	return Get(t, p.Base+"/api/generation/status?store="+shop+"&shopper="+shopper).JSON(t)
}

// PutIntoCart sends the form of a product's page.
func (p *Process) PutIntoCart(t testing.TB, shop, shopper, fields string, headers ...string) Answer {
	t.Helper()
	return Post(t, p.Base+"/s/"+shop+"/cart?shopper="+shopper, fields, append([]string{"Content-Type", Form}, headers...)...)
}
