package edge

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/catalogue/cataloguetest"
	"github.com/wandstore/wandstore/pkg/design"
	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/pagedraft"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/pagemaker"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/personal"
	"github.com/wandstore/wandstore/pkg/prompt"
	"github.com/wandstore/wandstore/pkg/storefront"
	"github.com/wandstore/wandstore/pkg/wire"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
	"github.com/wandstore/wandstore/services/edge/internal/draftboard"
	"github.com/wandstore/wandstore/services/edge/internal/identity"
	"github.com/wandstore/wandstore/services/edge/internal/jobboard"
)

const (
	slug       = "magic-wands"
	debugToken = "a-token-for-tests"
)

// desk is an edge with fake parts, for tests of its answers.
type desk struct {
	t      testing.TB
	edge   *Edge
	shop   *catalogue.Shop
	board  *jobboard.Board
	drafts *draftboard.Board

	// What the parts answer. nil is a part that works and knows nothing.
	hit     *pagestore.Hit            // ada's
	others  map[string]*pagestore.Hit // by shopper
	pageErr error
	trigger func(jobqueue.Request) (jobqueue.Ticket, error)
	record  *wandstorev1.JobRecord
	recErr  error
	offline bool   // NATS was not reached
	off     bool   // generation is not allowed
	scarce  bool   // little of the budget is left
	missing string // a stream that is missing
	// switchFaults are the operators' switches that cannot be understood.
	switchFaults map[string]string
	stop         error // the error of sessions, eraser, maker, members and trail

	mu        sync.Mutex
	sessions  map[string]*wandstorev1.ShopperSession
	triggered []jobqueue.Request
	forgotten []string
	exported  []string
	ordered   []pagemaker.Order
	problems  []string
	webhooks  map[string]bool
	drafted   map[string]pagedraft.Draft // by shopper
}

func newDesk(t testing.TB, change ...func(*Config)) *desk {
	t.Helper()
	s := shared(t)
	d := &desk{
		t: t, shop: s.shop, board: jobboard.New(1, time.Now), drafts: draftboard.New(func(pagekey.Key) func() { return func() {} }), sessions: map[string]*wandstorev1.ShopperSession{},
		drafted: map[string]pagedraft.Draft{},
	}
	cfg := Config{Pool: wandnats.Settings{PoolSize: 1}, Identity: identity.Config{Mode: identity.Open}, PageMaxAge: 24 * time.Hour, TriggerTimeout: time.Second, SessionTimeout: time.Second, LLMTimeoutSeconds: 1, DebugToken: debugToken}
	for _, c := range change {
		c(&cfg)
	}
	var err error
	d.edge, err = New(cfg, Deps{
		Shops: (*deskShops)(d), Renderer: s.renderer, Pages: (*deskPages)(d), Memory: deskMemory{}, Board: d.board, Drafts: d.drafts,
		Bus: func() *Bus {
			if d.offline {
				return nil
			}
			return &Bus{
				Queue: (*deskQueue)(d), Trail: (*deskTrail)(d), Sessions: (*deskSessions)(d),
				Maker: (*deskMaker)(d), Eraser: (*deskEraser)(d), Exporter: (*deskExporter)(d), Members: (*deskMembers)(d),
				Generation: (*deskGeneration)(d), Webhooks: (*deskWebhooks)(d), Drafts: (*deskDrafts)(d),
			}
		},
		Loaded:  func() bool { return !d.offline || cfg.Pool.HubDomain != "" },
		Streams: (*deskStreams)(d), Connected: func() bool { return !d.offline },
		Clock: wandnats.NewClock(cfg.Clock), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// reply is an answer whose body was read.
type reply struct {
	*http.Response

	body string
}

// ask sends a request to the edge, in this process. Headers are name and value in turn.
func (d *desk) ask(method, target, body string, headers ...string) reply {
	d.t.Helper()
	req := httptest.NewRequestWithContext(d.t.Context(), method, target, strings.NewReader(body))
	req.RequestURI = "" // as a client sends it
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	res, err := d.edge.app().Test(req, -1)
	if err != nil {
		d.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return reply{res, string(b)}
}

// has puts a page into the tier. change edits the page's message first.
func (d *desk) has(tier string, change ...func(*wandstorev1.Page)) *pagestore.Page {
	d.t.Helper()
	now := time.Now()
	msg := &wandstorev1.Page{
		StoreSlug: slug, ShopperId: "ada", Html: shared(d.t).page, Persona: "explorer", Source: pagestore.SourceLLM, JobId: "job-1",
		PromptVersion: prompt.Version, CatalogueVersion: string(d.shop.Version),
		RequestedAt: timestamppb.New(now.Add(-time.Minute)), GeneratedAt: timestamppb.New(now.Add(-30 * time.Second)),
	}
	for _, c := range change {
		c(msg)
	}
	page, err := pagestore.New(msg)
	if err != nil {
		d.t.Fatal(err)
	}
	d.hit = &pagestore.Hit{Page: page, Tier: tier}
	return page
}

// remembers gives ada a session.
func (d *desk) remembers(signals *wandstorev1.StoreSignals) {
	d.sessions["ada"] = &wandstorev1.ShopperSession{ShopperId: "ada", Stores: map[string]*wandstorev1.StoreSignals{slug: signals}}
}

type deskShops desk

func (d *deskShops) Shop(slug string) (*catalogue.Shop, bool) { return d.shop, slug == d.shop.Slug }

// All is empty while the edge is made, so that only tests of the fallback render it.
func (d *deskShops) All() []*catalogue.Shop {
	if d.edge == nil {
		return nil
	}
	return []*catalogue.Shop{d.shop}
}
func (d *deskShops) Label(slug string) string  { return slug }
func (d *deskShops) Faults() map[string]string { return nil }

type deskPages desk

func (d *deskPages) Get(_ context.Context, key pagekey.Key) (pagestore.Hit, error) {
	hit := d.others[key.Shopper()]
	if key.Shopper() == "ada" {
		hit = d.hit
	}
	switch {
	case d.pageErr != nil:
		return pagestore.Hit{}, d.pageErr
	case hit == nil:
		return pagestore.Hit{}, pagestore.ErrMiss
	default:
		return *hit, nil
	}
}

func (d *deskPages) Breakers() map[string]string {
	return map[string]string{pagestore.TierMinIO: "closed", pagestore.TierKV: map[bool]string{true: "open", false: "closed"}[d.offline]}
}

type deskMemory struct{}

func (deskMemory) Invalidate(pagekey.Key)          {}
func (deskMemory) Drop(pagekey.Key)                {}
func (deskMemory) Rerendered(_, _ *pagestore.Page) {}
func (deskMemory) Watched() bool                   { return true }

type deskStreams desk

func (d *deskStreams) Missing() bool { return d.missing != "" }

func (d *deskStreams) Faults() map[string]string {
	if d.missing == "" {
		return nil
	}
	return map[string]string{d.missing: "missing"}
}

type deskQueue desk

func (d *deskQueue) Trigger(_ context.Context, r jobqueue.Request) (jobqueue.Ticket, error) {
	d.mu.Lock()
	d.triggered = append(d.triggered, r)
	d.mu.Unlock()
	if d.trigger != nil {
		return d.trigger(r)
	}
	return jobqueue.Ticket{Record: &wandstorev1.JobRecord{JobId: "job-2", State: wandstorev1.JobState_JOB_STATE_QUEUED}, Triggered: true}, nil
}

func (d *deskQueue) Record(context.Context, pagekey.Key) (*wandstorev1.JobRecord, error) {
	switch {
	case d.recErr != nil:
		return nil, d.recErr
	case d.record == nil:
		return nil, jobqueue.ErrNoRecord
	default:
		return d.record, nil
	}
}

type deskTrail desk

func (d *deskTrail) Debug(context.Context, pagekey.Key, jobqueue.Breadcrumb) {}

func (d *deskTrail) Error(_ context.Context, _ pagekey.Key, c jobqueue.Breadcrumb) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.problems = append(d.problems, c.Step)
}

func (d *deskTrail) Read(context.Context, pagekey.Key) (breadcrumbs, problems []*wandstorev1.Breadcrumb, err error) {
	return []*wandstorev1.Breadcrumb{{Step: "claimed"}}, nil, d.stop
}

type deskSessions desk

func (d *deskSessions) Get(_ context.Context, shopper string) (*wandstorev1.ShopperSession, error) {
	if d.stop != nil {
		return nil, d.stop
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if s, ok := d.sessions[shopper]; ok {
		return proto.CloneOf(s), nil
	}
	return &wandstorev1.ShopperSession{ShopperId: shopper}, nil
}

func (d *deskSessions) Update(ctx context.Context, shopper string, change func(*wandstorev1.ShopperSession)) error {
	s, err := d.Get(ctx, shopper)
	if err != nil {
		return err
	}
	change(s)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sessions[shopper] = s
	return nil
}

type deskMaker desk

func (d *deskMaker) Make(_ context.Context, o pagemaker.Order) (pagemaker.Made, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ordered = append(d.ordered, o)
	return pagemaker.Made{}, d.stop
}

type deskDrafts desk

func (d *deskDrafts) Get(_ context.Context, key pagekey.Key) (pagedraft.Draft, error) {
	draft, ok := d.drafted[key.Shopper()]
	if !ok {
		return draft, pagedraft.ErrNone
	}
	return draft, nil
}

type deskEraser desk

func (d *deskEraser) Forget(_ context.Context, shopper string, _ []string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stop == nil {
		d.forgotten = append(d.forgotten, shopper)
	}
	return d.stop
}

func (d *deskEraser) ForgetIn(ctx context.Context, key pagekey.Key) error {
	return d.Forget(ctx, key.Shopper()+" in "+key.Shop(), nil)
}

type deskExporter desk

func (d *deskExporter) Export(ctx context.Context, shopper string, o personal.ExportOptions) (*personal.Export, error) {
	s, err := (*deskSessions)(d).Get(ctx, shopper)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.exported = append(d.exported, fmt.Sprint(shopper, " ", o.Shops, o.All, o.HTML))
	session, err := wire.Marshal(s)
	return &personal.Export{Shopper: shopper, Session: session}, err
}

type deskGeneration desk

func (d *deskGeneration) Allowed(shop string) bool  { return shop == slug && !d.off }
func (d *deskGeneration) Scarce(string) bool        { return d.scarce }
func (d *deskGeneration) Faults() map[string]string { return d.switchFaults }

type deskMembers desk

func (d *deskMembers) Health(_ context.Context, member string) ([]byte, error) {
	return []byte(`{"member":"` + member + `"}`), d.stop
}

// The parts that all desks share, because they take time to make and never change.
type sharedParts struct {
	renderer *storefront.Renderer
	shop     *catalogue.Shop
	page     string // an explorer's
}

var (
	makeShared sync.Once
	made       sharedParts
)

func shared(t testing.TB) sharedParts {
	t.Helper()
	makeShared.Do(func() {
		renderer, err := storefront.NewRenderer()
		if err != nil {
			t.Fatal(err)
		}
		shop := cataloguetest.Shop(t, slug)
		// The shop is known since before the pages of the tests were made.
		shop.Since = time.Now().Add(-10 * time.Second)
		page, err := renderer.Page(storefront.PageInput{
			Shop: shop, Design: design.Template(shop, "explorer", design.Interests{}), Persona: "explorer",
		})
		if err != nil {
			t.Fatal(err)
		}
		made = sharedParts{renderer, shop, string(page)}
	})
	return made
}

type deskWebhooks desk

func (d *deskWebhooks) First(_ context.Context, id string) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.webhooks == nil {
		d.webhooks = map[string]bool{}
	}
	seen := d.webhooks[id]
	d.webhooks[id] = true
	return !seen, nil
}

func (d *deskWebhooks) Forget(_ context.Context, id string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.webhooks, id)
	return nil
}
