package catalogue

import (
	"cmp"
	"slices"
	"strings"
)

// Pick is the ids of up to n products for which keep is true: those that the merchant's
// rules put first, then others in the order of less. Sold-out products come last, but
// before those that the rules put last. A nil keep takes every product.
func (s *Shop) Pick(n int, keep func(*Product) bool, less func(a, b *Product) int) []string {
	return idsOf(s.firstOf(n, keep, func(a, b *Product) int {
		if order := s.place(a) - s.place(b); order != 0 {
			return order
		}
		return less(a, b)
	}))
}

// Rank is like Pick, for an order that says something of the products, such as the best
// rated first: the rules do not change it. Products that they put last are left out as long
// as there are n others.
func (s *Shop) Rank(n int, keep func(*Product) bool, less func(a, b *Product) int) []string {
	ranked := func(a, b *Product) int {
		if order := availableFirst(a, b); order != 0 {
			return order
		}
		return less(a, b)
	}
	found := s.firstOf(n, keep, func(a, b *Product) int {
		if order := s.place(a)/placeDemoted - s.place(b)/placeDemoted; order != 0 {
			return order
		}
		return ranked(a, b)
	})
	slices.SortStableFunc(found, ranked)
	return idsOf(found)
}

// firstOf is up to n products for which keep is true, in the order of compare.
func (s *Shop) firstOf(n int, keep func(*Product) bool, compare func(a, b *Product) int) []*Product {
	best := first[*Product]{most: n, compare: compare}
	for _, p := range s.Products {
		if best.takes(p) && (keep == nil || keep(p)) {
			best.add(p)
		}
	}
	return best.sorted()
}

func idsOf(products []*Product) []string {
	ids := make([]string, 0, len(products))
	for _, p := range products {
		ids = append(ids, p.ID)
	}
	return ids
}

// first is the first of many in the order of compare; equal ones keep their order. For a
// small number it costs little more than to look at each.
type first[T any] struct {
	most    int
	compare func(a, b T) int
	all     []T // sorted once there are most
}

// takes reports whether next is among the first so far.
func (f *first[T]) takes(next T) bool {
	return len(f.all) < f.most || f.most > 0 && f.compare(next, f.all[f.most-1]) < 0
}

// add adds one that it takes.
func (f *first[T]) add(next T) {
	if len(f.all) < f.most {
		if f.all = append(f.all, next); len(f.all) == f.most {
			slices.SortStableFunc(f.all, f.compare)
		}
		return
	}
	at, _ := slices.BinarySearchFunc(f.all, next, func(one, next T) int {
		if f.compare(one, next) <= 0 {
			return -1
		}
		return 1
	})
	copy(f.all[at+1:], f.all[at:f.most-1])
	f.all[at] = next
}

// sorted is the first, in their order.
func (f *first[T]) sorted() []T {
	if len(f.all) < f.most {
		slices.SortStableFunc(f.all, f.compare)
	}
	return f.all
}

// Sorted is all products in the order of less. The order is stable.
func (s *Shop) Sorted(less func(a, b *Product) int) []*Product {
	ps := slices.Clone(s.Products)
	slices.SortStableFunc(ps, less)
	return ps
}

// Arranged is the ids of products as a section shows them: those that the merchant's rules
// put first, others in their order, sold-out ones, and those that the rules put last.
func (s *Shop) Arranged(ids []string) []string {
	place := func(id string) int {
		if p, ok := s.Product(id); ok {
			return s.place(p)
		}
		return placeListed
	}
	ids = slices.Clone(ids)
	slices.SortStableFunc(ids, func(a, b string) int { return place(a) - place(b) })
	return ids
}

// Known is the ids of products that the shop has, in their order, without repetition.
func (s *Shop) Known(ids []string) []string {
	var known []string
	for _, id := range ids {
		if _, ok := s.Product(id); ok && !slices.Contains(known, id) {
			known = append(known, id)
		}
	}
	return known
}

func availableFirst(a, b *Product) int {
	switch {
	case a.SoldOut() == b.SoldOut():
		return 0
	case a.SoldOut():
		return 1
	default:
		return -1
	}
}

// AsListed keeps the order of the shop's document.
func AsListed(_, _ *Product) int { return 0 }

// orID is an order, or where it is 0 that of the products' ids.
func orID(order int, a, b *Product) int {
	if order != 0 {
		return order
	}
	return strings.Compare(a.ID, b.ID)
}

// ByFeatured orders products tagged "featured" first, then by rating.
func ByFeatured(a, b *Product) int {
	switch {
	case a.featured && !b.featured:
		return -1
	case b.featured && !a.featured:
		return 1
	default:
		return orID(cmp.Compare(b.Rating, a.Rating), a, b)
	}
}

// ByArrival orders the newest products first.
func ByArrival(a, b *Product) int { return orID(b.AddedAt.day.Compare(a.AddedAt.day), a, b) }

// ByPrice orders the product with the lowest price of today first.
func ByPrice(a, b *Product) int { return orID(cmp.Compare(a.NowCents(), b.NowCents()), a, b) }

// BySaving orders the product with the largest saving first, as a share of its usual
// price.
func BySaving(a, b *Product) int {
	return orID(cmp.Compare(b.SavedCents()*a.PriceCents, a.SavedCents()*b.PriceCents), a, b)
}

// ByRating orders the best rated product first. Of equal ratings, the one with more
// reviews comes first.
func ByRating(a, b *Product) int {
	return orID(cmp.Or(cmp.Compare(b.Rating, a.Rating), cmp.Compare(b.Reviews, a.Reviews)), a, b)
}

// ByStock orders the product with the smallest stock first.
func ByStock(a, b *Product) int { return orID(cmp.Compare(a.Stock, b.Stock), a, b) }

// ByFewestReviews orders the product with the fewest reviews first.
func ByFewestReviews(a, b *Product) int { return orID(cmp.Compare(a.Reviews, b.Reviews), a, b) }
