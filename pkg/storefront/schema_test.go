package storefront_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/wandstore/wandstore/pkg/storefront"
)

// node is the part of a JSON schema that the tests look at.
type node struct {
	Type                 string           `json:"type"`
	Enum                 []string         `json:"enum"`
	Properties           map[string]*node `json:"properties"`
	Items                *node            `json:"items"`
	MaxItems             *int             `json:"maxItems"`
	MaxLength            *int             `json:"maxLength"`
	AdditionalProperties any              `json:"additionalProperties"`
	Required             []string         `json:"required"`
}

func schemaOf(t *testing.T, products []*storefront.Product) (*node, string) {
	t.Helper()
	raw, err := storefront.Schema(products)
	if err != nil {
		t.Fatal(err)
	}
	var root node
	if err := json.Unmarshal(raw, &root); err != nil {
		t.Fatalf("the schema is not JSON: %v", err)
	}
	return &root, string(raw)
}

func TestSchema(t *testing.T) {
	st := store(t, "whitby-tea")
	var products []*storefront.Product
	var want []string
	for i := range st.Products {
		products = append(products, &st.Products[i])
		want = append(want, st.Products[i].ID)
	}
	root, raw := schemaOf(t, products)
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
	if len(section.Properties["type"].Enum) < 9 {
		t.Errorf("types are %v, want at least nine", section.Properties["type"].Enum)
	}
	closed(t, "design", root)
}

// closed fails if an object of the schema allows fields that it does not name.
func closed(t *testing.T, name string, n *node) {
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
	root, _ := schemaOf(t, nil)
	ids := root.Properties["sections"].Items.Properties["productIds"]
	if ids.MaxItems == nil || *ids.MaxItems != 0 {
		t.Errorf("productIds: maxItems %v, want 0", ids.MaxItems)
	}
}

// The schema tells a model what ParseAnswer takes: everything that it allows must
// pass uncounted and be drawn as it was asked for.
func TestSchemaAgreesWithParseAnswer(t *testing.T) {
	st := store(t, "magic-wands")
	root, _ := schemaOf(t, nil)
	theme := root.Properties["theme"].Properties
	for field, choices := range theme {
		for _, v := range choices.Enum {
			d, rep, err := storefront.ParseAnswer([]byte(`{"theme":{"`+field+`":"`+v+`"},"sections":[{"type":"collections"}]}`), st)
			if err != nil || rep != (storefront.Report{}) {
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
	ids := []string{"thornbrook", "hazelwick", "copperleaf"}
	variants := make(map[string]bool)
	for _, kind := range section["type"].Enum {
		took := 0
		for _, v := range section["variant"].Enum {
			s := storefront.Section{
				Type: kind, Variant: v, Eyebrow: long("eyebrow"), Headline: long("headline"), Body: long("body"), ActionLabel: long("actionLabel"),
				Items: []storefront.Item{{Title: "One", Body: "First."}, {Title: "Two", Body: "Second."}},
			}
			switch kind {
			case "spotlight", "story":
				s.ProductIDs = ids[:1]
			case "hero", "product-grid", "deals", "compare":
				s.ProductIDs = ids
			}
			answer, err := json.Marshal(storefront.Design{Theme: st.Theme, Sections: []storefront.Section{s}})
			if err != nil {
				t.Fatal(err)
			}
			d, rep, err := storefront.ParseAnswer(answer, st)
			if err != nil {
				t.Fatalf("%s %s: %v", kind, v, err)
			}
			got := d.Sections[0]
			if rep.CutFields > 0 || got.Headline != s.Headline || got.Body != s.Body || got.Eyebrow != s.Eyebrow || got.ActionLabel != s.ActionLabel {
				t.Errorf("%s %s: copy of the length that the schema allows was cut", kind, v)
			}
			if got.Variant == v {
				took++
				variants[v] = true
				if rep != (storefront.Report{}) {
					t.Errorf("%s %s: report %+v, want nothing dropped", kind, v, rep)
				}
			}
		}
		if took < 2 {
			t.Errorf("%s has %d variants, want at least 2", kind, took)
		}
	}
	for _, v := range section["variant"].Enum {
		if !variants[v] {
			t.Errorf("variant %s belongs to no type", v)
		}
	}
}
