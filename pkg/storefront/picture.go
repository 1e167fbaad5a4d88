package storefront

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
)

// PictureStyle says how a store's products are drawn from their own attributes.
type PictureStyle struct {
	Kind   string `json:"kind"`           // wand, cup or vessel
	Body   string `json:"body"`           // the attribute that gives the main colours
	Accent string `json:"accent"`         // the attribute that gives the second colours and the form
	Size   string `json:"size,omitempty"` // the attribute whose number is the size
	// Shades are the colours of each value of those attributes.
	Shades map[string]map[string]Shade `json:"shades"`
}

// Shade is a material's colours, as #rrggbb, and for an accent the form it takes.
type Shade struct {
	Light string `json:"light"`
	Dark  string `json:"dark"`
	Form  string `json:"form,omitempty"`
}

var pictureKinds = []string{"wand", "cup", "vessel"}

// picture is what a product's drawing is made of: shapes as SVG path data in a
// square of 240, and colours. The template of its kind puts them together.
type picture struct {
	ID     string
	Kind   string
	Body   Shade
	Accent Shade

	Outline string // of the thing
	Grain   string // lines on it
	Bands   string // rings around it
	Marks   string // what floats around it, or lies beside it
	Faint   string // the fainter ones of those
	Angle   int    // degrees
	Tip     point
}

type point struct{ X, Y string }

func (ps *PictureStyle) draw(p *Product) picture {
	pic := picture{
		ID:     p.ID,
		Kind:   ps.Kind,
		Body:   ps.Shades[ps.Body][p.Attribute(ps.Body)],
		Accent: ps.Shades[ps.Accent][p.Attribute(ps.Accent)],
	}
	// Seeded by the id alone: a price or a name that changes leaves the picture.
	h := fnv.New64a()
	h.Write([]byte(p.ID)) // never fails, as hash.Hash promises
	seed := rand.New(rand.NewPCG(h.Sum64(), 0))
	switch ps.Kind {
	case "wand":
		size, _ := leadingNumber(p.Attribute(ps.Size))
		pic.wand(size, seed)
	case "cup":
		pic.cup(seed)
	case "vessel":
		pic.vessel(seed)
	}
	return pic
}

// leadingNumber reads the number that s begins with, with a vulgar fraction or a
// decimal part: "10¾ in" is 10.75.
func leadingNumber(s string) (float64, bool) {
	end := strings.IndexFunc(s, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
	if end < 0 {
		end = len(s)
	}
	n, err := strconv.ParseFloat(s[:end], 64)
	if err != nil {
		return 0, false
	}
	switch rest := s[end:]; {
	case strings.HasPrefix(rest, "¼"):
		n += 0.25
	case strings.HasPrefix(rest, "½"):
		n += 0.5
	case strings.HasPrefix(rest, "¾"):
		n += 0.75
	}
	return n, true
}

// pen writes SVG path data: relative, in tenths, without what the grammar can do
// without (SVG 2, section 9.3.9). Paths are most of a page's bytes.
type pen struct {
	strings.Builder
	x, y, startX, startY float64 // as rounded so far, so that no error adds up
}

// to draws one command with absolute coordinates: M, L, Q, C or S; Z closes.
func (p *pen) to(command byte, xy ...float64) *pen {
	if command == 'Z' {
		p.WriteByte('z')
		p.x, p.y = p.startX, p.startY
		return p
	}
	p.WriteByte(command + 'a' - 'A')
	for i, v := range xy {
		from := p.x
		if i%2 == 1 {
			from = p.y
		}
		p.number(v-from, i == 0)
	}
	p.x += tenths(xy[len(xy)-2] - p.x)
	p.y += tenths(xy[len(xy)-1] - p.y)
	if command == 'M' {
		p.startX, p.startY = p.x, p.y
	}
	return p
}

// circle draws a whole circle.
func (p *pen) circle(x, y, r float64) {
	p.to('M', x-r, y)
	for _, way := range []float64{2, -2} {
		p.WriteByte('a')
		p.number(r, true)
		p.number(r, false)
		p.WriteString(" 0 1 0")
		p.number(way*tenths(r), false)
		p.WriteString(" 0")
	}
}

func (p *pen) number(v float64, first bool) {
	s := short(v)
	if !first && s[0] != '-' {
		p.WriteByte(' ')
	}
	p.WriteString(s)
}

func tenths(v float64) float64 { return math.Round(v*10) / 10 }

// short writes v in tenths: "-.5", "12".
func short(v float64) string {
	s := strconv.FormatFloat(tenths(v), 'f', -1, 64)
	switch {
	case s == "-0":
		return "0"
	case strings.HasPrefix(s, "0."):
		return s[1:]
	case strings.HasPrefix(s, "-0."):
		return "-" + s[2:]
	}
	return s
}

// between is a seeded number from lo up to hi.
func between(seed *rand.Rand, lo, hi float64) float64 {
	return lo + seed.Float64()*(hi-lo)
}
