package storefront

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// MaxQuantity is the most of one product that a cart holds.
const MaxQuantity = 99

// What a document is of, for the script that reports what shoppers look at.
const (
	viewHome    = "home"
	viewProduct = "product"
	viewSearch  = "search"
	viewCart    = "cart"
)

// ProductInput is what a product's page is drawn from.
type ProductInput struct {
	Store   *Store
	Product *Product
	InCart  int // how much the shopper's cart holds, of all products
}

// SearchInput is what a search's page is drawn from.
type SearchInput struct {
	Store  *Store
	Query  Query
	InCart int // as in ProductInput
}

// CartLine is so much of one product in a cart.
type CartLine struct {
	ProductID string
	Quantity  int
}

// CartInput is what a cart's page is drawn from.
type CartInput struct {
	Store *Store
	Lines []CartLine
	// Away says that the cart could not be read just now: the page says so, and
	// Lines are not looked at.
	Away bool
}

// Product draws a product's page.
func (r *Renderer) Product(in ProductInput) ([]byte, error) {
	if in.Store == nil || in.Product == nil {
		return nil, errors.New("draw a product: no store or no product")
	}
	v := newProductView(in)
	v.CSP = r.policy(in.Store)
	return r.execute("product.tmpl", v)
}

// Search draws the page of a search's results.
func (r *Renderer) Search(in SearchInput) ([]byte, error) {
	if in.Store == nil {
		return nil, errors.New("draw a search: no store")
	}
	v := newSearchView(in)
	v.CSP = r.policy(in.Store)
	return r.execute("search.tmpl", v)
}

// Cart draws a cart's page.
func (r *Renderer) Cart(in CartInput) ([]byte, error) {
	if in.Store == nil {
		return nil, errors.New("draw a cart: no store")
	}
	v := newCartView(in)
	v.CSP = r.policy(in.Store)
	return r.execute("cart.tmpl", v)
}

// Quantity is how much of a product can be sold of what is asked for: no more than
// there is, and no more than MaxQuantity.
func (p *Product) Quantity(asked int) int { return max(0, min(asked, p.Stock, MaxQuantity)) }

type productView struct {
	head
	Card     cardView
	Shelf    Collection
	With     []cardView // what stands on the same shelf
	Pictures []picture
	Most     int    // that can be put into the cart
	Standing string // whether there is any
}

func newProductView(in ProductInput) *productView {
	st, p := in.Store, in.Product
	v := &productView{head: st.head(viewProduct, in.InCart), Card: st.card(p), Most: p.Quantity(MaxQuantity)}
	v.Title = p.Name + " · " + st.Name
	v.Description = firstSentence(p.Description)
	v.Data.Product, v.Data.Category = p.ID, p.Collection
	if shelf, ok := st.Collection(p.Collection); ok {
		v.Shelf = *shelf
	}
	switch {
	case p.SoldOut():
		v.Standing = "Sold out for now"
	case p.Stock <= nearlyGone:
		v.Standing = fmt.Sprintf("Only %d left", p.Stock)
	default:
		v.Standing = "In stock"
	}
	others := st.pick(len(st.Products), func(o *Product) bool { return o.ID != p.ID }, func(a, b *Product) int {
		if sa, sb := a.Collection == p.Collection, b.Collection == p.Collection; sa != sb {
			if sa {
				return -1
			}
			return 1
		}
		return byFavour(a, b)
	})
	v.Pictures = append(v.Pictures, st.pictures[p.ID])
	for _, id := range others[:min(4, len(others))] {
		o, _ := st.Product(id)
		v.With = append(v.With, st.card(o))
		v.Pictures = append(v.Pictures, st.pictures[id])
	}
	return v
}

type searchView struct {
	head
	Query    Query
	Heading  string
	Words    string // under the heading
	Cards    []cardView
	Else     []cardView // where nothing was found
	Orders   []choiceView
	Shelved  []choiceView
	Pictures []picture
	Clear    string // where the search is without its filters; "" without filters
}

// choiceView is one value of a field that has several.
type choiceView struct {
	Value, Label string
	Chosen       bool
}

func newSearchView(in SearchInput) *searchView {
	st, q := in.Store, in.Query
	v := &searchView{head: st.head(viewSearch, in.InCart), Query: q}
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

	found := st.Search(q)
	shelf, shelved := st.Collection(q.Collection)
	switch {
	case q.Words != "":
		v.Heading = "“" + q.Words + "”"
		v.Words = st.count(len(found)) + " found"
		if shelved {
			v.Words += " in " + shelf.Name
		}
	case shelved:
		v.Heading, v.Words = shelf.Name, shelf.Blurb
	case q.OnSale:
		v.Heading, v.Words = "On sale", st.count(len(found))
	default:
		v.Heading, v.Words = "Everything we have", st.count(len(found))
	}
	v.Title = v.Heading + " · " + st.Name
	v.Description = st.Name + ": " + v.Words
	for _, p := range found {
		v.Cards = append(v.Cards, st.card(p))
		v.Pictures = append(v.Pictures, st.pictures[p.ID])
	}
	if len(found) == 0 {
		for _, id := range st.pick(4, nil, byFavour) {
			p, _ := st.Product(id)
			v.Else = append(v.Else, st.card(p))
			v.Pictures = append(v.Pictures, st.pictures[id])
		}
	}
	for _, o := range sortOrders {
		v.Orders = append(v.Orders, choiceView{o.Value, o.Label, o.Value == q.Sort || q.Sort == "" && o.Value == SortRelevance})
	}
	v.Shelved = append(v.Shelved, choiceView{"", "All shelves", !shelved})
	for _, c := range st.Collections {
		v.Shelved = append(v.Shelved, choiceView{c.ID, c.Name, c.ID == q.Collection})
	}
	if len(filters) > 0 || shelved && q.Words != "" {
		bare := Query{Words: q.Words, Sort: q.Sort}
		if q.Words == "" {
			bare.Collection = q.Collection
		}
		v.Clear = st.searchPath(bare)
	}
	return v
}

type cartView struct {
	head
	Lines        []cartLineView
	Away         bool
	Gone         int // lines whose product is not sold any more
	Count        string
	Sum          sumView
	Checkout     string
	CheckoutHost string
	Else         []cardView
	Pictures     []picture
}

type cartLineView struct {
	cardView
	Quantity, Most int
	Total          string
	Cut            bool // there is less than the shopper asked for
}

func newCartView(in CartInput) *cartView {
	st := in.Store
	v := &cartView{head: st.head(viewCart, 0), Away: in.Away}
	v.Robots = "noindex"
	v.Title = "Your cart · " + st.Name
	v.Description = "What you have put into your cart at " + st.Name + "."
	now, was, count := 0, 0, 0
	var items []string
	for _, l := range in.Lines {
		p, ok := st.Product(l.ProductID)
		if in.Away || !ok {
			v.Gone++
			continue
		}
		n := p.Quantity(l.Quantity)
		v.Lines = append(v.Lines, cartLineView{
			cardView: st.card(p), Quantity: n, Most: p.Quantity(MaxQuantity),
			Total: st.Money(n * p.NowCents()), Cut: n < l.Quantity && n > 0,
		})
		v.Pictures = append(v.Pictures, st.pictures[p.ID])
		now += n * p.NowCents()
		was += n * p.PriceCents
		count += n
		if n > 0 {
			items = append(items, p.ID+":"+strconv.Itoa(n))
		}
	}
	v.InCart = count
	v.Count = strconv.Itoa(count) + " items"
	if count == 1 {
		v.Count = "1 item"
	}
	v.Sum = sumView{Price: st.Money(now)}
	if was > now {
		v.Sum.Was, v.Sum.Saved = st.Money(was), st.Money(was-now)
	}
	if count > 0 && st.CheckoutURL != "" {
		v.Checkout = strings.NewReplacer(
			"{items}", url.QueryEscape(strings.Join(items, ",")),
			"{currency}", url.QueryEscape(st.Currency),
		).Replace(st.CheckoutURL)
		if u, err := url.Parse(v.Checkout); err == nil {
			v.CheckoutHost = u.Host
		}
	}
	if len(v.Lines) == 0 && !in.Away {
		for _, id := range st.pick(4, nil, byFavour) {
			p, _ := st.Product(id)
			v.Else = append(v.Else, st.card(p))
			v.Pictures = append(v.Pictures, st.pictures[id])
		}
	}
	return v
}

// head is what the shop's documents of one kind begin with.
func (s *Store) head(view string, inCart int) head {
	return head{
		Lang: s.Locale, Theme: s.Theme, Store: s, InCart: inCart,
		Data: attributes{View: view},
	}
}

// attributes tell the document's script what it is of.
type attributes struct {
	View, Product, Category, Query, Sort, Filter string
}

// ShelfPath is where the products of a collection are.
func (s *Store) ShelfPath(id string) string { return s.searchPath(Query{Collection: id}) }

// All names the whole shop.
func (h head) All() string { return "All " + h.Store.count(len(h.Store.Products)) }
