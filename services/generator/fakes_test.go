package generator

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/pagemaker"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/personal"
	"github.com/wandstore/wandstore/pkg/spend"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

var errBroken = errors.New("broken")

// bench is a generator with fake parts, for tests of its answers.
type bench struct {
	t         *testing.T
	generator *Generator

	offline bool // NATS is not connected
	closed  bool // the pool is not open
	faults  map[string]string
	breaker string
	stopped []string
	members []Member

	authorization string // of the requests

	// The answers of the parts.
	made      pagemaker.Made
	makeErr   error
	replayed  jobqueue.Replayed
	replayErr error
	forgetErr error
	exportErr error

	ordered   []pagemaker.Order
	forgotten []string
	exported  []personal.ExportOptions
	kept      map[string]*personal.ExportOfShop
	costErr   error
	lost      map[string]string // streams with what is wrong with them
	asked     []string          // day and shop of each report
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, breaker: "closed", members: []Member{member{"pool-0", jobqueue.Status{Done: 3, LastActive: time.Now()}}}}
	cfg := Config{Addr: "127.0.0.1:8080", Pool: wandnats.Settings{PoolSize: 10, Concurrency: 1}, InactivityMillis: 60_000, LLMTimeoutSeconds: 1, KimiModel: "kimi-test"}
	b.generator = New(cfg, Deps{
		Shops: (*benchShops)(b), Model: (*benchModel)(b), Streams: (*benchStreams)(b), Connected: func() bool { return !b.offline }, Worker: "worker-1",
		Clock: wandnats.NewClock(cfg.Clock),
		Log:   slog.New(slog.DiscardHandler),
		Pool: func() *Pool {
			if b.closed {
				return nil
			}
			return &Pool{Members: b.members, Maker: (*benchMaker)(b), Replayer: (*benchReplayer)(b), Eraser: (*benchEraser)(b), Exporter: (*benchExporter)(b), Costs: (*benchCosts)(b)}
		},
	})
	return b
}

type benchStreams bench

func (b *benchStreams) Faults() map[string]string { return b.lost }

// ask sends a request to the generator, in this process.
func (b *bench) ask(method, target, body string) (*http.Response, string) {
	b.t.Helper()
	req := httptest.NewRequestWithContext(b.t.Context(), method, target, strings.NewReader(body))
	if b.authorization != "" {
		req.Header.Set("Authorization", b.authorization)
	}
	res, err := b.generator.app(b.t.Context()).Test(req, -1)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return res, string(text)
}

// page is a page as the maker returns it.
func page(t *testing.T) *pagestore.Page {
	t.Helper()
	now := timestamppb.Now()
	p, err := pagestore.New(&wandstorev1.Page{
		StoreSlug: "magic-wands", ShopperId: "ada", Html: "<p>Ada's", Persona: "loyalist", Source: pagestore.SourceLLM,
		JobId: "job-1", RequestedAt: now, GeneratedAt: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

type member struct {
	name   string
	status jobqueue.Status
}

func (m member) Member() string          { return m.name }
func (m member) Status() jobqueue.Status { return m.status }

type benchShops bench

func (b *benchShops) All() []*catalogue.Shop    { return nil }
func (b *benchShops) Faults() map[string]string { return b.faults }

type benchModel bench

func (b *benchModel) BreakerState() string   { return b.breaker }
func (b *benchModel) StoppedShops() []string { return b.stopped }

type benchMaker bench

func (b *benchMaker) Make(_ context.Context, o pagemaker.Order) (pagemaker.Made, error) {
	b.ordered = append(b.ordered, o)
	return b.made, b.makeErr
}

type benchReplayer bench

func (b *benchReplayer) Replay(context.Context, uint64) (jobqueue.Replayed, error) {
	return b.replayed, b.replayErr
}

type benchEraser bench

func (b *benchEraser) Forget(_ context.Context, shopper string, _ []string) error {
	if b.forgetErr == nil {
		b.forgotten = append(b.forgotten, shopper)
	}
	return b.forgetErr
}

func (b *benchEraser) ForgetIn(ctx context.Context, key pagekey.Key) error {
	return b.Forget(ctx, key.Shopper()+" in "+key.Shop(), nil)
}

type benchExporter bench

func (b *benchExporter) Export(_ context.Context, shopper string, o personal.ExportOptions) (*personal.Export, error) {
	b.exported = append(b.exported, o)
	return &personal.Export{Shopper: shopper, Shops: b.kept}, b.exportErr
}

type benchCosts bench

func (b *benchCosts) Report(_ context.Context, day time.Time, shop string) (spend.Report, error) {
	b.asked = append(b.asked, day.UTC().Format(time.DateOnly)+" "+shop)
	return spend.Report{Shop: shop, USD: 1.5}, b.costErr
}
