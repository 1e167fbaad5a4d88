package catalogue

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// derived is what follows from all products of one state of a shop. Each of it is made when
// it is first asked for, so that a page costs about the same in a shop of any size.
type derived struct {
	orders      map[string]func() []*Product // by the order
	everything  func() tally
	collections func() map[string]CollectionFacts
	attributes  func() []AttributeFacts
	sizes       func() sizes
	rating      func() rating
	tags        func() []string
	candidates  func() *candidates
}

type sizes struct {
	attribute string
	products  []*Product
}

type rating struct {
	average string
	reviews int
}

// derive sets what follows from the products. They do not change afterwards.
func (s *Shop) derive() {
	d := derived{orders: make(map[string]func() []*Product, len(SortOrders))}
	for _, o := range SortOrders {
		d.orders[o.Value] = sync.OnceValue(func() []*Product { return s.inOrder(o) })
	}
	d.everything = sync.OnceValue(s.tallyAll)
	d.collections = sync.OnceValue(s.collectionFacts)
	d.attributes = sync.OnceValue(s.attributeFacts)
	d.sizes = sync.OnceValue(s.bySize)
	d.rating = sync.OnceValue(s.averageRating)
	d.tags = sync.OnceValue(s.commonTags)
	d.candidates = sync.OnceValue(s.newCandidates)
	s.derived = d
}

// Ordered is all products in one of the Sort constants' orders, sold-out ones last. By
// SortRelevance those that the merchant's rules put first come first, and those that they
// put last come last. It must not be changed.
func (s *Shop) Ordered(order string) []*Product {
	if products, ok := s.derived.orders[order]; ok {
		return products()
	}
	return s.derived.orders[SortRelevance]()
}

// inOrder is all products by the order's keys, sold-out ones last, those with equal keys by
// id.
func (s *Shop) inOrder(o SortOrder) []*Product {
	type place struct {
		first  int
		second int64
		byID   int
	}
	byID := slices.SortedFunc(slices.Values(s.Products), func(a, b *Product) int { return strings.Compare(a.ID, b.ID) })
	places := make([]place, len(byID))
	for i, p := range byID {
		places[i] = place{0, o.key(p), i}
		switch {
		case o.Value == SortRelevance:
			places[i].first = s.place(p)
		case p.SoldOut():
			places[i].first = 1
		}
	}
	slices.SortFunc(places, func(a, b place) int {
		switch {
		case a.first != b.first:
			return cmp.Compare(a.first, b.first)
		case a.second != b.second:
			return cmp.Compare(a.second, b.second)
		default:
			return cmp.Compare(a.byID, b.byID)
		}
	})
	products := make([]*Product, len(byID))
	for i, at := range places {
		products[i] = byID[at.byID]
	}
	return products
}

// CollectionFacts is what the products of a collection are together.
type CollectionFacts struct {
	Count       int
	LowestCents int // today's price
	// Cover is the first product that can be bought; if none can, the first.
	Cover *Product
	// Featured is the first products in the order of SortRelevance, up to MaxFeatured.
	Featured []*Product
}

// MaxFeatured is how many products of a group are at hand without a search.
const MaxFeatured = 8

// CollectionFacts is what is known of the products of the collection. It must not be
// changed.
func (s *Shop) CollectionFacts(id string) CollectionFacts { return s.derived.collections()[id] }

func (s *Shop) collectionFacts() map[string]CollectionFacts {
	facts := make(map[string]*CollectionFacts, len(s.Collections))
	for _, p := range s.Products {
		for _, id := range p.in {
			c := facts[id]
			if c == nil {
				c = &CollectionFacts{LowestCents: p.NowCents(), Cover: p}
				facts[id] = c
			}
			c.Count++
			c.LowestCents = min(c.LowestCents, p.NowCents())
			if c.Cover.SoldOut() && p.Available() {
				c.Cover = p
			}
		}
	}
	for _, p := range s.Ordered(SortRelevance) {
		for _, id := range p.in {
			if c := facts[id]; len(c.Featured) < MaxFeatured {
				c.Featured = append(c.Featured, p)
			}
		}
	}
	all := make(map[string]CollectionFacts, len(facts))
	for id, c := range facts {
		all[id] = *c
	}
	return all
}

// AttributeFacts is what values the products have of one attribute.
type AttributeFacts struct {
	Name string
	// Values is the most common values, the most common first, up to maxComparedValues.
	Values []ValueFacts
	// Distinct is how many values there are in all.
	Distinct int
}

// ValueFacts is the products of one value.
type ValueFacts struct {
	Value string
	Count int
	// Featured is the first products in the order of SortRelevance, up to MaxFeatured.
	Featured []*Product
}

// A merchant's export may have hundreds of attributes, and thousands of values of one.
const (
	maxComparedAttributes = 24
	maxComparedValues     = 24
)

// AttributeFacts is the attributes that most products have, up to maxComparedAttributes, in order
// of first use. It must not be changed.
func (s *Shop) AttributeFacts() []AttributeFacts { return s.derived.attributes() }

func (s *Shop) attributeFacts() []AttributeFacts {
	counts := map[string]int{}
	var names []string
	for _, p := range s.Products {
		for _, a := range p.Attributes {
			if counts[a.Name] == 0 {
				names = append(names, a.Name)
			}
			counts[a.Name]++
		}
	}
	if len(names) > maxComparedAttributes {
		common := slices.Clone(names)
		slices.SortStableFunc(common, func(a, b string) int { return cmp.Compare(counts[b], counts[a]) })
		common = common[:maxComparedAttributes]
		names = slices.DeleteFunc(names, func(name string) bool { return !slices.Contains(common, name) })
	}
	number := make(map[string]int, len(names))
	for i, name := range names {
		number[name] = i
	}
	values := make([][]*ValueFacts, len(names)) // in order of first use
	known := map[Attribute]*ValueFacts{}
	for _, p := range s.Ordered(SortRelevance) {
		for _, a := range p.Attributes {
			i, ok := number[a.Name]
			if !ok {
				continue
			}
			v := known[a]
			if v == nil {
				v = &ValueFacts{Value: a.Value}
				known[a] = v
				values[i] = append(values[i], v)
			}
			if v.Count++; v.Count <= MaxFeatured {
				v.Featured = append(v.Featured, p)
			}
		}
	}
	facts := make([]AttributeFacts, len(names))
	for i, name := range names {
		slices.SortStableFunc(values[i], func(a, b *ValueFacts) int { return cmp.Compare(b.Count, a.Count) })
		facts[i] = AttributeFacts{Name: name, Distinct: len(values[i])}
		for _, v := range values[i][:min(maxComparedValues, len(values[i]))] {
			facts[i].Values = append(facts[i].Values, *v)
		}
	}
	return facts
}

// SizeAttribute is the name of the attribute that compares products by a number. It is
// the attribute that sets the size of their pictures. Without one it is the first
// attribute whose value begins with a number on more than half of the products, or "".
func (s *Shop) SizeAttribute() string { return s.derived.sizes().attribute }

// BySize is the products whose SizeAttribute is a number above 0, smallest first. It must
// not be changed.
func (s *Shop) BySize() []*Product { return s.derived.sizes().products }

func (s *Shop) bySize() sizes {
	name := s.Picture.Size
	for _, a := range s.AttributeFacts() {
		if name != "" {
			break
		}
		n := 0
		for _, p := range s.Products {
			if _, ok := LeadingNumber(p.Attribute(a.Name)); ok {
				n++
			}
		}
		if 2*n > len(s.Products) {
			name = a.Name
		}
	}
	if name == "" {
		return sizes{}
	}
	type sized struct {
		product *Product
		size    float64
	}
	var all []sized
	for _, p := range s.Products {
		if n, _ := LeadingNumber(p.Attribute(name)); n > 0 {
			all = append(all, sized{p, n})
		}
	}
	slices.SortFunc(all, func(a, b sized) int {
		return cmp.Or(cmp.Compare(a.size, b.size), strings.Compare(a.product.ID, b.product.ID))
	})
	result := sizes{attribute: name, products: make([]*Product, len(all))}
	for i, one := range all {
		result.products[i] = one.product
	}
	return result
}

// AverageRating is the average of all ratings, with one decimal, and their number. A
// shop without ratings has "" and 0.
func (s *Shop) AverageRating() (average string, reviews int) {
	r := s.derived.rating()
	return r.average, r.reviews
}

func (s *Shop) averageRating() rating {
	sum, reviews := 0.0, 0
	for _, p := range s.Products {
		sum += p.Rating * float64(p.Reviews)
		reviews += p.Reviews
	}
	if reviews == 0 {
		return rating{}
	}
	return rating{fmt.Sprintf("%.1f", sum/float64(reviews)), reviews}
}

// CommonTags is up to n tags, the most common first. The tag "featured" is left out,
// because it only orders products and nobody searches for it.
func (s *Shop) CommonTags(n int) []string {
	tags := s.derived.tags()
	return slices.Clone(tags[:min(n, len(tags))])
}

// maxCommonTags is how many tags CommonTags knows.
const maxCommonTags = 64

func (s *Shop) commonTags() []string {
	count := map[string]int{}
	for _, p := range s.Products {
		for _, tag := range p.Tags {
			if tag != tagFeatured {
				count[tag]++
			}
		}
	}
	maps.DeleteFunc(count, func(tag string, _ int) bool { return s.Forbids(tag) })
	tags := slices.SortedFunc(maps.Keys(count), func(a, b string) int {
		return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a, b))
	})
	return slices.Clip(tags[:min(maxCommonTags, len(tags))])
}

// PriceLadder is the ids of the available products with the lowest, the middle and
// the highest price; nil if fewer than three are available.
func (s *Shop) PriceLadder() []string {
	all := s.Ordered(SortPriceUp)
	if soldOut := slices.IndexFunc(all, (*Product).SoldOut); soldOut >= 0 {
		all = all[:soldOut]
	}
	if len(s.places) > 0 {
		others := slices.DeleteFunc(slices.Clone(all), func(p *Product) bool { return s.PutLast(p.ID) })
		if len(others) >= 3 {
			all = others
		}
	}
	if len(all) < 3 {
		return nil
	}
	return []string{all[0].ID, all[len(all)/2].ID, all[len(all)-1].ID}
}
