package cataloguetest

import (
	"fmt"
	"testing"
)

// PictureHost is the host of the pictures of Photographs. It resizes them by a parameter
// width, and it does not exist: a test answers in its place.
const PictureHost = "pictures.example"

// Photographs is the JSON document of a shop as merchants have them: with photographs in
// every shape and some without, long names, options, markup, reductions of up to 90 % and
// sold-out products. language is that of its names, by BCP 47.
func Photographs(t testing.TB, slug, language string) []byte {
	t.Helper()
	return Document(t, "whitby-tea", func(d map[string]any) {
		d["slug"], d["name"], d["tagline"] = slug, "Linen & Larch", "Plain things for the house, made to be used"
		d["about"] = "Linen & Larch sells plain things for the house. They are woven, turned and stitched in small workshops that we visit."
		d["noun"] = map[string]any{"one": "thing", "many": "things"}
		d["theme"] = map[string]any{"palette": "porcelain", "typeface": "modern", "density": "regular", "corner": "soft", "motion": "gentle"}
		d["language"], d["currency"] = language, "EUR"
		d["checkout"], d["checkoutUrl"] = "shopify", "https://linen-and-larch.example"
		delete(d, "picture")
		d["collections"] = []any{
			map[string]any{"id": "table", "name": words(language, 0), "blurb": "For breakfast, and for the long evening."},
			map[string]any{"id": "bed", "name": words(language, 4), "blurb": "Washed soft before it leaves."},
			map[string]any{"id": "kitchen", "name": words(language, 2), "blurb": "Tools that get better."},
		}
		var products []any
		for i := range 60 {
			products = append(products, photographed(i, language))
		}
		d["products"] = products
	})
}

// names are names of products, by language. The second of each is long.
var names = map[string][]string{
	"en": {"Table runner", "Stone-washed linen duvet cover with hand-finished corners and buttons of river shell, for wide beds", "Bread board", "Apron", "Throw of undyed wool"},
	"ar": {"مفرش طاولة", "غطاء لحاف من الكتان المغسول بالحجر بزوايا مشغولة يدوياً وأزرار من الصدف النهري للأسرّة العريضة", "لوح خبز", "مئزر", "بطانية صوف (طبيعي) 100%"},
}

func words(language string, i int) string {
	if own, ok := names[language]; ok {
		return own[i%len(own)]
	}
	return names["en"][i%len(names["en"])]
}

func photographed(i int, language string) map[string]any {
	p := map[string]any{
		"id": fmt.Sprintf("thing-%d", i), "name": words(language, i), "collection": []string{"table", "bed", "kitchen"}[i%3],
		"description": "Made by hand. It softens with every wash.", "vendor": []string{"Larch", "Fennel & Sons", "Nordhus"}[i%3],
		"type": []string{"Textiles", "Boards"}[i%2], "addedAt": fmt.Sprintf("2026-%02d-03", 1+i%11), "tags": []any{"linen"},
		"descriptionHtml": `<h2>Care</h2><p>Wash at <strong>40°</strong>.<br>Dry in the <em>shade</em>.</p><ul><li onclick="steal()">Do not bleach</li></ul><script>steal()</script>`,
		"attributes":      []any{},
	}
	if i%4 != 0 {
		p["rating"], p["reviews"] = 4.1+float64(i%9)/10, 3+i
	}
	switch i % 6 {
	case 0: // portrait, of a known size
		p["images"] = []any{picture(i, "portrait", 1200, 1800), picture(i, "square", 1200, 1200), picture(i, "landscape", 1800, 1200)}
	case 1: // landscape
		p["images"] = []any{picture(i, "landscape", 1800, 1200)}
	case 2: // as a CSV file has it: nobody told the size
		p["images"] = []any{map[string]any{"url": address(i, "portrait")}}
	case 3, 4:
		p["images"] = []any{picture(i, "square", 1500, 1500)}
	}
	price := 1800 + 700*(i%13)
	if i%3 != 0 {
		p["priceCents"], p["stock"] = price, []int{12, 0, 3, 40}[i%4]
		if i%5 == 1 {
			p["salePriceCents"] = price / 10
		}
		return p
	}
	var variants []any
	colours, sizes := []string{"Chalk", "Rust", "Sea"}, []string{"S", "M", "L"}
	for c, colour := range colours {
		for s, size := range sizes {
			if c == 2 && s == 2 {
				continue // nobody makes that
			}
			v := map[string]any{
				"id": fmt.Sprintf("v%d%d", c, s), "sku": fmt.Sprintf("LL-%d-%d%d", i, c, s), "options": []any{colour, size}, "priceCents": price + 500*s,
				"stock": []int{8, 2, 0}[(c+s)%3], "origin": map[string]any{"id": fmt.Sprintf("%d%d%d", 4000+i, c, s)},
			}
			if c == 1 {
				v["compareAtCents"] = price + 500*s + 1500
				if len(list(p["images"])) > 1 {
					v["image"] = 2
				}
			}
			variants = append(variants, v)
		}
	}
	p["options"] = []any{map[string]any{"name": "Colour", "values": colours}, map[string]any{"name": "Size", "values": sizes}}
	p["variants"] = variants
	return p
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

func address(i int, shape string) string {
	return fmt.Sprintf("https://%s/cdn/shop/files/%s-%d.jpg?v=1", PictureHost, shape, i)
}

func picture(i int, shape string, width, height int) map[string]any {
	return map[string]any{"url": address(i, shape), "width": width, "height": height, "alt": fmt.Sprintf("Thing %d on a table, %s", i, shape)}
}
