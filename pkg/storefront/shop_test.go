package storefront_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/wandstore/wandstore/pkg/storefront"
)

// shopPages are the pages beside the front page, in what states they can be.
func shopPages(t *testing.T, r *storefront.Renderer, st *storefront.Store) map[string][]byte {
	t.Helper()
	pages := map[string][]byte{}
	keep := func(name string) func([]byte, error) {
		return func(page []byte, err error) {
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			pages[name] = page
		}
	}
	for i := range st.Products {
		p := &st.Products[i]
		keep("product " + p.ID)(r.Product(storefront.ProductInput{Store: st, Product: p, InCart: i}))
	}
	for _, q := range []storefront.Query{{}, {Words: "zzzz <b>"}, {Collection: st.Collections[0].ID, Sort: storefront.SortNewest}, {Words: "a", OnSale: true, InStock: true, Most: 1}} {
		keep(fmt.Sprintf("search %+v", q))(r.Search(storefront.SearchInput{Store: st, Query: q}))
	}
	var lines []storefront.CartLine
	for _, p := range st.Products {
		lines = append(lines, storefront.CartLine{ProductID: p.ID, Quantity: 3})
	}
	keep("cart")(r.Cart(storefront.CartInput{Store: st, Lines: append(lines, storefront.CartLine{ProductID: "gone", Quantity: 1})}))
	keep("cart, empty")(r.Cart(storefront.CartInput{Store: st}))
	keep("cart, away")(r.Cart(storefront.CartInput{Store: st, Away: true}))
	return pages
}

func TestShopPagesHoldOnlyWhatIsDrawn(t *testing.T) {
	r := renderer(t)
	for _, st := range load(t).All() {
		// A checkout is elsewhere; nothing else is.
		st.CheckoutURL = ""
		style, script := constants(t, r, st)
		for name, page := range shopPages(t, r, st) {
			t.Run(st.Slug+" "+name, func(t *testing.T) { checkSafe(t, page, style, script) })
		}
	}
}

func TestSearch(t *testing.T) {
	st := store(t, "magic-wands")
	for _, tt := range []struct {
		words string
		first string // product id
		most  int    // found
	}{
		{"nightjar", "nightjar", 2},
		{"NIGHTJAR", "nightjar", 2},
		{"nightj", "nightjar", 2},
		{"nigthjar", "nightjar", 2}, // changed about
		{"nghtjar", "nightjar", 2},  // left out
		{"níghtjar wand", "nightjar", 2},
		{"the nightjar", "nightjar", 2},
	} {
		found := st.Search(storefront.Query{Words: tt.words})
		if len(found) == 0 || found[0].ID != tt.first || len(found) > tt.most {
			t.Errorf("%q finds %s", tt.words, names(found))
		}
	}
	for _, words := range []string{"", "   ", "wands", "!?", "the"} {
		if found := st.Search(storefront.Query{Words: words}); len(found) != len(st.Products) {
			t.Errorf("%q finds %d of %d", words, len(found), len(st.Products))
		}
	}
	for _, words := range []string{"zzzz", "nightjar zzzz", "<script>", strings.Repeat("x", 4000)} {
		if found := st.Search(storefront.Query{Words: words}); len(found) != 0 {
			t.Errorf("%.20q finds %d", words, len(found))
		}
	}
}

func names(found []*storefront.Product) string {
	var ids []string
	for _, p := range found {
		ids = append(ids, p.ID)
	}
	return strings.Join(ids, " ")
}

func TestSearchFiltersAndSorts(t *testing.T) {
	for _, st := range load(t).All() {
		dearest := 0
		for _, p := range st.Products {
			dearest = max(dearest, p.NowCents())
		}
		for name, tt := range map[string]struct {
			query storefront.Query
			holds func(*storefront.Product) bool
		}{
			"sale":     {storefront.Query{OnSale: true}, (*storefront.Product).OnSale},
			"in stock": {storefront.Query{InStock: true}, func(p *storefront.Product) bool { return !p.SoldOut() }},
			"shelf":    {storefront.Query{Collection: st.Collections[0].ID}, func(p *storefront.Product) bool { return p.Collection == st.Collections[0].ID }},
			"price":    {storefront.Query{Most: dearest / 200}, func(p *storefront.Product) bool { return p.NowCents() <= dearest/200*100 }},
		} {
			want := 0
			for i := range st.Products {
				if tt.holds(&st.Products[i]) {
					want++
				}
			}
			found := st.Search(tt.query)
			if len(found) != want || want == 0 || slices.ContainsFunc(found, func(p *storefront.Product) bool { return !tt.holds(p) }) {
				t.Errorf("%s, %s: %d found, want %d", st.Slug, name, len(found), want)
			}
		}
		for order, sorted := range map[string]func(a, b *storefront.Product) int{
			storefront.SortPriceUp:   func(a, b *storefront.Product) int { return a.NowCents() - b.NowCents() },
			storefront.SortPriceDown: func(a, b *storefront.Product) int { return b.NowCents() - a.NowCents() },
			storefront.SortNewest:    func(a, b *storefront.Product) int { return b.AddedAt.Time().Compare(a.AddedAt.Time()) },
		} {
			if found := st.Search(storefront.Query{Sort: order, InStock: true}); !slices.IsSortedFunc(found, sorted) {
				t.Errorf("%s: not in the order of %s", st.Slug, order)
			}
		}
		all := st.Search(storefront.Query{Sort: storefront.SortPriceUp})
		if i := slices.IndexFunc(all, (*storefront.Product).SoldOut); i >= 0 && slices.ContainsFunc(all[i:], func(p *storefront.Product) bool { return !p.SoldOut() }) {
			t.Errorf("%s: what is sold out comes before what is not", st.Slug)
		}
	}
}

// The page of any address of the search, whatever it holds.
func FuzzSearchPage(f *testing.F) {
	st := store(f, "magic-wands")
	st.CheckoutURL = ""
	r := renderer(f)
	style, script := constants(f, r, st)
	for _, seed := range []string{"q=owl", "q=%3Cscript%3E&sort=price", "collection=../..&most=-1", "most=99999999999999999999", "q=%ff%00&sale=1&instock=2", "sort=<b>&q=" + strings.Repeat("a+", 300)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		fields, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		q := st.ParseQuery(fields.Get)
		if len(q.Words) > 120 {
			t.Errorf("%d bytes of words", len(q.Words))
		}
		page, err := r.Search(storefront.SearchInput{Store: st, Query: q})
		if err != nil {
			t.Fatal(err)
		}
		checkSafe(t, page, style, script)
	})
}

// A cart counts what can be sold, at today's price.
func TestCartAddsUp(t *testing.T) {
	st := store(t, "magic-wands")
	st.CheckoutURL = "https://pay.example/new?items={items}&in={currency}"
	var sold, left *storefront.Product
	var plenty []*storefront.Product
	for i := range st.Products {
		switch p := &st.Products[i]; {
		case p.SoldOut():
			sold = p
		case p.Stock <= 4:
			left = p
		case p.Stock > 4:
			plenty = append(plenty, p)
		}
	}
	if sold == nil || left == nil || len(plenty) < 2 {
		t.Fatal("the store has no product of each kind")
	}
	page, err := renderer(t).Cart(storefront.CartInput{Store: st, Lines: []storefront.CartLine{
		{ProductID: plenty[0].ID, Quantity: 2}, {ProductID: sold.ID, Quantity: 1}, {ProductID: left.ID, Quantity: 50}, {ProductID: "no-such-thing", Quantity: 1},
	}})
	if err != nil {
		t.Fatal(err)
	}
	root := parse(t, page)
	text := words(root)
	for _, want := range []string{
		fmt.Sprintf("%d items", 2+left.Stock),
		st.Money(2*plenty[0].NowCents() + left.Stock*left.NowCents()),
		fmt.Sprintf("Only %d left", left.Stock),
		"Sold out for now; not counted",
		"One thing in your cart is not sold any more.",
		"You pay at pay.example.",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the cart does not say %q: %s", want, text)
		}
	}
	checkout := ""
	for _, a := range elements(root, "a") {
		if attr(a, "id") == "checkout" {
			checkout = attr(a, "href")
		}
	}
	u, err := url.Parse(checkout)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("%s:2,%s:%d", plenty[0].ID, left.ID, left.Stock)
	if u.Host != "pay.example" || u.Query().Get("items") != want || u.Query().Get("in") != st.Currency {
		t.Errorf("the checkout is %s, want items %s", checkout, want)
	}
}

func TestSoldOutProductCannotBeBought(t *testing.T) {
	r := renderer(t)
	for _, st := range load(t).All() {
		for i := range st.Products {
			p := &st.Products[i]
			page, err := r.Product(storefront.ProductInput{Store: st, Product: p})
			if err != nil {
				t.Fatal(err)
			}
			buys := false
			for _, form := range elements(parse(t, page), "form") {
				buys = buys || attr(form, "class") == "buy"
			}
			if buys == p.SoldOut() {
				t.Errorf("%s: stock is %d, and it can be bought: %t", p.ID, p.Stock, buys)
			}
		}
	}
}
