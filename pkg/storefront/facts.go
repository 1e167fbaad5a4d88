package storefront

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/wandstore/wandstore/pkg/catalogue"
)

// groupView is products that have something in common.
type groupView struct {
	Title, Note string
	Href        string // the page of their collection; "" if they are in several
	Cards       []cardView
}

// figureView is a number about the shop, with what it counts.
type figureView struct {
	Number, Label string
}

// barView is a product with its size.
type barView struct {
	cardView
	Value string
	Bar   string // the size as SVG path data; the largest is 100 wide
}

// maxGroup is the most products that a page shows of a group.
const maxGroup = 4

func (s *shopView) group(title, note string, ps []*catalogue.Product) groupView {
	g := groupView{Title: title, Note: note}
	for _, p := range ps[:min(maxGroup, len(ps))] {
		g.Cards = append(g.Cards, s.card(p))
	}
	return g
}

// byBudget divides the products into three groups by price.
func (s *shopView) byBudget() []groupView {
	prices := make([]int, len(s.Products))
	for i, p := range s.Products {
		prices[i] = p.NowCents()
	}
	slices.Sort(prices)
	low, high := prices[len(prices)/3], prices[2*len(prices)/3]
	titles := []string{"Under " + s.Money(low), s.Money(low) + " to " + s.Money(high), "Over " + s.Money(high)}
	counts, parts := [3]int{}, [3][]*catalogue.Product{}
	for _, p := range s.Ordered(catalogue.SortRelevance) {
		part := 0
		if now := p.NowCents(); now > high {
			part = 2
		} else if now >= low {
			part = 1
		}
		if counts[part]++; counts[part] <= maxGroup {
			parts[part] = append(parts[part], p)
		}
	}
	var groups []groupView
	for i, part := range parts {
		// If many products have one price, a part can be empty.
		if len(part) > 0 {
			groups = append(groups, s.group(titles[i], s.Count(counts[i]), part))
		}
	}
	return groups
}

// byCollection groups the products by collection.
func (s *shopView) byCollection() []groupView {
	var groups []groupView
	for _, col := range s.Collections[:min(maxTiles, len(s.Collections))] {
		ps := s.CollectionFacts(col.ID).Featured
		if len(ps) == 0 {
			continue
		}
		g := s.group(col.Name, col.Blurb, ps)
		g.Href = s.CollectionPath(col.ID)
		groups = append(groups, g)
	}
	return groups
}

// maxTraits is the most values by which products are grouped.
const maxTraits = 6

// byTrait groups the products by the attribute whose values group most of them, the largest
// group first. If no attribute has two values, it groups by collection.
func (s *shopView) byTrait() []groupView {
	var best catalogue.AttributeFacts
	most := 0
	for _, a := range s.AttributeFacts() {
		covered := 0
		for _, v := range a.Values[:min(maxTraits, len(a.Values))] {
			if v.Count > 1 {
				covered += min(v.Count, maxGroup)
			}
		}
		if len(a.Values) > 1 && covered > most {
			best, most = a, covered
		}
	}
	if most == 0 {
		return s.byCollection()
	}
	return s.byValue(best, maxTraits)
}

// byValue groups the products by the most common values of the attribute.
func (s *shopView) byValue(a catalogue.AttributeFacts, most int) []groupView {
	values := a.Values[:min(most, len(a.Values))]
	groups := make([]groupView, 0, len(values))
	for _, v := range values {
		groups = append(groups, s.group(v.Value, s.Count(v.Count), v.Featured))
	}
	return groups
}

// bars is up to most products that have a size, evenly spread from the smallest to the
// largest.
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

// bar is SVG path data for a horizontal line of the given share of 100.
func bar(share float64) string { return "M0 2h" + strconv.Itoa(int(100*share)) }

// bySize divides the products that have a size into three groups.
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

// materials groups the products by the attribute that gives their pictures' main colour, or
// where there is none by collection. It returns at most eight groups, and an even number if
// there are two, because they are shown in pairs.
func (s *shopView) materials() []groupView {
	var groups []groupView
	for _, a := range s.AttributeFacts() {
		if a.Name == s.Picture.Body {
			groups = s.byValue(a, 8)
		}
	}
	if len(groups) == 0 {
		groups = s.byCollection()
	}
	n := min(8, len(groups))
	return groups[:max(min(1, n), n-n%2)]
}

// kinds is up to four attributes, each with its most common values as a note.
func (s *shopView) kinds() []groupView {
	all := s.AttributeFacts()
	all = all[:min(4, len(all))]
	groups := make([]groupView, 0, len(all))
	for _, a := range all {
		values := make([]string, 0, maxTraits)
		for _, v := range a.Values[:min(maxTraits, len(a.Values))] {
			values = append(values, unbroken(v.Value))
		}
		note := strings.Join(values, ", ")
		if more := a.Distinct - maxTraits; more > 0 {
			note += fmt.Sprintf(" and %d more", more)
		}
		groups = append(groups, groupView{Title: a.Name, Note: note})
	}
	return groups
}

// figures is numbers about the whole shop.
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

// verdicts says what each of the products is best at, by product id. A product gets one
// verdict at most.
func verdicts(ps []*catalogue.Product) map[string]string {
	byID := make(map[string]string, len(ps))
	name := func(what string, less func(a, b *catalogue.Product) int) {
		// A verdict is about all products: if the best one has a verdict, the second best
		// does not get this one.
		if first := slices.MinFunc(ps, less); byID[first.ID] == "" {
			byID[first.ID] = what
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
		if byID[p.ID] == "" && p.Reviews > 0 {
			byID[p.ID] = catalogue.Thousands(p.Reviews) + " " + plural(p.Reviews, "rating", "ratings")
		}
	}
	return byID
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
