package storefront_test

import (
	"encoding/json"
	"reflect"
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
	Const                string           `json:"const"`
	OneOf                []*node          `json:"oneOf"`
	MinItems             *int             `json:"minItems"`
}

// kinds are the section types that the schema offers, each with its branch.
func (n *node) kinds() []*node { return n.Properties["sections"].Items.OneOf }

func (n *node) kind() string { return n.Properties["type"].Const }

func everyProduct(st *storefront.Store) []*storefront.Product {
	products := make([]*storefront.Product, len(st.Products))
	for i := range st.Products {
		products[i] = &st.Products[i]
	}
	return products
}

func schemaOf(t *testing.T, products []*storefront.Product) (*node, string) {
	t.Helper()
	raw, err := storefront.Schema(products, "")
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
	var want []string
	for i := range st.Products {
		want = append(want, st.Products[i].ID)
	}
	root, raw := schemaOf(t, everyProduct(st))
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
	if n := len(root.kinds()); n < 20 {
		t.Errorf("%d types, want at least 20", n)
	}
	closed(t, "design", root)
	seen := make(map[string]bool)
	for _, branch := range root.kinds() {
		kind := branch.kind()
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

// The schema is paid for with every prompt.
func TestSchemaIsSmall(t *testing.T) {
	for _, st := range load(t).All() {
		_, raw := schemaOf(t, everyProduct(st))
		if most := 12_000; len(raw) > most {
			t.Errorf("%s: %d bytes for %d products, want at most %d", st.Slug, len(raw), len(st.Products), most)
		}
		t.Logf("%s: %d bytes for %d products", st.Slug, len(raw), len(st.Products))
	}
}

// A type that only some products have a place in names those.
func TestSchemaNamesWhatFits(t *testing.T) {
	st := store(t, "magic-wands")
	root, _ := schemaOf(t, everyProduct(st))
	for _, branch := range root.kinds() {
		ids := branch.Properties["productIds"]
		if branch.kind() != "deals" {
			continue
		}
		for _, id := range ids.Items.Enum {
			if p, ok := st.Product(id); !ok || !p.OnSale() {
				t.Errorf("%s is offered as a deal", id)
			}
		}
	}
	root, _ = schemaOf(t, everyProduct(st)[1:2])
	for _, branch := range root.kinds() {
		if kind := branch.kind(); kind == "compare" || kind == "bundle" {
			t.Errorf("%s is offered with one product", kind)
		}
	}
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
	if len(root.kinds()) == 0 {
		t.Fatal("no types without products")
	}
	for _, branch := range root.kinds() {
		if ids := branch.Properties["productIds"]; ids.MaxItems == nil || *ids.MaxItems != 0 {
			t.Errorf("%s: maxItems %v of productIds, want 0", branch.kind(), ids.MaxItems)
		}
	}
}

// The schema tells a model what ParseAnswer takes: everything that it allows must
// pass uncounted and be drawn as it was asked for.
func TestSchemaAgreesWithParseAnswer(t *testing.T) {
	st := store(t, "magic-wands")
	root, _ := schemaOf(t, everyProduct(st))
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
	for _, branch := range root.kinds() {
		kind := branch.kind()
		for _, v := range branch.Properties["variant"].Enum {
			s := storefront.Section{
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
				s.Items = []storefront.Item{{Title: "One", Body: "First."}, {Title: "Two", Body: "Second."}}
			}
			answer, err := json.Marshal(storefront.Design{Theme: st.Theme, Sections: []storefront.Section{s}})
			if err != nil {
				t.Fatal(err)
			}
			d, rep, err := storefront.ParseAnswer(answer, st)
			if err != nil {
				t.Fatalf("%s %s: %v", kind, v, err)
			}
			if rep != (storefront.Report{}) || !reflect.DeepEqual(d.Sections[0], s) {
				t.Errorf("%s %s: %+v became %+v, report %+v", kind, v, s, d.Sections[0], rep)
			}
		}
	}
}
