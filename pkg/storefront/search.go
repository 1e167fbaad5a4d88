package storefront

import (
	"errors"
	"strings"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/storefront/picture"
)

// SearchInput is what a search's page is drawn from.
type SearchInput struct {
	Shop   *catalogue.Shop
	Query  catalogue.Query
	InCart int // as in ProductInput
}

// Search draws the page of a search's results.
func (r *Renderer) Search(in SearchInput) ([]byte, error) {
	if in.Shop == nil {
		return nil, errors.New("draw a search: no store")
	}
	v := newSearchView(in, r.shop(in.Shop))
	v.CSP = r.policy(in.Shop)
	return r.execute("search.tmpl", v)
}

type searchView struct {
	head
	Query    catalogue.Query
	Heading  string
	Words    string // under the heading
	Cards    []cardView
	Else     []cardView // where nothing was found
	Orders   []choiceView
	Shelved  []choiceView
	Pictures []picture.Picture
	Clear    string // where the search is without its filters; "" without filters
}

// choiceView is one value of a field that has several.
type choiceView struct {
	Value, Label string
	Chosen       bool
}

func newSearchView(in SearchInput, shop *shopView) *searchView {
	q := in.Query
	v := &searchView{head: shop.head(viewSearch, in.InCart), Query: q}
	v.Robots = "noindex"
	v.Searched = q.Words
	v.Data.Query, v.Data.Sort, v.Data.Category = q.Words, q.Sort, q.Collection
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
	v.Data.Filter = strings.Join(filters, " ")

	found := shop.Search(q)
	shelf, shelved := shop.Collection(q.Collection)
	switch {
	case q.Words != "":
		v.Heading = "“" + q.Words + "”"
		v.Words = shop.Count(len(found)) + " found"
		if shelved {
			v.Words += " in " + shelf.Name
		}
	case shelved:
		v.Heading, v.Words = shelf.Name, shelf.Blurb
	case q.OnSale:
		v.Heading, v.Words = "On sale", shop.Count(len(found))
	default:
		v.Heading, v.Words = "Everything we have", shop.Count(len(found))
	}
	v.Title = v.Heading + " · " + shop.Name
	v.Description = shop.Name + ": " + v.Words
	for _, p := range found {
		v.Cards = append(v.Cards, shop.card(p))
		v.Pictures = append(v.Pictures, shop.pictures[p.ID])
	}
	if len(found) == 0 {
		for _, id := range shop.Pick(4, nil, catalogue.ByFeatured) {
			p, _ := shop.Product(id)
			v.Else = append(v.Else, shop.card(p))
			v.Pictures = append(v.Pictures, shop.pictures[id])
		}
	}
	for _, o := range catalogue.SortOrders {
		v.Orders = append(v.Orders, choiceView{o.Value, o.Label, o.Value == q.Sort || q.Sort == "" && o.Value == catalogue.SortRelevance})
	}
	v.Shelved = append(v.Shelved, choiceView{"", "All shelves", !shelved})
	for _, c := range shop.Collections {
		v.Shelved = append(v.Shelved, choiceView{c.ID, c.Name, c.ID == q.Collection})
	}
	if len(filters) > 0 || shelved && q.Words != "" {
		bare := catalogue.Query{Words: q.Words, Sort: q.Sort}
		if q.Words == "" {
			bare.Collection = q.Collection
		}
		v.Clear = shop.SearchPath(bare)
	}
	return v
}
