package invent

import "slices"

// deck is what is left to deal of a number of choices.
type deck struct {
	left []int
	last int
}

// deal takes one of n choices of s: each once before any comes twice, and none
// twice in a row. firstFirst has the first choice come first.
func (inv *Inventor) deal(s *schema, n int, firstFirst bool) int {
	d, dealt := inv.decks[s.original()]
	if !dealt {
		d = &deck{}
		inv.decks[s.original()] = d
	}
	if len(d.left) == 0 {
		d.left = inv.rng.Perm(n)
		switch {
		case !dealt && firstFirst:
			at := slices.Index(d.left, 0)
			d.left[0], d.left[at] = 0, d.left[0]
		case dealt && d.left[0] == d.last:
			d.left[0], d.left[n-1] = d.left[n-1], d.left[0]
		}
	}
	// A joined schema can have fewer choices than the deck was made for.
	d.last = d.left[0] % n
	d.left = d.left[1:]
	return d.last
}

// discriminates reports whether a property of this name tells what kind of thing
// its object is.
func discriminates(name string) bool {
	return name == "type" || name == "kind" || name == "component"
}
