package catalogue

import (
	"slices"
	"strconv"
	"strings"
)

// Collection is a group of products: those that name it, and those that its rules take.
type Collection struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Blurb string `json:"blurb"`
	// Rules take products by what they are. Without them only products that name the
	// collection are in it.
	Rules *CollectionRules `json:"rules,omitempty"`
}

// CollectionRules takes the products that meet all of its conditions, or any of them.
type CollectionRules struct {
	Match      string      `json:"match"` // MatchAll or MatchAny
	Conditions []Condition `json:"conditions"`
}

// How many conditions have to be met.
const (
	MatchAll = "all"
	MatchAny = "any"
)

// Condition compares a field of a product with a value.
type Condition struct {
	// Field is one of tag, type, vendor, title and price.
	Field string `json:"field"`
	// Is is one of equals, not-equals, contains, not-contains, starts-with and ends-with,
	// which ignore case; of a price, one of equals, not-equals, above and below. A
	// condition about tags is met if one of the tags meets it, and a negated one if none
	// breaks it.
	Is string `json:"is"`
	// Value is what the field is compared with: a text, or a price in the minor unit.
	Value string `json:"value"`
}

var (
	conditionFields = []string{"tag", "type", "vendor", "title", "price"}
	textRelations   = []string{"equals", "not-equals", "contains", "not-contains", "starts-with", "ends-with"}
	priceRelations  = []string{"equals", "not-equals", "above", "below"}
)

// Takes reports whether the rules take the product.
func (r *CollectionRules) Takes(p *Product) bool {
	if r == nil || len(r.Conditions) == 0 {
		return false
	}
	met := func(c Condition) bool { return c.met(p) }
	if r.Match == MatchAny {
		return slices.ContainsFunc(r.Conditions, met)
	}
	return !slices.ContainsFunc(r.Conditions, func(c Condition) bool { return !c.met(p) })
}

func (c Condition) met(p *Product) bool {
	if positive, negated := strings.CutPrefix(c.Is, "not-"); negated {
		return !Condition{c.Field, positive, c.Value}.met(p)
	}
	switch c.Field {
	case "tag":
		return slices.ContainsFunc(p.Tags, c.compare)
	case "type":
		return c.compare(p.Type)
	case "vendor":
		return c.compare(p.Vendor)
	case "title":
		return c.compare(p.Name)
	default:
		return c.comparePrice(p.NowCents())
	}
}

func (c Condition) compare(s string) bool {
	s, value := strings.ToLower(s), strings.ToLower(c.Value)
	switch c.Is {
	case "contains":
		return strings.Contains(s, value)
	case "starts-with":
		return strings.HasPrefix(s, value)
	case "ends-with":
		return strings.HasSuffix(s, value)
	default:
		return s == value
	}
}

func (c Condition) comparePrice(price int) bool {
	value, err := strconv.Atoi(c.Value)
	if err != nil {
		return false
	}
	switch c.Is {
	case "above":
		return price > value
	case "below":
		return price < value
	default:
		return price == value
	}
}

// InAll is the ids of the shop's collections that hold the product, in the shop's order. It
// must not be changed.
func (p *Product) InAll() []string { return p.in }

// In reports whether the collection of that id holds the product.
func (p *Product) In(collection string) bool { return slices.Contains(p.in, collection) }

// join sets the collections that hold the product, in the order of the shop's.
func (p *Product) join(collections []Collection) {
	p.in = nil
	for i := range collections {
		c := &collections[i]
		if p.Collection == c.ID || slices.Contains(p.Collections, c.ID) || c.Rules.Takes(p) {
			p.in = append(p.in, c.ID)
		}
	}
	if len(p.in) > 0 && !slices.Contains(p.in, p.Collection) {
		p.Collection = p.in[0]
	}
}
