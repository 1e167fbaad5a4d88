package pagemaker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/design"
	"github.com/wandstore/wandstore/pkg/freshness"
	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/prompt"
	"github.com/wandstore/wandstore/pkg/session"
	"github.com/wandstore/wandstore/pkg/storefront"
	"github.com/wandstore/wandstore/pkg/telemetry"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

const scope = "github.com/wandstore/wandstore/pkg/pagemaker"

// ErrUnknownShop: no shop with that slug is known to this process.
var ErrUnknownShop = errors.New("unknown store")

// Shops looks shops up.
type Shops interface {
	// Shop returns the shop as it is now, and false if there is none with that slug.
	Shop(slug string) (*catalogue.Shop, bool)
	// Label is the shop's name in metrics, one of a few.
	Label(slug string) string
}

// Sessions reads and changes the shoppers' sessions.
type Sessions interface {
	Get(ctx context.Context, shopper string) (*wandstorev1.ShopperSession, error)
	Update(ctx context.Context, shopper string, change func(*wandstorev1.ShopperSession)) error
}

// Trail writes breadcrumbs.
type Trail interface {
	Debug(ctx context.Context, key pagekey.Key, c jobqueue.Breadcrumb)
	Error(ctx context.Context, key pagekey.Key, c jobqueue.Breadcrumb)
}

// Forgotten knows the shoppers who were forgotten; see package personal.
type Forgotten interface {
	// ForgottenSince reports whether the key's shopper was forgotten at t or later.
	ForgottenSince(ctx context.Context, key pagekey.Key, t time.Time) (bool, error)
	// RemoveAgain removes what was stored for the key although its shopper was forgotten.
	RemoveAgain(ctx context.Context, key pagekey.Key, jobID string) error
}

// Maker makes pages. It is safe for concurrent use.
type Maker struct {
	Shops    Shops
	Renderer *storefront.Renderer
	// Permanent keeps pages permanently, Cache for the TTL of UI_CACHE.
	Permanent, Cache Store
	Sessions         Sessions
	Trail            Trail
	Forgotten        Forgotten
	// Drafts publishes the beginnings of pages while they are made. It may be nil.
	Drafts  Drafts
	Log     *slog.Logger
	Metrics *Metrics
	// Now is the clock that pages are dated by, which is that of the requests; nil is
	// time.Now.
	Now func() time.Time
	// Patience is the least that a write of a beginning may take; 0 in production. A test on a
	// busy machine can be slower than production allows for.
	Patience time.Duration
}

func (m *Maker) now() time.Time {
	if m.Now == nil {
		return time.Now()
	}
	return m.Now()
}

// Order is an order for the page of a shopper or of a cohort.
type Order struct {
	Key         pagekey.Key
	JobID       string
	RequestedAt time.Time
	// Begun is when the making may have begun, if that is earlier than RequestedAt.
	Begun time.Time
	// Preferences are the shopper's wishes, by name; see design.ReadWishes. A cohort has none.
	Preferences map[string]string
	// Persona is the persona that the page addresses. If it is "" or unknown, the
	// shopper's session decides. A cohort has its own.
	Persona string
	// Designer designs the page.
	Designer Designer
	// Source is the page's source if the Designer succeeds: pagestore.SourceLLM or
	// SourceWebhook.
	Source string
	// Template makes a template page if the Designer fails.
	Template bool
	// Member and Attempt are written to breadcrumbs. They are empty if the page is not
	// made for a queue job.
	Member  string
	Attempt int
	// Confirm, if set, is called before the page is stored. If it returns an error, the
	// page is not stored.
	Confirm func(ctx context.Context) error
	// Wait, if set, lets the order wait for stores that do not answer, for as long as Make's
	// context lasts. It is called when such a wait begins, and what it returns when it ends.
	Wait func() (done func())
}

// Made is a stored page.
type Made struct {
	Page *pagestore.Page
	// Reason says why a template page was made; "" if none was.
	Reason string
}

// Make makes the ordered page and stores it, unless a page newer than the request is
// stored already. Errors: ErrUnknownShop; jobqueue.ErrCancelled if the shopper was
// forgotten since the request, and nothing is stored then; the Designer's, unless
// Order.Template is set; Order.Confirm's; ctx's. Any other error means that rendering or a
// store failed, and the caller may try again.
func (m *Maker) Make(ctx context.Context, o Order) (Made, error) {
	if o.forCohort() {
		o.Preferences, o.Persona = nil, ""
	}
	if err := m.checkForgotten(ctx, o); err != nil {
		return Made{}, err
	}
	made, err := m.make(ctx, o)
	// Also after an error: the page may be in one of the stores. A shopper who is forgotten
	// after this check has the page removed by who forgets them.
	if forgotten := m.checkForgotten(ctx, o); forgotten != nil {
		return Made{}, errors.Join(forgotten, err)
	}
	return made, err
}

func (m *Maker) make(ctx context.Context, o Order) (Made, error) {
	shop, ok := m.Shops.Shop(o.Key.Shop())
	if !ok {
		return Made{}, telemetry.Typed("unknown_store", fmt.Errorf("%w: %s", ErrUnknownShop, o.Key.Shop()))
	}
	page, costBefore, err := m.found(ctx, o)
	if err != nil {
		return Made{}, telemetry.Typed("lookup", fmt.Errorf("look for the page: %w", err))
	}
	var reason string
	if page == nil {
		made, err := m.compose(ctx, o, shop, costBefore)
		if err != nil {
			return Made{}, err
		}
		page, reason = made.Page, made.Reason
	} else {
		m.debug(ctx, o, "found", "a page newer than the request is stored")
	}
	if err := m.store(ctx, o, page); err != nil {
		return Made{}, err
	}
	if page.JobID() == o.JobID {
		m.debug(ctx, o, "stored", fmt.Sprintf("%s page for %s, $%.6f", page.Source(), page.Persona(), float64(page.Cost())/1e6))
	}
	return Made{Page: page, Reason: reason}, nil
}

// lookupTimeout bounds the lookup in one store.
const lookupTimeout = 2 * time.Second

// found returns a stored page that satisfies the order, made by an earlier delivery or by
// another job; nil if there is none. costSoFar is what the stored pages cost until now, in
// Micros. An order that may wait does so until it is certain that there is none, or a page
// would be paid for twice. For others a store that does not answer counts as empty.
func (m *Maker) found(ctx context.Context, o Order) (found *pagestore.Page, costSoFar int64, err error) {
	err = m.insist(ctx, o, 1, lookupTimeout, func(ctx context.Context) (err error) {
		found, costSoFar, err = m.lookup(ctx, o)
		return err
	})
	if o.Wait == nil {
		err = nil
	}
	return found, costSoFar, err
}

// lookup looks into both stores. It returns an error if it found no page and one of them did
// not answer.
func (m *Maker) lookup(ctx context.Context, o Order) (found *pagestore.Page, costSoFar int64, unknown error) {
	var (
		pages [2]*pagestore.Page
		errs  [2]error
		asked sync.WaitGroup
	)
	for i, s := range []Store{m.Permanent, m.Cache} {
		asked.Go(func() { pages[i], errs[i] = s.Get(ctx, o.Key) })
	}
	asked.Wait()
	for i, err := range errs {
		switch page := pages[i]; {
		case errors.Is(err, pagestore.ErrMiss), errors.Is(err, pagestore.ErrCorrupt):
		case err != nil:
			unknown = errors.Join(unknown, err)
		case freshness.Satisfies(page, o.RequestedAt):
			return page, page.CostSoFar(), nil
		default:
			costSoFar = max(costSoFar, page.CostSoFar())
		}
	}
	return nil, costSoFar, unknown
}

// compose designs and renders the page.
func (m *Maker) compose(ctx context.Context, o Order, shop *catalogue.Shop, costBefore int64) (Made, error) {
	visitor, signals, err := m.visitor(ctx, o, shop)
	if err != nil {
		return Made{}, err
	}
	// What the rules exclude for this persona is no part of the shop from here on.
	shop = shop.For(visitor.Persona)
	page := &wandstorev1.Page{
		StoreSlug: o.Key.Shop(), ShopperId: o.Key.Shopper(), JobId: o.JobID,
		Persona: visitor.Persona, CatalogueVersion: string(shop.Version),
		RequestedAt: timestamppb.New(o.RequestedAt), Traceparent: telemetry.Traceparent(ctx),
		Source: o.Source,
	}
	var removed sync.WaitGroup
	defer removed.Wait()
	designed, reason, err := m.design(ctx, o, Brief{Shop: shop, Visitor: visitor, Signals: signals, Preferences: o.Preferences}, page, &removed)
	if err != nil {
		return Made{}, err
	}
	if reason != "" {
		if before := m.designedBefore(ctx, o); before != nil {
			return Made{Page: before, Reason: reason}, nil
		}
	}
	_, span := otel.Tracer(scope).Start(ctx, "compose", trace.WithAttributes(
		telemetry.Store.String(shop.Slug), telemetry.Persona.String(visitor.Persona), telemetry.Source.String(page.GetSource())))
	html, err := m.Renderer.Page(storefront.PageInput{Shop: shop, Design: designed, Persona: visitor.Persona, Shared: o.forCohort(), Returning: !o.forCohort()})
	telemetry.End(span, err)
	if err != nil {
		return Made{}, telemetry.Typed("render", fmt.Errorf("render page: %w", err))
	}
	page.GeneratedAt = timestamppb.New(m.now())
	page.CostSoFarMicros = costBefore + page.GetCostMicros()
	made, err := pagestore.NewWithHTML(page, html)
	if err != nil {
		return Made{}, telemetry.Typed("render", fmt.Errorf("rendered page: %w", err))
	}
	if err := m.confirm(ctx, o); err != nil {
		return Made{}, err
	}
	return Made{Page: made, Reason: reason}, nil
}

// confirm returns nil if the page is still wanted. It took long to make: the checks spare
// storing and removing it again. Where that of a tombstone is not answered, the page is
// stored, and the check after that waits for an answer.
func (m *Maker) confirm(ctx context.Context, o Order) error {
	var forgotten, unwanted error
	var asked sync.WaitGroup
	asked.Go(func() {
		if err := m.checkForgottenOnce(ctx, o); !errors.Is(err, errNotKnown) {
			forgotten = err
		}
	})
	if o.Confirm != nil {
		asked.Go(func() { unwanted = o.Confirm(ctx) })
	}
	asked.Wait()
	return errors.Join(forgotten, unwanted)
}

// design returns the Designer's design with an opening for the visitor, or the template's
// design, which completes what the Designer has begun. It sets the page's source, model,
// prompt version and cost. reason says why the template was used. What was published of it
// is removed in the background, and removed tells when.
func (m *Maker) design(ctx context.Context, o Order, brief Brief, page *wandstorev1.Page, removed *sync.WaitGroup) (d design.Design, reason string, err error) {
	interests := Interests(brief.Signals)
	// Wishes count like the shopper's searches, and come before them.
	theme, wished := design.ReadWishes(prompt.Wishes(o.Preferences))
	interests.Searched = slices.Concat(wished, interests.Searched)

	visitorPersona := brief.Visitor.Persona
	begun := m.newDraft(o, visitorPersona, func(d design.Design) design.Design {
		d = d.Settled(brief.Shop, visitorPersona, interests)
		d.Theme = theme.WithDefaults(d.Theme)
		return d
	})
	defer removed.Go(func() { begun.remove(ctx) })
	brief.Note = func(step, detail string) { m.debug(ctx, o, step, detail) }
	brief.Problem = func(step string, err error) { m.problem(ctx, o, step, err) }
	brief.Draft = func(answer int, beginning design.Design) { begun.add(ctx, answer, beginning) }
	designed, err := o.Designer.Design(ctx, brief)
	page.Model, page.PromptVersion, page.CostMicros = designed.Model, designed.PromptVersion, designed.Cost
	switch {
	case ctx.Err() != nil:
		// Without this case a cancelled call of the model would make a template page.
		// Another worker can still ask the model.
		return d, "", ctx.Err()
	case err != nil && !o.Template:
		return d, "", err
	case err != nil:
		reason = err.Error()
		m.Log.WarnContext(ctx, "the template serves", "job", o.JobID, "begun", len(begun.shown.Sections), "error", err)
		m.problem(ctx, o, "template", err)
		page.Source = pagestore.SourceTemplate
		d = design.Template(brief.Shop, visitorPersona, interests)
		if len(begun.shown.Sections) > 0 {
			page.Source = pagestore.SourcePartial
			d = begun.shown.CompletedBy(d, visitorPersona)
		}
	default:
		d = designed.Design.OpenFor(brief.Shop, visitorPersona, interests)
	}
	m.Metrics.made(ctx, m.Shops.Label(brief.Shop.Slug), page, err)
	d.Theme = theme.WithDefaults(d.Theme)
	return d, reason, nil
}

// Interests is what a page is opened for: what a shopper's signals tell of their interests.
func Interests(g *wandstorev1.StoreSignals) design.Interests {
	return design.Interests{
		RecentProducts: g.GetRecentProducts(), Cart: session.CartProducts(g), Purchased: g.GetPurchased(),
		Categories: session.Favourites(g), Searched: g.GetRecentQueries(),
	}
}

// signals returns the signals of the shopper's session. They are empty if the session
// cannot be read, since a page without signals is better than none.
func (m *Maker) signals(ctx context.Context, o Order) *wandstorev1.StoreSignals {
	ctx, span := otel.Tracer(scope).Start(ctx, "load session", trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(telemetry.Peer.String(telemetry.PeerNATS)))
	s, err := m.Sessions.Get(ctx, o.Key.Shopper())
	telemetry.End(span, err)
	if err != nil {
		m.problem(ctx, o, "session not read", err)
		return &wandstorev1.StoreSignals{}
	}
	return session.Signals(s, o.Key.Shop())
}

func (m *Maker) debug(ctx context.Context, o Order, step, detail string) {
	m.Trail.Debug(ctx, o.Key, jobqueue.Breadcrumb{Step: step, JobID: o.JobID, Member: o.Member, Attempt: o.Attempt, Detail: detail})
}

func (m *Maker) problem(ctx context.Context, o Order, step string, err error) {
	m.Trail.Error(ctx, o.Key, jobqueue.Breadcrumb{Step: step, JobID: o.JobID, Member: o.Member, Attempt: o.Attempt, Detail: err.Error()})
}
