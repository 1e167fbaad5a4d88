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
	return found.between(0, found.total())
}

// search is the products that match the query, and the counts of what they can be narrowed
// by.
func (s *Shop) search(q Query) (results, tally) {
	words := s.index.queryWords(q.Words)
	if len(words) == 0 {
		return s.wordless(q)
	}
	filter := s.sieve(q, true)
	found := s.wordSearch(words, filter)
	return found, filter.tally
}

// wordSearch is the products that match the words and pass the filter.
func (s *Shop) wordSearch(words []queryWord, filter *sieve) results {
	found, known := s.matching(words, filter, false)
	if !known {
		found, _ = s.matching(words, filter, true)
	}
	return results{matches: found}
}

// results is the products that match a query: either in order, or those that have to be
// brought into it.
type results struct {
	ordered []*Product
	matches matches
}

func (r *results) total() int { return len(r.ordered) + len(r.matches.all) }

// between is the results from one place to before another.
func (r *results) between(from, to int) []*Product {
	if len(r.matches.all) == 0 {
		return slices.Clone(r.ordered[from:to])
	}
	r.matches.sort(from, to)
	products := make([]*Product, to-from)
	for i, m := range r.matches.all[from:to] {
		products[i] = m.product
	}
	return products
}

// wordless is the products that match a query without words.
func (s *Shop) wordless(q Query) (results, tally) {
	all := s.Ordered(q.Sort)
	filter := s.sieve(q, true)
	if q.Collection == "" && len(filter.filters) == 0 {
		return results{ordered: all}, s.derived.everything()
	}
	var found []*Product
	for _, p := range all {
		if filter.in(p) && filter.takes(p) {
			found = append(found, p)
		}
	}
	return results{ordered: found}, filter.tally
}

// tallyAll counts all products.
func (s *Shop) tallyAll() tally {
	filter := s.sieve(Query{}, true)
	for _, p := range s.Products {
		filter.takes(p)
	}
	return filter.tally
}

// matching is the products that match the words and pass the filter. anyWords is true if
// products match the words, whatever else the query asks for.
func (s *Shop) matching(words []queryWord, filter *sieve, forgiving bool) (found matches, anyWords bool) {
	scores := s.index.score(words, forgiving)
	defer scores.release()
	key := keyOf(filter.query.Sort)
	relevance := filter.query.Sort == "" || filter.query.Sort == SortRelevance
	for slot, n := range scores.matched {
		if int(n) < len(words) {
			continue
		}
		p := s.index.slots[slot]
		if p == nil || s.excluded(p) || !filter.in(p) {
			continue
		}
		anyWords = true
		if !filter.takes(p) {
			continue
		}
		m := match{product: p, second: key(p)}
		if relevance {
			m.first = -int64(scores.sums[slot])
		}
		if p.SoldOut() {
			m.first += soldOutLast
		}
		found.all = append(found.all, m)
	}
	return found, anyWords
}

// sieve keeps the products that meet a query's conditions, and counts what they can be
// narrowed by.
type sieve struct {
	query   Query
	filters []filter
	tally   tally
}

// sieve is that of the query; without counting its tally stays empty.
func (s *Shop) sieve(q Query, counting bool) *sieve {
	filter := &sieve{query: q, filters: q.filters(s.index, s.MinorUnits())}
	if counting {
		filter.tally = tally{index: s.index, counts: make([]int, len(s.index.values))}
	}
	return filter
}

// in reports whether the product is in the collection that is asked for.
func (s *sieve) in(p *Product) bool { return s.query.Collection == "" || p.In(s.query.Collection) }

// takes counts a product, and reports whether it meets all filters.
func (s *sieve) takes(p *Product) bool {
	failed, fails := "", 0
	for i := range s.filters {
		if !s.filters[i].met(p) {
			failed = s.filters[i].field
			fails++
		}
	}
	if fails > 1 || fails == 0 && len(s.query.Options) > 1 && !p.offers(s.query.Options) {
		return false
	}
	if s.tally.index != nil {
		s.tally.add(p, failed)
	}
	return fails == 0
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
