package picture

import (
	"hash/fnv"
	"math/rand/v2"

	"github.com/wandstore/wandstore/pkg/catalogue"
)

// Picture is a drawing's shapes, as SVG path data in a square of 240, and its
// colours. The template of its kind, in package storefront, combines them.
type Picture struct {
	ID     string
	Kind   string
	Body   catalogue.Shade
	Accent catalogue.Shade

	Outline string // of the thing
	Grain   string // lines on it
	Bands   string // rings around it
	Marks   string // what surrounds it
	Faint   string // the fainter ones of those
	Angle   int    // degrees
	Tip     Point
}

// Point is a position, its coordinates written as path data is.
type Point struct{ X, Y string }

// Draw draws the product in the shop's style. Equal inputs give equal drawings: what
// looks random is seeded by the product's id alone, so that a new price or name
// leaves the picture as it was.
func Draw(style *catalogue.PictureStyle, p *catalogue.Product) Picture {
	pic := Picture{
		ID:     p.ID,
		Kind:   style.Kind,
		Body:   style.Shades[style.Body][p.Attribute(style.Body)],
		Accent: style.Shades[style.Accent][p.Attribute(style.Accent)],
	}
	h := fnv.New64a()
	h.Write([]byte(p.ID)) // never fails, as hash.Hash promises
	seed := rand.New(rand.NewPCG(h.Sum64(), 0))
	switch style.Kind {
	case "wand":
		size, _ := catalogue.LeadingNumber(p.Attribute(style.Size))
		pic.wand(size, seed)
	case "cup":
		pic.cup(seed)
	case "vessel":
		pic.vessel(seed)
	}
	return pic
}
