// Package pages makes a shopper's page: persona, prompt, model, design, HTML, and
// the storing of it. Jobs from the queue and calls of POST /generate run this same
// code.
//
//	the model                          the page          kept in
//	answers a design, or words of one  source llm        MinIO, then KV
//	answers nothing usable, twice      source template   KV only
//	fails, or is not asked (breaker)   source template   KV only
//
// Making is idempotent: a page that is newer than the request is not made again,
// and what a crash left half stored is stored in full.
package pages

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/persona"
	"github.com/wandstore/wandstore/pkg/session"
	"github.com/wandstore/wandstore/pkg/storefront"
	"github.com/wandstore/wandstore/pkg/telemetry"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
	"github.com/wandstore/wandstore/services/generator/internal/kimi"
	"github.com/wandstore/wandstore/services/generator/internal/prompt"
)

// ErrUnknownStore says that no shop of that slug is known here.
var ErrUnknownStore = errors.New("unknown store")

// Model answers prompts.
type Model interface {
	Complete(ctx context.Context, req kimi.Request) (kimi.Answer, error)
}

// Store keeps pages, for an hour or for good.
type Store interface {
	Get(ctx context.Context, key pagekey.Key) (*pagestore.Page, error)
	Put(ctx context.Context, page *pagestore.Page) error
}

// Shops finds the shops that there are now.
type Shops interface {
	Store(slug string) (*storefront.Store, bool)
}

// Maker makes pages.
type Maker struct {
	Stores    Shops
	Renderer  *storefront.Renderer
	Model     Model
	Permanent Store
	Cache     Store
	Sessions  *session.Store
	Trail     *jobqueue.Trail
	Log       *slog.Logger
	Metrics   *Metrics
}

const scope = "github.com/wandstore/wandstore/services/generator/internal/pages"

// Order asks for a page.
type Order struct {
	Key         pagekey.Key
	JobID       string
	RequestedAt time.Time
	Preferences map[string]string
	// Member and Attempt are said in breadcrumbs; empty for POST /generate.
	Member  string
	Attempt int
	// Confirm fails if nobody wants the page any more; nil for POST /generate.
	Confirm func(ctx context.Context) error
}

// Made is a page that is stored.
type Made struct {
	Page *pagestore.Page
	// Reason says why the template served; empty if it did not.
	Reason string
}

// Make makes the ordered page and stores it, or finds it made. Errors:
// ErrUnknownStore; any other is a store that failed, and the order may be made
// again.
func (m *Maker) Make(ctx context.Context, o Order) (Made, error) {
	shop, ok := m.Stores.Store(o.Key.Store())
	if !ok {
		return Made{}, fmt.Errorf("%w: %s", ErrUnknownStore, o.Key.Store())
	}
	page := m.made(ctx, o)
	var reason string
	if page == nil {
		msg, why, err := m.compose(ctx, o, shop)
		if err != nil {
			return Made{}, err
		}
		if page, err = pagestore.New(msg); err != nil {
			return Made{}, fmt.Errorf("drawn page: %w", err)
		}
		reason = why
		if o.Confirm != nil {
			if err := o.Confirm(ctx); err != nil {
				return Made{}, err
			}
		}
	} else {
		m.crumb(ctx, o, "found", "a page newer than the request is stored")
	}
	if err := m.store(ctx, o, page); err != nil {
		return Made{}, err
	}
	if page.JobID() == o.JobID {
		m.crumb(ctx, o, "stored", page.Source()+" page for "+page.Persona())
	}
	return Made{Page: page, Reason: reason}, nil
}

// made looks for a page that is as new as the order or newer: the work of an
// earlier delivery, or of another job. A store that does not answer has none: at
// worst a page is made twice.
func (m *Maker) made(ctx context.Context, o Order) *pagestore.Page {
	for _, s := range []Store{m.Permanent, m.Cache} {
		lookup, cancel := context.WithTimeout(ctx, lookupTimeout)
		page, err := s.Get(lookup, o.Key)
		cancel()
		if err == nil && !page.GeneratedAt().Before(o.RequestedAt) {
			return page
		}
	}
	return nil
}

const (
	lookupTimeout = 2 * time.Second
	putTimeout    = 5 * time.Second
	putTries      = 3
)

// store puts the page for good, then into the cache, then notes it in the session.
func (m *Maker) store(ctx context.Context, o Order, page *pagestore.Page) error {
	var permanent error
	if page.Source() != pagestore.SourceTemplate {
		permanent = m.put(ctx, m.Permanent, page)
	}
	// Also when that failed: the shopper can have the page, and a later delivery
	// finds it here instead of paying the model again.
	if err := errors.Join(permanent, m.put(ctx, m.Cache, page)); err != nil {
		m.problem(ctx, o, "not stored", err)
		return fmt.Errorf("store page: %w", err)
	}
	ctx, span := otel.Tracer(scope).Start(ctx, "update session")
	err := m.Sessions.Update(ctx, o.Key.Shopper(), func(s *wandstorev1.ShopperSession) {
		g := session.Signals(s, o.Key.Store())
		g.Persona, g.LastJobId = page.Persona(), page.JobID()
		g.LastPageAt = timestamppb.New(page.GeneratedAt())
	})
	telemetry.End(span, err)
	if err != nil {
		return fmt.Errorf("update session: %w", err)
	}
	return nil
}

// put tries a few times: the page has cost a hundred seconds, a blip of the store
// must not cost them again. That a newer page is there is as good as done.
func (m *Maker) put(ctx context.Context, s Store, page *pagestore.Page) error {
	for try := 1; ; try++ {
		bounded, cancel := context.WithTimeout(ctx, putTimeout)
		err := s.Put(bounded, page)
		cancel()
		if err == nil || errors.Is(err, pagestore.ErrStale) {
			return nil
		}
		if try == putTries || errors.Is(err, pagestore.ErrTooLarge) {
			return err
		}
		select {
		case <-time.After(time.Second/2<<try + rand.N(time.Second/2)):
		case <-ctx.Done():
			return err
		}
	}
}

// compose makes the page, with the model if it can be had. reason says why the
// template served.
func (m *Maker) compose(ctx context.Context, o Order, shop *storefront.Store) (page *wandstorev1.Page, reason string, err error) {
	signals := m.signals(ctx, o)
	guess := persona.Classify(signals)
	if p := o.Preferences["persona"]; persona.Valid(p) {
		guess = persona.Guess{Persona: p, Confidence: 1}
	}
	page = &wandstorev1.Page{
		StoreSlug: o.Key.Store(), ShopperId: o.Key.Shopper(), JobId: o.JobID,
		Persona: guess.Persona, PromptVersion: storefront.PromptVersion, CatalogueVersion: string(shop.Version),
		RequestedAt: timestamppb.New(o.RequestedAt), Traceparent: telemetry.Traceparent(ctx),
		Source: pagestore.SourceLLM,
	}
	interests := storefront.Interests{
		RecentProducts: signals.GetRecentProducts(), Cart: signals.GetCart(), Purchased: signals.GetPurchased(),
		Categories: session.Favourites(signals),
	}
	// What is wished for is looked for in the catalogue, like a search and before one.
	look, wished := storefront.ReadWishes(prompt.Wishes(o.Preferences))
	interests.Searched = slices.Concat(wished, signals.GetRecentQueries())
	design, model, err := m.design(ctx, o, shop, guess, signals)
	if ctx.Err() != nil {
		// Told to stop: another worker has time for the model.
		return nil, "", ctx.Err()
	}
	if err != nil {
		reason = err.Error()
		m.Log.WarnContext(ctx, "the template serves", "job", o.JobID, "error", err)
		m.problem(ctx, o, "template", err)
		page.Source = pagestore.SourceTemplate
		design = storefront.TemplateDesign(shop, guess.Persona, interests)
	} else {
		design = design.OpenFor(shop, guess.Persona, interests)
	}
	design.Theme = look.Over(design.Theme)
	page.Model = model
	m.Metrics.made(ctx, guess.Persona, page.GetSource(), err)

	_, span := otel.Tracer(scope).Start(ctx, "compose", trace.WithAttributes(
		telemetry.Store.String(shop.Slug), telemetry.Persona.String(guess.Persona), telemetry.Source.String(page.GetSource())))
	html, err := m.Renderer.Page(storefront.PageInput{Store: shop, Design: design, Persona: guess.Persona})
	telemetry.End(span, err)
	if err != nil {
		return nil, "", fmt.Errorf("draw page: %w", err)
	}
	page.Html = string(html)
	page.GeneratedAt = timestamppb.New(time.Now())
	return page, reason, nil
}

// signals are what is known of the shopper; nothing if the session cannot be
// read, a page for a stranger being better than none.
func (m *Maker) signals(ctx context.Context, o Order) *wandstorev1.StoreSignals {
	ctx, span := otel.Tracer(scope).Start(ctx, "load session")
	s, err := m.Sessions.Get(ctx, o.Key.Shopper())
	telemetry.End(span, err)
	if err != nil {
		m.problem(ctx, o, "session not read", err)
		return &wandstorev1.StoreSignals{}
	}
	return session.Signals(s, o.Key.Store())
}

// design asks the model, and once more if the answer is no design.
func (m *Maker) design(ctx context.Context, o Order, shop *storefront.Store, guess persona.Guess, signals *wandstorev1.StoreSignals) (storefront.Design, string, error) {
	p, err := prompt.Build(prompt.Input{Store: shop, Guess: guess, Signals: signals, Preferences: o.Preferences})
	if err != nil {
		return storefront.Design{}, "", err
	}
	req := kimi.Request{System: p.System, User: p.User}
	for try := 1; ; try++ {
		asked := time.Now()
		answer, err := m.Model.Complete(ctx, req)
		m.Metrics.asked(ctx, answer, time.Since(asked), err)
		if err != nil {
			return storefront.Design{}, "", err
		}
		m.crumb(ctx, o, "model answered", fmt.Sprintf("%s, %d tokens in %s", answer.Model, answer.CompletionTokens, answer.Total.Round(time.Millisecond)))
		design, report, err := storefront.ParseAnswer([]byte(answer.Text), shop)
		if err == nil {
			if dropped := report; dropped != (storefront.Report{}) {
				m.crumb(ctx, o, "answer trimmed", fmt.Sprintf("%+v", dropped))
			}
			return design, answer.Model, nil
		}
		m.problem(ctx, o, "answer refused", err)
		if try == 2 {
			return storefront.Design{}, answer.Model, err
		}
		req.Turns = []kimi.Turn{{Answer: answer.Text, Reply: prompt.Correction(err)}}
	}
}

func (m *Maker) crumb(ctx context.Context, o Order, step, detail string) {
	m.Trail.Debug(ctx, o.Key, jobqueue.Crumb{Step: step, JobID: o.JobID, Member: o.Member, Attempt: o.Attempt, Detail: detail})
}

func (m *Maker) problem(ctx context.Context, o Order, step string, err error) {
	m.Trail.Error(ctx, o.Key, jobqueue.Crumb{Step: step, JobID: o.JobID, Member: o.Member, Attempt: o.Attempt, Detail: err.Error()})
}
