package kimisim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// errSchema is wrapped when a JSON Schema cannot be read or has no instance
// that the generator can make.
var errSchema = errors.New("unusable JSON schema")

// schema is the part of JSON Schema (2020-12, and draft-07's "definitions")
// that page designs are written in. Other keywords are ignored.
type schema struct {
	Ref         string             `json:"$ref"`
	Defs        map[string]*schema `json:"$defs"`
	Definitions map[string]*schema `json:"definitions"`

	Type  typeNames         `json:"type"`
	Const json.RawMessage   `json:"const"`
	Enum  []json.RawMessage `json:"enum"`
	AnyOf []*schema         `json:"anyOf"`
	OneOf []*schema         `json:"oneOf"`
	AllOf []*schema         `json:"allOf"`

	Properties properties `json:"properties"`
	Required   []string   `json:"required"`

	Items    *schema `json:"items"`
	MinItems *int    `json:"minItems"`
	MaxItems *int    `json:"maxItems"`

	MinLength *int `json:"minLength"`
	MaxLength *int `json:"maxLength"`

	Minimum          *float64 `json:"minimum"`
	Maximum          *float64 `json:"maximum"`
	ExclusiveMinimum *float64 `json:"exclusiveMinimum"`
	ExclusiveMaximum *float64 `json:"exclusiveMaximum"`

	// drawn is the schema this one was merged from. Merging makes new values;
	// what was drawn before is remembered by the original.
	drawn *schema
}

// parseSchema reads a JSON Schema. Errors wrap errSchema.
func parseSchema(raw []byte) (*schema, error) {
	var s schema
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, fmt.Errorf("%w: %w", errSchema, err)
	}
	return &s, nil
}

// UnmarshalJSON reads an object, or a boolean: true is the schema of anything.
func (s *schema) UnmarshalJSON(raw []byte) error {
	switch string(bytes.TrimSpace(raw)) {
	case "true", "null":
		return nil
	case "false":
		return errors.New("false has no instance")
	}
	type plain schema
	return json.Unmarshal(raw, (*plain)(s))
}

// typeNames is "type": one name or a list.
type typeNames []string

// UnmarshalJSON reads either form.
func (t *typeNames) UnmarshalJSON(raw []byte) error {
	var one string
	if err := json.Unmarshal(raw, &one); err == nil {
		*t = typeNames{one}
		return nil
	}
	return json.Unmarshal(raw, (*[]string)(t))
}

// property is one named member of an object.
type property struct {
	name   string
	schema *schema
}

// properties keeps the schema's order: models answer in it, and readers of a
// streamed page design see its theme before its sections.
type properties []property

// UnmarshalJSON reads an object in the order it is written.
func (p *properties) UnmarshalJSON(raw []byte) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	open, err := dec.Token()
	if err != nil {
		return err
	}
	if open != json.Delim('{') {
		return errors.New("properties is not an object")
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return err
		}
		name, ok := key.(string)
		if !ok {
			return errors.New("a property's name is not a string")
		}
		var s schema
		if err := dec.Decode(&s); err != nil {
			return fmt.Errorf("property %q: %w", name, err)
		}
		*p = append(*p, property{name: name, schema: &s})
	}
	return nil
}

// lookup follows a reference within the document: "#" or a path below $defs or
// definitions.
func (s *schema) lookup(ref string) (*schema, error) {
	if ref == "#" {
		return s, nil
	}
	for prefix, defs := range map[string]map[string]*schema{"#/$defs/": s.Defs, "#/definitions/": s.Definitions} {
		name, ok := strings.CutPrefix(ref, prefix)
		if !ok {
			continue
		}
		if def := defs[strings.NewReplacer("~1", "/", "~0", "~").Replace(name)]; def != nil {
			return def, nil
		}
	}
	return nil, fmt.Errorf("%w: nothing at $ref %q", errSchema, ref)
}

// with is s narrowed by t: what t says replaces what s says, members are
// united. It is how a chosen alternative is joined with what stands beside it.
func (s *schema) with(t *schema) *schema {
	m := *s
	m.drawn = t.origin()
	replace(&m.Ref, t.Ref, t.Ref != "")
	replace(&m.AnyOf, t.AnyOf, len(t.AnyOf) > 0)
	replace(&m.OneOf, t.OneOf, len(t.OneOf) > 0)
	replace(&m.AllOf, t.AllOf, len(t.AllOf) > 0)
	replace(&m.Const, t.Const, len(t.Const) > 0)
	replace(&m.Type, t.Type, len(t.Type) > 0)
	replace(&m.Enum, t.Enum, len(t.Enum) > 0)
	replace(&m.Items, t.Items, t.Items != nil)
	replace(&m.MinItems, t.MinItems, t.MinItems != nil)
	replace(&m.MaxItems, t.MaxItems, t.MaxItems != nil)
	replace(&m.MinLength, t.MinLength, t.MinLength != nil)
	replace(&m.MaxLength, t.MaxLength, t.MaxLength != nil)
	replace(&m.Minimum, t.Minimum, t.Minimum != nil)
	replace(&m.Maximum, t.Maximum, t.Maximum != nil)
	replace(&m.ExclusiveMinimum, t.ExclusiveMinimum, t.ExclusiveMinimum != nil)
	replace(&m.ExclusiveMaximum, t.ExclusiveMaximum, t.ExclusiveMaximum != nil)

	m.Required = slices.Concat(s.Required, t.Required)
	m.Properties = slices.Clone(s.Properties)
	for _, p := range t.Properties {
		same := func(have property) bool { return have.name == p.name }
		if i := slices.IndexFunc(m.Properties, same); i >= 0 {
			m.Properties[i].schema = m.Properties[i].schema.with(p.schema)
		} else {
			m.Properties = append(m.Properties, p)
		}
	}
	return &m
}

// origin is the schema as it stands in the document.
func (s *schema) origin() *schema {
	if s.drawn != nil {
		return s.drawn
	}
	return s
}

func replace[T any](dst *T, src T, set bool) {
	if set {
		*dst = src
	}
}
