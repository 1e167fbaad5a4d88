package invent

import (
	"encoding/json"
	"slices"
	"strings"
)

// deck is what is left to deal of a number of choices.
type deck struct {
	left []int
	last int
}

// anyFirst is for deal: any choice may come first.
const anyFirst = -1

// firstIf is for deal: the first choice comes first, or any.
func firstIf(first bool) int {
	if first {
		return 0
	}
	return anyFirst
}

// deal takes one of n choices of s: each once before any comes twice, and none
// twice in a row. The choice first comes first, unless it is anyFirst.
func (inv *Inventor) deal(s *schema, n, first int) int {
	d, dealt := inv.decks[s.original()]
	if !dealt {
		d = &deck{}
		inv.decks[s.original()] = d
	}
	if len(d.left) == 0 {
		d.left = inv.rng.Perm(n)
		switch {
		case !dealt && first != anyFirst:
			at := slices.Index(d.left, first)
			d.left[0], d.left[at] = first, d.left[0]
		case dealt && d.left[0] == d.last:
			d.left[0], d.left[n-1] = d.left[n-1], d.left[0]
		}
	}
	// A joined schema can have fewer choices than the deck was made for.
	d.last = d.left[0] % n
	d.left = d.left[1:]
	return d.last
}

// alternative deals one of the alternatives of s. One that is described as opening a page is
// not dealt after the first.
func (inv *Inventor) alternative(s *schema, of []schema) *schema {
	_, begun := inv.decks[s.original()]
	for {
		chosen := &of[inv.deal(s, len(of), inv.opening(of))]
		if !begun || !opens(chosen) || !slices.ContainsFunc(of, func(other schema) bool { return !opens(&other) }) {
			return chosen
		}
	}
}

// opens reports whether an alternative opens a page, as its description says.
func opens(alternative *schema) bool {
	return strings.HasPrefix(alternative.Description, "Opens the page")
}

// opening is the alternative that comes first: of those that the conversation asks to
// begin with the first that there is, by the constant that tells it from the others, else
// the first of all.
func (inv *Inventor) opening(alternatives []schema) int {
	for _, asked := range inv.first {
		at := slices.IndexFunc(alternatives, func(alternative schema) bool {
			return slices.ContainsFunc(alternative.Properties, func(p property) bool {
				var name string
				return discriminates(p.name) && json.Unmarshal(p.schema.Const, &name) == nil && name == asked
			})
		})
		if at >= 0 {
			return at
		}
	}
	return 0
}

// discriminates reports whether a property of this name tells what kind of thing
// its object is.
func discriminates(name string) bool {
	return name == "type" || name == "kind" || name == "component"
}
