package storefront

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/wandstore/wandstore/pkg/catalogue"
)

// SearchInput is what a search page is rendered from.
type SearchInput struct {
	Shop   *catalogue.Shop
	Query  catalogue.Query
	InCart int // as in ProductInput
	// Returning is as in PageInput.
	Returning bool
}

// Search renders a page of search results. It fails without a shop, or on a defect in a
// template.
func (r *Renderer) Search(in SearchInput) ([]byte, error) {
	if in.Shop == nil {
		return nil, errors.New("render a search: no shop")
	}
	return r.document("search.tmpl", func() any {
		v := newSearchView(in, r.view(in.Shop))
		r.complete(&v.head, in.Shop, in.Returning)
		return v
	})
}

type searchView struct {
	head
	Query        catalogue.Query
	Heading      string
	Words        string // below the heading
	Cards        []cardView
	Alternatives []cardView // if nothing was found
	Orders       []choiceView
	Collections  []choiceView
	Facets       []facetView
	Active       []linkView // each filter, and the path of the search without it
	OnSale       int        // results that are on sale
	InStock      int
	Clear        string // path of the search without its filters; "" without filters
	Pages        []pageLink
	Page, Last   int
}

// choiceView is one option of a select field, or one value of a product's option.
type choiceView struct {
	Value, Label string
	Chosen       bool
	Gone         bool // nothing of it can be bought
	Count        int
}

// facetView is a property by which results are narrowed.
type facetView struct {
	Field, Name string
	Values      []choiceView
}

// pageLink is a link to a page of the results; one without a number stands for pages that
// are left out.
type pageLink struct {
	Number  int
	Href    string
	Current bool
}

func newSearchView(in SearchInput, shop *shopView) *searchView {
	q := in.Query
	list := shop.List(q)
	v := &searchView{head: shop.head(viewSearch, in.InCart), Query: q, OnSale: list.OnSale, InStock: list.InStock, Page: list.Page, Last: list.Pages}
	v.Searched = q.Words
	filters := filterNames(q)
	v.Data.Query, v.Data.Sort, v.Data.Category, v.Data.Filter = q.Words, q.Sort, q.Collection, strings.Join(filters, " ")

	collection, chosen := shop.Collection(q.Collection)
	switch {
	case q.Words != "":
		v.Heading = "“" + q.Words + "”"
		v.Words = shop.Count(list.Total) + " found"
		if chosen {
			v.Words += " in " + collection.Name
		}
	case chosen:
		v.Heading, v.Words = collection.Name, collection.Blurb
	case q.OnSale:
		v.Heading, v.Words = "On sale", shop.Count(list.Total)
	default:
		v.Heading, v.Words = "Everything we have", shop.Count(list.Total)
	}
	v.Title = v.Heading + " · " + shop.Name
	v.Description = shop.Name + ": " + cmp.Or(v.Words, shop.Count(list.Total))
	if list.Page > 1 {
		v.Title = fmt.Sprintf("%s, page %d · %s", v.Heading, list.Page, shop.Name)
	}
	for _, p := range list.Products {
		v.Cards = append(v.Cards, shop.card(p))
	}
	if list.Total == 0 {
		for _, id := range shop.Pick(4, nil, catalogue.ByFeatured) {
			p, _ := shop.Product(id)
			v.Alternatives = append(v.Alternatives, shop.card(p))
		}
	}
	v.choices(q, list, shop)
	v.filters(q, shop)
	v.pages(q, list, shop)
	return v
}

// choices fills what the form chooses from.
func (v *searchView) choices(q catalogue.Query, list catalogue.Listing, shop *shopView) {
	for _, o := range catalogue.SortOrders {
		v.Orders = append(v.Orders, choiceView{Value: o.Value, Label: o.Label, Chosen: o.Value == q.Sort || q.Sort == "" && o.Value == catalogue.SortRelevance})
	}
	v.Collections = append(v.Collections, choiceView{Label: "All shelves", Chosen: q.Collection == ""})
	for _, c := range shop.Collections {
		v.Collections = append(v.Collections, choiceView{Value: c.ID, Label: c.Name, Chosen: c.ID == q.Collection})
	}
	for _, f := range list.Facets {
		facet := facetView{Field: f.Field, Name: facetName(f)}
		for _, value := range f.Values {
			facet.Values = append(facet.Values, choiceView{Value: value.Value, Label: value.Value, Chosen: value.Chosen, Count: value.Count})
		}
		v.Facets = append(v.Facets, facet)
	}
}

func facetName(f catalogue.Facet) string {
	switch f.Field {
	case catalogue.FacetVendor:
		return "Made by"
	case catalogue.FacetType:
		return "Kind"
	default:
		return f.Name
	}
}

// filters fills the filters that are on, each with the way to be without it.
func (v *searchView) filters(q catalogue.Query, shop *shopView) {
	bare := q
	for _, field := range q.Filtered() {
		bare = bare.Without(field)
		v.Active = append(v.Active, linkView{filterLabel(q, field, shop), shop.SearchPath(q.Without(field))})
	}
	if q.Words != "" && q.Collection != "" {
		if c, ok := shop.Collection(q.Collection); ok {
			everywhere := q
			everywhere.Collection, everywhere.Page = "", 0
			bare.Collection = ""
			v.Active = append(v.Active, linkView{c.Name, shop.SearchPath(everywhere)})
		}
	}
	if len(v.Active) > 0 {
		bare.Page = 0
		v.Clear = shop.SearchPath(bare)
	}
}

// filterLabel says in words what the query asks for in a form field.
func filterLabel(q catalogue.Query, field string, shop *shopView) string {
	switch field {
	case "sale":
		return "On sale"
	case "instock":
		return "In stock"
	case "most":
		unit := shop.MinorUnits()
		switch {
		case q.Least == 0:
			return "At most " + shop.Money(q.Most*unit)
		case q.Most == 0:
			return "At least " + shop.Money(q.Least*unit)
		}
		return shop.Money(q.Least*unit) + " to " + shop.Money(q.Most*unit)
	case catalogue.FacetVendor:
		return q.Vendor
	case catalogue.FacetType:
		return q.Type
	}
	for _, o := range q.Options {
		if catalogue.FacetOption+o.Name == field {
			return o.Name + ": " + o.Value
		}
	}
	return field
}

// pages fills the links to the other pages, and what search engines are told: a shelf may
// be found, with each of its pages; what was searched for, sorted or filtered may not.
func (v *searchView) pages(q catalogue.Query, list catalogue.Listing, shop *shopView) {
	path := func(page int) string {
		q.Page = page
		return shop.SearchPath(q)
	}
	if q.IsShelf() {
		v.Canonical = path(list.Page)
	} else {
		v.Robots = "noindex, follow"
	}
	if list.Pages == 1 {
		return
	}
	if list.Page > 1 {
		v.Previous = path(list.Page - 1)
	}
	if list.Page < list.Pages {
		v.Next = path(list.Page + 1)
	}
	for n := 1; n <= list.Pages; n++ {
		near := n == 1 || n == list.Pages || n >= list.Page-2 && n <= list.Page+2
		switch {
		case near:
			v.Pages = append(v.Pages, pageLink{n, path(n), n == list.Page})
		case v.Pages[len(v.Pages)-1].Number != 0:
			v.Pages = append(v.Pages, pageLink{})
		}
	}
}

// filterNames is the names of the query's filters, for the script that reports them.
func filterNames(q catalogue.Query) []string {
	var filters []string
	if q.OnSale {
		filters = append(filters, "sale")
	}
	if q.InStock {
		filters = append(filters, "in stock")
	}
	if q.Most > 0 || q.Least > 0 {
		filters = append(filters, "price")
	}
	return filters
}
