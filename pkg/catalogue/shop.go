package catalogue

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Shop is a merchant's shop: its brand, its words and its products. ReadShop makes
// it from a document. It does not change afterwards and is safe for concurrent use.
type Shop struct {
	Slug     string `json:"slug"`
	Name     string `json:"name"`
	Tagline  string `json:"tagline"`
	About    string `json:"about"`
	Currency string `json:"currency"` // ISO 4217
	Locale   string `json:"locale"`   // BCP 47; English, as the page's own words are
	// Noun is what the shop calls its products.
	Noun        Noun         `json:"noun"`
	Theme       Theme        `json:"theme"`
	Picture     PictureStyle `json:"picture"`
	Collections []Collection `json:"collections"`
	// CheckoutURL is where a cart is paid: an https address, in which {items} stands
	// for the cart's lines as id:quantity, divided by commas, and {currency} for the
	// currency. "" if the shop takes no orders yet.
	CheckoutURL string    `json:"checkoutUrl,omitempty"`
	Assurances  []Item    `json:"assurances"`
	Story       Passage   `json:"story"`
	Guide       Guide     `json:"guide"`
	FAQ         []Item    `json:"faq"`
	Quotes      []Quote   `json:"quotes"`
	Products    []Product `json:"products"`

	// Version is the catalogue's version.
	Version Version `json:"-"`
	// Since is when this process first had the catalogue of this version.
	Since time.Time `json:"-"`

	byID   map[string]*Product
	terms  []terms   // the search terms of Products, by index
	latest time.Time // when the newest product was added
	// imageHosts are the hosts that serve the products' images, sorted.
	imageHosts []string
}

// Noun is what a shop calls its products, as in "wand" and "wands".
type Noun struct {
	One  string `json:"one"`
	Many string `json:"many"`
}

// Collection is a group of products. Every product belongs to exactly one.
type Collection struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Blurb string `json:"blurb"`
}

// Passage is a headline with its text. A blank line separates paragraphs.
type Passage struct {
	Headline string `json:"headline"`
	Body     string `json:"body"`
}

// Guide is advice in steps.
type Guide struct {
	Headline string `json:"headline"`
	Items    []Item `json:"items"`
}

// Quote is what a customer said, and who.
type Quote struct {
	Text string `json:"text"`
	By   string `json:"by"`
}

// Product finds a product by its id.
func (s *Shop) Product(id string) (*Product, bool) {
	p, ok := s.byID[id]
	return p, ok
}

// Collection finds a collection by its id.
func (s *Shop) Collection(id string) (*Collection, bool) {
	i := slices.IndexFunc(s.Collections, func(c Collection) bool { return c.ID == id })
	if i < 0 {
		return nil, false
	}
	return &s.Collections[i], true
}

// Path is where the shop's front page is.
func (s *Shop) Path() string { return "/s/" + s.Slug }

// ProductPath is where a product's page is.
func (s *Shop) ProductPath(id string) string { return s.Path() + "/p/" + id }

// CartPath is where the shopper's cart is.
func (s *Shop) CartPath() string { return s.Path() + "/cart" }

// ForgetPath is where a shopper asks to be forgotten.
func (s *Shop) ForgetPath() string { return s.Path() + "/forget" }

// CollectionPath is the search page of a collection's products.
func (s *Shop) CollectionPath(id string) string { return s.SearchPath(Query{Collection: id}) }

// ImageHosts are the hosts that serve the products' images, sorted.
func (s *Shop) ImageHosts() []string { return slices.Clone(s.imageHosts) }

// Summary is the first sentence of what the shop says about itself.
func (s *Shop) Summary() string { return firstSentence(s.About) }

// Count is a number of products in the shop's own words, as in "3 wands".
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

// newFor is how long after the latest arrival's day another arrival still counts
// as new. Counting from that day, and not from today, makes a page independent of
// when it is rendered.
const newFor = 45 * 24 * time.Hour

// IsNew reports whether the product is among the shop's latest arrivals.
func (s *Shop) IsNew(p *Product) bool {
	return s.latest.Sub(p.AddedAt.day) <= newFor
}
