package invent

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// ErrSchema is wrapped when a JSON Schema cannot be read, has no instance, or has
// only instances that are too large.
var ErrSchema = errors.New("unusable JSON schema")

// schema is the part of JSON Schema (2020-12) that page designs are written in.
type schema struct {
	Type  typeNames         `json:"type"`
	Const json.RawMessage   `json:"const"`
	Enum  []json.RawMessage `json:"enum"`
	AnyOf []schema          `json:"anyOf"`
	OneOf []schema          `json:"oneOf"`

	Properties properties `json:"properties"`
	Required   []string   `json:"required"`

	Items    *schema `json:"items"`
	MinItems *int    `json:"minItems"`
	MaxItems *int    `json:"maxItems"`

	Description string `json:"description"`

	MinLength *int `json:"minLength"`
	MaxLength *int `json:"maxLength"`

	Minimum          *float64 `json:"minimum"`
	Maximum          *float64 `json:"maximum"`
	ExclusiveMinimum *float64 `json:"exclusiveMinimum"`
	ExclusiveMaximum *float64 `json:"exclusiveMaximum"`

	// joined is the alternative that this schema was joined with. A join is a new
	// value each time; what was dealt is remembered by the alternative.
	joined *schema
}

// parseSchema reads a JSON Schema. Errors wrap ErrSchema.
func parseSchema(raw []byte) (*schema, error) {
	var s schema
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSchema, err)
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
	if err := json.Unmarshal(raw, (*plain)(s)); err != nil {
		return err
	}
	var refused struct {
		Ref   json.RawMessage `json:"$ref"`
		AllOf json.RawMessage `json:"allOf"`
	}
	if err := json.Unmarshal(raw, &refused); err != nil {
		return err
	}
	if refused.Ref != nil || refused.AllOf != nil {
		return errors.New("$ref and allOf are not supported")
	}
	return nil
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

// kind is the JSON type to make. A schema that names none is known by its
// keywords. null is made only where nothing else is allowed, since an absent value
// makes a poor page.
func (s *schema) kind() string {
	for _, t := range s.Type {
		if t != "null" {
			return t
		}
	}
	switch {
	case len(s.Type) > 0:
		return "null"
	case len(s.Properties) > 0:
		return "object"
	case s.Items != nil:
		return "array"
	case s.Minimum != nil || s.Maximum != nil || s.ExclusiveMinimum != nil || s.ExclusiveMaximum != nil:
		return "number"
	default:
		return "string"
	}
}

// holdsNothing reports whether the schema allows an empty list or string only.
func (s *schema) holdsNothing() bool {
	return s.MaxItems != nil && *s.MaxItems == 0 || s.MaxLength != nil && *s.MaxLength == 0
}

// join is s narrowed by an alternative: what the alternative says replaces what s
// says, and the members of both are there.
func (s *schema) join(t *schema) *schema {
	m := *s
	m.joined = t.original()
	replace(&m.AnyOf, t.AnyOf, len(t.AnyOf) > 0)
	replace(&m.OneOf, t.OneOf, len(t.OneOf) > 0)
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
			m.Properties[i].schema = m.Properties[i].schema.join(p.schema)
		} else {
			m.Properties = append(m.Properties, p)
		}
	}
	return &m
}

// original is the schema as it stands in the document.
func (s *schema) original() *schema {
	if s.joined != nil {
		return s.joined
	}
	return s
}

func replace[T any](dst *T, src T, set bool) {
	if set {
		*dst = src
	}
}
