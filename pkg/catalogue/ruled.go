package catalogue

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/wandstore/wandstore/pkg/persona"
)

// ruled is how the rules have a shop on one day: as one shop for everybody, and one for
// each persona that it differs for.
type ruled struct {
	full     *Shop // without any rule in effect
	day      Date
	everyone *Shop

	mu       sync.Mutex
	personas map[string]*Shop
}

// On is the shop as its rules have it on the day of t, UTC, for pages that everybody gets:
// without what they exclude, and in the order that they ask for. What is in effect on a day
// is part of the Version, so what was rendered under other rules is rendered again. A shop
// that was read is as its rules have it on that day, and a Directory's shops are as today.
func (s *Shop) On(t time.Time) *Shop {
	full, day := s.unruled(), DateOf(t)
	switch {
	case len(full.Rules.Products) == 0 && len(full.Rules.Campaigns) == 0:
		return full
	case s.ruled != nil && s.ruled.day == day:
		return s.ruled.everyone
	}
	r := &ruled{full: full, day: day, personas: map[string]*Shop{}}
	r.everyone = r.shopFor("")
	if state := full.stateOn(day); state != "" {
		r.everyone.Version += Version("." + state)
		if r.everyone.Since.Before(day.day) {
			r.everyone.Since = day.day
		}
	}
	return r.everyone
}

// For is the shop as its rules have it for pages of the persona, on the same day. Its
// Version is the same: what the rules say for every persona is part of it.
func (s *Shop) For(personaName string) *Shop {
	r := s.ruled
	if r == nil || r.full.Rules.alike(personaName, r.day) {
		return s.everyone()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if known := r.personas[personaName]; known != nil {
		return known
	}
	made := r.shopFor(personaName)
	made.Version, made.Since = r.everyone.Version, r.everyone.Since
	r.personas[personaName] = made
	return made
}

// unruled is the shop without any rule in effect.
func (s *Shop) unruled() *Shop {
	if s.ruled == nil {
		return s
	}
	return s.ruled.full
}

func (s *Shop) everyone() *Shop {
	if s.ruled == nil {
		return s
	}
	return s.ruled.everyone
}

// shopFor makes the shop that pages of the persona show.
func (r *ruled) shopFor(personaName string) *Shop {
	next := *r.full
	next.ruled, next.places, next.pinned = r, nil, nil
	next.campaigns = r.full.Rules.CampaignsNow(personaName, r.day.day)
	decides := r.full.Rules.deciding(personaName, r.day)
	if decides == nil {
		return &next
	}
	next.places = map[string]int{}
	excludes := false
	for _, p := range r.full.Products {
		i := decides(p)
		if i < 0 {
			continue
		}
		switch r.full.Rules.Products[i].Do {
		case Pin:
			next.places[p.ID] = placePinned
		case Promote:
			next.places[p.ID] = placePromoted
		case Demote:
			next.places[p.ID] = placeDemoted
		case Exclude:
			next.places[p.ID], excludes = placeExcluded, true
		}
	}
	if excludes {
		next.exclude()
	} else {
		next.derive()
	}
	next.pinned = next.Pick(maxPinned, func(p *Product) bool { return next.ruledPlace(p) == placePinned }, ByFeatured)
	return &next
}

// exclude takes the excluded products out of the shop.
func (s *Shop) exclude() {
	listed := slices.DeleteFunc(slices.Clone(s.Products[:s.listed]), s.excluded)
	imported := slices.DeleteFunc(slices.Clone(s.Products[s.listed:]), s.excluded)
	s.Products, s.listed = slices.Concat(listed, imported), len(listed)
	if s.base == nil {
		s.base = s.ruled.full // so that collections without products are left out
	}
	s.summarise()
}

// Places of a product in a list, by the rules and the stock.
const (
	placePinned = iota
	placePromoted
	placeListed
	placeSoldOut
	placeDemoted
	placeExcluded
)

// maxPinned is how many products are pinned to a page: as many as a section shows.
const maxPinned = 12

// place is where the product stands in a list. Those at one place have the list's order.
func (s *Shop) place(p *Product) int {
	place := s.ruledPlace(p)
	if p.SoldOut() && (place == placePromoted || place == placeListed) {
		return placeSoldOut
	}
	return place
}

// ruledPlace is the place that the rules give the product.
func (s *Shop) ruledPlace(p *Product) int {
	if len(s.places) == 0 {
		return placeListed
	}
	if place, ok := s.places[p.ID]; ok {
		return place
	}
	return placeListed
}

// excluded reports whether the product, which is in the index, is out of the shop.
func (s *Shop) excluded(p *Product) bool { return s.places[p.ID] == placeExcluded }

// PutFirst reports whether the merchant's rules pin or promote the product.
func (s *Shop) PutFirst(id string) bool {
	place, ruled := s.places[id]
	return ruled && place <= placePromoted
}

// PutLast reports whether the merchant's rules demote the product.
func (s *Shop) PutLast(id string) bool { return s.places[id] == placeDemoted }

// Pinned is the ids of up to 12 products that every page shows, by the merchant's rules.
func (s *Shop) Pinned() []string { return slices.Clone(s.pinned) }

// Campaigns is the merchant's campaigns that pages show.
func (s *Shop) Campaigns() []Campaign { return slices.Clone(s.campaigns) }

// CampaignProducts is the ids of up to n products of a campaign.
func (s *Shop) CampaignProducts(c Campaign, n int) []string {
	if len(c.Products) > 0 {
		known := s.Arranged(s.Known(c.Products))
		return known[:min(n, len(known))]
	}
	if c.Collection == "" {
		return nil
	}
	if n <= MaxFeatured {
		featured := s.CollectionFacts(c.Collection).Featured
		return idsOf(featured[:min(n, len(featured))])
	}
	return s.Pick(n, func(p *Product) bool { return p.In(c.Collection) }, ByFeatured)
}

// deciding returns the number of the rule that decides about a product on that day, -1 if
// none does; it is nil if none decides about any. Of the rules that concern a product the
// last one does.
func (r *Rules) deciding(personaName string, day Date) func(*Product) int {
	products, collections, tags := map[string]int{}, map[string]int{}, map[string]int{}
	for i, rule := range r.Products {
		if !rule.Holds(personaName, day.day) {
			continue
		}
		switch {
		case rule.Product != "":
			products[rule.Product] = i + 1
		case rule.Collection != "":
			collections[rule.Collection] = i + 1
		default:
			tags[rule.Tag] = i + 1
		}
	}
	if len(products)+len(collections)+len(tags) == 0 {
		return nil
	}
	return func(p *Product) int {
		last := products[p.ID]
		for _, c := range p.in {
			last = max(last, collections[c])
		}
		if len(tags) > 0 {
			for _, tag := range p.Tags {
				last = max(last, tags[tag])
			}
		}
		return last - 1
	}
}

// alike reports whether the rules say the same for the persona and for everybody.
func (r *Rules) alike(personaName string, day Date) bool {
	same := func(w When) bool { return w.Holds(personaName, day.day) == w.Holds("", day.day) }
	return !slices.ContainsFunc(r.Products, func(p ProductRule) bool { return !same(p.When) }) &&
		!slices.ContainsFunc(r.Campaigns, func(c Campaign) bool { return !same(c.When) })
}

// stateOn identifies what the rules put on pages on that day, beside what the document's
// version does: which of those with dates are in effect, and which products are pinned and
// in campaigns. It is "" if the rules have no dates and put nothing on pages.
func (s *Shop) stateOn(day Date) string {
	sum := sha256.New()
	counts := false
	note := func(kind string, i int, w When, adds bool) {
		dated := !w.From.IsZero() || !w.Until.IsZero()
		counts = counts || dated || adds
		if dated && w.inTime(day.day) {
			_, _ = fmt.Fprintln(sum, kind, i)
		}
	}
	pins := false
	for i, rule := range s.Rules.Products {
		pins = pins || rule.Do == Pin
		note("product", i, rule.When, rule.Do == Pin)
	}
	for i, c := range s.Rules.Campaigns {
		note("campaign", i, c.When, true)
	}
	if !counts {
		return ""
	}
	for _, name := range append([]string{""}, persona.All()...) {
		if name != "" && s.Rules.alike(name, day) {
			continue
		}
		if decides := s.Rules.deciding(name, day); pins && decides != nil {
			for _, p := range s.Products {
				if i := decides(p); i >= 0 && s.Rules.Products[i].Do == Pin {
					_, _ = fmt.Fprintln(sum, name, p.ID)
				}
			}
		}
	}
	for _, c := range s.Rules.Campaigns {
		if c.inTime(day.day) {
			_, _ = fmt.Fprintln(sum, c.ID, s.CampaignProducts(c, maxPinned))
		}
	}
	return hex.EncodeToString(sum.Sum(nil)[:6])
}

// nextChange is when a rule with dates begins or ends after t; zero if none does.
func (r *Rules) nextChange(t time.Time) time.Time {
	var next time.Time
	note := func(w When) {
		for _, day := range []Date{w.From, w.Until.next()} {
			if !day.IsZero() && day.day.After(t) && (next.IsZero() || day.day.Before(next)) {
				next = day.day
			}
		}
	}
	for _, rule := range r.Products {
		note(rule.When)
	}
	for _, c := range r.Campaigns {
		note(c.When)
	}
	return next
}

// next is the day after; zero for zero.
func (d Date) next() Date {
	if d.IsZero() {
		return d
	}
	return Date{d.day.AddDate(0, 0, 1)}
}

// earlier is the earlier of two times, where a zero one is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
