package edge

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/persona"
)

// maxInterests bounds the cohorts of a shop: its largest collections count as interests, and
// visitors of the others belong to the cohort without an interest. With four personas there
// are at most 36 cohorts.
const maxInterests = 8

const (
	// maxWanted bounds the cohorts' pages that wait to be asked for. What does not fit is
	// wanted again by the next visitor.
	maxWanted = 64
	// warmEvery is how often the shops are looked over for pages that every shop needs.
	warmEvery = time.Second
	// askedPause is how long a cohort's page is not asked for after it was, refusedPause how
	// long after that was refused.
	askedPause, refusedPause = time.Minute, 5 * time.Second
)

// cohortsOf is the cohorts whose page suits the visitor, the closest first. Of whom nothing
// certain is known belongs to the cohort of explorers, whose page shows the whole assortment.
func cohortsOf(shop *catalogue.Shop, v *visitor) []pagekey.Key {
	kind, interest := persona.Explorer, ""
	if v != nil {
		if v.Certain() {
			kind = v.Persona
		}
		interest = interestOf(shop, v.interests.Categories)
	}
	var keys []pagekey.Key
	for _, in := range slices.Compact([]string{interest, ""}) {
		// Slugs, personas and ids of collections are valid.
		if key, err := pagekey.Cohort(shop.Slug, kind, in); err == nil {
			keys = append(keys, key)
		}
	}
	return keys
}

// interestOf is the first of the collections if it is one of the shop's largest; "" if not.
func interestOf(shop *catalogue.Shop, collections []string) string {
	if len(collections) > 0 && slices.Contains(shop.Largest(maxInterests), collections[0]) {
		return collections[0]
	}
	return ""
}

// wantedPage is a cohort's page that is missing or out of date.
type wantedPage struct {
	key      pagekey.Key
	replaces string // the job whose page is out of date; "" if there is none
}

// cohortPage looks a cohort's page up; false if there is none that the model designed and
// this shop can show. If a new one is due and asks is true, runCohorts gets to know.
func (e *Edge) cohortPage(ctx context.Context, key pagekey.Key, shop *catalogue.Shop, asks bool) (ownPage, bool) {
	found, due, err := e.lookUpCohort(ctx, key, shop)
	if due != nil && asks {
		select {
		case e.wanted <- *due:
		default:
		}
	}
	return found, err == nil
}

// errNotDesigned: no model has designed the cohort's page yet, or the shop cannot show it.
var errNotDesigned = errors.New("no page was designed")

// lookUpCohort returns the cohort's page. due is not nil if a new one should be made. Errors:
// errNotDesigned and those of Pages.
func (e *Edge) lookUpCohort(ctx context.Context, key pagekey.Key, shop *catalogue.Shop) (found ownPage, due *wantedPage, err error) {
	found, err = e.ownPage(ctx, key, shop)
	if errors.Is(err, pagestore.ErrMiss) && !errors.Is(err, pagestore.ErrUnavailable) {
		return found, &wantedPage{key: key}, err
	}
	if err != nil {
		return found, nil, err
	}
	template := found.Page.Source() == pagestore.SourceTemplate
	outdated := found.decision.AsksForPage() || template && e.now().Sub(found.Page.GeneratedAt()) >= e.cfg.PageMinAge
	if outdated && !uncertain(found, nil) {
		due = &wantedPage{key, found.Page.JobID()}
	}
	if template || !found.decision.Servable() {
		return found, due, errNotDesigned
	}
	return found, due, nil
}

// shownPage looks up the page of a shopper, or that of a cohort unless it is not designed.
func (e *Edge) shownPage(ctx context.Context, key pagekey.Key, shop *catalogue.Shop) (ownPage, error) {
	if _, _, cohort := key.Cohort(); !cohort {
		return e.ownPage(ctx, key, shop)
	}
	found, _, err := e.lookUpCohort(ctx, key, shop)
	return found, err
}

// awaitsCohort reports whether a page that is of no cohort waits for its cohort's: one was
// asked for with it, or is being made already.
func (e *Edge) awaitsCohort(shop *catalogue.Shop) bool {
	b := e.deps.Bus()
	return e.cfg.Scope.hasCohorts() && b != nil && b.Generation.Allowed(shop.Slug)
}

// cohorts asks for the pages of cohorts. Only runCohorts uses it.
type cohorts struct {
	*Edge

	// paused is until when a cohort's page is not asked for.
	paused map[pagekey.Key]time.Time
	// warm is the versions of the shops whose most common cohorts have pages.
	warm map[string]catalogue.Version
	// clock is what pauses are measured by.
	clock func() time.Time
}

func newCohorts(e *Edge) *cohorts {
	return &cohorts{e, map[pagekey.Key]time.Time{}, map[string]catalogue.Version{}, time.Now}
}

// runCohorts asks for the pages of cohorts until ctx ends: those that visitors missed, and
// ahead of visitors those of every persona, one after the other in each shop. Job records
// see to it that several edges make no page twice.
func (e *Edge) runCohorts(ctx context.Context) error {
	if !e.cfg.Scope.hasCohorts() {
		<-ctx.Done()
		return nil
	}
	asking := newCohorts(e)
	tick := time.NewTicker(warmEvery)
	defer tick.Stop()
	for {
		select {
		case wanted := <-e.wanted:
			asking.ask(ctx, wanted, nil)
		case <-tick.C:
			asking.warmShops(ctx)
		case <-ctx.Done():
			return nil
		}
	}
}

// ask asks for a cohort's page and returns true, unless it was asked for a moment ago.
func (c *cohorts) ask(ctx context.Context, wanted wantedPage, hasRoom func(member string) bool) bool {
	now := c.clock()
	if now.Before(c.paused[wanted.key]) {
		return false
	}
	if _, live := c.deps.Board.Find(wanted.key); live {
		return false
	}
	generation, _ := c.trigger(ctx, jobqueue.Request{Key: wanted.key, Origin: "cohort", Replaces: wanted.replaces, HasRoom: hasRoom})
	pause := askedPause
	if generation == generationFull || generation == generationOff {
		pause = refusedPause
	}
	c.paused[wanted.key] = now.Add(pause)
	return true
}

// warmShops asks for a page that is missing or out of date in each shop whose catalogue has
// changed, or that this edge has not looked at yet.
func (c *cohorts) warmShops(ctx context.Context) {
	now := c.clock()
	for key, until := range c.paused {
		if now.After(until) {
			delete(c.paused, key)
		}
	}
	b := c.deps.Bus()
	if b == nil || !c.deps.Connected() {
		return
	}
	for _, shop := range c.deps.Shops.All() {
		if c.warm[shop.Slug] != shop.Version && b.Generation.Allowed(shop.Slug) && c.warmShop(ctx, shop) {
			c.warm[shop.Slug] = shop.Version
		}
	}
}

// commonest is the personas in the order of their first visitors: of whom nothing is known
// is an explorer.
var commonest = []string{persona.Explorer, persona.Minimalist, persona.Dealhunter, persona.Loyalist}

// warmShop asks for one page if the shop needs one, and none while one is being made. It
// reports whether there is nothing left to ask for. Half of each queue is not for pages that
// nobody has asked for yet.
func (c *cohorts) warmShop(ctx context.Context, shop *catalogue.Shop) bool {
	all := true
	for _, kind := range commonest {
		key, err := pagekey.Cohort(shop.Slug, kind, "")
		if err != nil {
			return true // the slug of no shop
		}
		if _, live := c.deps.Board.Find(key); live {
			return false
		}
		if c.clock().Before(c.paused[key]) {
			all = false
			continue
		}
		_, due, err := c.lookUpCohort(ctx, key, shop)
		if due != nil && c.ask(ctx, *due, c.roomForNewcomers) {
			return false
		}
		all = all && due == nil && err == nil
	}
	return all
}
