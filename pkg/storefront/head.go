package storefront

import "github.com/wandstore/wandstore/pkg/catalogue"

// head is what every document begins with.
type head struct {
	Lang, Title, Description, CSP string
	Theme                         catalogue.Theme
	Persona                       string
	Live                          bool
	Shop                          *catalogue.Shop
	Robots                        string // what search engines are asked for; "" for nothing
	Searched                      string // what stands in the search field
	InCart                        int
	Data                          attributes
}

// What a document is of, for the script that reports what shoppers look at.
const (
	viewHome    = "home"
	viewProduct = "product"
	viewSearch  = "search"
	viewCart    = "cart"
)

// head is what the shop's documents of one kind begin with.
func (s *shopView) head(view string, inCart int) head {
	return head{
		Lang: s.Locale, Theme: s.Theme, Shop: s.Shop, InCart: inCart,
		Data: attributes{View: view},
	}
}

// attributes tell the document's script what it is of.
type attributes struct {
	View, Product, Category, Query, Sort, Filter string
}

// All names the whole shop.
func (h head) All() string { return "All " + h.Shop.Count(len(h.Shop.Products)) }
