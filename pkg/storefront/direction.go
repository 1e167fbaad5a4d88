package storefront

import (
	"slices"

	"golang.org/x/text/language"

	"github.com/wandstore/wandstore/pkg/catalogue"
)

// rightToLeft are the scripts in use that are written from right to left (ISO 15924).
var rightToLeft = []string{"Adlm", "Arab", "Hebr", "Mand", "Nkoo", "Rohg", "Samr", "Syrc", "Thaa"}

// direction is the dir attribute of a shop's documents: the layout follows the language of
// its products. It is "" from left to right, which is the default.
func direction(shop *catalogue.Shop) string {
	if shop == nil || shop.Language == "" {
		return ""
	}
	script, _ := language.Make(shop.Language).Script()
	if slices.Contains(rightToLeft, script.String()) {
		return "rtl"
	}
	return ""
}

// wordsLanguage is the lang attribute of the products' names and descriptions; "" if it is
// the language of the document.
func wordsLanguage(shop *catalogue.Shop) string {
	words, _ := language.Make(shop.Language).Base()
	page, _ := language.Make(shop.Locale).Base()
	if shop.Language == "" || words == page {
		return ""
	}
	return shop.Language
}
