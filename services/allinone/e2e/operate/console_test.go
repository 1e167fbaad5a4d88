package operate_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/freeport"
	"github.com/wandstore/wandstore/pkg/natstest"
	"github.com/wandstore/wandstore/pkg/wire"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
	"github.com/wandstore/wandstore/services/generator"
)

// consoleDesk is a console and the NATS that it shows.
type consoleDesk struct {
	t   *testing.T
	nc  *nats.Conn
	js  jetstream.JetStream
	bus *wandnats.Bus
	url string
}

func newConsoleDesk(t *testing.T) *consoleDesk {
	t.Helper()
	account := natstest.Start(t)
	nc, js := account.Connect(t)
	settings := wandnats.Settings{PoolSize: 3, MaxQueueDepth: 10, Concurrency: 1, CacheTTLSeconds: 60, Replicas: 1}
	must(t, wandnats.Ensure(t.Context(), js, settings))
	bus, err := wandnats.Open(t.Context(), js)
	must(t, err)
	console := world.OpenConsole(t, generator.Config{NATS: wandnats.Config{URL: account.URL()}})
	return &consoleDesk{t, nc, js, bus, console}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// publish puts a message on the bus and waits until it is stored.
func (d *consoleDesk) publish(subject string, m proto.Message) {
	d.t.Helper()
	b, err := wire.Marshal(m)
	must(d.t, err)
	_, err = d.js.Publish(d.t.Context(), subject, b)
	must(d.t, err)
}

// ask makes a request as a browser on this machine does.
func (d *consoleDesk) ask(method, path, body string, header ...string) (status int, text string) {
	d.t.Helper()
	req, err := http.NewRequestWithContext(d.t.Context(), method, d.url+path, strings.NewReader(body))
	must(d.t, err)
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
		if header[i] == "Host" {
			req.Host = header[i+1]
		}
	}
	res, err := http.DefaultClient.Do(req)
	must(d.t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	must(d.t, err)
	return res.StatusCode, string(b)
}

// shows fails unless the page shows all of that.
func (d *consoleDesk) shows(path string, wanted ...string) string {
	d.t.Helper()
	status, page := d.ask(http.MethodGet, path, "")
	if status != http.StatusOK {
		d.t.Fatalf("GET %s: status %d: %s", path, status, page)
	}
	for _, want := range wanted {
		if !strings.Contains(page, want) {
			d.t.Errorf("GET %s: no %q in %s", path, want, page)
		}
	}
	return page
}

// record stores a job's record.
func (d *consoleDesk) record(shop, shopper string, state wandstorev1.JobState, reason string) {
	d.t.Helper()
	now := timestamppb.Now()
	d.publish("$KV.GENERATION_QUEUE."+wandnats.JobKey(shop, shopper), &wandstorev1.JobRecord{
		JobId: "job-" + shopper, StoreSlug: shop, ShopperId: shopper, State: state, PoolMember: "pool-1", Attempt: 2,
		RequestedAt: now, UpdatedAt: now, Reason: reason, Traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	})
}

func TestConsoleShowsWhatThereIs(t *testing.T) {
	t.Parallel()
	d := newConsoleDesk(t)
	d.publish(wandnats.GenerateSubject("pool-1"), &wandstorev1.GenerationJob{JobId: "a", StoreSlug: "magic-wands", ShopperId: "ada"})
	d.record("magic-wands", "ada", wandstorev1.JobState_JOB_STATE_QUEUED, "")
	d.record("magic-wands", "cohort=explorer", wandstorev1.JobState_JOB_STATE_READY, "")
	d.record("whitby-tea", "ben", wandstorev1.JobState_JOB_STATE_FAILED, "the <b>model</b> & more")
	_, err := d.bus.Jobs.PutString(t.Context(), "job.whitby-tea.not-a-record", "{")
	must(t, err)
	d.publish("$KV.SPEND."+wandnats.SpendKey(time.Now()), &wandstorev1.Spend{SpentMicros: 2_500_000, LimitMicros: 10_000_000})
	d.publish("$KV.GENERATION_QUEUE."+wandnats.DebugKey("magic-wands", "ada"), &wandstorev1.Breadcrumb{
		At: timestamppb.Now(), Service: "edge", Step: "claimed", PoolMember: "pool-1", Detail: "by a visit",
	})

	page := d.shows("/console/",
		"pool-0", "pool-1", "pool-2", "<strong>1</strong> in the queue", "no generator serves it",
		"$2.5000", "of $10.0000", "ada", "cohort=explorer", "the &lt;b&gt;model&lt;/b&gt; &amp; more",
		"nats req &#39;$KV.CONTROL.generation&#39; off")
	if strings.Contains(page, "<b>model") {
		t.Error("a reason became markup")
	}
	if page := d.shows("/console/?state=failed", "ben"); strings.Contains(page, ">ada<") {
		t.Error("state=failed shows a job that waits")
	}
	if page := d.shows("/console/?shop=magic-wands&state=queued", ">ada<"); strings.Contains(page, ">ben<") {
		t.Error("shop=magic-wands shows another shop's job")
	}
	d.shows("/console/?page=99", ">ada<", "3 jobs, page 1")
	d.shows("/console/?reason="+url.QueryEscape("nothing like it"), "There are none like that")
	d.shows("/console/job?store=magic-wands&shopper=ada", "queued", "claimed", "by a visit", "0af7651916cd43dd8448eb211c80319c", "nats kv history GENERATION_QUEUE debug.magic-wands.ada")
	d.shows("/console/job?store=magic-wands&shopper=nobody", "no record", "no trail")
	if status, _ := d.ask(http.MethodGet, "/console/job?store=magic-wands&shopper=a.>", ""); status != http.StatusBadRequest {
		t.Errorf("a job of no id: status %d", status)
	}
}

// Each action does what its nats command does, and the page says so at once.
func TestConsoleActs(t *testing.T) {
	t.Parallel()
	d := newConsoleDesk(t)
	act := func(do, on string) {
		t.Helper()
		if status, body := d.ask(http.MethodPost, "/console/do", url.Values{"do": {do}, "on": {on}, "state": {"failed"}}.Encode()); status != http.StatusOK {
			t.Fatalf("%s %s: status %d: %s", do, on, status, body)
		}
	}
	act("stop", "")
	d.shows("/console/", "Generation is stopped for all shops", "Resume generation")
	act("resume", "")
	act("stop", "whitby-tea")
	d.shows("/console/", "Stop generation", "whitby-tea", "stopped")
	for key, want := range map[string]string{"generation": "on", "generation.whitby-tea": "off"} {
		entry, err := d.bus.Control.Get(t.Context(), key)
		must(t, err)
		if got := string(entry.Value()); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}

	act("pause", "pool-2")
	d.shows("/console/", "paused for 60 min")
	act("unpause", "pool-2")
	if page := d.shows("/console/"); strings.Contains(page, "paused for") {
		t.Error("pool-2 is still paused")
	}

	for n := range 3 {
		payload, err := wire.Marshal(&wandstorev1.GenerationJob{JobId: fmt.Sprint("job-", n), StoreSlug: "magic-wands", ShopperId: fmt.Sprint("shopper-", n)})
		must(t, err)
		d.publish(wandnats.DeadSubject("pool-0"), &wandstorev1.DeadLetter{JobId: fmt.Sprint("job-", n), PoolMember: "pool-0", Reason: fmt.Sprint("reason ", n), Attempts: 4, Payload: string(payload)})
	}
	// A drop takes nothing else with it. Within the two seconds of a state, an action shows.
	act("drop", "2")
	if page := d.shows("/console/", "reason 0", "reason 2", "2 in all"); strings.Contains(page, "reason 1") {
		t.Error("the letter is still there")
	}
	if status, body := d.ask(http.MethodPost, "/console/do", "do=drop&on=2"); status != http.StatusBadGateway || !strings.Contains(body, "sequence 2 not found") {
		t.Errorf("dropped twice: status %d: %s", status, body)
	}

	// A generator answers a replay; here is none.
	answer := make(chan string, 1)
	sub, err := d.nc.Subscribe(wandnats.SubjectReplay, func(m *nats.Msg) {
		answer <- string(m.Data)
		_ = m.RespondMsg(&nats.Msg{Header: nats.Header{"Nats-Service-Error": {"the pool is full"}, "Nats-Service-Error-Code": {"429"}}})
	})
	must(t, err)
	must(t, d.nc.FlushTimeout(eventually.Patience)) // the server knows of it now
	if status, body := d.ask(http.MethodPost, "/console/do", "do=replay&on=3"); status != http.StatusBadGateway || !strings.Contains(body, "the pool is full") {
		t.Errorf("replayed into a full pool: status %d: %s", status, body)
	}
	if got := <-answer; got != `{"sequence":3}` {
		t.Errorf("the request was %s", got)
	}
	must(t, sub.Unsubscribe())
	must(t, d.nc.FlushTimeout(eventually.Patience))
	if status, body := d.ask(http.MethodPost, "/console/do", "do=replay&on=3"); status != http.StatusBadGateway || !strings.Contains(body, "no responders") {
		t.Errorf("replayed without a generator: status %d: %s", status, body)
	}
}

func TestConsoleRefuses(t *testing.T) {
	t.Parallel()
	d := newConsoleDesk(t)
	for name, tt := range map[string]struct {
		body   string
		header []string
		status int
	}{
		"no action":                {body: "do=purge&on=", status: http.StatusBadRequest},
		"a shop of no slug":        {body: "do=stop&on=a.b", status: http.StatusBadRequest},
		"every shop by a wildcard": {body: "do=stop&on=*", status: http.StatusBadRequest},
		"another consumer":         {body: "do=pause&on=mine", status: http.StatusBadRequest},
		"no sequence":              {body: "do=drop&on=0", status: http.StatusBadRequest},
		"a sequence and more":      {body: "do=drop&on=" + url.QueryEscape(`1,"no_erase":true`), status: http.StatusBadRequest},
		"a long form":              {body: "do=stop&on=" + strings.Repeat("a", 4<<10), status: http.StatusBadRequest},
		"another site's form":      {body: "do=stop", header: []string{"Sec-Fetch-Site", "cross-site"}, status: http.StatusForbidden},
		"another site's, old":      {body: "do=stop", header: []string{"Origin", "https://evil.example"}, status: http.StatusForbidden},
		"a name pointed here":      {body: "do=stop", header: []string{"Host", "evil.example"}, status: http.StatusMisdirectedRequest},
	} {
		t.Run(name, func(t *testing.T) {
			if status, body := d.ask(http.MethodPost, "/console/do", tt.body, tt.header...); status != tt.status {
				t.Errorf("status %d, want %d: %s", status, tt.status, body)
			}
		})
	}
	if status, page := d.ask(http.MethodGet, "/console/", "", "Host", "evil.example:9465"); status != http.StatusMisdirectedRequest || strings.Contains(page, "pool-0") {
		t.Errorf("a name pointed here reads the page: status %d", status)
	}
	if keys, err := d.bus.Control.ListKeys(t.Context()); err == nil {
		for key := range keys.Keys() {
			t.Errorf("%s was written", key)
		}
	}
}

// Letters that were removed leave gaps of any length before and between the newest.
func TestConsoleFindsTheNewestLetters(t *testing.T) {
	t.Parallel()
	d := newConsoleDesk(t)
	dead, err := d.js.Stream(t.Context(), wandnats.StreamDead)
	must(t, err)
	for n := 1; n <= 400; n++ {
		_, err := d.js.PublishAsync(wandnats.DeadSubject("pool-0"), fmt.Appendf(nil, `{"reason":"reason %d."}`, n))
		must(t, err)
	}
	<-d.js.PublishAsyncComplete()
	for n := uint64(60); n < 400; n++ {
		must(t, dead.DeleteMsg(t.Context(), n))
	}
	page := d.shows("/console/", "60 in all", "reason 400.", "reason 59.", "reason 11.")
	if strings.Contains(page, "reason 10.") {
		t.Error("more than the newest are shown")
	}
}

// Without NATS the page tells why there is nothing, and the browser tries again.
func TestConsoleWithoutNATS(t *testing.T) {
	t.Parallel()
	console := world.OpenConsole(t, generator.Config{NATS: wandnats.Config{URL: "nats://" + freeport.Addr(t)}})
	answer := world.Get(t, console+"/console/")
	if answer.Status != http.StatusServiceUnavailable || answer.Header.Get("Refresh") == "" || !strings.Contains(answer.Body, "Nothing can be shown") {
		t.Errorf("status %d: %s", answer.Status, answer.Body)
	}
}
