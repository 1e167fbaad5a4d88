package catalogue

import (
	"cmp"
	"slices"
	"strings"
)

// Search is all products that match the query, in its order, with sold-out products last.
// Every word of the query must match a word of the product, whole, by its stem or as a
// prefix. If that finds nothing, each word may have one misspelling. Words that fit every
// product, such as the shop's noun, are ignored.
func (s *Shop) Search(q Query) []*Product {
	found, _ := s.search(q)
	found.sort(0, len(found.all))
	products := make([]*Product, len(found.all))
	for i, m := range found.all {
		products[i] = m.product
	}
	return products
}

// search is the matches in no order, and the counts of what they can be narrowed by.
func (s *Shop) search(q Query) (matches, tally) {
	words := s.index.queryWords(q.Words)
	found, t, known := s.matching(q, words, false)
	if !known && len(words) > 0 {
		found, t, _ = s.matching(q, words, true)
	}
	return found, t
}

// matching is the products that match the query and the words, and what is counted of
// them. anyWords is true if products match the words, whatever else the query asks for.
func (s *Shop) matching(q Query, words []queryWord, forgiving bool) (found matches, t tally, anyWords bool) {
	var scores []uint32
	var matched []uint8
	if len(words) > 0 {
		scores, matched = s.index.score(words, forgiving)
	}
	key := keyOf(q.Sort)
	t = tally{index: s.index, counts: make([]int, len(s.index.values))}
	relevance := q.Sort == "" || q.Sort == SortRelevance
	filters := q.filters(s.index, s.MinorUnits())
	for _, p := range s.Products {
		if len(words) > 0 && int(matched[p.slot]) < len(words) || q.Collection != "" && !p.In(q.Collection) {
			continue
		}
		anyWords = true
		failed, fails := "", 0
		for i := range filters {
			if !filters[i].met(p) {
				failed = filters[i].field
				fails++
			}
		}
		if fails > 1 || fails == 0 && len(q.Options) > 1 && !p.offers(q.Options) {
			continue
		}
		t.add(p, failed)
		if fails == 1 {
			continue
		}
		m := match{product: p, second: key(p)}
		if relevance && len(words) > 0 {
			m.first = -int64(scores[p.slot])
		}
		if p.SoldOut() {
			m.first += soldOutLast
		}
		found.all = append(found.all, m)
	}
	return found, t, anyWords
}

// match is a product that matches a query, and its place among the matches: first by
// first, then by second, then by the product's id.
type match struct {
	product       *Product
	first, second int64
}

type matches struct{ all []match }

func (ms matches) compare(a, b match) int {
	return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(a.second, b.second), strings.Compare(a.product.ID, b.product.ID))
}

// soldOutLast is more than any key of an order.
const soldOutLast = 1 << 60

// sort puts the matches that belong between from and to there, in order. The rest is in no
// order, so a page of many matches costs little more than to look at each.
func (ms matches) sort(from, to int) {
	low, high := 0, len(ms.all) // from and to are between them
	for high-low > 4*(to-from)+64 {
		pivot := ms.all[low+(high-low)/2]
		i, j := low, high-1
		for i <= j {
			for ms.compare(ms.all[i], pivot) < 0 {
				i++
			}
			for ms.compare(ms.all[j], pivot) > 0 {
				j--
			}
			if i <= j {
				ms.all[i], ms.all[j] = ms.all[j], ms.all[i]
				i++
				j--
			}
		}
		switch {
		case to <= j+1:
			high = j + 1
		case from >= i:
			low = i
		default:
			slices.SortFunc(ms.all[low:high], ms.compare)
			return
		}
	}
	slices.SortFunc(ms.all[low:high], ms.compare)
}

// keyOf is the key of the query's order.
func keyOf(sort string) func(p *Product) int64 {
	if i := slices.IndexFunc(SortOrders, func(o SortOrder) bool { return o.Value == sort }); i >= 0 {
		return SortOrders[i].key
	}
	return featuredKey
}
