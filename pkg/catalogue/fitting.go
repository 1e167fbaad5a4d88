package catalogue

import (
	"cmp"
	"slices"
	"strings"
)

// Taste is what is known of a shopper, by ids of products, each list with the latest first.
type Taste struct {
	Cart, Bought, Viewed []string
	// Searched is searches as typed.
	Searched []string
}

// IsZero reports whether nothing is known.
func (t Taste) IsZero() bool {
	return len(t.Cart)+len(t.Bought)+len(t.Viewed)+len(t.Searched) == 0
}

// How much a product says of a shopper, by what they did with it.
const (
	tasteCart     = 5.0
	tasteBought   = 4.0
	tasteViewed   = 3.0
	tasteSearched = 2.0
	// Each earlier one of a list counts less.
	tasteFades = 0.8
	// tasteTogether is what a product is worth that others most often buy together with what
	// the shopper has put into the cart last. It is about as much as to be just of their kind.
	tasteTogether = 3.0

	maxTasteItems    = 12 // of a list
	maxTasteSearches = 2
	tasteResults     = 12 // of a search
)

// Fitting is up to n available products that fit the shopper, the best first: like those
// that they put into the cart, bought, viewed and searched for, what others bought together
// with those, as others buy and rate them, with what is new and reduced, and not all of one
// kind. Those that the shopper has bought or has in the cart are left out. Equal arguments
// give equal products.
func (s *Shop) Fitting(taste Taste, n int) []*Product {
	all := s.derived.candidates()
	profile := s.profile(taste, all)
	most := n // of a kind
	if len(all.kinds) > 1 {
		most = (n*2 + 4) / 5
	}
	found := first[fit]{most: 6 * n, compare: fit.compare}
	for _, ofKind := range all.kinds {
		best := first[fit]{most: most, compare: fit.compare}
		for i := range ofKind {
			c := &ofKind[i]
			next := fit{c.product, profile.score(c)}
			if best.takes(next) && !taste.has(c.product.ID) {
				best.add(next)
			}
		}
		for _, one := range best.all {
			if found.takes(one) {
				found.add(one)
			}
		}
	}
	return varied(found.sorted(), n)
}

// has reports whether the product is in the cart or was bought.
func (t Taste) has(id string) bool {
	return slices.Contains(t.Cart, id) || slices.Contains(t.Bought, id)
}

type fit struct {
	product *Product
	score   float64
}

func (f fit) compare(o fit) int {
	switch {
	case f.score > o.score:
		return -1
	case f.score < o.score:
		return 1
	default:
		return strings.Compare(f.product.ID, o.product.ID)
	}
}

// candidates is the products that can be bought, by kind, with what does not depend on a
// shopper.
type candidates struct {
	kinds       [][]candidate
	collections map[string]int // numbers
}

type candidate struct {
	product    *Product
	facets     []uint32
	slot       uint32
	collection int
	price      float64
	appeal     float64
}

func (s *Shop) newCandidates() *candidates {
	all := &candidates{collections: map[string]int{}}
	number := func(numbers map[string]int, key string) int {
		n, known := numbers[key]
		if !known {
			n = len(numbers)
			numbers[key] = n
		}
		return n
	}
	mostSold := 1
	for _, p := range s.Products {
		mostSold = max(mostSold, p.Sold)
	}
	kinds := map[string]int{}
	for _, p := range s.Products {
		if p.SoldOut() {
			continue
		}
		kind := number(kinds, kindOf(p))
		if kind == len(all.kinds) {
			all.kinds = append(all.kinds, nil)
		}
		all.kinds[kind] = append(all.kinds[kind], candidate{
			p, p.facets, p.slot, number(all.collections, p.Collection), float64(p.NowCents()), s.appeal(p, mostSold),
		})
	}
	return all
}

// profile is how much a shopper likes the values of facets, collections and prices.
type profile struct {
	facets      []float64 // by the value's number in the index
	collections []float64 // by the number of the candidates' collection
	together    []float64 // by slot: 0 to 1, what others bought together with it
	price, sum  float64   // the middle price, and all likings together
}

// profile gives the taste's profile.
func (s *Shop) profile(taste Taste, all *candidates) *profile {
	pr := &profile{
		facets: make([]float64, len(s.index.values)), collections: make([]float64, len(all.collections)), together: make([]float64, len(s.index.slots)),
	}
	learn := func(ids []string, weight float64) {
		for _, id := range ids[:min(len(ids), maxTasteItems)] {
			p, ok := s.Product(id)
			if !ok {
				continue
			}
			for _, number := range p.facets {
				pr.facets[number] += weight
			}
			if number, ok := all.collections[p.Collection]; ok {
				pr.collections[number] += weight
			}
			pr.price += weight * float64(p.NowCents())
			pr.sum += weight
			for rank, o := range s.Companions(p) {
				pr.together[o.slot] = max(pr.together[o.slot], weight/tasteCart*(1-float64(rank)/(2*MaxCompanions)))
			}
			weight *= tasteFades
		}
	}
	learn(taste.Cart, tasteCart)
	learn(taste.Bought, tasteBought)
	learn(taste.Viewed, tasteViewed)
	for _, words := range taste.Searched[:min(len(taste.Searched), maxTasteSearches)] {
		if words != "" {
			learn(s.foundBy(words, tasteResults), tasteSearched)
		}
	}
	if pr.sum > 0 {
		pr.price /= pr.sum
	}
	return pr
}

// score is the candidate's appeal, 0 to about 4 for how like it is to what the shopper likes,
// and 0 to 3 for what others bought together with that.
func (pr *profile) score(c *candidate) float64 {
	if pr.sum == 0 {
		return c.appeal
	}
	liked := 0.0
	for _, number := range c.facets {
		liked += pr.facets[number]
	}
	score := c.appeal + 2*liked/(pr.sum*float64(max(2, len(c.facets))))
	score += pr.collections[c.collection]/pr.sum + tasteTogether*pr.together[c.slot]
	if pr.price > 0 && c.price > 0 {
		score += 0.5 * min(c.price, pr.price) / max(c.price, pr.price)
	}
	return score
}

// appeal is 0 to about 1: what others and the calendar say of the product. The merchant's
// rules add to it, or take from it.
func (s *Shop) appeal(p *Product, bestSold int) float64 {
	score := 0.4 * float64(p.Sold) / float64(bestSold)
	score += 0.06 * p.Rating * min(1, float64(p.Reviews)/10)
	if s.IsNew(p) {
		score += 0.15
	}
	if p.OnSale() {
		score += 0.1
	}
	if p.NearlySoldOut() {
		score -= 0.1 // it may be gone before the page is seen
	}
	score += float64(placeListed - s.ruledPlace(p)) // more than what is known of anybody
	return score
}

// varied picks n, the best first, where each one of a kind or a maker makes the next of it
// worth less.
func varied(all []fit, n int) []*Product {
	picked := make([]*Product, 0, min(n, len(all)))
	kinds, makers := map[string]int{}, map[string]int{}
	for len(picked) < n && len(all) > 0 {
		best, worth := 0, 0.0
		for i, f := range all {
			w := f.score - 0.04*float64(kinds[kindOf(f.product)]) - 0.02*float64(makers[f.product.Vendor])
			if i == 0 || w > worth {
				best, worth = i, w
			}
		}
		p := all[best].product
		kinds[kindOf(p)]++
		makers[p.Vendor]++
		picked = append(picked, p)
		all = slices.Delete(all, best, best+1)
	}
	return picked
}

func kindOf(p *Product) string { return cmp.Or(p.Type, p.Collection) }
