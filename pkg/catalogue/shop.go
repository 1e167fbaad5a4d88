package catalogue

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Shop is a merchant's shop: its brand, its texts and its products. ReadShop makes it
// from a document. It does not change afterwards and is safe for concurrent use.
type Shop struct {
	Slug     string `json:"slug"`
	Name     string `json:"name"`
	Tagline  string `json:"tagline"`
	About    string `json:"about"`
	Currency string `json:"currency"` // ISO 4217
	Locale   string `json:"locale"`   // BCP 47; English, as the page's own words are
	// Language is the language of the products' names and descriptions, by BCP 47; "" for
	// that of Locale.
	Language string `json:"language,omitempty"`
	// Noun is what the shop calls its products.
	Noun        Noun         `json:"noun"`
	Theme       Theme        `json:"theme"`
	Picture     PictureStyle `json:"picture"`
	Collections []Collection `json:"collections"`
	// Checkout says how a cart is handed over to CheckoutURL: one of the Checkout constants.
	Checkout string `json:"checkout,omitempty"`
	// CheckoutURL is the https address where a cart is paid: with CheckoutTemplate the
	// whole of it, else that of the shop at Shopify or WooCommerce. In a template {items}
	// is replaced by the cart's lines, as id:quantity or id:variant:quantity, separated by
	// commas, and {currency} by the currency. It is "" if the shop takes no orders yet.
	CheckoutURL string  `json:"checkoutUrl,omitempty"`
	Assurances  []Item  `json:"assurances"`
	Story       Passage `json:"story"`
	Guide       Guide   `json:"guide"`
	FAQ         []Item  `json:"faq"`
	Quotes      []Quote `json:"quotes"`
	// Products is those of the document, in its order, then those of the bucket CATALOGUE,
	// sorted by id. None is nil.
	Products []*Product `json:"products,omitempty"`
	// Rules is what the merchant decides of every page.
	Rules Rules `json:"rules,omitzero"`

	// LeftOut is what the shop is served without, for its faults.
	LeftOut LeftOut `json:"-"`
	// Version identifies the content of the document.
	Version Version `json:"-"`
	// Since is when this process first read this version.
	Since time.Time `json:"-"`

	// forbidden is what the shop never says.
	forbidden *forbidden
	// silenced is the numbers of what was taken out of the document's texts.
	silenced []int
	// ruled is how the rules have the shop today; nil in the shop without rules in effect,
	// which has all products.
	ruled *ruled
	// places is the places that the rules give products, by id, pinned is those which they
	// put on every page, and campaigns is those which pages show.
	places    map[string]int
	pinned    []string
	campaigns []Campaign

	// base is the shop as its document is; nil in that shop itself.
	base *Shop
	// declared is the collections of the document, also those without products.
	declared []Collection
	// listed is the number of the document's products in Products, and byID is them.
	listed int
	byID   map[string]*Product
	index  *index

	derived    derived
	latest     time.Time // when the newest product was added
	imageHosts []string  // sorted
	// largest is the ids of the collections, those with the most products first.
	largest []string
	// optionNames is the names of the products' options.
	optionNames []string
}

// Ways to hand a cart over. Shopify and WooCommerce take variants by the ids that they
// have there, so what was not imported from there cannot be paid there.
const (
	CheckoutTemplate    = ""
	CheckoutShopify     = "shopify"
	CheckoutWooCommerce = "woocommerce"
)

// Noun is what a shop calls its products, as in "wand" and "wands".
type Noun struct {
	One  string `json:"one"`
	Many string `json:"many"`
}

// Passage is a headline with its text. A blank line separates paragraphs.
type Passage struct {
	Headline string `json:"headline"`
	Body     string `json:"body"`
}

// Guide is advice, one item a step.
type Guide struct {
	Headline string `json:"headline"`
	Items    []Item `json:"items"`
}

// Quote is a customer's words and name.
type Quote struct {
	Text string `json:"text"`
	By   string `json:"by"`
}

// Product finds a product by its id.
func (s *Shop) Product(id string) (*Product, bool) {
	if p, ok := s.byID[id]; ok {
		return p, true
	}
	imported := s.Products[s.listed:]
	if i, ok := find(imported, id); ok {
		return imported[i], true
	}
	return nil, false
}

// find looks a product up among products that are sorted by id.
func find(sorted []*Product, id string) (int, bool) {
	return slices.BinarySearchFunc(sorted, id, func(p *Product, id string) int { return strings.Compare(p.ID, id) })
}

// Collection finds a collection by its id.
func (s *Shop) Collection(id string) (*Collection, bool) {
	i := slices.IndexFunc(s.Collections, func(c Collection) bool { return c.ID == id })
	if i < 0 {
		return nil, false
	}
	return &s.Collections[i], true
}

// Largest is the ids of the n collections that the most products name as theirs, the
// largest first.
func (s *Shop) Largest(n int) []string { return s.largest[:min(n, len(s.largest))] }

// Path is the path of the shop's front page.
func (s *Shop) Path() string { return "/s/" + s.Slug }

// ProductPath is the path of a product's page.
func (s *Shop) ProductPath(id string) string { return s.Path() + "/p/" + id }

// PreviewPath is the path at which a merchant sees every persona's page.
func (s *Shop) PreviewPath() string { return s.Path() + "/preview" }

// CartPath is the path of the shopper's cart.
func (s *Shop) CartPath() string { return s.Path() + "/cart" }

// ForgetPath is the path at which a shopper asks for the erasure of their data.
func (s *Shop) ForgetPath() string { return s.Path() + "/forget" }

// ExportPath is the path at which a shopper gets what is kept of them.
func (s *Shop) ExportPath() string { return s.Path() + "/export" }

// SearchFormPath is the path that the search form goes to.
func (s *Shop) SearchFormPath() string { return s.Path() + "/search" }

// CollectionPath is the path of the list of a collection's products; with "" of all.
func (s *Shop) CollectionPath(id string) string { return s.SearchPath(Query{Collection: id}) }

// ImageHosts is the hosts of the products' images, sorted.
func (s *Shop) ImageHosts() []string { return slices.Clone(s.imageHosts) }

// Slugs are the slugs of the shops, in their order.
func Slugs(shops []*Shop) []string {
	slugs := make([]string, 0, len(shops))
	for _, s := range shops {
		slugs = append(slugs, s.Slug)
	}
	return slugs
}

// Summary is the first sentence of what the shop says about itself.
func (s *Shop) Summary() string { return firstSentence(s.About) }

// Count is a number of products with the shop's noun, as in "3 wands".
func (s *Shop) Count(n int) string {
	noun := s.Noun.Many
	if n == 1 {
		noun = s.Noun.One
	}
	return strconv.Itoa(n) + " " + noun
}

func firstSentence(s string) string {
	first, _, found := strings.Cut(s, ". ")
	if found {
		return first + "."
	}
	return first
}

// newFor is how much older than the latest arrival a product may be and still count as
// new. It is counted from that arrival and not from today, so a page does not depend on
// when it is rendered.
const newFor = 45 * 24 * time.Hour

// IsNew reports whether the product is among the shop's latest arrivals.
func (s *Shop) IsNew(p *Product) bool {
	return !p.AddedAt.IsZero() && s.latest.Sub(p.AddedAt.day) <= newFor
}
