package catalogue

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Orders of a search's results.
const (
	SortRelevance = "relevance"
	SortPriceUp   = "price"
	SortPriceDown = "price-down"
	SortNewest    = "newest"
	SortRating    = "rating"
	SortSaving    = "saving"
)

// Limits of a search. A longer search is truncated, not refused.
const (
	maxQuery      = 120 // bytes
	maxQueryWords = 8
	maxFilter     = 1020 // bytes of a label of maxLabel characters
)

// Query selects and orders products. The zero Query selects all of them.
type Query struct {
	Words      string // as typed, on one line
	Sort       string // one of the Sort constants; "" is SortRelevance
	Collection string // a Collection's id; "" for all
	OnSale     bool
	InStock    bool
	Least      int // lowest price, in whole units of the currency; 0 for any
	Most       int // highest price, as Least
	Vendor     string
	Type       string
	Options    []Attribute // values of the products' options, sorted by name
	Page       int         // from 1; 0 is 1
}

// ParseQuery reads a query from the fields of the search form: q, sort, collection,
// sale, instock, least, most, vendor, type, an option's name after FacetOption, page. A field with an invalid value counts as absent, so every search
// address has a page.
func (s *Shop) ParseQuery(field func(name string) string) Query {
	q := Query{
		Words:   oneLine(field("q"), maxQuery),
		OnSale:  field("sale") == "1",
		InStock: field("instock") == "1",
	}
	if order := field("sort"); order != SortRelevance && slices.ContainsFunc(SortOrders, func(o SortOrder) bool { return o.Value == order }) {
		q.Sort = strings.Clone(order)
	}
	if c, ok := s.Collection(field("collection")); ok {
		q.Collection = c.ID
	}
	number := func(name string) int {
		if n, err := strconv.Atoi(field(name)); err == nil && n > 0 && n < 1e9 {
			return n
		}
		return 0
	}
	q.Least, q.Most, q.Page = number("least"), number("most"), number("page")
	q.Vendor, q.Type = oneLine(field(FacetVendor), maxFilter), oneLine(field(FacetType), maxFilter)
	for _, name := range s.optionNames {
		if value := oneLine(field(FacetOption+name), maxFilter); value != "" {
			q.Options = append(q.Options, Attribute{name, value})
		}
	}
	return q
}

// SearchPath is the address of the query's results. Equal queries have equal
// addresses. That of a shelf is another than that of a search, because a shelf may be
// found by search engines.
func (s *Shop) SearchPath(q Query) string {
	v := url.Values{}
	set := func(name, value string, given bool) {
		if given {
			v.Set(name, value)
		}
	}
	set("page", strconv.Itoa(q.Page), q.Page > 1)
	if q.IsShelf() {
		path := s.Path() + "/c"
		if q.Collection != "" {
			path += "/" + q.Collection
		}
		if len(v) > 0 {
			path += "?" + v.Encode()
		}
		return path
	}
	set("q", q.Words, q.Words != "")
	set("sort", q.Sort, q.Sort != "")
	set("collection", q.Collection, q.Collection != "")
	set("sale", "1", q.OnSale)
	set("instock", "1", q.InStock)
	set("least", strconv.Itoa(q.Least), q.Least > 0)
	set("most", strconv.Itoa(q.Most), q.Most > 0)
	set(FacetVendor, q.Vendor, q.Vendor != "")
	set(FacetType, q.Type, q.Type != "")
	for _, o := range q.Options {
		v.Set(FacetOption+o.Name, o.Value)
	}
	return s.Path() + "/search?" + v.Encode()
}

// Search is the products that match the query, in its order, with sold-out products
// last. Every word of the query must match a word of the product, whole or as a prefix.
// If that finds nothing, each word may have one misspelling. Words that fit every
// product, such as the shop's noun, are ignored.
func (s *Shop) Search(q Query) []*Product {
	found := s.matches(q, false)
	if len(found) == 0 {
		found = s.matches(q, true)
	}
	order := ByFeatured
	if i := slices.IndexFunc(SortOrders, func(o SortOrder) bool { return o.Value == q.Sort }); i >= 0 {
		order = SortOrders[i].less
	}
	relevance := q.Sort == "" || q.Sort == SortRelevance
	slices.SortStableFunc(found, func(a, b match) int {
		if c := availableFirst(a.product, b.product); c != 0 {
			return c
		}
		if relevance && a.score != b.score {
			return cmp.Compare(b.score, a.score)
		}
		return order(a.product, b.product)
	})
	products := make([]*Product, len(found))
	for i, m := range found {
		products[i] = m.product
	}
	return products
}

// match is a product that matches a query. A better match has a higher score.
type match struct {
	product *Product
	score   int
}

// matches is the products that match the query, in the catalogue's order. With
// forgiving, each word may have one misspelling.
func (s *Shop) matches(q Query, forgiving bool) []match {
	words, filters := s.queryWords(q.Words), q.filters(s.MinorUnits())
	var found []match
	for i, p := range s.Products {
		if q.Collection != "" && !p.In(q.Collection) || slices.ContainsFunc(filters, func(f filter) bool { return !f.met(p) }) {
			continue
		}
		if score, ok := s.terms[i].score(words, forgiving); ok {
			found = append(found, match{p, score})
		}
	}
	return found
}

// SortOrder is an order of results that shoppers can choose.
type SortOrder struct {
	Value, Label string
	less         func(a, b *Product) int
}

// SortOrders lists the orders of results, the default first.
var SortOrders = []SortOrder{
	{SortRelevance, "Best match", ByFeatured},
	{SortPriceUp, "Price, low to high", ByPrice},
	{SortPriceDown, "Price, high to low", func(a, b *Product) int { return ByPrice(b, a) }},
	{SortNewest, "Newest", ByArrival},
	{SortRating, "Best rated", ByRating},
	{SortSaving, "Biggest saving", BySaving},
}

// terms is the words of a product, each with the score of a match.
type terms map[string]int

// The score of a word, by the field that holds it.
const (
	inName        = 16
	inCollection  = 8
	inAttribute   = 6
	inTag         = 6
	inDescription = 2
)

func (s *Shop) termsOf(p *Product) terms {
	t := terms{}
	add := func(text string, weight int) {
		for _, w := range wordsOf(text) {
			t[w] = max(t[w], weight)
		}
	}
	add(p.Name, inName)
	if c, ok := s.Collection(p.Collection); ok {
		add(c.Name, inCollection)
	}
	for _, a := range p.Attributes {
		add(a.Value, inAttribute)
	}
	for _, tag := range p.Tags {
		add(tag, inTag)
	}
	if p.OnSale() {
		add("sale deal reduced", inTag)
	}
	add(p.Description, inDescription)
	return t
}

// score is the sum of the words' scores. The result is false if a word does not match.
func (t terms) score(words []string, forgiving bool) (int, bool) {
	total := 0
	for _, w := range words {
		best := t[w] * 4
		if best == 0 {
			for term, weight := range t {
				switch {
				case len(w) >= 2 && strings.HasPrefix(term, w):
					best = max(best, weight*3)
				case forgiving && misspells(w, term):
					best = max(best, weight*2)
				}
			}
		}
		if best == 0 {
			return 0, false
		}
		total += best
	}
	return total, true
}

// queryWords is the distinct words of typed that tell products apart.
func (s *Shop) queryWords(typed string) []string {
	everywhere := append(wordsOf(s.Noun.One+" "+s.Noun.Many), "a", "an", "and", "for", "in", "of", "or", "the", "to", "with")
	var words []string
	for _, w := range wordsOf(typed) {
		if !slices.Contains(everywhere, w) && !slices.Contains(words, w) && len(words) < maxQueryWords {
			words = append(words, w)
		}
	}
	return words
}

// wordsOf splits a text into words in lower case, without accents.
func wordsOf(text string) []string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(text) {
		if !unicode.Is(unicode.Mn, r) {
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return strings.FieldsFunc(b.String(), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// misspells reports whether a and b differ by one misspelling: one letter missing,
// added or replaced, or two neighbours swapped. It is false for words of fewer than four
// letters, where a single letter makes another word.
func misspells(a, b string) bool {
	x, y := []rune(a), []rune(b)
	if len(x) < 4 || len(y) < 4 || len(x) > len(y)+1 || len(y) > len(x)+1 {
		return false
	}
	for len(x) > 0 && len(y) > 0 && x[0] == y[0] {
		x, y = x[1:], y[1:]
	}
	for len(x) > 0 && len(y) > 0 && x[len(x)-1] == y[len(y)-1] {
		x, y = x[:len(x)-1], y[:len(y)-1]
	}
	switch {
	case len(x) <= 1 && len(y) <= 1:
		return true
	default:
		return len(x) == 2 && len(y) == 2 && x[0] == y[1] && x[1] == y[0]
	}
}

// oneLine is the printable text of s on one line, truncated to at most most bytes.
func oneLine(s string, most int) string {
	s = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, ""), func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r)
	}), " ")
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return strings.TrimSpace(s[:most])
}

// Found is the ids of available products that match the searches, those of the first
// search first. A search that matches more than half of the products is ignored, because
// it says nothing about the shopper.
func (s *Shop) Found(searches []string) []string {
	var ids []string
	for _, words := range searches {
		found := s.Search(Query{Words: words, InStock: true})
		if len(found) > len(s.Products)/2 {
			continue
		}
		for _, p := range found {
			ids = append(ids, p.ID)
		}
	}
	return s.Known(ids)
}
