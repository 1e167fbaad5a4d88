package design_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/catalogue/cataloguetest"
	"github.com/wandstore/wandstore/pkg/design"
	"github.com/wandstore/wandstore/pkg/design/designtest"
	"github.com/wandstore/wandstore/pkg/design/gate"
)

func TestSchema(t *testing.T) {
	shop := cataloguetest.Shop(t, "whitby-tea")
	var want []string
	for i := range shop.Products {
		want = append(want, shop.Products[i].ID)
	}
	root, raw := designtest.Schema(t, shop.Sorted(catalogue.AsListed))
	for _, word := range []string{"$ref", "$defs", "$schema", "$id"} {
		if strings.Contains(raw, word) {
			t.Errorf("the schema holds %s", word)
		}
	}
	section := root.Properties["sections"].Items
	if got := section.Properties["productIds"].Items.Enum; !slices.Equal(got, want) {
		t.Errorf("productIds are of %v, want %v", got, want)
	}
	if n := root.Properties["sections"].MaxItems; n == nil || *n != 25 {
		t.Errorf("sections: maxItems %v, want 25", n)
	}
	if n := len(root.Kinds()); n < 20 {
		t.Errorf("%d types, want at least 20", n)
	}
	closed(t, "design", root)
	seen := make(map[string]bool)
	for _, branch := range root.Kinds() {
		kind := branch.Kind()
		if kind == "" || seen[kind] {
			t.Errorf("type %q is there twice, or has no name", kind)
		}
		seen[kind] = true
		if n := len(branch.Properties["variant"].Enum); n < 3 {
			t.Errorf("%s has %d variants, want at least 3", kind, n)
		}
		for field := range branch.Properties {
			if section.Properties[field] == nil {
				t.Errorf("%s has a field %s, which sections are closed to", kind, field)
			}
		}
	}
}

// Every prompt contains the schema and costs its tokens.
func TestSchemaIsSmall(t *testing.T) {
	for _, shop := range cataloguetest.BuiltIn(t).All() {
		_, raw := designtest.Schema(t, shop.Sorted(catalogue.AsListed))
		if most := 12_000; len(raw) > most {
			t.Errorf("%s: %d bytes for %d products, want at most %d", shop.Slug, len(raw), len(shop.Products), most)
		}
		t.Logf("%s: %d bytes for %d products", shop.Slug, len(raw), len(shop.Products))
	}
}

// A type that accepts only some products lists their ids.
func TestSchemaNamesWhatFits(t *testing.T) {
	shop := cataloguetest.Shop(t, "magic-wands")
	root, _ := designtest.Schema(t, shop.Sorted(catalogue.AsListed))
	for _, branch := range root.Kinds() {
		ids := branch.Properties["productIds"]
		if branch.Kind() != "deals" {
			continue
		}
		for _, id := range ids.Items.Enum {
			if p, ok := shop.Product(id); !ok || !p.OnSale() {
				t.Errorf("%s is offered as a deal", id)
			}
		}
	}
	root, _ = designtest.Schema(t, shop.Sorted(catalogue.AsListed)[1:2])
	for _, branch := range root.Kinds() {
		if kind := branch.Kind(); kind == "compare" || kind == "bundle" {
			t.Errorf("%s is offered with one product", kind)
		}
	}
}

// closed fails if an object of the schema allows unknown fields.
func closed(t *testing.T, name string, n *designtest.Node) {
	t.Helper()
	if n.Type == "object" && n.AdditionalProperties != false {
		t.Errorf("%s allows fields of any name", name)
	}
	for field, p := range n.Properties {
		closed(t, name+"."+field, p)
	}
	if n.Items != nil {
		closed(t, name+"[]", n.Items)
	}
}

func TestSchemaWithoutProducts(t *testing.T) {
	root, _ := designtest.Schema(t, nil)
	if len(root.Kinds()) == 0 {
		t.Fatal("no types without products")
	}
	for _, branch := range root.Kinds() {
		if ids := branch.Properties["productIds"]; ids.MaxItems == nil || *ids.MaxItems != 0 {
			t.Errorf("%s: maxItems %v of productIds, want 0", branch.Kind(), ids.MaxItems)
		}
	}
}

// What the schema allows passes the gate unchanged, and the report stays empty.
func TestSchemaAgreesWithTheGate(t *testing.T) {
	shop := cataloguetest.Shop(t, "magic-wands")
	root, _ := designtest.Schema(t, shop.Sorted(catalogue.AsListed))
	theme := root.Properties["theme"].Properties
	for field, choices := range theme {
		for _, v := range choices.Enum {
			d, rep, err := gate.Parse([]byte(`{"theme":{"`+field+`":"`+v+`"},"sections":[{"type":"collections"}]}`), shop)
			if err != nil || rep != (design.Report{}) {
				t.Errorf("theme %s %s: report %+v, error %v", field, v, rep, err)
			}
			b, err := json.Marshal(d.Theme)
			if err != nil || !strings.Contains(string(b), `"`+field+`":"`+v+`"`) {
				t.Errorf("theme %s %s became %s", field, v, b)
			}
		}
	}

	section := root.Properties["sections"].Items.Properties
	long := func(field string) string {
		n := section[field].MaxLength
		if n == nil {
			t.Fatalf("%s has no maxLength", field)
		}
		return strings.Repeat("wand ", *n)[:*n-1] + "s"
	}
	for _, branch := range root.Kinds() {
		kind := branch.Kind()
		for _, v := range branch.Properties["variant"].Enum {
			s := design.Section{
				Type: kind, Variant: v, Eyebrow: long("eyebrow"), Headline: long("headline"), Body: long("body"), ActionLabel: long("actionLabel"),
			}
			if n := *branch.Properties["productIds"].MaxItems; n > 0 {
				choice := section["productIds"].Items.Enum
				if own := branch.Properties["productIds"].Items; own != nil {
					choice = own.Enum
				}
				s.ProductIDs = choice[:n]
			}
			if n := branch.Properties["items"].MaxItems; n == nil {
				s.Items = []catalogue.Item{{Title: "One", Body: "First."}, {Title: "Two", Body: "Second."}}
			}
			answer, err := json.Marshal(design.Design{Theme: shop.Theme, Sections: []design.Section{s}})
			if err != nil {
				t.Fatal(err)
			}
			d, rep, err := gate.Parse(answer, shop)
			if err != nil {
				t.Fatalf("%s %s: %v", kind, v, err)
			}
			if rep != (design.Report{}) || !reflect.DeepEqual(d.Sections[0], s) {
				t.Errorf("%s %s: %+v became %+v, report %+v", kind, v, s, d.Sections[0], rep)
			}
		}
	}
}
