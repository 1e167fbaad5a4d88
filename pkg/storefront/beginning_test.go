package storefront_test

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/wandstore/wandstore/pkg/catalogue/cataloguetest"
	"github.com/wandstore/wandstore/pkg/design"
	"github.com/wandstore/wandstore/pkg/persona"
	"github.com/wandstore/wandstore/pkg/storefront"
)

// A page that was put together from its sections, each rendered when it and those before
// it were known, is the page, but for links to sections that were not known.
func TestSectionsAreThoseOfThePage(t *testing.T) {
	t.Parallel()
	r := renderer(t)
	anchor := regexp.MustCompile(`href="#(range|s[0-9]+)"`)
	for _, shop := range cataloguetest.BuiltIn(t).All() {
		for _, personaName := range append(persona.All(), "") {
			d := design.Template(shop, personaName, design.Interests{})
			page := anchor.ReplaceAll(render(t, r, storefront.PageInput{Shop: shop, Design: d, Persona: personaName}), []byte("href"))
			for n := range d.Sections {
				rendered, err := r.Sections(storefront.PageInput{Shop: shop, Design: design.Design{Theme: d.Theme, Sections: d.Sections[:n+1]}}, n)
				if err != nil || len(rendered) != 1 {
					t.Fatalf("%d sections, %v", len(rendered), err)
				}
				section := rendered[0]
				if masthead, only, found := strings.Cut(section, "</h1></div><section"); found {
					if !bytes.Contains(page, []byte(masthead)) {
						t.Errorf("%s, %s: what is above section %d is not in the page:\n%s", shop.Slug, personaName, n, masthead)
					}
					section = "<section" + only
				}
				if !bytes.Contains(page, anchor.ReplaceAll([]byte(section), []byte("href"))) {
					t.Errorf("%s, %s: section %d is not in the page:\n%s", shop.Slug, personaName, n, section)
				}
			}
		}
	}
	shop := cataloguetest.Shop(t, "magic-wands")
	if rendered, err := r.Sections(storefront.PageInput{Shop: shop, Design: design.Default(shop)}, 99); err != nil || len(rendered) != 0 {
		t.Errorf("beyond the end: %d sections, %v", len(rendered), err)
	}
}
