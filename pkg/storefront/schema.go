package storefront

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/invopop/jsonschema"
)

// Schema is the JSON schema of a Design for a model that may choose among the
// given products: self-contained, without references, closed to other fields.
// Given no products it allows none.
func Schema(products []*Product) (json.RawMessage, error) {
	r := jsonschema.Reflector{DoNotReference: true, Anonymous: true}
	root := r.Reflect(&Design{})
	root.Version = "" // some model APIs refuse a schema that names its dialect

	sections, ok := root.Properties.Get("sections")
	if !ok {
		return nil, errors.New("schema of a design: it has no sections")
	}
	fields := sections.Items.Properties
	kind, hasKind := fields.Get("type")
	variant, hasVariant := fields.Get("variant")
	ids, hasIDs := fields.Get("productIds")
	if !hasKind || !hasVariant || !hasIDs {
		return nil, errors.New("schema of a design: a section lacks type, variant or productIds")
	}

	var uses []string
	listed := make(map[string]bool)
	for _, k := range sectionKinds {
		kind.Enum = append(kind.Enum, k.name)
		uses = append(uses, k.name+": "+k.use)
		for _, v := range k.variants {
			if !listed[v] {
				listed[v] = true
				variant.Enum = append(variant.Enum, v)
			}
		}
	}
	kind.Description = strings.Join(uses, ". ") + "."
	variant.Description = "One of those named for the type."
	ids.UniqueItems = true
	if len(products) == 0 {
		none := uint64(0)
		ids.MaxItems = &none
	}
	for _, p := range products {
		ids.Items.Enum = append(ids.Items.Enum, p.ID)
	}

	b, err := json.Marshal(root)
	if err != nil {
		return nil, fmt.Errorf("encode the schema of a design: %w", err)
	}
	return b, nil
}
