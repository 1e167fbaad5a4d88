package catalogue

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
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
	maxFilter     = 1020 // bytes of a label of MaxLabel characters
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
// sale, instock, least, most, vendor, type, an option's name after FacetOption, page. A
// field with an invalid value counts as absent, so every search address has a page.
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

// SortOrder is an order of results that shoppers can choose.
type SortOrder struct {
	Value, Label string
	key          func(p *Product) int64 // lowest first
}

// SortOrders lists the orders of results, the default first.
var SortOrders = []SortOrder{
	{SortRelevance, "Best match", featuredKey},
	{SortPriceUp, "Price, low to high", func(p *Product) int64 { return int64(p.NowCents()) }},
	{SortPriceDown, "Price, high to low", func(p *Product) int64 { return -int64(p.NowCents()) }},
	{SortNewest, "Newest", func(p *Product) int64 { return -p.AddedAt.day.Unix() }},
	{SortRating, "Best rated", func(p *Product) int64 { return -int64(p.Rating*1000)<<32 - int64(p.Reviews) }},
	{SortSaving, "Biggest saving", savingKey},
}

// featuredKey orders products tagged "featured" first, then by rating.
func featuredKey(p *Product) int64 {
	key := -int64(p.Rating * 1000)
	if p.featured {
		key -= 1 << 32
	}
	return key
}

// savingKey orders the product with the largest saving first, as a share of its usual
// price.
func savingKey(p *Product) int64 {
	if p.PriceCents == 0 {
		return 0
	}
	return -int64(p.SavedCents()) * 1_000_000 / int64(p.PriceCents)
}

// misspells reports whether a and b differ by one misspelling: one letter missing,
// added or replaced, or two neighbours swapped. It is false for words of fewer than four
// letters, where a single letter makes another word.
func misspells(a, b string) bool {
	if isASCII(a) && isASCII(b) {
		return misspelt([]byte(a), []byte(b))
	}
	return misspelt([]rune(a), []rune(b))
}

func misspelt[T byte | rune](x, y []T) bool {
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

// maxFound is how many products of one search Found takes.
const maxFound = 40

// Found is the ids of available products that match the searches, those of the first
// search first, up to 40 of each. A search that matches more than half of the products is
// ignored, because it says nothing about the shopper.
func (s *Shop) Found(searches []string) []string {
	ids := make([]string, 0, len(searches)*maxFound)
	for _, words := range searches {
		ids = append(ids, s.foundBy(words, maxFound)...)
	}
	return s.Known(ids)
}

// foundBy is the ids of the first available products that match a search, at most most. It is
// empty if more than half of the shop's products match.
func (s *Shop) foundBy(words string, most int) []string {
	typed := s.index.queryWords(words)
	if len(typed) == 0 {
		return nil
	}
	found := s.wordSearch(typed, s.sieve(Query{InStock: true}, false))
	if found.total() > len(s.Products)/2 {
		return nil
	}
	ids := make([]string, 0, most)
	for _, p := range found.between(0, min(found.total(), most)) {
		ids = append(ids, p.ID)
	}
	return ids
}
