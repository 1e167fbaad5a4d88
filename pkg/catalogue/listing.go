package catalogue

import (
	"cmp"
	"maps"
	"slices"
)

// PageSize is how many products a page of a listing has.
const PageSize = 24

// Listing is one page of a query's results.
type Listing struct {
	Products []*Product // of the page
	Total    int
	Page     int // from 1; the last one if the query asks for a later one
	Pages    int // at least 1
	Facets   []Facet
	OnSale   int // how many results are, or would be if the query asked for them
	InStock  int
}

// Facet is a property by which results are narrowed.
type Facet struct {
	Field  string // of the search form
	Name   string // as a shopper reads it; "" for vendor and type
	Values []FacetValue
}

// FacetValue is a value of a facet. Count is of the results that the query would have with
// this value in place of the one that it has.
type FacetValue struct {
	Value  string
	Count  int
	Chosen bool
}

// The form fields of facets. That of an option begins with FacetOption and ends with its
// name.
const (
	FacetVendor = "vendor"
	FacetType   = "type"
	FacetOption = "option."
)

// Limits of facets, so that a page stays small.
const (
	maxFacetValues  = 40
	maxOptionFacets = 4
)

// List is the page of the query's results that it asks for. It orders and forgives as
// Search does.
func (s *Shop) List(q Query) Listing {
	found, t := s.search(q)
	l := Listing{Total: found.total(), OnSale: t.sale, InStock: t.stock, Facets: sortFacets(t.byFacet(), q)}
	l.Pages = max(1, (l.Total+PageSize-1)/PageSize)
	l.Page = min(max(q.Page, 1), l.Pages)
	from := (l.Page - 1) * PageSize
	to := min(from+PageSize, l.Total)
	l.Products = found.between(from, to)
	return l
}

// tally counts results by what they would be narrowed by. A product that only one filter
// leaves out is counted where that filter is.
type tally struct {
	index       *index
	counts      []int // by the number of the facet's value in the index
	sale, stock int
}

// add counts a product that fails one filter, that of the form field failed, or none: "".
func (t *tally) add(p *Product, failed string) {
	if failed == "" || failed == fieldSale {
		if p.OnSale() {
			t.sale++
		}
	}
	if failed == "" || failed == fieldStock {
		if p.Available() {
			t.stock++
		}
	}
	if failed == "" {
		for _, n := range p.facets {
			t.counts[n]++
		}
		return
	}
	for _, n := range p.facets {
		if t.index.values[n].field == failed {
			t.counts[n]++
		}
	}
}

// byFacet is the counts by form field and value.
func (t *tally) byFacet() map[string]map[string]int {
	counts := map[string]map[string]int{}
	for n, count := range t.counts {
		v := t.index.values[n]
		if count == 0 || v.field == fieldTag {
			continue
		}
		if counts[v.field] == nil {
			counts[v.field] = map[string]int{}
		}
		counts[v.field][v.value] = count
	}
	return counts
}

// The form fields of filters that are no facets.
const (
	fieldSale  = "sale"
	fieldStock = "instock"
	fieldPrice = "most"
	fieldTag   = "tag" // for a shopper's taste: nothing is narrowed by it
)

// filter is a condition of a query, and the form field that it comes from.
type filter struct {
	field string
	met   func(*Product) bool
}

// filters is the conditions of the query, but for its words and its collection. x is the
// index that numbers the values of options; unit is how many minor units make one unit of
// the currency.
func (q Query) filters(x *index, unit int) []filter {
	var all []filter
	add := func(asked bool, field string, met func(*Product) bool) {
		if asked {
			all = append(all, filter{field, met})
		}
	}
	add(q.OnSale, fieldSale, (*Product).OnSale)
	add(q.InStock, fieldStock, (*Product).Available)
	add(q.Least > 0, fieldPrice, func(p *Product) bool { return p.NowCents() >= q.Least*unit })
	add(q.Most > 0, fieldPrice, func(p *Product) bool { return p.NowCents() <= q.Most*unit })
	add(q.Vendor != "", FacetVendor, func(p *Product) bool { return p.Vendor == q.Vendor })
	add(q.Type != "", FacetType, func(p *Product) bool { return p.Type == q.Type })
	for _, o := range q.Options {
		number, known := x.numbers[facetValue{FacetOption + o.Name, o.Value}]
		add(true, FacetOption+o.Name, func(p *Product) bool { return known && slices.Contains(p.facets, number) })
	}
	return all
}

// offers reports whether a variant that can be bought has all of the values.
func (p *Product) offers(values []Attribute) bool {
	return slices.ContainsFunc(p.Variants, func(v Variant) bool {
		return v.Available() && !slices.ContainsFunc(values, func(a Attribute) bool {
			i := slices.IndexFunc(p.Options, func(o Option) bool { return o.Name == a.Name })
			return i < 0 || v.Options[i] != a.Value
		})
	})
}

// sortFacets is the facets with at least two values, or one that is chosen: vendor, type,
// then the options of most products.
func sortFacets(counts map[string]map[string]int, q Query) []Facet {
	size := func(field string) int {
		n := 0
		for _, c := range counts[field] {
			n += c
		}
		return n
	}
	rank := func(field string) int { return slices.Index([]string{FacetType, FacetVendor}, field) }
	fields := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(rank(b), rank(a)), cmp.Compare(size(b), size(a)), cmp.Compare(a, b))
	})
	var facets []Facet
	options := 0
	for _, field := range fields {
		chosen := q.chosen(field)
		if len(counts[field]) < 2 && chosen == "" {
			continue
		}
		f := Facet{Field: field}
		if rank(field) < 0 {
			if options++; options > maxOptionFacets && chosen == "" {
				continue
			}
			f.Name = field[len(FacetOption):]
		}
		for _, value := range mostCommon(counts[field], chosen) {
			f.Values = append(f.Values, FacetValue{value, counts[field][value], value == chosen})
		}
		facets = append(facets, f)
	}
	return facets
}

// mostCommon is the values with the highest counts and the chosen one, in the order of the
// alphabet.
func mostCommon(counts map[string]int, chosen string) []string {
	values := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	values = values[:min(maxFacetValues, len(values))]
	if chosen != "" && !slices.Contains(values, chosen) {
		values = append(values, chosen)
	}
	slices.Sort(values)
	return values
}

// chosen is the value that the query asks for in a facet's field, or "".
func (q Query) chosen(field string) string {
	switch field {
	case FacetVendor:
		return q.Vendor
	case FacetType:
		return q.Type
	}
	for _, o := range q.Options {
		if FacetOption+o.Name == field {
			return o.Value
		}
	}
	return ""
}

// Without is the query without what it asks for in a form field, on its first page.
func (q Query) Without(field string) Query {
	q.Page = 0
	switch field {
	case FacetVendor:
		q.Vendor = ""
	case FacetType:
		q.Type = ""
	case fieldSale:
		q.OnSale = false
	case fieldStock:
		q.InStock = false
	case fieldPrice:
		q.Least, q.Most = 0, 0
	default:
		q.Options = slices.DeleteFunc(slices.Clone(q.Options), func(o Attribute) bool { return FacetOption+o.Name == field })
	}
	return q
}

// Filtered is the form fields by which the query narrows its results.
func (q Query) Filtered() []string {
	var fields []string
	for _, f := range q.filters(&index{}, 1) {
		if !slices.Contains(fields, f.field) {
			fields = append(fields, f.field)
		}
	}
	return fields
}

// IsShelf reports whether the query asks for a collection, or all products, as they are.
func (q Query) IsShelf() bool { return q.Words == "" && q.Sort == "" && len(q.Filtered()) == 0 }

// optionNames is the names of the products' options, sorted, those of most products only.
func optionNames(products []*Product) []string {
	counts := map[string]int{}
	for _, p := range products {
		for _, o := range p.Options {
			counts[o.Name]++
		}
	}
	return mostCommon(counts, "")
}
