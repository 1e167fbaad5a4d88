package picture

import (
	"hash/fnv"
	"math/rand/v2"

	"github.com/wandstore/wandstore/pkg/catalogue"
)

// Picture is the shapes of a drawing, as SVG path data in a square of 240 by 240, and its
// colours. A template of package storefront combines them, one for each kind.
type Picture struct {
	Kind   string
	Body   catalogue.Shade
	Accent catalogue.Shade

	// The use of each shape depends on the kind.
	Outline string // the silhouette
	Grain   string // lines on the surface
	Bands   string // rings
	Marks   string // small shapes around the product
	Faint   string // a lighter part of the marks
	Angle   int    // degrees
	Tip     Point
}

// Point is a position. Its coordinates are written as in path data.
type Point struct{ X, Y string }

// Draw draws the product in the shop's style. Equal inputs give equal drawings. Variation
// is seeded by the product's id alone, so a new price or name does not change the
// drawing.
func Draw(style *catalogue.PictureStyle, p *catalogue.Product) Picture {
	pic := Picture{
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
