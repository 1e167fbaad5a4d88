package generator

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/pagemaker"
	"github.com/wandstore/wandstore/pkg/pagestore"
)

func TestGenerateRoute(t *testing.T) {
	t.Parallel()
	const good = `{"jobId":"job-1","storeSlug":"magic-wands","shopperId":"ada","preferences":{"persona":"loyalist","wood":"holly","count":2,"gift":true,"deep":{"no":1}}}`
	for name, tt := range map[string]struct {
		bench  func(*bench)
		body   string
		status int
		says   string
	}{
		"page":               {body: good, status: 200, says: `"success":true`},
		"without a job id":   {body: `{"storeSlug":"magic-wands","shopperId":"ada"}`, status: 200, says: `"persona":"loyalist"`},
		"not JSON":           {body: "{", status: 400, says: "not the JSON of a job"},
		"invalid shopper":    {body: `{"storeSlug":"magic-wands","shopperId":"a.b"}`, status: 400},
		"invalid shop":       {body: `{"storeSlug":"Magic","shopperId":"ada"}`, status: 400},
		"invalid job id":     {body: strings.Replace(good, "job-1", "a b", 1), status: 400, says: "jobId"},
		"unknown shop":       {bench: func(b *bench) { b.makeErr = fmt.Errorf("%w: x", pagemaker.ErrUnknownShop) }, body: good, status: 404, says: "unknown store"},
		"as many as may run": {bench: func(b *bench) { b.generator.direct.take(1) }, body: good, status: 429},
		"a store fails":      {bench: func(b *bench) { b.makeErr = errBroken }, body: good, status: 500, says: "could not be made or stored"},
		"pool not open":      {bench: func(b *bench) { b.closed = true }, body: good, status: 503, says: "waiting for"},
		"not in time":        {bench: func(b *bench) { b.makeErr = context.DeadlineExceeded }, body: good, status: 504},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.made.Page = page(t)
			if tt.bench != nil {
				tt.bench(b)
			}
			res, body := b.ask(http.MethodPost, "/generate", tt.body)
			if res.StatusCode != tt.status || !strings.Contains(body, tt.says) {
				t.Fatalf("%d %s, want %d with %q", res.StatusCode, body, tt.status, tt.says)
			}
			if strings.Contains(body, errBroken.Error()) {
				t.Errorf("%s tells the cause", body)
			}
			if kind := res.Header.Get("Content-Type"); tt.status != http.StatusOK && kind != "application/problem+json" {
				t.Errorf("content type %q", kind)
			}
		})
	}
}

// Whoever may have pages made spends the model's money.
func TestGenerateIsAuthorized(t *testing.T) {
	t.Parallel()
	const token = "a-token-of-22-letters"
	for name, tt := range map[string]struct {
		addr, token, authorization string
		status                     int
	}{
		"loopback":                {"127.0.0.1:8080", "", "", 200},
		"localhost":               {"localhost:8080", "", "", 200},
		"IPv6 loopback":           {"[::1]:8080", "", "", 200},
		"everywhere":              {":8080", "", "", 401},
		"everywhere, any token":   {"0.0.0.0:8080", "", "Bearer " + token, 401},
		"everywhere, empty token": {":8080", "", "Bearer ", 401},
		"the token":               {":8080", token, "Bearer " + token, 200},
		"another token":           {":8080", token, "Bearer b-token-of-22-letters", 401},
		"part of the token":       {":8080", token, "Bearer a-token", 401},
		"not a bearer":            {":8080", token, "Basic " + token, 401},
		"token missing":           {":8080", token, "", 401},
		"token on loopback":       {"127.0.0.1:8080", token, "Bearer " + token, 200},
		"missing on loopback":     {"127.0.0.1:8080", token, "", 401},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.made.Page = page(t)
			b.generator.cfg.Addr, b.generator.cfg.GenerateToken, b.authorization = tt.addr, tt.token, tt.authorization
			res, body := b.ask(http.MethodPost, "/generate", `{"storeSlug":"magic-wands","shopperId":"ada"}`)
			if res.StatusCode != tt.status || len(b.ordered) > 0 != (tt.status == 200) {
				t.Errorf("%d %s, %d pages ordered, want %d", res.StatusCode, body, len(b.ordered), tt.status)
			}
			if challenge := res.Header.Get("WWW-Authenticate"); tt.status == 401 && challenge != "Bearer" {
				t.Errorf("challenge %q", challenge)
			}
			if strings.Contains(body, token) {
				t.Errorf("the token is told: %s", body)
			}
			if res, _ := b.ask(http.MethodGet, "/health", ""); res.StatusCode != http.StatusOK {
				t.Errorf("health: %d", res.StatusCode)
			}
		})
	}
}

// The order has the request's preferences, without values of other types, and its persona.
func TestGenerateOrdersWhatWasAsked(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.made.Page = page(t)
	_, body := b.ask(http.MethodPost, "/generate", `{"jobId":"job-1","storeSlug":"magic-wands","shopperId":"ada","preferences":{"persona":"loyalist","wood":"holly","count":2,"gift":true,"deep":{"no":1}}}`)
	var answer struct {
		Success               bool
		HTML, Persona, Source string
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatal(err)
	}
	if !answer.Success || answer.HTML != "<p>Ada's" || answer.Persona != "loyalist" || answer.Source != pagestore.SourceLLM {
		t.Errorf("answer %+v", answer)
	}
	o := b.ordered[0]
	if o.JobID != "job-1" || o.Persona != "loyalist" || !o.Template || o.Source != pagestore.SourceLLM || time.Since(o.RequestedAt) > time.Minute {
		t.Errorf("ordered %+v", o)
	}
	if got := fmt.Sprint(o.Preferences); got != "map[count:2 gift:true persona:loyalist wood:holly]" {
		t.Errorf("preferences %s", got)
	}
	if !b.generator.direct.idle() {
		t.Error("the call still holds its place")
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		bench  func(*bench)
		status int
		says   string
	}{
		"ok":             {func(*bench) {}, 200, `"status":"ok"`},
		"members":        {func(*bench) {}, 200, `"member":"pool-0","state":"warm","running":0,"waiting":0,"waitingForStore":0,"done":3`},
		"starting":       {func(b *bench) { b.closed = true }, 503, `"status":"starting"`},
		"NATS away":      {func(b *bench) { b.offline = true }, 200, `"status":"degraded"`},
		"a faulty shop":  {func(b *bench) { b.faults = map[string]string{"x.json": "no"} }, 200, `"stores":{"x.json":"no"}`},
		"model away":     {func(b *bench) { b.breaker = "open" }, 200, `"model":{"breaker":"open","name":"kimi-test"}`},
		"shops stopped":  {func(b *bench) { b.breaker, b.stopped = "half-open", []string{"linen", "tea"} }, 200, `"stopped":{"count":2,"stores":["linen","tea"]}`},
		"a cold member":  {func(b *bench) { b.members = []Member{member{"pool-1", jobqueue.Status{}}} }, 200, `"state":"cold"`},
		"a busy member":  {func(b *bench) { b.members = []Member{member{"pool-1", jobqueue.Status{Running: 1}}} }, 200, `"state":"warm"`},
		"worker is told": {func(*bench) {}, 200, `"worker":"worker-1"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			tt.bench(b)
			if res, body := b.ask(http.MethodGet, "/health", ""); res.StatusCode != tt.status || !strings.Contains(body, tt.says) {
				t.Errorf("%d %s, want %d with %s", res.StatusCode, body, tt.status, tt.says)
			}
		})
	}
}

// With EXIT_WHEN_IDLE a generator exits when its members are cold and no call of POST
// /generate is running.
func TestWaitIdle(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.generator.cfg.InactivityMillis = 1
	b.members = []Member{member{"pool-0", jobqueue.Status{}}}
	b.generator.direct.take(1)
	done := make(chan error, 1)
	go func() { done <- b.generator.waitIdle(t.Context()) }()
	select {
	case err := <-done:
		t.Fatalf("it left while a page was made: %v", err)
	default:
	}
	b.generator.direct.release()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}
