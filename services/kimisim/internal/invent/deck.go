package invent

import (
	"encoding/json"
	"slices"
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

// opening is the alternative that comes first: one that the conversation asks to begin
// with, by the constant that tells it from the others, else the first.
func (inv *Inventor) opening(alternatives []schema) int {
	var asked []int
	for i, alternative := range alternatives {
		for _, p := range alternative.Properties {
			var name string
			if discriminates(p.name) && json.Unmarshal(p.schema.Const, &name) == nil && slices.Contains(inv.first, name) {
				asked = append(asked, i)
			}
		}
	}
	if asked == nil {
		return 0
	}
	return asked[inv.rng.IntN(len(asked))]
}

// discriminates reports whether a property of this name tells what kind of thing
// its object is.
func discriminates(name string) bool {
	return name == "type" || name == "kind" || name == "component"
}
