package storefront

import "github.com/wandstore/wandstore/pkg/catalogue"

// head is the part of a view that every document has.
type head struct {
	Lang, Title, Description, CSP string
	Stylesheet                    string // its address
	Linked                        bool   // the document links the stylesheet and does not contain it
	Dir                           string // "rtl" for a layout from right to left, or ""
	Theme                         catalogue.Theme
	Persona                       string
	Live                          bool
	Shop                          *catalogue.Shop
	Robots                        string // content of the robots meta element; "" for none
	Canonical, Previous, Next     string // addresses for search engines; "" for none
	Searched                      string // text in the search field
	InCart                        int
	Data                          attributes
}

// The kinds of documents, for the script that reports what shoppers do.
const (
	viewHome    = "home"
	viewProduct = "product"
	viewSearch  = "search"
	viewCart    = "cart"
)

// head is the head of a document of the given kind.
func (s *shopView) head(view string, inCart int) head {
	return head{
		Lang: s.Locale, Dir: direction(s.Shop), Theme: s.Theme, Shop: s.Shop, InCart: inCart,
		Data: attributes{View: view},
	}
}

// complete sets what all documents of a release have.
func (r *Renderer) complete(h *head, shop *catalogue.Shop, linked bool) {
	h.CSP, h.Stylesheet, h.Linked = r.policy(shop), r.stylesheet, linked
}

// attributes tell the document's script what the document shows.
type attributes struct {
	View, Product, Category, Query, Sort, Filter string
}

// maxShelves is the most collections that a document's header names.
const maxShelves = 8

// Shelves are the collections that the header names.
func (h head) Shelves() []catalogue.Collection {
	return h.Shop.Collections[:min(maxShelves, len(h.Shop.Collections))]
}

// All is the label of the link to all products, such as "All 26 wands".
func (h head) All() string { return "All " + h.Shop.Count(len(h.Shop.Products)) }
