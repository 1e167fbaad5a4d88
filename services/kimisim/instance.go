package kimisim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// What keeps a recursive or an oversized schema from filling the memory.
const (
	maxDepth = 24
	maxNodes = 20_000
	// Past it, an object's optional members are left out, which is what ends
	// most recursive types.
	plainDepth = 8
)

// How many items an array gets where its schema leaves the choice.
const (
	fewScalars = 3
	fewObjects = 4
	manyItems  = 8
)

// optionalShare is how many of an object's optional members are given.
const optionalShare = 0.85

// instances makes values of a schema. The zero value is of no use: see
// newInstances.
type instances struct {
	root  *schema
	rng   *rand.Rand
	copy  *copywriter
	nodes int
	// decks are by the enum or alternatives drawn from: a page shows each product
	// once before it shows one twice, and its sections differ.
	decks map[*schema]*deck
	// hostile makes the values an attacker would, in the same shape.
	hostile bool
}

// deck is what is left to draw of a number of choices.
type deck struct {
	left []int
	last int
}

func newInstances(root *schema, rng *rand.Rand, writer *copywriter) *instances {
	return &instances{root: root, rng: rng, copy: writer, decks: map[*schema]*deck{}}
}

// make returns one instance of the schema as JSON. Errors wrap errSchema.
func (g *instances) make() ([]byte, error) {
	var out bytes.Buffer
	if err := g.value(&out, g.root, "", 0); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// value writes an instance of s, which stands at the property called name.
func (g *instances) value(out *bytes.Buffer, s *schema, name string, depth int) error {
	if g.nodes++; g.nodes > maxNodes || depth > maxDepth {
		return fmt.Errorf("%w: its instances do not end", errSchema)
	}
	s, err := g.resolve(s)
	if err != nil {
		return err
	}
	switch {
	case len(s.Const) > 0:
		out.Write(s.Const)
		return nil
	case len(s.Enum) > 0:
		out.Write(s.Enum[g.draw(s, len(s.Enum), opens(name))])
		return nil
	}
	switch kind := g.kind(s); kind {
	case "object":
		return g.object(out, s, depth)
	case "array":
		return g.array(out, s, name, depth)
	case "integer", "number":
		return g.number(out, s, kind == "integer")
	case "boolean":
		return writeJSON(out, g.rng.IntN(2) == 0)
	case "null":
		return writeJSON(out, nil)
	case "string":
		return writeJSON(out, g.text(s, name))
	default:
		return fmt.Errorf("%w: type %q", errSchema, kind)
	}
}

// resolve follows references and takes one of the alternatives, until s says
// itself what it is.
func (g *instances) resolve(s *schema) (*schema, error) {
	for range maxDepth {
		// Alternatives that refer to each other multiply without ever nesting.
		if g.nodes++; g.nodes > maxNodes {
			break
		}
		switch {
		case s.Ref != "":
			def, err := g.root.lookup(s.Ref)
			if err != nil {
				return nil, err
			}
			// A bare reference stays the definition itself: its decks are shared
			// by everything that refers to it.
			beside := *s
			beside.Ref = ""
			if bare(&beside) {
				s = def
			} else {
				s = beside.with(def)
			}
		case len(s.AllOf) > 0:
			joined := *s
			joined.AllOf = nil
			all := &joined
			for _, part := range s.AllOf {
				whole, err := g.resolve(part)
				if err != nil {
					return nil, err
				}
				all = all.with(whole)
			}
			s = all
		case len(s.AnyOf) > 0:
			beside := *s
			beside.AnyOf = nil
			s = beside.with(s.AnyOf[g.draw(s, len(s.AnyOf), true)])
		case len(s.OneOf) > 0:
			beside := *s
			beside.OneOf = nil
			s = beside.with(s.OneOf[g.draw(s, len(s.OneOf), true)])
		default:
			return s, nil
		}
	}
	return nil, fmt.Errorf("%w: its references do not end", errSchema)
}

// bare reports whether s says nothing that would narrow what it refers to.
func bare(s *schema) bool {
	return len(s.Type) == 0 && len(s.Const) == 0 && len(s.Enum) == 0 &&
		len(s.AnyOf) == 0 && len(s.OneOf) == 0 && len(s.AllOf) == 0 &&
		len(s.Properties) == 0 && len(s.Required) == 0 && s.Items == nil &&
		s.MinItems == nil && s.MaxItems == nil && s.MinLength == nil && s.MaxLength == nil &&
		s.Minimum == nil && s.Maximum == nil && s.ExclusiveMinimum == nil && s.ExclusiveMaximum == nil
}

// kind is the JSON type to make. A schema that names none is known by its
// keywords; null is taken only where nothing else is allowed, since an absent
// value makes a poor page.
func (g *instances) kind(s *schema) string {
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

func (g *instances) object(out *bytes.Buffer, s *schema, depth int) error {
	out.WriteByte('{')
	first := true
	for _, p := range s.Properties {
		if !slices.Contains(s.Required, p.name) && (depth > plainDepth || g.rng.Float64() > optionalShare) {
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
		if err := g.value(out, p.schema, p.name, depth+1); err != nil {
			return err
		}
	}
	out.WriteByte('}')
	return nil
}

func (g *instances) array(out *bytes.Buffer, s *schema, name string, depth int) error {
	item := s.Items
	if item == nil {
		item = &schema{}
	}
	choice, err := g.target(item)
	if err != nil {
		return err
	}
	if len(choice.Enum) > 0 {
		return g.subset(out, s, choice)
	}

	few := fewScalars
	if len(choice.AnyOf)+len(choice.OneOf)+len(choice.AllOf) > 0 || g.kind(choice) == "object" {
		few = fewObjects
	}
	n := g.between(s.MinItems, s.MaxItems, few)
	if depth > plainDepth {
		n = min(n, value(s.MinItems, 0))
	}
	out.WriteByte('[')
	for i := range n {
		if i > 0 {
			out.WriteByte(',')
		}
		if err := g.value(out, item, name, depth+1); err != nil {
			return err
		}
	}
	out.WriteByte(']')
	return nil
}

// target follows references to what they name, without taking an alternative.
func (g *instances) target(s *schema) (*schema, error) {
	for range maxDepth {
		if s.Ref == "" {
			return s, nil
		}
		def, err := g.root.lookup(s.Ref)
		if err != nil {
			return nil, err
		}
		s = def
	}
	return nil, fmt.Errorf("%w: its references do not end", errSchema)
}

// subset writes distinct values of an enum: product ids, mostly. It repeats them
// only where the schema asks for more than there are.
func (g *instances) subset(out *bytes.Buffer, s, enum *schema) error {
	distinct := len(enum.Enum)
	n := max(min(g.between(s.MinItems, s.MaxItems, fewScalars), distinct), value(s.MinItems, 0))
	if n > maxNodes {
		return fmt.Errorf("%w: its instances do not end", errSchema)
	}
	picked := make([]int, 0, n)
	for len(picked) < n {
		i := g.draw(enum, distinct, false)
		if len(picked) >= distinct || !slices.Contains(picked, i) {
			picked = append(picked, i)
		}
	}
	out.WriteByte('[')
	for i, p := range picked {
		if i > 0 {
			out.WriteByte(',')
		}
		if g.hostile && i%2 == 1 {
			if err := writeJSON(out, hostileIDs[g.rng.IntN(len(hostileIDs))]); err != nil {
				return err
			}
			continue
		}
		out.Write(enum.Enum[p])
	}
	out.WriteByte(']')
	return nil
}

// between is a number of items the bounds allow, near what a page shows.
func (g *instances) between(least, most *int, few int) int {
	lo, hi := value(least, 0), value(most, math.MaxInt)
	from := max(lo, min(few, hi))
	to := max(from, min(hi, manyItems))
	return from + g.rng.IntN(to-from+1)
}

// draw takes one of n choices of s: each once before any twice, and none twice
// in a row. Where the first choice opens, it is drawn first: a schema lists what
// a page begins with first.
func (g *instances) draw(s *schema, n int, firstOpens bool) int {
	d, dealt := g.decks[s.origin()]
	if !dealt {
		d = &deck{}
		g.decks[s.origin()] = d
	}
	if len(d.left) == 0 {
		d.left = g.rng.Perm(n)
		switch {
		case !dealt && firstOpens:
			at := slices.Index(d.left, 0)
			d.left[0], d.left[at] = 0, d.left[0]
		case dealt && d.left[0] == d.last:
			d.left[0], d.left[n-1] = d.left[n-1], d.left[0]
		}
	}
	// A merged schema can have fewer choices than the deck was made for.
	d.last = d.left[0] % n
	d.left = d.left[1:]
	return d.last
}

// opens reports whether a property of this name tells what kind of thing its
// object is.
func opens(name string) bool {
	return name == "type" || name == "kind" || name == "component"
}

func (g *instances) number(out *bytes.Buffer, s *schema, whole bool) error {
	lo, hi := value(s.Minimum, 0), value(s.Maximum, 0)
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
			return fmt.Errorf("%w: no integer within the bounds", errSchema)
		}
		return writeJSON(out, lo+math.Floor(g.rng.Float64()*(hi-lo+1)))
	}
	if hi < lo {
		return fmt.Errorf("%w: no number within the bounds", errSchema)
	}
	v := lo + g.rng.Float64()*(hi-lo)
	// Two decimals read as a model's would, where they stay within the bounds.
	if short := math.Round(v*100) / 100; short >= lo && short <= hi {
		v = short
	}
	return writeJSON(out, v)
}

func (g *instances) text(s *schema, name string) string {
	least, most := value(s.MinLength, 0), value(s.MaxLength, math.MaxInt)
	if g.hostile {
		return fit(hostileTexts[g.rng.IntN(len(hostileTexts))], most)
	}
	return g.copy.write(name, least, most)
}

func value[T any](p *T, otherwise T) T {
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
		return fmt.Errorf("%w: %w", errSchema, err)
	}
	out.Truncate(out.Len() - 1) // Encode ends with a newline
	return nil
}
