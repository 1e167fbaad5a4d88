package invent

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
)

// maxValues bounds what one instance holds, so that no schema fills the memory.
const maxValues = 20_000

// How many items an array gets where its schema leaves the choice.
const (
	fewScalars = 3
	fewObjects = 4
	manyItems  = 8
)

// optionalShare is how many of an object's optional members are given.
const optionalShare = 0.85

// value writes an instance of s, which stands at the property called name.
func (inv *Inventor) value(out *bytes.Buffer, s *schema, name string) error {
	if inv.values++; inv.values > maxValues {
		return fmt.Errorf("%w: its instances are too large", ErrSchema)
	}
	s = inv.choose(s)
	switch {
	case len(s.Const) > 0:
		out.Write(s.Const)
		return nil
	case len(s.Enum) > 0:
		out.Write(s.Enum[inv.deal(s, len(s.Enum), firstIf(discriminates(name)))])
		return nil
	}
	switch kind := s.kind(); kind {
	case "object":
		return inv.object(out, s)
	case "array":
		return inv.array(out, s, name)
	case "integer", "number":
		return inv.number(out, s, kind == "integer")
	case "boolean":
		return writeJSON(out, inv.rng.IntN(2) == 0)
	case "null":
		return writeJSON(out, nil)
	case "string":
		return writeJSON(out, inv.text(s, name))
	default:
		return fmt.Errorf("%w: type %q", ErrSchema, kind)
	}
}

// choose takes one of the alternatives, until none are left to choose from.
func (inv *Inventor) choose(s *schema) *schema {
	for {
		beside := *s
		switch {
		case len(s.AnyOf) > 0:
			beside.AnyOf = nil
			s = beside.join(inv.alternative(s, s.AnyOf))
		case len(s.OneOf) > 0:
			beside.OneOf = nil
			s = beside.join(inv.alternative(s, s.OneOf))
		default:
			return s
		}
	}
}

func (inv *Inventor) object(out *bytes.Buffer, s *schema) error {
	out.WriteByte('{')
	first := true
	for _, p := range s.Properties {
		if !slices.Contains(s.Required, p.name) && (p.schema.holdsNothing() || inv.rng.Float64() > optionalShare && !inv.copy.needs(p.name)) {
			continue
		}
		if !first {
			out.WriteByte(',')
		}
		first = false
		if err := writeJSON(out, p.name); err != nil {
			return err
		}
		out.WriteByte(':')
		if err := inv.value(out, p.schema, p.name); err != nil {
			return err
		}
	}
	out.WriteByte('}')
	return nil
}

func (inv *Inventor) array(out *bytes.Buffer, s *schema, name string) error {
	item := s.Items
	if item == nil {
		item = &schema{}
	}
	if len(item.Enum) > 0 {
		return inv.subset(out, s, item)
	}
	few := fewScalars
	if len(item.AnyOf)+len(item.OneOf) > 0 || item.kind() == "object" {
		few = fewObjects
	}
	out.WriteByte('[')
	n := inv.length(s, name, few)
	_, asked := inv.counts[strings.ToLower(name)]
	parts := asked && !inv.inParts
	switch {
	case parts:
		inv.inParts = true
		defer func() { inv.inParts = false }()
	case item.kind() == "object":
		n = max(inv.copy.items(n), or(s.MinItems, 0))
	}
	for i := range n {
		if i > 0 {
			out.WriteByte(',')
		}
		if parts {
			inv.copy.beginPart(n - i)
		}
		if err := inv.value(out, item, name); err != nil {
			return err
		}
	}
	out.WriteByte(']')
	return nil
}

// subset writes distinct values of an enum: product ids, mostly. It repeats them
// only where the schema asks for more than there are.
func (inv *Inventor) subset(out *bytes.Buffer, s, enum *schema) error {
	distinct := len(enum.Enum)
	n := max(min(inv.between(s.MinItems, s.MaxItems, fewScalars), distinct), or(s.MinItems, 0))
	if n > maxValues {
		return fmt.Errorf("%w: its instances are too large", ErrSchema)
	}
	picked := make([]int, 0, n)
	for len(picked) < n {
		i := inv.deal(enum, distinct, anyFirst)
		if len(picked) >= distinct || !slices.Contains(picked, i) {
			picked = append(picked, i)
		}
	}
	out.WriteByte('[')
	for i, p := range picked {
		if i > 0 {
			out.WriteByte(',')
		}
		if inv.Hostile && i%2 == 1 {
			if err := writeJSON(out, hostileIDs[inv.rng.IntN(len(hostileIDs))]); err != nil {
				return err
			}
			continue
		}
		out.Write(enum.Enum[p])
	}
	out.WriteByte(']')
	return nil
}

// length is how many items an array gets that stands at the property called name.
func (inv *Inventor) length(s *schema, name string, few int) int {
	asked, ok := inv.counts[strings.ToLower(name)]
	if !ok {
		return inv.between(s.MinItems, s.MaxItems, few)
	}
	n := asked[0] + inv.rng.IntN(asked[1]-asked[0]+1)
	return min(max(n, or(s.MinItems, 0)), or(s.MaxItems, math.MaxInt))
}

// between is a number of items the bounds allow, near what a page shows.
func (inv *Inventor) between(least, most *int, few int) int {
	lo, hi := or(least, 0), or(most, math.MaxInt)
	from := max(lo, min(few, hi))
	to := max(from, min(hi, manyItems))
	return from + inv.rng.IntN(to-from+1)
}

func (inv *Inventor) number(out *bytes.Buffer, s *schema, whole bool) error {
	lo, hi := or(s.Minimum, 0), or(s.Maximum, 0)
	step := 0.01
	if whole {
		step = 1
	}
	if s.ExclusiveMinimum != nil {
		lo = *s.ExclusiveMinimum + step
	}
	if s.ExclusiveMaximum != nil {
		hi = *s.ExclusiveMaximum - step
	}
	hasMin := s.Minimum != nil || s.ExclusiveMinimum != nil
	hasMax := s.Maximum != nil || s.ExclusiveMaximum != nil
	switch {
	case hasMin && !hasMax:
		hi = lo + 100
	case hasMax && !hasMin:
		lo = min(0, hi-100)
	case !hasMax:
		hi = 100
	}
	if whole {
		lo, hi = math.Ceil(lo), math.Floor(hi)
		if hi < lo {
			return fmt.Errorf("%w: no integer within the bounds", ErrSchema)
		}
		return writeJSON(out, lo+math.Floor(inv.rng.Float64()*(hi-lo+1)))
	}
	if hi < lo {
		return fmt.Errorf("%w: no number within the bounds", ErrSchema)
	}
	n := lo + inv.rng.Float64()*(hi-lo)
	// Two decimals read as a model's would, where they stay within the bounds.
	if short := math.Round(n*100) / 100; short >= lo && short <= hi {
		n = short
	}
	return writeJSON(out, n)
}

func (inv *Inventor) text(s *schema, name string) string {
	least, most := or(s.MinLength, 0), or(s.MaxLength, math.MaxInt)
	if inv.Hostile {
		return fit(hostileTexts[inv.rng.IntN(len(hostileTexts))], most)
	}
	return inv.copy.write(name, least, most)
}

func or[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}

// writeJSON appends v without HTML escapes: models do not write them.
func writeJSON(out *bytes.Buffer, v any) error {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("%w: %w", ErrSchema, err)
	}
	out.Truncate(out.Len() - 1) // Encode ends with a newline
	return nil
}
