package gate_test

import (
	"fmt"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/design/gate"
)

// A model answers with prose around the JSON, a price in its words, and a product that
// the shop does not sell. The design has what is left. The report counts what was removed.
func ExampleParse() {
	shops, err := catalogue.BuiltIn()
	if err != nil {
		fmt.Println(err)
		return
	}
	shop, _ := shops.Shop("magic-wands")
	answer := `Here is your page:
{"sections": [{
	"type": "product-grid",
	"headline": "Made for quiet evenings",
	"body": "Wands that listen. Today only $9.99!",
	"productIds": ["nightjar", "elder-wand"]
}]}`
	page, report, err := gate.Parse([]byte(answer), shop)
	if err != nil {
		fmt.Println(err)
		return
	}
	section := page.Sections[0]
	fmt.Println(section.Headline)
	fmt.Println(section.Body)
	fmt.Println(section.ProductIDs)
	fmt.Println(report.DroppedClaims, "claim and", report.DroppedProducts, "product dropped")
	// Output:
	// Made for quiet evenings
	// Wands that listen.
	// [nightjar]
	// 1 claim and 1 product dropped
}
