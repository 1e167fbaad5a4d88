package storefront

import (
	"errors"
	"strings"

	"github.com/wandstore/wandstore/pkg/catalogue"
)

// SearchInput is what a search page is rendered from.
type SearchInput struct {
	Shop   *catalogue.Shop
	Query  catalogue.Query
	InCart int // as in ProductInput
}

// Search renders a page of search results. It fails without a shop, or on a defect in a
// template.
func (r *Renderer) Search(in SearchInput) ([]byte, error) {
	if in.Shop == nil {
		return nil, errors.New("render a search: no shop")
	}
	shop := newShopView(in.Shop)
	v := newSearchView(in, shop)
	v.CSP = r.policy(in.Shop)
	return r.document("search.tmpl", v, shop)
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
	Clear        string // path of the search without its filters; "" without filters
}

// choiceView is one option of a select field.
type choiceView struct {
	Value, Label string
	Chosen       bool
	Gone         bool // nothing of it can be bought
}

func newSearchView(in SearchInput, shop *shopView) *searchView {
	q := in.Query
	v := &searchView{head: shop.head(viewSearch, in.InCart), Query: q}
	v.Robots = "noindex"
	v.Searched = q.Words
	filters := filterNames(q)
	v.Data.Query, v.Data.Sort, v.Data.Category, v.Data.Filter = q.Words, q.Sort, q.Collection, strings.Join(filters, " ")

	found := shop.Search(q)
	collection, chosen := shop.Collection(q.Collection)
	switch {
	case q.Words != "":
		v.Heading = "“" + q.Words + "”"
		v.Words = shop.Count(len(found)) + " found"
		if chosen {
			v.Words += " in " + collection.Name
		}
	case chosen:
		v.Heading, v.Words = collection.Name, collection.Blurb
	case q.OnSale:
		v.Heading, v.Words = "On sale", shop.Count(len(found))
	default:
		v.Heading, v.Words = "Everything we have", shop.Count(len(found))
	}
	v.Title = v.Heading + " · " + shop.Name
	v.Description = shop.Name + ": " + v.Words
	for _, p := range found {
		v.Cards = append(v.Cards, shop.card(p))
	}
	if len(found) == 0 {
		for _, id := range shop.Pick(4, nil, catalogue.ByFeatured) {
			p, _ := shop.Product(id)
			v.Alternatives = append(v.Alternatives, shop.card(p))
		}
	}
	for _, o := range catalogue.SortOrders {
		v.Orders = append(v.Orders, choiceView{Value: o.Value, Label: o.Label, Chosen: o.Value == q.Sort || q.Sort == "" && o.Value == catalogue.SortRelevance})
	}
	v.Collections = append(v.Collections, choiceView{Label: "All shelves", Chosen: !chosen})
	for _, c := range shop.Collections {
		v.Collections = append(v.Collections, choiceView{Value: c.ID, Label: c.Name, Chosen: c.ID == q.Collection})
	}
	if len(filters) > 0 || chosen && q.Words != "" {
		bare := catalogue.Query{Words: q.Words, Sort: q.Sort}
		if q.Words == "" {
			bare.Collection = q.Collection
		}
		v.Clear = shop.SearchPath(bare)
	}
	return v
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
	if q.Most > 0 {
		filters = append(filters, "price")
	}
	return filters
}
