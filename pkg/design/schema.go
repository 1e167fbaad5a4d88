package design

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/invopop/jsonschema"

	"github.com/wandstore/wandstore/pkg/catalogue"
)

// Schema returns the JSON schema of a Design for a model that may choose among the given
// products. It has no references and allows no unknown fields. A section is one of the
// types. Each type only states how it restricts the fields that all sections share. A
// type that needs more products than it accepts of the given ones is left out, and so is one
// that the merchant's rules do not want. The schema is the same for all shoppers, so that a
// provider's prompt cache serves it. An error means that the schema cannot be encoded, which
// is a defect of this package.
func Schema(products []*catalogue.Product, rules *catalogue.Rules) (json.RawMessage, error) {
	r := jsonschema.Reflector{DoNotReference: true, Anonymous: true}
	root := r.Reflect(&Design{})
	root.Version = "" // some model APIs refuse a schema with "$schema"

	sections, ok := root.Properties.Get("sections")
	if !ok {
		return nil, errors.New("schema of a design: it has no sections")
	}
	ids, ok := sections.Items.Properties.Get("productIds")
	if !ok {
		return nil, errors.New("schema of a design: a section has no productIds")
	}
	ids.UniqueItems = true
	ids.Items.Enum = productEnum(products, nil)
	for i := range sectionKinds {
		if branch := sectionKinds[i].schema(products); branch != nil && rules.Wants(sectionKinds[i].name) {
			sections.Items.OneOf = append(sections.Items.OneOf, branch)
		}
	}

	b, err := json.Marshal(root)
	if err != nil {
		return nil, fmt.Errorf("encode the schema of a design: %w", err)
	}
	return b, nil
}

// schema returns how the type restricts the fields of a section; nil if the type accepts
// too few of the products.
func (k *sectionKind) schema(products []*catalogue.Product) *jsonschema.Schema {
	fields := jsonschema.NewProperties()
	fields.Set("type", &jsonschema.Schema{Const: k.name})
	variants := &jsonschema.Schema{}
	for _, v := range k.variants {
		variants.Enum = append(variants.Enum, v)
	}
	fields.Set("variant", variants)
	branch := &jsonschema.Schema{Properties: fields, Description: k.use}
	if k.words != 0 {
		fields.Set("eyebrow", &jsonschema.Schema{MaxLength: bound(0)})
		fields.Set("headline", &jsonschema.Schema{MaxLength: bound(openingHeadline)})
		fields.Set("body", &jsonschema.Schema{MaxLength: bound(max(k.words, 0))})
		fields.Set("actionLabel", &jsonschema.Schema{MaxLength: bound(0)})
	}

	ids := &jsonschema.Schema{MaxItems: bound(k.products)}
	if k.products > 0 {
		fitting := productEnum(products, k.accepts)
		if len(fitting) < k.least {
			return nil
		}
		if len(fitting) < len(products) {
			ids.Items = &jsonschema.Schema{Enum: fitting}
		}
		if k.least > 0 {
			ids.MinItems = bound(k.least)
			if k.fill == nil {
				branch.Required = append(branch.Required, "productIds")
			}
		}
		most := k.products
		if k.ids > 0 {
			most = k.ids
		}
		ids.MaxItems = bound(min(most, len(fitting)))
	}
	fields.Set("productIds", ids)

	items := &jsonschema.Schema{MaxItems: bound(0)}
	if k.items > 0 {
		items = &jsonschema.Schema{MinItems: bound(k.items)}
	}
	fields.Set("items", items)
	return branch
}

// productEnum is the ids of the products for which accepts is true. A nil accepts takes
// all.
func productEnum(products []*catalogue.Product, accepts func(*catalogue.Product) bool) []any {
	ids := make([]any, 0, len(products))
	for _, p := range products {
		if accepts == nil || accepts(p) {
			ids = append(ids, p.ID)
		}
	}
	return ids
}

func bound(n int) *uint64 {
	u := uint64(n)
	return &u
}
