package edge

import (
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/pagestore"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

const front = "/s/magic-wands?shopper=ada"

// stateTicket is the ticket of a job that exists already.
func stateTicket(state wandstorev1.JobState) func(jobqueue.Request) (jobqueue.Ticket, error) {
	return func(jobqueue.Request) (jobqueue.Ticket, error) {
		return jobqueue.Ticket{Record: &wandstorev1.JobRecord{JobId: "job-2", State: state}}, nil
	}
}

func refusal(err error) func(jobqueue.Request) (jobqueue.Ticket, error) {
	return func(jobqueue.Request) (jobqueue.Ticket, error) { return jobqueue.Ticket{}, err }
}

// The headers of a shopper's front page, for each state of the page and its job.
func TestFrontPageHeaders(t *testing.T) {
	t.Parallel()
	made := func(age time.Duration) func(*wandstorev1.Page) {
		return func(p *wandstorev1.Page) {
			p.GeneratedAt = timestamppb.New(time.Now().Add(-age))
			p.RequestedAt = timestamppb.New(time.Now().Add(-age - time.Minute))
		}
	}
	otherPrompt := func(p *wandstorev1.Page) { p.PromptVersion = "0" }
	otherPrices := func(p *wandstorev1.Page) {
		assortment, _, _ := strings.Cut(p.GetCatalogueVersion(), ".")
		p.CatalogueVersion = assortment + ".000000000000"
	}
	otherAssortment := func(p *wandstorev1.Page) { p.CatalogueVersion = "000000000000.000000000000" }
	noDesign := func(p *wandstorev1.Page) { p.Html = "<!doctype html><title>Old</title>" }
	deals := func() *wandstorev1.StoreSignals {
		return &wandstorev1.StoreSignals{SaleFilters: 9, LastEventAt: timestamppb.Now()}
	}

	for name, tt := range map[string]struct {
		desk                             func(*desk)
		cache, status, generation, whose string
		replaces                         string // the job whose page a new one replaces; "-" if no page is requested
	}{
		"memory": {
			desk:  func(d *desk) { d.has(pagestore.TierMemory) },
			cache: "HIT", status: "wandstore; hit; detail=memory", generation: "ready", whose: "explorer", replaces: "-",
		},
		"object store": {
			desk:  func(d *desk) { d.has(pagestore.TierMinIO) },
			cache: "HIT", status: "wandstore; hit; detail=minio", generation: "ready", whose: "explorer", replaces: "-",
		},
		"KV": {
			desk:  func(d *desk) { d.has(pagestore.TierKV) },
			cache: "HIT", status: "wandstore; hit; detail=kv", generation: "ready", whose: "explorer", replaces: "-",
		},
		"could not be verified": {
			desk:  func(d *desk) { d.has(pagestore.TierMemory); d.hit.Unverified = true },
			cache: "HIT", status: "wandstore; hit; ttl=-1; detail=memory", generation: "ready", whose: "explorer", replaces: "-",
		},
		"past its age": {
			desk:  func(d *desk) { d.has(pagestore.TierMinIO, made(25*time.Hour)) },
			cache: "HIT", status: "wandstore; hit; ttl=-3601; detail=minio", generation: "triggered", whose: "explorer", replaces: "job-1",
		},
		"past its age, pool full": {
			desk: func(d *desk) {
				d.has(pagestore.TierMinIO, made(25*time.Hour))
				d.trigger = refusal(jobqueue.ErrPoolFull)
			},
			cache: "HIT", status: "wandstore; hit; ttl=-3601; detail=minio", generation: "full", whose: "explorer", replaces: "job-1",
		},
		"other prompt": {
			desk:  func(d *desk) { d.has(pagestore.TierMemory, made(time.Hour), otherPrompt) },
			cache: "HIT", status: "wandstore; hit; ttl=-1; detail=memory", generation: "triggered", whose: "explorer", replaces: "job-1",
		},
		"other prices": {
			desk:  func(d *desk) { d.has(pagestore.TierMemory, made(time.Hour), otherPrices) },
			cache: "HIT", status: "wandstore; hit; detail=memory", generation: "ready", whose: "explorer", replaces: "-",
		},
		"other assortment": {
			desk:  func(d *desk) { d.has(pagestore.TierMemory, made(time.Hour), otherAssortment) },
			cache: "HIT", status: "wandstore; hit; ttl=-1; detail=memory", generation: "triggered", whose: "explorer", replaces: "job-1",
		},
		"another kind of visitor": {
			desk:  func(d *desk) { d.has(pagestore.TierMemory); d.remembers(deals()) },
			cache: "HIT", status: "wandstore; hit; ttl=-1; detail=memory", generation: "triggered", whose: "explorer", replaces: "job-1",
		},
		"session cannot be read": {
			desk:  func(d *desk) { d.has(pagestore.TierMemory); d.stop = errors.New("no answer") },
			cache: "HIT", status: "wandstore; hit; detail=memory", generation: "ready", whose: "explorer", replaces: "-",
		},
		"other catalogue, no design": {
			desk:  func(d *desk) { d.has(pagestore.TierMemory, made(time.Hour), otherPrices, noDesign) },
			cache: "MISS", status: "wandstore; fwd=miss; detail=fallback", generation: "triggered", replaces: "job-1",
		},
		"other catalogue, no design, made in the roll-out": {
			desk: func(d *desk) {
				d.has(pagestore.TierMemory, otherPrices, noDesign, func(p *wandstorev1.Page) { p.RequestedAt = timestamppb.Now() })
			},
			cache: "MISS", status: "wandstore; fwd=miss; detail=fallback", generation: "off", replaces: "-",
		},
		"nothing": {
			cache: "MISS", status: "wandstore; fwd=miss; detail=fallback", generation: "triggered",
		},
		"nothing, job under way": {
			desk:  func(d *desk) { d.trigger = stateTicket(wandstorev1.JobState_JOB_STATE_RUNNING) },
			cache: "MISS", status: "wandstore; fwd=miss; detail=fallback", generation: "pending",
		},
		"nothing, job failed": {
			desk:  func(d *desk) { d.trigger = stateTicket(wandstorev1.JobState_JOB_STATE_FAILED) },
			cache: "MISS", status: "wandstore; fwd=miss; detail=fallback", generation: "off",
		},
		"nothing, pool full": {
			desk:  func(d *desk) { d.trigger = refusal(jobqueue.ErrPoolFull) },
			cache: "MISS", status: "wandstore; fwd=miss; detail=fallback", generation: "full",
		},
		"nothing, queue does not answer": {
			desk:  func(d *desk) { d.trigger = refusal(errors.New("no answer")) },
			cache: "MISS", status: "wandstore; fwd=miss; detail=fallback", generation: "off",
		},
		"nothing, NATS not reached": {
			desk:  func(d *desk) { d.offline = true },
			cache: "MISS", status: "wandstore; fwd=miss; detail=fallback", generation: "off", replaces: "-",
		},
		"stores unavailable": {
			desk:  func(d *desk) { d.pageErr = errors.Join(pagestore.ErrMiss, pagestore.ErrUnavailable) },
			cache: "MISS", status: "wandstore; fwd=miss; detail=fallback", generation: "off", replaces: "-",
		},
		"stores unavailable, job under way": {
			desk: func(d *desk) {
				d.pageErr = errors.Join(pagestore.ErrMiss, pagestore.ErrUnavailable)
				d.board.Set(keyOfAda(d.t), &wandstorev1.JobRecord{JobId: "job-1", State: wandstorev1.JobState_JOB_STATE_QUEUED, Deadline: timestamppb.New(time.Now().Add(time.Minute))})
			},
			cache: "MISS", status: "wandstore; fwd=miss; detail=fallback", generation: "pending", replaces: "-",
		},
		"stale, and a store unavailable": {
			desk:  func(d *desk) { d.has(pagestore.TierMinIO, made(25*time.Hour)); d.hit.Uncertain = true },
			cache: "HIT", status: "wandstore; hit; ttl=-3601; detail=minio", generation: "ready", whose: "explorer", replaces: "-",
		},
		"not servable, and a store unavailable": {
			desk: func(d *desk) {
				d.has(pagestore.TierMinIO, made(time.Hour), otherPrices, noDesign)
				d.hit.Uncertain = true
			},
			cache: "MISS", status: "wandstore; fwd=miss; detail=fallback", generation: "off", replaces: "-",
		},
		"stored between look-up and claim": {
			desk: func(d *desk) {
				d.trigger = func(jobqueue.Request) (jobqueue.Ticket, error) {
					d.has(pagestore.TierKV)
					return jobqueue.Ticket{Record: &wandstorev1.JobRecord{State: wandstorev1.JobState_JOB_STATE_READY}}, nil
				}
			},
			cache: "HIT", status: "wandstore; hit; detail=kv", generation: "ready", whose: "explorer",
		},
		"ready, but its page is gone": {
			desk:  func(d *desk) { d.trigger = stateTicket(wandstorev1.JobState_JOB_STATE_READY) },
			cache: "MISS", status: "wandstore; fwd=miss; detail=fallback", generation: "pending",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			began := time.Now()
			if tt.desk != nil {
				tt.desk(d)
			}
			res := d.ask(http.MethodGet, front, "")
			if res.StatusCode != http.StatusOK {
				t.Fatalf("status %d", res.StatusCode)
			}
			for header, want := range map[string]string{
				"X-Cache": tt.cache, "Cache-Status": tt.status, "X-Generation": tt.generation, "X-Persona": tt.whose,
				"Content-Type": "text/html; charset=utf-8", "Vary": "Accept-Encoding", "X-Content-Type-Options": "nosniff",
				"Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
			} {
				got := res.Header.Get(header)
				if header == "Cache-Status" && strings.Contains(want, "ttl=-3601") {
					// The test itself takes some time.
					for s := range 1 + int(time.Since(began).Seconds()) {
						got = strings.Replace(got, fmt.Sprintf("ttl=-%d;", 3602+s), "ttl=-3601;", 1)
					}
				}
				if got != want {
					t.Errorf("%s: %q, want %q", header, got, want)
				}
			}
			cacheControl, etag := "private, no-cache", true
			if tt.cache == "MISS" {
				cacheControl, etag = "private, no-store", false
			}
			if got := res.Header.Get("Cache-Control"); got != cacheControl {
				t.Errorf("Cache-Control: %q, want %q", got, cacheControl)
			}
			if got := res.Header.Get("ETag"); (got != "") != etag {
				t.Errorf("ETag: %q", got)
			}
			if !strings.Contains(res.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
				t.Errorf("Content-Security-Policy: %q", res.Header.Get("Content-Security-Policy"))
			}
			if tt.replaces == "-" {
				if len(d.triggered) != 0 {
					t.Errorf("asked for %+v, want no job", d.triggered)
				}
			} else if len(d.triggered) == 0 || d.triggered[0].Replaces != tt.replaces || d.triggered[0].Key.Shopper() != "ada" || d.triggered[0].Origin != "visit" {
				t.Errorf("asked for %+v, want one job that replaces %q", d.triggered, tt.replaces)
			}
		})
	}
}

func TestFrontPageIdentity(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		target, cookie string
		method         string // GET if empty
		status         int
		keeps          string // the id in the cookie that is set; "-" if none is set, "new" for a new id
		job            bool
	}{
		"no shopper":           {target: "/s/magic-wands", status: 200, keeps: "new"},
		"address":              {target: front, status: 200, keeps: "ada", job: true},
		"cookie":               {target: "/s/magic-wands", cookie: "ada", status: 200, keeps: "-", job: true},
		"both the same":        {target: front, cookie: "ada", status: 200, keeps: "-", job: true},
		"address wins":         {target: front, cookie: "eve", status: 200, keeps: "ada", job: true},
		"invalid cookie":       {target: "/s/magic-wands", cookie: "a.b", status: 200, keeps: "new"},
		"empty id":             {target: "/s/magic-wands?shopper=", status: 200, keeps: "new"},
		"invalid id":           {target: "/s/magic-wands?shopper=a.b", status: 200, keeps: "new"},
		"a mail's placeholder": {target: "/s/magic-wands?shopper=*%7CUNIQID%7C*", status: 200, keeps: "new"},
		"a customer's gid":     {target: "/s/magic-wands?shopper=gid://shopify/Customer/7", status: 200, keeps: "new"},
		"invalid id, a cookie": {target: "/s/magic-wands?shopper=a.b", cookie: "ada", status: 200, keeps: "-", job: true},
		"id over its length":   {target: "/s/magic-wands?shopper=" + strings.Repeat("a", 65), status: 200, keeps: "new"},
		"unknown shop":         {target: "/s/no-such-shop?shopper=ada", status: 404, keeps: "-"},
		"slug that is none":    {target: "/s/No%20Shop?shopper=ada", status: 400, keeps: "-"},
		"HEAD makes no job":    {target: front, method: http.MethodHead, status: 200, keeps: "ada"},
		"path that is nothing": {target: "/nowhere", status: 404, keeps: "-"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			var headers []string
			if tt.cookie != "" {
				headers = []string{"Cookie", shopperCookie + "=" + tt.cookie}
			}
			res := d.ask(cmp.Or(tt.method, http.MethodGet), tt.target, "", headers...)
			if res.StatusCode != tt.status {
				t.Errorf("status %d, want %d", res.StatusCode, tt.status)
			}
			if got := len(d.triggered) > 0; got != tt.job {
				t.Errorf("asked for a job: %t", got)
			}
			var set *http.Cookie
			for _, c := range res.Cookies() {
				if c.Name == shopperCookie {
					set = c
				}
			}
			switch {
			case tt.keeps == "-":
				if set != nil {
					t.Errorf("cookie %v, want none", set)
				}
			case set == nil || tt.keeps != "new" && set.Value != tt.keeps || len(set.Value) == 0:
				t.Errorf("cookie %v, want %s", set, tt.keeps)
			case !set.HttpOnly || set.SameSite != http.SameSiteLaxMode || set.Path != "/" || set.MaxAge != 180*24*3600 || set.Secure:
				t.Errorf("cookie %v: HttpOnly, SameSite=Lax, all paths, 180 days, and Secure only over HTTPS", set)
			}
		})
	}
}

// A browser that has the page gets 304, in the content coding that it has.
func TestConditionalRequests(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	page := d.has(pagestore.TierMemory)
	for name, tt := range map[string]struct {
		accept, match  string
		status         int
		etag, encoding string
	}{
		"plain":                {"", "", 200, page.ETag(), ""},
		"gzip":                 {"gzip", "", 200, page.GzipETag(), "gzip"},
		"has the plain one":    {"", page.ETag(), 304, page.ETag(), ""},
		"has the gzipped one":  {"gzip", page.GzipETag(), 304, page.GzipETag(), ""},
		"weak":                 {"", "W/" + page.ETag(), 304, page.ETag(), ""},
		"any":                  {"", "*", 304, page.ETag(), ""},
		"the other coding":     {"gzip", page.ETag(), 200, page.GzipETag(), "gzip"},
		"one of several":       {"", `"x", ` + page.ETag(), 304, page.ETag(), ""},
		"another page":         {"", `"x"`, 200, page.ETag(), ""},
		"gzip is not accepted": {"gzip;q=0", "", 200, page.ETag(), ""},
	} {
		headers := []string{"Accept-Encoding", tt.accept}
		if tt.match != "" {
			headers = append(headers, "If-None-Match", tt.match)
		}
		res := d.ask(http.MethodGet, front, "", headers...)
		if res.StatusCode != tt.status || res.Header.Get("ETag") != tt.etag || res.Header.Get("Content-Encoding") != tt.encoding {
			t.Errorf("%s: %d, ETag %s, coding %q; want %d, %s, %q", name, res.StatusCode, res.Header.Get("ETag"), res.Header.Get("Content-Encoding"), tt.status, tt.etag, tt.encoding)
		}
		body := res.body
		if tt.encoding == "gzip" {
			z, err := gzip.NewReader(strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(z)
			if err != nil {
				t.Fatal(err)
			}
			body = string(b)
		}
		if want := map[int]string{200: string(page.HTML()), 304: ""}[tt.status]; body != want {
			t.Errorf("%s: a body of %d bytes, want %d", name, len(body), len(want))
		}
	}
}

func keyOfAda(t testing.TB) pagekey.Key {
	t.Helper()
	key, err := pagekey.New(slug, "ada")
	if err != nil {
		t.Fatal(err)
	}
	return key
}
