package cataloguetest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/wandstore/wandstore/pkg/catalogue"
)

// Seeded is a shop of n products with that many variants each, which are in the bucket
// CATALOGUE and not in the shop's document. Equal arguments give equal shops.
func Seeded(t testing.TB, n, variants int) *catalogue.Shop {
	t.Helper()
	shop, err := catalogue.ReadShop(SeededSlug, SeededSlug, SeededDocument(t))
	if err != nil {
		t.Fatal(err)
	}
	return shop.With(SeededProducts(t, n, variants))
}

// SeededSlug is the slug of the seeded shop.
const SeededSlug = "emporium"

// SeededDocument is the document of the seeded shop, without products.
func SeededDocument(t testing.TB) []byte {
	t.Helper()
	return Document(t, "whitby-tea", func(d map[string]any) {
		d["slug"], d["name"] = SeededSlug, "The Emporium"
		d["noun"] = map[string]any{"one": "thing", "many": "things"}
		d["currency"] = "EUR"
		delete(d, "products")
		delete(d, "picture")
		type doc = map[string]any
		collections := []any{doc{"id": "reduced", "name": "Under 20", "blurb": "Small prices.", "rules": doc{
			"match": "all", "conditions": []any{doc{"field": "price", "is": "below", "value": "2000"}},
		}}}
		for _, kind := range kinds {
			collections = append(collections, doc{"id": strings.ToLower(kind), "name": kind, "blurb": "All of our " + strings.ToLower(kind) + ".", "rules": doc{
				"match": "any", "conditions": []any{doc{"field": "type", "is": "equals", "value": kind}},
			}})
		}
		d["collections"] = collections
	})
}

var (
	kinds      = []string{"Shirts", "Dresses", "Shoes", "Lamps", "Chairs", "Teapots", "Blankets", "Bags", "Jackets", "Candles", "Notebooks", "Rings"}
	nouns      = []string{"shirt", "dress", "shoe", "lamp", "chair", "teapot", "blanket", "bag", "jacket", "candle", "notebook", "ring"}
	makers     = []string{"Ashgrove", "Bellwether", "Corvina", "Dunmore", "Elmfield", "Fernley", "Greystone", "Harrow", "Inglewood", "Juniper"}
	qualities  = []string{"Linen", "Woollen", "Oak", "Brass", "Velvet", "Striped", "Quilted", "Hand-thrown", "Waxed", "Embroidered", "Folding", "Painted", "Recycled", "Merino", "Copper"}
	colours    = []string{"Blue", "Green", "Ochre", "White", "Black", "Rust", "Sand", "Plum"}
	sizes      = []string{"XS", "S", "M", "L", "XL", "XXL"}
	places     = []string{"Ulster", "Porto", "Kyoto", "Oaxaca", "Jaipur", "Gotland", "Naples", "Krakow"}
	seededTags = []string{"summer", "winter", "gift", "organic", "handmade", "limited", "featured", "travel", "kitchen", "garden", "office", "vegan"}
)

// SeededProducts is the products of the seeded shop.
func SeededProducts(t testing.TB, n, variants int) []*catalogue.Product {
	t.Helper()
	products := make([]*catalogue.Product, n)
	for i := range products {
		products[i] = SeededProduct(t, i, variants)
	}
	return products
}

// SeededProduct is product i of the seeded shop, as the bucket would give it.
func SeededProduct(t testing.TB, i, variants int) *catalogue.Product {
	t.Helper()
	p := seededProduct(i, variants)
	b, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	read, err := catalogue.ReadProduct(p.ID, p.ID, b)
	if err != nil {
		t.Fatal(err)
	}
	return read
}

func seededProduct(i, variants int) *catalogue.Product {
	rng := rand.New(rand.NewPCG(uint64(i), 7))
	pick := func(words []string) string { return words[rng.IntN(len(words))] }
	kind := rng.IntN(len(kinds))
	maker, quality, colour := pick(makers), pick(qualities), pick(colours)
	p := &catalogue.Product{
		ID:     fmt.Sprintf("%s-%s-%05d", strings.ToLower(quality), nouns[kind], i),
		Name:   fmt.Sprintf("%s %s %s no. %d", maker, strings.ToLower(quality), nouns[kind], i),
		Vendor: maker, Type: kinds[kind],
		Tags:    []string{pick(seededTags), pick(seededTags)},
		Sold:    rng.IntN(400),
		AddedAt: catalogue.DateOf(time.Date(2026, 1, 1+rng.IntN(300), 0, 0, 0, 0, time.UTC)),
		Images:  []catalogue.Image{{URL: fmt.Sprintf("https://cdn.example.com/%05d.jpg", i), Alt: quality + " " + nouns[kind], Width: 1200, Height: 900 + rng.IntN(900)}},
	}
	var html strings.Builder
	fmt.Fprintf(&html, "<p>A <strong>%s</strong> %s, made in %s by %s.</p><ul>", strings.ToLower(quality), nouns[kind], pick(places), maker)
	for range 3 + rng.IntN(4) {
		fmt.Fprintf(&html, "<li>%s and %s, for %s days of the %s.</li>", strings.ToLower(pick(qualities)), strings.ToLower(pick(colours)), pick(seededTags), pick(nouns))
	}
	html.WriteString("</ul><p>Wipe clean with a damp cloth. Ships within three working days.</p>")
	p.DescriptionHTML = html.String()
	if rng.IntN(3) > 0 {
		p.Rating, p.Reviews = float64(30+rng.IntN(21))/10, 1+rng.IntN(200)
	}
	price := 500 + 50*rng.IntN(400)
	p.Options = []catalogue.Option{{Name: "Size", Values: sizes}, {Name: "Colour", Values: colours}}
	for v := range min(variants, len(sizes)*len(colours)) {
		one := catalogue.Variant{
			ID: fmt.Sprintf("v%d", v), SKU: fmt.Sprintf("SKU-%05d-%d", i, v), PriceCents: price + 100*v,
			Options: []string{sizes[v%len(sizes)], colours[(v/len(sizes)+kind)%len(colours)]}, Stock: max(0, rng.IntN(40)-6),
		}
		if rng.IntN(5) == 0 {
			one.CompareAtCents = one.PriceCents * 5 / 4
		}
		p.Variants = append(p.Variants, one)
	}
	if len(p.Variants) == 0 {
		p.Options, p.PriceCents, p.Stock = nil, price, rng.IntN(40)
	}
	p.Attributes = []catalogue.Attribute{{Name: "Material", Value: quality}, {Name: "Colour", Value: colour}}
	return p
}
