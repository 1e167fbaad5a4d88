package edge

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"google.golang.org/protobuf/types/known/timestamppb"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/pagestore"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

var (
	webhookSecret = "whsec_" + base64.StdEncoding.EncodeToString([]byte("thirty-two bytes of a secret key"))
	errBroken     = errors.New("broken")
	form          = []string{"Content-Type", "application/x-www-form-urlencoded"}
	debugger      = []string{"Authorization", "Bearer " + debugToken}
	adasCookie    = []string{"Cookie", shopperCookie + "=ada"}
	foreignForm   = []string{"Content-Type", "application/x-www-form-urlencoded", "Origin", "https://evil.example"}
)

func offline(d *desk)  { d.offline = true }
func broken(d *desk)   { d.stop = errBroken }
func draining(d *desk) { close(d.edge.stopping); close(d.edge.draining) }

func with(lists ...[]string) []string {
	var all []string
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

// Every route with every status that it answers.
func TestRoutes(t *testing.T) {
	t.Parallel()
	const (
		page    = "text/html; charset=utf-8"
		problem = "application/problem+json"
		jsons   = "application/json"
	)
	track := func(fields string) string {
		return `{"shopper":"ada","store":"magic-wands","event":"view"` + fields + `}`
	}
	for name, tt := range map[string]struct {
		desk         func(*desk)
		route        string // method and target
		body         string
		headers      []string
		status       int
		kind         string // the content type
		says         string // the body holds
		retry, leads string // Retry-After and Location
	}{
		"product":                           {route: "GET /s/magic-wands/p/nightjar", status: 200, kind: page, says: "Nightjar"},
		"product unknown":                   {route: "GET /s/magic-wands/p/no-such-wand", status: 404, kind: page, says: "no such door"},
		"product of no shop":                {route: "GET /s/no-such-shop/p/nightjar", status: 404, kind: page},
		"product, shops not all known":      {desk: offline, route: "GET /s/no-such-shop/p/nightjar", status: 503, kind: page},
		"search":                            {route: "GET /s/magic-wands/search?q=nightjar", status: 200, kind: page, says: "Nightjar"},
		"search with nonsense":              {route: "GET /s/magic-wands/search?q=%ff&sort=x&most=-1", status: 200, kind: page},
		"cart without a shopper":            {route: "GET /s/magic-wands/cart", status: 200, kind: page},
		"cart":                              {desk: adaBuys, route: "GET /s/magic-wands/cart", headers: adasCookie, status: 200, kind: page, says: "Nightjar"},
		"cart, invalid id":                  {route: "GET /s/magic-wands/cart?shopper=a.b", status: 200, kind: page},
		"cart, NATS not reached":            {desk: offline, route: "GET /s/magic-wands/cart", headers: adasCookie, status: 503, kind: page, retry: "5"},
		"cart, sessions fail":               {desk: broken, route: "GET /s/magic-wands/cart", headers: adasCookie, status: 503, kind: page, retry: "5"},
		"cart change":                       {route: "POST /s/magic-wands/cart", body: "action=add&product=nightjar", headers: with(form, adasCookie), status: 303, leads: "/s/magic-wands/cart"},
		"cart change of several":            {route: "POST /s/magic-wands/cart", body: "action=add&product=nightjar&product=halcyon", headers: form, status: 303, leads: "/s/magic-wands/cart"},
		"cart change, no action":            {route: "POST /s/magic-wands/cart", body: "product=nightjar", headers: form, status: 400, kind: page},
		"cart change, quantity":             {route: "POST /s/magic-wands/cart", body: "action=set&product=nightjar&quantity=100", headers: form, status: 400, kind: page},
		"cart change, no product":           {route: "POST /s/magic-wands/cart", body: "action=add&product=no-such-wand", headers: form, status: 404, kind: page},
		"cart change, too many":             {route: "POST /s/magic-wands/cart", body: "action=add" + strings.Repeat("&product=nightjar", 13), headers: form, status: 400, kind: page},
		"cart change, invalid id":           {route: "POST /s/magic-wands/cart?shopper=a.b", body: "action=add&product=nightjar", headers: form, status: 303, leads: "/s/magic-wands/cart"},
		"cart change by another site":       {route: "POST /s/magic-wands/cart", body: "action=add&product=nightjar", headers: foreignForm, status: 403, kind: page},
		"cart change, NATS not reached":     {desk: offline, route: "POST /s/magic-wands/cart", body: "action=add&product=nightjar", headers: form, status: 503, kind: page, retry: "5"},
		"cart change, sessions fail":        {desk: broken, route: "POST /s/magic-wands/cart", body: "action=add&product=nightjar", headers: form, status: 503, kind: page, retry: "5"},
		"forget":                            {route: "POST /s/magic-wands/forget", headers: adasCookie, status: 303, leads: "/s/magic-wands"},
		"forget without a cookie":           {route: "POST /s/magic-wands/forget?shopper=ada", status: 303, leads: "/s/magic-wands"},
		"forget by another site":            {route: "POST /s/magic-wands/forget", headers: with(adasCookie, foreignForm), status: 403, kind: page},
		"forget, NATS not reached":          {desk: offline, route: "POST /s/magic-wands/forget", headers: adasCookie, status: 503, kind: page},
		"forget, a store fails":             {desk: broken, route: "POST /s/magic-wands/forget", headers: adasCookie, status: 503, kind: page},
		"export":                            {desk: adaBuys, route: "GET /s/magic-wands/export", headers: adasCookie, status: 200, kind: jsons, says: `"nightjar"`},
		"export without a shopper":          {route: "GET /s/magic-wands/export", status: 303, leads: "/s/magic-wands"},
		"export, invalid id":                {route: "GET /s/magic-wands/export?shopper=a.b", status: 303, leads: "/s/magic-wands"},
		"export of no shop":                 {route: "GET /s/no-such-shop/export", headers: adasCookie, status: 404, kind: page},
		"export to another site":            {route: "GET /s/magic-wands/export", headers: with(adasCookie, foreignForm), status: 403, kind: page},
		"export, NATS not reached":          {desk: offline, route: "GET /s/magic-wands/export", headers: adasCookie, status: 503, kind: page},
		"export, a store fails":             {desk: broken, route: "GET /s/magic-wands/export", headers: adasCookie, status: 503, kind: page},
		"health":                            {route: "GET /health", status: 200, kind: jsons, says: `"status":"ok"`},
		"health, NATS not reached":          {desk: offline, route: "GET /health", status: 200, kind: jsons, says: `"status":"degraded"`},
		"ready":                             {route: "GET /ready", status: 200, kind: jsons, says: `"ready"`},
		"ready, starting":                   {desk: offline, route: "GET /ready", status: 503, kind: jsons, says: `"starting"`},
		"ready, streams missing":            {desk: func(d *desk) { d.missing = "KV_SPEND" }, route: "GET /ready", status: 503, kind: jsons, says: "missing"},
		"health, streams missing":           {desk: func(d *desk) { d.missing = "KV_SPEND" }, route: "GET /health", status: 200, kind: jsons, says: `"stream KV_SPEND":"missing"`},
		"ready, draining":                   {desk: draining, route: "GET /ready", status: 503, kind: jsons, says: `"draining"`},
		"debug without a token":             {route: "GET /debug/container", status: 404, kind: problem},
		"debug with a wrong token":          {route: "GET /debug/container", headers: []string{"Authorization", "Bearer no"}, status: 404, kind: problem},
		"container":                         {route: "GET /debug/container", headers: debugger, status: 200, kind: jsons, says: `"health":{"member":"pool-0"}`},
		"container, no answer":              {desk: broken, route: "GET /debug/container", headers: debugger, status: 503, kind: jsons, says: `"status":503`},
		"container, NATS not reached":       {desk: offline, route: "GET /debug/container", headers: debugger, status: 503, kind: jsons, says: `"poolMember":"pool-0"`},
		"generate":                          {desk: jobEnds(wandstorev1.JobState_JOB_STATE_READY), route: "GET /debug/generate", headers: debugger, status: 200, kind: jsons, says: `"source":"llm"`},
		"generate, dead-lettered":           {desk: jobEnds(wandstorev1.JobState_JOB_STATE_FAILED), route: "GET /debug/generate", headers: debugger, status: 502, kind: jsons, says: `"status":502`},
		"generate, pool full":               {desk: func(d *desk) { d.trigger = refusal(jobqueue.ErrPoolFull) }, route: "GET /debug/generate", headers: debugger, status: 429, kind: problem, retry: "5"},
		"generate, queue fails":             {desk: func(d *desk) { d.trigger = refusal(errBroken) }, route: "GET /debug/generate", headers: debugger, status: 503, kind: problem, retry: "5"},
		"generate, draining":                {desk: draining, route: "GET /debug/generate", headers: debugger, status: 503, kind: problem, retry: "5"},
		"generate, unknown shop":            {route: "GET /debug/generate?store=no-such-shop", headers: debugger, status: 404, kind: problem},
		"generate, invalid shop":            {route: "GET /debug/generate?store=a.b", headers: debugger, status: 400, kind: problem},
		"generate, NATS not reached":        {desk: offline, route: "GET /debug/generate", headers: debugger, status: 503, kind: problem, retry: "5"},
		"errors":                            {route: "GET /debug/errors?store=magic-wands&shopper=ada", headers: debugger, status: 200, kind: jsons, says: `"breadcrumbs":[{"step":"claimed"}]`},
		"errors, invalid id":                {route: "GET /debug/errors?store=magic-wands&shopper=a.b", headers: debugger, status: 400, kind: problem},
		"errors, trail fails":               {desk: broken, route: "GET /debug/errors?store=magic-wands&shopper=ada", headers: debugger, status: 503, kind: problem, retry: "5"},
		"errors, NATS not reached":          {desk: offline, route: "GET /debug/errors?store=magic-wands&shopper=ada", headers: debugger, status: 503, kind: problem, retry: "5"},
		"status":                            {route: "GET /api/generation/status?store=magic-wands&shopper=ada", status: 200, kind: jsons, says: `{"state":"none","queuedAhead":0,"etaSeconds":0}`},
		"status, invalid id":                {route: "GET /api/generation/status?store=magic-wands&shopper=a.b", status: 400, kind: problem},
		"status, unknown shop":              {route: "GET /api/generation/status?store=no-such-shop&shopper=ada", status: 404, kind: problem},
		"status, queue fails":               {desk: func(d *desk) { d.recErr = errBroken }, route: "GET /api/generation/status?store=magic-wands&shopper=ada", status: 503, kind: problem, retry: "5"},
		"status, NATS not reached":          {desk: offline, route: "GET /api/generation/status?store=magic-wands&shopper=ada", status: 503, kind: problem, retry: "5"},
		"events of a page that is there":    {desk: func(d *desk) { d.has(pagestore.TierKV) }, route: "GET /api/generation/events?store=magic-wands&shopper=ada", status: 200, kind: "text/event-stream", says: "event: status\ndata: {\"state\":\"ready\""},
		"events, draining":                  {desk: draining, route: "GET /api/generation/events?store=magic-wands&shopper=ada", status: 200, kind: "text/event-stream", says: `"state":"none"`},
		"events, invalid id":                {route: "GET /api/generation/events?store=magic-wands&shopper=a.b", status: 400, kind: problem},
		"events, too many listeners":        {desk: func(d *desk) { d.edge.listeners.Store(maxListeners) }, route: "GET /api/generation/events?store=magic-wands&shopper=ada", status: 503, kind: problem, retry: "5"},
		"track":                             {route: "POST /api/shopper/track", body: track(""), status: 202, kind: jsons, says: `{"accepted":1}`},
		"track several":                     {route: "POST /api/shopper/track", body: "[" + track("") + "," + track("") + "]", status: 202, kind: jsons, says: `{"accepted":2}`},
		"track, do not track":               {route: "POST /api/shopper/track", body: track(""), headers: []string{"DNT", "1"}, status: 202, kind: jsons, says: `{"accepted":0}`},
		"track, global privacy control":     {route: "POST /api/shopper/track", body: track(""), headers: []string{"Sec-GPC", "1"}, status: 202, kind: jsons, says: `{"accepted":0}`},
		"track, not JSON":                   {route: "POST /api/shopper/track", body: "{", status: 400, kind: problem},
		"track, none":                       {route: "POST /api/shopper/track", body: "[]", status: 400, kind: problem},
		"track, too many":                   {route: "POST /api/shopper/track", body: "[" + strings.Repeat(track("")+",", 50) + track("") + "]", status: 400, kind: problem},
		"track, unknown event":              {route: "POST /api/shopper/track", body: `{"shopper":"ada","store":"magic-wands","event":"steal"}`, status: 400, kind: problem},
		"track, invalid id":                 {route: "POST /api/shopper/track", body: `{"shopper":"a.b","store":"magic-wands","event":"view"}`, status: 400, kind: problem},
		"track, unknown shop":               {route: "POST /api/shopper/track", body: `{"shopper":"ada","store":"no-such-shop","event":"view"}`, status: 404, kind: problem},
		"track, too large":                  {route: "POST /api/shopper/track", body: track(`,"query":"` + strings.Repeat("x", maxTrackBody) + `"`), status: 413, kind: problem},
		"track, NATS not reached":           {desk: offline, route: "POST /api/shopper/track", body: track(""), status: 503, kind: problem, retry: "5"},
		"track, sessions fail":              {desk: broken, route: "POST /api/shopper/track", body: track(""), status: 503, kind: problem, retry: "5"},
		"track, contended":                  {desk: func(d *desk) { d.stop = wandnats.ErrContended }, route: "POST /api/shopper/track", body: track(""), status: 503, kind: problem, retry: "5"},
		"webhook without a signature":       {route: "POST /webhook/generation-complete", body: "{}", status: 401, kind: problem},
		"an API route that is none":         {route: "GET /api/nothing", status: 404, kind: problem},
		"a method that a route does not do": {route: "DELETE /s/magic-wands", status: 405, kind: page},
		"a slash too many":                  {route: "GET /s/magic-wands/?shopper=ada", status: 301, leads: "/s/magic-wands?shopper=ada"},
		"a slash too many of a product":     {route: "GET /s/magic-wands/p/nightjar/", status: 301, leads: "/s/magic-wands/p/nightjar"},
		"an address that leaves the site":   {route: "GET /s//evil.example/", status: 301, leads: "/s/evil.example"},
		"the only shop":                     {route: "GET /", status: 302, leads: "/s/magic-wands"},
		"robots":                            {route: "GET /robots.txt", status: 200, kind: "text/plain; charset=utf-8", says: "Disallow: /*?*shopper="},
		"an encoded body":                   {route: "POST /api/shopper/track", body: "x", headers: []string{"Content-Encoding", "gzip"}, status: 415, kind: problem},
		"a body encoded twice":              {route: "POST /api/shopper/track", body: "x", headers: []string{"Content-Encoding", "identity", "Content-Encoding", "br, gzip"}, status: 415, kind: problem},
		"an encoded form":                   {route: "POST /s/magic-wands/cart", body: "x", headers: with(form, []string{"Content-Encoding", "deflate"}), status: 415, kind: page},
		"an encoded webhook":                {route: "POST /webhook/generation-complete", body: "x", headers: []string{"Content-Encoding", "zstd"}, status: 415, kind: problem},
		"a body that says it is not":        {route: "POST /api/shopper/track", body: track(""), headers: []string{"Content-Encoding", "identity"}, status: 202, kind: jsons},
		"a handler that panics":             {desk: func(d *desk) { d.trigger = func(jobqueue.Request) (jobqueue.Ticket, error) { panic("broken") } }, route: "GET /debug/generate", headers: debugger, status: 500, kind: problem},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, func(c *Config) { c.WebhookSecret = webhookSecret })
			if tt.desk != nil {
				tt.desk(d)
			}
			method, target, _ := strings.Cut(tt.route, " ")
			res := d.ask(method, target, tt.body, tt.headers...)
			if res.StatusCode != tt.status {
				t.Fatalf("status %d, want %d: %s", res.StatusCode, tt.status, res.body)
			}
			if got := res.Header.Get("Content-Type"); tt.kind != "" && got != tt.kind {
				t.Errorf("content type %q, want %q", got, tt.kind)
			}
			if !strings.Contains(res.body, tt.says) {
				t.Errorf("it does not say %q: %.300s", tt.says, res.body)
			}
			if got := res.Header.Get("Retry-After"); got != tt.retry {
				t.Errorf("Retry-After %q, want %q", got, tt.retry)
			}
			if got := res.Header.Get("Location"); got != tt.leads {
				t.Errorf("it leads to %q, want %q", got, tt.leads)
			}
			switch {
			case tt.kind == problem:
				var p struct {
					Status        int
					Title, Detail string
				}
				if err := json.Unmarshal([]byte(res.body), &p); err != nil || p.Status != tt.status || p.Title == "" || p.Detail == "" || strings.Contains(p.Detail, errBroken.Error()) {
					t.Errorf("problem %s: %v, want status, title and a detail that keeps the cause", res.body, err)
				}
			case tt.kind == page && res.Header.Get("Content-Security-Policy") == "":
				t.Error("a page without a policy")
			}
			if got := res.Header.Get("Cache-Control"); tt.kind != jsons && tt.kind != "text/plain; charset=utf-8" && !strings.Contains(got, "no-store") && tt.leads == "" {
				t.Errorf("Cache-Control %q, want it not to be stored", got)
			}
		})
	}
}

// adaBuys puts a product into ada's cart.
func adaBuys(d *desk) { d.remembers(&wandstorev1.StoreSignals{Cart: []string{"nightjar"}}) }

// jobEnds lets the requested job end at once.
func jobEnds(state wandstorev1.JobState) func(*desk) {
	return func(d *desk) {
		d.record = &wandstorev1.JobRecord{JobId: "job-2", State: state, PoolMember: "pool-3", Source: "llm", Persona: "explorer"}
	}
}

// The status of a page, by the board and by the record of its job.
func TestGenerationStatus(t *testing.T) {
	t.Parallel()
	soon := timestamppb.New(time.Now().Add(time.Hour))
	past := timestamppb.New(time.Now().Add(-time.Minute))
	live := func(state wandstorev1.JobState) *wandstorev1.JobRecord {
		return &wandstorev1.JobRecord{JobId: "job-2", State: state, PoolMember: "pool-3", Deadline: soon, UpdatedAt: timestamppb.Now(), RequestedAt: timestamppb.Now()}
	}
	for name, tt := range map[string]struct {
		desk func(*desk)
		want generationStatus
	}{
		"queued on the board":  {func(d *desk) { d.live(live(wandstorev1.JobState_JOB_STATE_QUEUED)) }, generationStatus{State: stateQueued, PoolMember: "pool-3", ETASeconds: 100}},
		"running on the board": {func(d *desk) { d.live(live(wandstorev1.JobState_JOB_STATE_RUNNING)) }, generationStatus{State: stateRunning, PoolMember: "pool-3", ETASeconds: 100}},
		"board before page": {
			func(d *desk) { d.has(pagestore.TierKV); d.live(live(wandstorev1.JobState_JOB_STATE_QUEUED)) },
			generationStatus{State: stateQueued, PoolMember: "pool-3", ETASeconds: 100},
		},
		"page": {func(d *desk) { d.has(pagestore.TierKV) }, generationStatus{State: stateReady, Persona: "explorer", Source: "llm"}},
		"record failed": {func(d *desk) {
			d.record = &wandstorev1.JobRecord{State: wandstorev1.JobState_JOB_STATE_FAILED, Reason: "why"}
		}, generationStatus{State: stateFailed, Reason: "why"}},
		"record live": {func(d *desk) { d.record = live(wandstorev1.JobState_JOB_STATE_QUEUED) }, generationStatus{State: stateQueued, PoolMember: "pool-3"}},
		"record lapsed": {func(d *desk) {
			d.record = &wandstorev1.JobRecord{State: wandstorev1.JobState_JOB_STATE_QUEUED, Deadline: past}
		}, generationStatus{State: stateNone}},
		"record of a lost page": {func(d *desk) { d.record = live(wandstorev1.JobState_JOB_STATE_READY) }, generationStatus{State: stateNone, PoolMember: "pool-3"}},
		"nothing":               {func(*desk) {}, generationStatus{State: stateNone}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			began := time.Now()
			tt.desk(d)
			res := d.ask(http.MethodGet, "/api/generation/status?store=magic-wands&shopper=ada", "")
			var got generationStatus
			if err := json.Unmarshal([]byte(res.body), &got); err != nil {
				t.Fatal(err)
			}
			if (got.GeneratedAt != nil) != (tt.want.State == stateReady) {
				t.Errorf("generated at %v", got.GeneratedAt)
			}
			// The running job has run for a moment.
			if ran := tt.want.ETASeconds - got.ETASeconds; ran > 0 && ran <= 1+int(time.Since(began).Seconds()) {
				got.ETASeconds = tt.want.ETASeconds
			}
			if got.GeneratedAt = nil; got != tt.want {
				t.Errorf("%+v, want %+v", got, tt.want)
			}
		})
	}
}

// live puts ada's job on the board.
func (d *desk) live(rec *wandstorev1.JobRecord) {
	d.t.Helper()
	key, err := pagekey.New(slug, "ada")
	if err != nil {
		d.t.Fatal(err)
	}
	d.board.Set(key, rec)
}

func TestWebhook(t *testing.T) {
	t.Parallel()
	const good = `{"jobId":"job-9","storeSlug":"magic-wands","shopperId":"ada","success":true,"persona":"dealhunter","html":"<h1>A quiet shelf</h1><p>Calm.</p>"}`
	for name, tt := range map[string]struct {
		desk    func(*desk)
		body    string
		unsign  bool
		status  int
		ordered bool
		problem string
	}{
		"page":                {body: good, status: 202, ordered: true},
		"design":              {body: `{"jobId":"j","storeSlug":"magic-wands","shopperId":"ada","success":true,"design":{"sections":[{"type":"hero","headline":"A quiet shelf"}]}}`, status: 202, ordered: true},
		"failure":             {body: `{"jobId":"j","storeSlug":"magic-wands","shopperId":"ada","error":"no page"}`, status: 202, problem: "webhook failed"},
		"nothing to render":   {body: `{"jobId":"j","storeSlug":"magic-wands","shopperId":"ada","success":true,"html":"<script>x</script>"}`, status: 400, problem: "webhook refused"},
		"not JSON":            {body: "{", status: 400},
		"no job":              {body: strings.Replace(good, "job-9", "", 1), status: 400},
		"invalid id":          {body: strings.Replace(good, `"ada"`, `"a.b"`, 1), status: 400},
		"unknown shop":        {body: strings.Replace(good, "magic-wands", "no-such-shop", 1), status: 404},
		"other body signed":   {body: good, unsign: true, status: 401},
		"a store fails":       {desk: broken, body: good, status: 503, ordered: true},
		"NATS is not reached": {desk: offline, body: good, status: 503},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, func(c *Config) { c.WebhookSecret = webhookSecret })
			if tt.desk != nil {
				tt.desk(d)
			}
			signed := tt.body
			if tt.unsign {
				signed += " "
			}
			res := d.ask(http.MethodPost, "/webhook/generation-complete", tt.body, signature(t, signed)...)
			if res.StatusCode != tt.status {
				t.Errorf("status %d, want %d: %s", res.StatusCode, tt.status, res.body)
			}
			if got := len(d.ordered) == 1; got != tt.ordered {
				t.Fatalf("ordered %+v", d.ordered)
			}
			if got := strings.Join(d.problems, " "); got != tt.problem {
				t.Errorf("problems %q, want %q", got, tt.problem)
			}
			if tt.ordered && (d.ordered[0].Source != pagestore.SourceWebhook || d.ordered[0].Template || d.ordered[0].Key.Shopper() != "ada" || d.ordered[0].Designer == nil) {
				t.Errorf("ordered %+v, want the webhook's page and no template", d.ordered[0])
			}
		})
	}
}

// A webhook that is sent again makes no second page, unless the first time failed.
func TestWebhookIsTakenOnce(t *testing.T) {
	t.Parallel()
	const body = `{"jobId":"job-9","storeSlug":"magic-wands","shopperId":"ada","success":true,"html":"<h1>A quiet shelf</h1><p>Calm.</p>"}`
	d := newDesk(t, func(c *Config) { c.WebhookSecret = webhookSecret })
	headers := signature(t, body)
	for i, want := range []struct {
		stop            error
		status, ordered int
	}{{errBroken, 503, 1}, {nil, 202, 2}, {nil, 202, 2}} {
		d.stop = want.stop
		if res := d.ask(http.MethodPost, "/webhook/generation-complete", body, headers...); res.StatusCode != want.status || len(d.ordered) != want.ordered {
			t.Errorf("time %d: %d, %d pages", i+1, res.StatusCode, len(d.ordered))
		}
	}
}

// signature is the headers of Standard Webhooks for a body.
func signature(t *testing.T, body string) []string {
	t.Helper()
	hook, err := standardwebhooks.NewWebhook(webhookSecret)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	signed, err := hook.Sign("msg-1", now, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return []string{
		standardwebhooks.HeaderWebhookID, "msg-1",
		standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10),
		standardwebhooks.HeaderWebhookSignature, signed,
	}
}
