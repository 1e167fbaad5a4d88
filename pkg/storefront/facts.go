package storefront

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/wandstore/wandstore/pkg/catalogue"
)

// This file holds what sections say that nobody wrote: what can be worked out of
// a catalogue, whatever the shop sells.

// groupView is products that have something in common.
type groupView struct {
	Title, Note string
	Href        string // the shelf with all of them; "" if they are on several
	Cards       []cardView
}

// figureView is a number of the shop's with what it counts.
type figureView struct {
	Number, Label string
}

// barView is a product on a scale.
type barView struct {
	cardView
	Value string
	Bar   string // the length as SVG path data, of 100
}

// shown is how many products of a group are named.
const shown = 4

func (s *shopView) group(title, note string, ps []*catalogue.Product) groupView {
	g := groupView{Title: title, Note: note}
	for _, p := range ps[:min(shown, len(ps))] {
		g.Cards = append(g.Cards, s.card(p))
	}
	return g
}

// byBudget is the catalogue in three parts by price.
func (s *shopView) byBudget() []groupView {
	ps := s.Sorted(catalogue.ByPrice)
	low, high := ps[len(ps)/3], ps[2*len(ps)/3]
	titles := []string{
		"Under " + s.Money(low.NowCents()),
		s.Money(low.NowCents()) + " to " + s.Money(high.NowCents()),
		"Over " + s.Money(high.NowCents()),
	}
	parts := make([][]*catalogue.Product, 3)
	for _, p := range ps {
		switch {
		case p.NowCents() < low.NowCents():
			parts[0] = append(parts[0], p)
		case p.NowCents() <= high.NowCents():
			parts[1] = append(parts[1], p)
		default:
			parts[2] = append(parts[2], p)
		}
	}
	var groups []groupView
	for i, part := range parts {
		// Many products of one price leave a part without any.
		if len(part) == 0 {
			continue
		}
		slices.SortStableFunc(part, catalogue.ByFeatured)
		groups = append(groups, s.group(titles[i], s.Count(len(part)), part))
	}
	return groups
}

// byShelf is the catalogue by collection.
func (s *shopView) byShelf() []groupView {
	groups := make([]groupView, 0, len(s.Collections))
	for _, col := range s.Collections {
		ps := slices.DeleteFunc(s.Sorted(catalogue.ByFeatured), func(p *catalogue.Product) bool { return p.Collection != col.ID })
		g := s.group(col.Name, col.Blurb, ps)
		g.Href = s.CollectionPath(col.ID)
		groups = append(groups, g)
	}
	return groups
}

// byTrait is the catalogue by the property that says most about a product: the one
// whose values are shared by most and are still several. At most six values, the
// most common first.
func (s *shopView) byTrait() []groupView {
	var best []groupView
	most := 0
	for _, name := range s.AttributeNames() {
		groups := s.byValue(name)
		covered := 0
		for _, g := range groups[:min(6, len(groups))] {
			if len(g.Cards) > 1 {
				covered += len(g.Cards)
			}
		}
		if len(groups) > 1 && covered > most {
			best, most = groups[:min(6, len(groups))], covered
		}
	}
	if best == nil {
		return s.byShelf()
	}
	return best
}

// byValue groups the products by the attribute, the most common value first.
func (s *shopView) byValue(attribute string) []groupView {
	by := make(map[string][]*catalogue.Product)
	var values []string
	for _, p := range s.Sorted(catalogue.ByFeatured) {
		v := p.Attribute(attribute)
		if v == "" {
			continue
		}
		if by[v] == nil {
			values = append(values, v)
		}
		by[v] = append(by[v], p)
	}
	slices.SortStableFunc(values, func(a, b string) int { return cmp.Compare(len(by[b]), len(by[a])) })
	groups := make([]groupView, 0, len(values))
	for _, v := range values {
		groups = append(groups, s.group(v, s.Count(len(by[v])), by[v]))
	}
	return groups
}

// bars are up to most of the measured products, evenly spread from the smallest to
// the largest, drawn to scale.
func (s *shopView) bars(most int) []barView {
	ps := s.BySize()
	name := s.SizeAttribute()
	longest, _ := catalogue.LeadingNumber(ps[len(ps)-1].Attribute(name))
	n := min(most, len(ps))
	bars := make([]barView, n)
	for i := range bars {
		p := ps[i*(len(ps)-1)/max(1, n-1)]
		size, _ := catalogue.LeadingNumber(p.Attribute(name))
		bars[i] = barView{cardView: s.card(p), Value: unbroken(p.Attribute(name)), Bar: bar(size / longest)}
	}
	return bars
}

// bar is SVG path data for a line of that share of 100.
func bar(share float64) string { return "M0 2h" + strconv.Itoa(int(100*share)) }

// bySize is the measured products in three parts.
func (s *shopView) bySize() []groupView {
	ps := s.BySize()
	name := s.SizeAttribute()
	groups := make([]groupView, 0, 3)
	for i := range 3 {
		part := ps[i*len(ps)/3 : (i+1)*len(ps)/3]
		from, to := unbroken(part[0].Attribute(name)), unbroken(part[len(part)-1].Attribute(name))
		title := from
		if to != from {
			title += " to " + to
		}
		groups = append(groups, s.group(title, s.Count(len(part)), part))
	}
	return groups
}

// materials are the values of the attribute that products are drawn from, each
// with the product that shows it: at most eight, and an even number, since they
// stand in twos.
func (s *shopView) materials() []groupView {
	groups := s.byValue(s.Picture.Body)
	n := min(8, len(groups))
	return groups[:max(1, n-n%2)]
}

// kinds are the attributes with how many values there are, and which.
func (s *shopView) kinds() []groupView {
	names := s.AttributeNames()
	names = names[:min(4, len(names))]
	groups := make([]groupView, 0, len(names))
	for _, name := range names {
		found := s.byValue(name)
		values := make([]string, 0, len(found))
		for _, g := range found {
			values = append(values, unbroken(g.Title))
		}
		note := strings.Join(values[:min(6, len(values))], ", ")
		if more := len(values) - 6; more > 0 {
			note += fmt.Sprintf(" and %d more", more)
		}
		groups = append(groups, groupView{Title: name, Note: note})
	}
	return groups
}

// figures are numbers that say something about the whole shop.
func (s *shopView) figures() []figureView {
	figures := []figureView{
		{strconv.Itoa(len(s.Products)), plural(len(s.Products), s.Noun.One, s.Noun.Many) + " in the shop"},
		{strconv.Itoa(len(s.Collections)), plural(len(s.Collections), "shelf", "shelves") + " to look through"},
	}
	if average, reviews := s.AverageRating(); reviews > 0 {
		figures = append(
			figures,
			figureView{average, "of 5 on average"},
			figureView{catalogue.Thousands(reviews), plural(reviews, "rating", "ratings") + " given"},
		)
	}
	return figures
}

// verdicts name what each of the products is best at, each product one thing.
func verdicts(ps []*catalogue.Product) map[string]string {
	said := make(map[string]string, len(ps))
	name := func(what string, less func(a, b *catalogue.Product) int) {
		left := slices.DeleteFunc(slices.Clone(ps), func(p *catalogue.Product) bool { return said[p.ID] != "" })
		first := slices.MinFunc(ps, less)
		// Only if it is the best of all of them, and not of what is left.
		if len(left) > 0 && slices.Contains(left, first) {
			said[first.ID] = what
		}
	}
	name("Lowest price", catalogue.ByPrice)
	name("Newest here", catalogue.ByArrival)
	if slices.ContainsFunc(ps, (*catalogue.Product).Rated) {
		name("Best rated", catalogue.ByRating)
	}
	if slices.ContainsFunc(ps, (*catalogue.Product).OnSale) {
		name("Biggest saving", catalogue.BySaving)
	}
	for _, p := range ps {
		if said[p.ID] == "" && p.Reviews > 0 {
			said[p.ID] = catalogue.Thousands(p.Reviews) + " " + plural(p.Reviews, "rating", "ratings")
		}
	}
	return said
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
