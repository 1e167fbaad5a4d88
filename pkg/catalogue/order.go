package catalogue

import (
	"cmp"
	"slices"
)

// Pick is the ids of up to n products for which keep is true, in the order of less.
// Sold-out products come last. A nil keep takes every product.
func (s *Shop) Pick(n int, keep func(*Product) bool, less func(a, b *Product) int) []string {
	var found []*Product
	for _, p := range s.Products {
		if keep == nil || keep(p) {
			found = append(found, p)
		}
	}
	ids := make([]string, 0, n)
	for _, p := range firstOf(found, n, func(a, b *Product) int { return cmp.Or(availableFirst(a, b), less(a, b)) }) {
		ids = append(ids, p.ID)
	}
	return ids
}

// firstOf is the first n of all in the order of compare, sorted; equal ones keep their order.
// It changes all. For a small n it costs little more than to look at each.
func firstOf[T any](all []T, n int, compare func(a, b T) int) []T {
	n = min(n, len(all))
	first := all[:n:n]
	slices.SortStableFunc(first, compare)
	for _, next := range all[n:] {
		if n == 0 || compare(next, first[n-1]) >= 0 {
			continue
		}
		at, _ := slices.BinarySearchFunc(first, next, func(one, next T) int {
			if compare(one, next) <= 0 {
				return -1
			}
			return 1
		})
		copy(first[at+1:], first[at:n-1])
		first[at] = next
	}
	return first
}

// Sorted is all products in the order of less. The order is stable.
func (s *Shop) Sorted(less func(a, b *Product) int) []*Product {
	ps := slices.Clone(s.Products)
	slices.SortStableFunc(ps, less)
	return ps
}

// SoldOutLast is the ids in their order, with those of sold-out products last.
func (s *Shop) SoldOutLast(ids []string) []string {
	soldOut := func(id string) bool {
		p, ok := s.Product(id)
		return ok && p.SoldOut()
	}
	return slices.Concat(
		slices.DeleteFunc(slices.Clone(ids), soldOut),
		slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !soldOut(id) }),
	)
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

// ByFeatured orders products tagged "featured" first, then by rating.
func ByFeatured(a, b *Product) int {
	if fa, fb := a.Tagged("featured"), b.Tagged("featured"); fa != fb {
		if fa {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(b.Rating, a.Rating), cmp.Compare(a.ID, b.ID))
}

// ByArrival orders the newest products first.
func ByArrival(a, b *Product) int {
	return cmp.Or(b.AddedAt.day.Compare(a.AddedAt.day), cmp.Compare(a.ID, b.ID))
}

// ByPrice orders the product with the lowest price of today first.
func ByPrice(a, b *Product) int {
	return cmp.Or(cmp.Compare(a.NowCents(), b.NowCents()), cmp.Compare(a.ID, b.ID))
}

// BySaving orders the product with the largest saving first, as a share of its usual
// price.
func BySaving(a, b *Product) int {
	return cmp.Or(
		cmp.Compare(b.SavedCents()*a.PriceCents, a.SavedCents()*b.PriceCents),
		cmp.Compare(a.ID, b.ID),
	)
}

// ByRating orders the best rated product first. Of equal ratings, the one with more
// reviews comes first.
func ByRating(a, b *Product) int {
	return cmp.Or(cmp.Compare(b.Rating, a.Rating), cmp.Compare(b.Reviews, a.Reviews), cmp.Compare(a.ID, b.ID))
}

// ByStock orders the product with the smallest stock first.
func ByStock(a, b *Product) int {
	return cmp.Or(cmp.Compare(a.Stock, b.Stock), cmp.Compare(a.ID, b.ID))
}

// ByFewestReviews orders the product with the fewest reviews first.
func ByFewestReviews(a, b *Product) int {
	return cmp.Or(cmp.Compare(a.Reviews, b.Reviews), cmp.Compare(a.ID, b.ID))
}
