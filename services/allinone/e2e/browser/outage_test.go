package browser_test

import (
	"fmt"
	"log/slog"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/faulttest"
	"github.com/wandstore/wandstore/pkg/freeport"
	"github.com/wandstore/wandstore/pkg/wire"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
	"github.com/wandstore/wandstore/services/edge"
)

// sources makes the page's event sources, and the state that the last of them received,
// visible to a test.
const sources = `window.sources = []; window.EventSource = class extends EventSource {
	constructor(...args) {
		super(...args);
		window.sources.push(this);
		this.addEventListener("status", e => { window.said = JSON.parse(e.data).state; });
	}
}`

// The states of the page's last event source.
const (
	isConnecting = `window.sources.at(-1).readyState === 0`
	isClosed     = `window.sources.at(-1).readyState === 2`
)

// The browser reconnects after an outage of the connection, of the edge, of a gateway
// before the edge, or of edge and NATS together.
func TestBrowserConnectsAgain(t *testing.T) {
	t.Parallel()
	type parts struct {
		w     *world.World
		addr  string
		edge  *world.Process
		proxy *faulttest.Proxy
	}
	restart := func(p *parts) { p.edge = p.w.StartEdgeUnready(func(c *edge.Config) { c.Addr = p.addr }) }
	for _, gone := range []struct {
		name    string
		gateway bool // a gateway that answers 502 for an edge that does not
		away    func(p *parts)
		noticed string // by the browser, meanwhile
		back    func(p *parts)
		parts   []world.Option
	}{
		{"connection", false, func(p *parts) { p.proxy.Cut() }, isConnecting, func(p *parts) { p.proxy.Restore() }, nil},
		{"edge", false, func(p *parts) { p.edge.Stop() }, isConnecting, restart, nil},
		{"edge-behind-a-gateway", true, func(p *parts) { p.edge.Stop() }, isClosed, restart, nil},
		// The edge is back before it can know of the job.
		{"edge-and-NATS", false, func(p *parts) {
			p.edge.Stop()
			p.w.NATSServer.Stop()
			restart(p)
		}, `window.said === "none"`, func(p *parts) { p.w.NATSServer.Restart() }, []world.Option{world.OwnNATS}},
	} {
		t.Run(gone.name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t, gone.parts...)
			p := &parts{w: w, addr: freeport.Addr(t)}
			restart(p)
			p.edge.Ready(t)
			p.proxy = faulttest.NewProxy(t, p.addr)
			base := "http://" + p.proxy.Addr()
			if gone.gateway {
				base = startGateway(t, base)
			}
			page := world.OpenTab(t, 1280, "net::ERR_", "502 (Bad Gateway)")
			page.OnNewDocument(sources)
			page.Visit(base + "/s/magic-wands?shopper=patient")
			page.Until("the page says that a better one is made", isPreparing)
			gone.away(p)
			page.Until("the browser has noticed", gone.noticed)
			gone.back(p)
			w.StartGenerator()
			page.Until("the page becomes the shopper's", isPersonal)
		})
	}
}

// startGateway starts a reverse proxy of the kind that stands before an edge.
func startGateway(t *testing.T, to string) string {
	t.Helper()
	target, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	gateway := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite:  func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	})
	t.Cleanup(func() {
		gateway.CloseClientConnections()
		gateway.Close()
	})
	return gateway.URL
}

// When the job has failed, the page stops waiting and hides the message.
func TestBrowserGivesUpPolitely(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	e := w.StartEdge()
	_, js := w.Connect()
	for _, width := range widths {
		shopper := fmt.Sprint("hopeless-", width)
		page := world.OpenTab(t, width)
		page.OnNewDocument(sources)
		page.Visit(e.Base + "/s/magic-wands?shopper=" + shopper)
		page.Until("the page says that a better one is made", isPreparing)
		before := world.Eval[string](page, `main.innerText`)
		failJob(t, js, "magic-wands", shopper)
		page.Until("the page says nothing", isSilent)
		if !world.Eval[bool](page, isClosed) || world.Eval[float64](page, `window.sources.length`) != 1 {
			t.Error("the page still listens")
		}
		if world.Eval[bool](page, isPersonal) || world.Eval[string](page, `main.innerText`) != before {
			t.Error("the page is not the fallback any more")
		}
	}
	// Without a job the page stops waiting as well.
	page := world.OpenTab(t, 1280)
	page.OnNewDocument(sources)
	if off := page.Visit(e.Base + "/s/magic-wands"); off.Get("X-Generation") != "off" {
		t.Errorf("a visit without an id: X-Generation %q", off.Get("X-Generation"))
	}
	page.Until("the page stops listening", isClosed+" && "+isSilent)
}

// failJob marks a shopper's job as failed, as a generator does with a dead letter.
func failJob(t *testing.T, js jetstream.JetStream, store, shopper string) {
	t.Helper()
	jobs, err := js.KeyValue(t.Context(), wandnats.BucketJobs)
	if err != nil {
		t.Fatal(err)
	}
	key := wandnats.JobKey(store, shopper)
	rec := &wandstorev1.JobRecord{}
	eventually.True(t, "the job is queued", func() bool {
		entry, err := jobs.Get(t.Context(), key)
		if err != nil || wire.Unmarshal(entry.Value(), rec) != nil || rec.GetState() != wandstorev1.JobState_JOB_STATE_QUEUED {
			return false
		}
		rec.State, rec.Reason = wandstorev1.JobState_JOB_STATE_FAILED, "a test has given it up"
		value, err := wire.Marshal(rec)
		if err != nil {
			t.Fatal(err)
		}
		_, err = jobs.Update(t.Context(), key, value, entry.Revision())
		return err == nil
	})
}
