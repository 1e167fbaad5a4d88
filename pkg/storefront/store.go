package storefront

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Store is one shop: its brand, its words and its catalogue. It is read from a
// file and does not change; any number of goroutines may use it.
type Store struct {
	Slug     string `json:"slug"`
	Name     string `json:"name"`
	Tagline  string `json:"tagline"`
	About    string `json:"about"`
	Currency string `json:"currency"` // ISO 4217
	Locale   string `json:"locale"`   // BCP 47; English, as the page's own words are
	// Noun is what one, and what many, of the shop's products are called.
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

	byID     map[string]*Product
	terms    []terms // of Products
	pictures map[string]picture
	latest   time.Time
	// imageHosts are where its products' images are, sorted.
	imageHosts []string
}

// Noun is a countable word.
type Noun struct {
	One  string `json:"one"`
	Many string `json:"many"`
}

// Collection is a shelf of the shop. Every product is on exactly one.
type Collection struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Blurb string `json:"blurb"`
}

// Passage is a headline with its text; a blank line divides paragraphs.
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

// Product is one thing that the shop sells. Money is in the minor unit of the
// store's currency.
type Product struct {
	ID             string      `json:"id"`
	Name           string      `json:"name"`
	Description    string      `json:"description"`
	Collection     string      `json:"collection"` // a Collection's id
	PriceCents     int         `json:"priceCents"`
	SalePriceCents int         `json:"salePriceCents,omitempty"` // 0: not on sale
	Stock          int         `json:"stock"`
	Attributes     []Attribute `json:"attributes"`
	Tags           []string    `json:"tags,omitempty"`
	// Image is the https address of a square picture, shown instead of a drawing; "" for
	// the drawing.
	Image   string  `json:"image,omitempty"`
	AddedAt Date    `json:"addedAt"`
	Rating  float64 `json:"rating,omitempty"` // 1 to 5; 0: not rated yet
	Reviews int     `json:"reviews,omitempty"`
}

// Attribute is a named property of a product, as a shopper would read it.
type Attribute struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Date is a day, written 2006-01-02.
type Date struct{ day time.Time }

// UnmarshalText reads a day.
func (d *Date) UnmarshalText(b []byte) error {
	t, err := time.Parse(time.DateOnly, string(b))
	if err != nil {
		return fmt.Errorf("date %q is not of the form 2006-01-02", b)
	}
	d.day = t
	return nil
}

// MarshalText writes a day.
func (d Date) MarshalText() ([]byte, error) {
	return []byte(d.day.Format(time.DateOnly)), nil
}

// Time is the day's first moment, UTC.
func (d Date) Time() time.Time { return d.day }

// Product finds a product by its id.
func (s *Store) Product(id string) (*Product, bool) {
	p, ok := s.byID[id]
	return p, ok
}

// Collection finds a collection by its id.
func (s *Store) Collection(id string) (*Collection, bool) {
	i := slices.IndexFunc(s.Collections, func(c Collection) bool { return c.ID == id })
	if i < 0 {
		return nil, false
	}
	return &s.Collections[i], true
}

// Path is where the shop's front page is.
func (s *Store) Path() string { return "/s/" + s.Slug }

// ProductPath is where a product's page is.
func (s *Store) ProductPath(id string) string { return s.Path() + "/p/" + id }

// CartPath is where the shopper's cart is.
func (s *Store) CartPath() string { return s.Path() + "/cart" }

// ForgetPath is where a shopper asks to be forgotten.
func (s *Store) ForgetPath() string { return s.Path() + "/forget" }

// OnSale reports whether the product costs less than its usual price.
func (p *Product) OnSale() bool { return p.SalePriceCents > 0 }

// SoldOut reports whether none is left.
func (p *Product) SoldOut() bool { return p.Stock == 0 }

// NowCents is what the product costs today.
func (p *Product) NowCents() int {
	if p.OnSale() {
		return p.SalePriceCents
	}
	return p.PriceCents
}

// SavedCents is how much less than usual the product costs today.
func (p *Product) SavedCents() int { return p.PriceCents - p.NowCents() }

// Attribute is the value of the attribute of that name, or "".
func (p *Product) Attribute(name string) string {
	for _, a := range p.Attributes {
		if a.Name == name {
			return a.Value
		}
	}
	return ""
}

// Tagged reports whether the product carries the tag.
func (p *Product) Tagged(tag string) bool { return slices.Contains(p.Tags, tag) }

// newFor is how long after the shop's latest arrival's day another arrival still
// counts as new. It is measured from that arrival, not from today, so that a
// page does not depend on when it was drawn.
const newFor = 45 * 24 * time.Hour

func (s *Store) isNew(p *Product) bool {
	return s.latest.Sub(p.AddedAt.day) <= newFor
}

// pick is the first n products in the order of less that keep is true for, with
// what is sold out last.
func (s *Store) pick(n int, keep func(*Product) bool, less func(a, b *Product) int) []string {
	var found []*Product
	for i := range s.Products {
		if p := &s.Products[i]; keep == nil || keep(p) {
			found = append(found, p)
		}
	}
	slices.SortStableFunc(found, func(a, b *Product) int {
		if a.SoldOut() != b.SoldOut() {
			if a.SoldOut() {
				return 1
			}
			return -1
		}
		return less(a, b)
	})
	ids := make([]string, 0, n)
	for _, p := range found[:min(n, len(found))] {
		ids = append(ids, p.ID)
	}
	return ids
}

// soldOutLast is the ids in their order, with what is sold out last.
func (s *Store) soldOutLast(ids []string) []string {
	soldOut := func(id string) bool {
		p, ok := s.Product(id)
		return ok && p.SoldOut()
	}
	return slices.Concat(
		slices.DeleteFunc(slices.Clone(ids), soldOut),
		slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !soldOut(id) }),
	)
}

// asListed keeps the catalogue's own order.
func asListed(_, _ *Product) int { return 0 }

func byFavour(a, b *Product) int {
	if fa, fb := a.Tagged("featured"), b.Tagged("featured"); fa != fb {
		if fa {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(b.Rating, a.Rating), cmp.Compare(a.ID, b.ID))
}

func byArrival(a, b *Product) int {
	return cmp.Or(b.AddedAt.day.Compare(a.AddedAt.day), cmp.Compare(a.ID, b.ID))
}

func byPrice(a, b *Product) int {
	return cmp.Or(cmp.Compare(a.NowCents(), b.NowCents()), cmp.Compare(a.ID, b.ID))
}

func bySaving(a, b *Product) int {
	return cmp.Or(
		cmp.Compare(b.SavedCents()*a.PriceCents, a.SavedCents()*b.PriceCents),
		cmp.Compare(a.ID, b.ID),
	)
}

func byRating(a, b *Product) int {
	return cmp.Or(cmp.Compare(b.Rating, a.Rating), cmp.Compare(b.Reviews, a.Reviews), cmp.Compare(a.ID, b.ID))
}

func byStock(a, b *Product) int {
	return cmp.Or(cmp.Compare(a.Stock, b.Stock), cmp.Compare(a.ID, b.ID))
}

// byReviews puts the least known first.
func byReviews(a, b *Product) int {
	return cmp.Or(cmp.Compare(a.Reviews, b.Reviews), cmp.Compare(a.ID, b.ID))
}
