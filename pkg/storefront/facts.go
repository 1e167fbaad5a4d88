package storefront

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// This file holds what sections say that nobody wrote: what can be worked out of
// a catalogue, whatever the shop sells.

func available(p *Product) bool { return !p.SoldOut() }

func rated(p *Product) bool { return p.Rating > 0 }

func nearlyOut(p *Product) bool { return !p.SoldOut() && p.Stock <= nearlyGone }

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

// rungs are the lowest, the middle and the highest price of what can be had.
func (s *Store) rungs() []string {
	all := s.pick(len(s.Products), available, byPrice)
	if len(all) < 3 {
		return nil
	}
	return []string{all[0], all[len(all)/2], all[len(all)-1]}
}

// shown is how many products of a group are named.
const shown = 4

func (s *Store) group(title, note string, ps []*Product) groupView {
	g := groupView{Title: title, Note: note}
	for _, p := range ps[:min(shown, len(ps))] {
		g.Cards = append(g.Cards, s.card(p))
	}
	return g
}

// sorted are the products in the order of less.
func (s *Store) sorted(less func(a, b *Product) int) []*Product {
	ps := make([]*Product, len(s.Products))
	for i := range s.Products {
		ps[i] = &s.Products[i]
	}
	slices.SortStableFunc(ps, less)
	return ps
}

// byBudget is the catalogue in three parts by price.
func (s *Store) byBudget() []groupView {
	ps := s.sorted(byPrice)
	low, high := ps[len(ps)/3], ps[2*len(ps)/3]
	titles := []string{
		"Under " + s.Money(low.NowCents()),
		s.Money(low.NowCents()) + " to " + s.Money(high.NowCents()),
		"Over " + s.Money(high.NowCents()),
	}
	parts := make([][]*Product, 3)
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
		slices.SortStableFunc(part, byFavour)
		groups = append(groups, s.group(titles[i], s.count(len(part)), part))
	}
	return groups
}

// byShelf is the catalogue by collection.
func (s *Store) byShelf() []groupView {
	groups := make([]groupView, 0, len(s.Collections))
	for _, col := range s.Collections {
		ps := slices.DeleteFunc(s.sorted(byFavour), func(p *Product) bool { return p.Collection != col.ID })
		g := s.group(col.Name, col.Blurb, ps)
		g.Href = s.ShelfPath(col.ID)
		groups = append(groups, g)
	}
	return groups
}

// byTrait is the catalogue by the property that says most about a product: the one
// whose values are shared by most and are still several. At most six values, the
// most common first.
func (s *Store) byTrait() []groupView {
	var best []groupView
	most := 0
	for _, name := range s.attributeNames() {
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
func (s *Store) byValue(attribute string) []groupView {
	by := make(map[string][]*Product)
	var values []string
	for _, p := range s.sorted(byFavour) {
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
		groups = append(groups, s.group(v, s.count(len(by[v])), by[v]))
	}
	return groups
}

// attributeNames are the names of the properties that products have, in the order
// in which they come.
func (s *Store) attributeNames() []string {
	var names []string
	for i := range s.Products {
		for _, a := range s.Products[i].Attributes {
			if !slices.Contains(names, a.Name) {
				names = append(names, a.Name)
			}
		}
	}
	return names
}

// measure is the attribute that products are told apart by in numbers: the one
// that their pictures are drawn to, or the first that begins with a number on most
// of them. "" if there is none.
func (s *Store) measure() string {
	if s.Picture.Size != "" {
		return s.Picture.Size
	}
	for _, name := range s.attributeNames() {
		n := 0
		for i := range s.Products {
			if _, ok := leadingNumber(s.Products[i].Attribute(name)); ok {
				n++
			}
		}
		if 2*n > len(s.Products) {
			return name
		}
	}
	return ""
}

// measured are the products that have the store's measure, the smallest first.
func (s *Store) measured() []*Product {
	name := s.measure()
	size := func(p *Product) float64 {
		n, _ := leadingNumber(p.Attribute(name))
		return n
	}
	ps := s.sorted(func(a, b *Product) int { return cmp.Or(cmp.Compare(size(a), size(b)), cmp.Compare(a.ID, b.ID)) })
	return slices.DeleteFunc(ps, func(p *Product) bool { return size(p) <= 0 })
}

// bars are up to most of the measured products, evenly spread from the smallest to
// the largest, drawn to scale.
func (s *Store) bars(most int) []barView {
	ps := s.measured()
	name := s.measure()
	longest, _ := leadingNumber(ps[len(ps)-1].Attribute(name))
	n := min(most, len(ps))
	bars := make([]barView, n)
	for i := range bars {
		p := ps[i*(len(ps)-1)/max(1, n-1)]
		size, _ := leadingNumber(p.Attribute(name))
		bars[i] = barView{cardView: s.card(p), Value: unbroken(p.Attribute(name)), Bar: bar(size / longest)}
	}
	return bars
}

// bar is SVG path data for a line of that share of 100.
func bar(share float64) string { return "M0 2h" + strconv.Itoa(int(100*share)) }

// bySize is the measured products in three parts.
func (s *Store) bySize() []groupView {
	ps := s.measured()
	name := s.measure()
	groups := make([]groupView, 0, 3)
	for i := range 3 {
		part := ps[i*len(ps)/3 : (i+1)*len(ps)/3]
		from, to := unbroken(part[0].Attribute(name)), unbroken(part[len(part)-1].Attribute(name))
		title := from
		if to != from {
			title += " to " + to
		}
		groups = append(groups, s.group(title, s.count(len(part)), part))
	}
	return groups
}

// materials are the values of the attribute that products are drawn from, each
// with the product that shows it: at most eight, and an even number, since they
// stand in twos.
func (s *Store) materials() []groupView {
	groups := s.byValue(s.Picture.Body)
	n := min(8, len(groups))
	return groups[:max(1, n-n%2)]
}

// kinds are the attributes with how many values there are, and which.
func (s *Store) kinds() []groupView {
	names := s.attributeNames()
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
func (s *Store) figures() []figureView {
	figures := []figureView{
		{strconv.Itoa(len(s.Products)), plural(len(s.Products), s.Noun.One, s.Noun.Many) + " in the shop"},
		{strconv.Itoa(len(s.Collections)), plural(len(s.Collections), "shelf", "shelves") + " to look through"},
	}
	if average, reviews := s.standing(); reviews > 0 {
		figures = append(
			figures,
			figureView{average, "of 5 on average"},
			figureView{thousands(reviews), plural(reviews, "rating", "ratings") + " given"},
		)
	}
	return figures
}

// standing is the average rating over all that were given, and how many were.
func (s *Store) standing() (average string, reviews int) {
	sum := 0.0
	for i := range s.Products {
		p := &s.Products[i]
		sum += p.Rating * float64(p.Reviews)
		reviews += p.Reviews
	}
	if reviews == 0 {
		return "", 0
	}
	return fmt.Sprintf("%.1f", sum/float64(reviews)), reviews
}

// verdicts name what each of the products is best at, each product one thing.
func verdicts(ps []*Product) map[string]string {
	said := make(map[string]string, len(ps))
	name := func(what string, less func(a, b *Product) int) {
		left := slices.DeleteFunc(slices.Clone(ps), func(p *Product) bool { return said[p.ID] != "" })
		first := slices.MinFunc(ps, less)
		// Only if it is the best of all of them, and not of what is left.
		if len(left) > 0 && slices.Contains(left, first) {
			said[first.ID] = what
		}
	}
	name("Lowest price", byPrice)
	name("Newest here", byArrival)
	if slices.ContainsFunc(ps, rated) {
		name("Best rated", byRating)
	}
	if slices.ContainsFunc(ps, (*Product).OnSale) {
		name("Biggest saving", bySaving)
	}
	for _, p := range ps {
		if said[p.ID] == "" && p.Reviews > 0 {
			said[p.ID] = thousands(p.Reviews) + " " + plural(p.Reviews, "rating", "ratings")
		}
	}
	return said
}

// count is a number of products, as in "3 wands".
func (s *Store) count(n int) string {
	return strconv.Itoa(n) + " " + plural(n, s.Noun.One, s.Noun.Many)
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// commonTags are the n tags that most products share, for those who do not know
// where to begin.
func (s *Store) commonTags(n int) []string {
	count := map[string]int{}
	for _, p := range s.Products {
		for _, tag := range p.Tags {
			// How the shop orders its shelves, not what anybody would look for.
			if tag != "featured" {
				count[tag]++
			}
		}
	}
	tags := slices.SortedFunc(maps.Keys(count), func(a, b string) int {
		return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a, b))
	})
	return tags[:min(n, len(tags))]
}
