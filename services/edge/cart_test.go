package edge

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/wandstore/wandstore/pkg/catalogue/cataloguetest"
	"github.com/wandstore/wandstore/pkg/session"
)

// The form of a product with variants puts the chosen one into the cart, or leads back to
// where a choice can be made. So does that of a product which is sold elsewhere.
func TestCartsFormChoosesVariants(t *testing.T) {
	t.Parallel()
	const page = "/s/" + slug + "/p/"
	for form, want := range map[string]struct{ line, leads string }{
		"product=coat&option1=Clay&option2=M":           {line: "coat:clay-m"},
		"product=coat&option2=S&option1=Oat&quantity=3": {line: "coat:oat-s"},
		"product=coat&variant=clay-m":                   {line: "coat:clay-m"},
		"product=coat":                                  {leads: page + "coat"},
		"product=coat&option1=Clay":                     {leads: page + "coat"},
		"product=coat&option1=Clay&option2=S":           {leads: page + "coat?variant=clay-s"}, // sold out
		"product=coat&option1=Oat&option2=M":            {leads: page + "coat?option1=Oat&option2=M"},
		"product=coat&option1=%3Cb%3E&option2=M":        {leads: page + "coat"},
		"line=coat:clay-m":                              {line: "coat:clay-m"},
		"product=pennant":                               {leads: page + "pennant"},
	} {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			d.shop = cataloguetest.Edited(t, slug, func(document map[string]any) {
				coat, pennant := cataloguetest.Product(document, 0), cataloguetest.Product(document, 1)
				coat["id"], pennant["id"] = "coat", "pennant"
				pennant["url"] = "https://shop.example.com/pennant"
				document["checkout"], document["checkoutUrl"] = "shopify", "https://coats.example.com"
				coat["options"] = []any{
					map[string]any{"name": "Colour", "values": []any{"Clay", "Oat"}}, map[string]any{"name": "Size", "values": []any{"S", "M"}},
				}
				coat["variants"] = []any{variant("Clay", "S", 0), variant("Clay", "M", 5), variant("Oat", "S", 5)}
			})
			a := d.ask(http.MethodPost, "/s/"+slug+"/cart?shopper=ada", "action=add&"+form, "Content-Type", "application/x-www-form-urlencoded")
			if a.StatusCode != http.StatusSeeOther {
				t.Fatalf("status %d: %s", a.StatusCode, a.body)
			}
			var got []string
			for _, s := range d.sessions {
				got = session.Signals(s, slug).GetCart()
			}
			if want.line == "" && (len(got) > 0 || a.Header.Get("Location") != want.leads) {
				t.Errorf("the cart has %v, and the answer leads to %s, want %s", got, a.Header.Get("Location"), want.leads)
			}
			if want.line != "" && fmt.Sprint(got) != "["+want.line+"]" {
				t.Errorf("the cart has %v, want %s", got, want.line)
			}
		})
	}
}

func variant(colour, size string, stock int) map[string]any {
	return map[string]any{
		"id": strings.ToLower(colour + "-" + size), "options": []any{colour, size}, "priceCents": 5000, "stock": stock,
		"origin": map[string]any{"id": "4711"},
	}
}
