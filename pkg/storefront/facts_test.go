package storefront_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/catalogue/cataloguetest"
	"github.com/wandstore/wandstore/pkg/design"
	"github.com/wandstore/wandstore/pkg/design/designtest"
	"github.com/wandstore/wandstore/pkg/storefront"
)

// only renders a page of one section and returns the section's element.
func only(t *testing.T, shop *catalogue.Shop, s design.Section) *html.Node {
	t.Helper()
	page := render(t, renderer(t), storefront.PageInput{Shop: shop, Design: design.Design{Sections: []design.Section{s}}})
	rendered := section(parse(t, page), "s1")
	if rendered == nil {
		t.Fatalf("%s of %s is not rendered", s.Type, shop.Slug)
	}
	return rendered
}

func TestBundleAddsUp(t *testing.T) {
	shop := cataloguetest.Shop(t, "magic-wands")
	for _, variant := range []string{"together", "receipt", "panel"} {
		// The second product is reduced from 62 to 49.
		text := words(only(t, shop, design.Section{Type: "bundle", Variant: variant, ProductIDs: []string{"emberhollow", "thornbrook"}}))
		for _, want := range []string{"Together Now $108", "Was $121", "You save $13"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %q does not say %q", variant, text, want)
			}
		}
	}
	// A sold-out product is not part of a bundle. One product is too few for a bundle, so
	// the shop's own choice replaces it.
	text := words(only(t, shop, design.Section{Type: "bundle", ProductIDs: []string{"emberhollow", "midnight-elm"}}))
	if strings.Contains(text, "Midnight Elm") {
		t.Errorf("a sold-out wand is in a bundle: %q", text)
	}
}

func TestVerdictsAreTrue(t *testing.T) {
	shop := cataloguetest.Shop(t, "magic-wands")
	ids := []string{"emberhollow", "thornbrook", "rosewarden", "foxglove-lime"}
	rendered := only(t, shop, design.Section{Type: "compare", Variant: "verdict", ProductIDs: ids})
	found := 0
	for _, li := range elements(rendered, "li") {
		text := words(li)
		for verdict, name := range map[string]string{"Lowest price": "Thornbrook", "Best rated": "Rosewarden", "Newest here": "Foxglove Lime"} {
			if strings.Contains(text, verdict) {
				found++
				if !strings.Contains(text, name) {
					t.Errorf("%s is said in %q, want %s", verdict, text, name)
				}
			}
		}
	}
	if found != 3 {
		t.Errorf("%d verdicts of three are given", found)
	}
}

// Sections that the shop fills show products in the order that their type promises.
func TestOwnChoicesKeepTheirOrder(t *testing.T) {
	for _, shop := range cataloguetest.BuiltIn(t).All() {
		for kind, by := range map[string]func(a, b *catalogue.Product) int{
			"ranking":     func(a, b *catalogue.Product) int { return cmp.Compare(b.Rating, a.Rating) },
			"ladder":      func(a, b *catalogue.Product) int { return cmp.Compare(a.NowCents(), b.NowCents()) },
			"last-pieces": func(a, b *catalogue.Product) int { return cmp.Compare(a.Stock, b.Stock) },
		} {
			var ps []*catalogue.Product
			for _, a := range elements(only(t, shop, design.Section{Type: kind}), "a") {
				p, ok := shop.Product(linked(shop, a))
				if !ok {
					t.Fatalf("%s: a link to %s", kind, attr(a, "href"))
				}
				ps = append(ps, p)
			}
			if len(ps) < 2 || !slices.IsSortedFunc(ps, by) {
				t.Errorf("%s: %s shows %d products out of order", shop.Slug, kind, len(ps))
			}
			for _, p := range ps {
				if p.SoldOut() {
					t.Errorf("%s: %s leads with what is sold out: %s", shop.Slug, kind, p.ID)
				}
			}
		}
	}
}

// The products of each budget cost at least as much as those of the one before.
func TestFinderByBudget(t *testing.T) {
	for _, shop := range cataloguetest.BuiltIn(t).All() {
		highest, answers := 0, 0
		for _, h := range elements(only(t, shop, design.Section{Type: "finder", Variant: "budget"}), "h3") {
			answers++
			before := highest
			for _, a := range elements(h.Parent, "a") {
				p, ok := shop.Product(linked(shop, a))
				if !ok {
					t.Fatalf("a link to %s", attr(a, "href"))
				}
				if p.NowCents() < before {
					t.Errorf("%s: %s is under %q", shop.Slug, p.ID, words(h))
				}
				highest = max(highest, p.NowCents())
			}
		}
		if answers != 3 {
			t.Errorf("%s: %d answers, want three", shop.Slug, answers)
		}
	}
}

// A type that the shop has no content for is not rendered.
func TestTypesThatAShopCannotFill(t *testing.T) {
	shop := *cataloguetest.Shop(t, "magic-wands")
	shop.Assurances, shop.FAQ, shop.Quotes, shop.Guide.Items = nil, nil, nil, nil
	for _, kind := range []string{"promises", "faq", "quote", "guide"} {
		page := render(t, renderer(t), storefront.PageInput{Shop: &shop, Design: design.Design{Sections: []design.Section{{Type: kind, Headline: "Never"}}}})
		if section(parse(t, page), "s1") != nil {
			t.Errorf("%s is rendered without content", kind)
		}
	}
}

// Two variants of a type differ in their HTML or in their styles.
func TestVariantsDiffer(t *testing.T) {
	css := constantStyle(t)
	shop := cataloguetest.Shop(t, "magic-wands")
	root, _ := designtest.Schema(t, shop.Sorted(catalogue.AsListed))
	for _, branch := range root.Kinds() {
		kind := branch.Kind()
		seen := make(map[string]string)
		for _, variant := range branch.Properties["variant"].Enum {
			s := design.Section{Type: kind, Variant: variant, Headline: "About it", ProductIDs: []string{"thornbrook", "hazelwick", "copperleaf"}}
			var b strings.Builder
			if err := html.Render(&b, only(t, shop, s)); err != nil {
				t.Fatal(err)
			}
			variantHTML := strings.ReplaceAll(b.String(), kind+" "+variant, kind)
			styled := strings.Contains(css, "."+variant)
			if other, ok := seen[variantHTML]; ok && !styled {
				t.Errorf("%s: %s and %s are the same", kind, variant, other)
			}
			seen[variantHTML] = variant
		}
	}
}
