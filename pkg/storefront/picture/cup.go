package picture

import (
	"math"
	"math/rand/v2"
)

// cup draws a cup from above: saucer, porcelain, tea, and tea leaves around the saucer.
func (pic *Picture) cup(seed *rand.Rand) {
	pic.Angle = seed.IntN(120) - 90
	var steam, rim, leaves, pale pen
	for i := range 2 {
		x := 108 + float64(i)*20 + between(seed, -4, 4)
		steam.to('M', x, 134).to('C', x-12, 122, x+12, 112, x+between(seed, -3, 3), 98)
	}
	strokes := 12 + 4*seed.IntN(5)
	for i := range strokes {
		a := 2 * math.Pi * float64(i) / float64(strokes)
		rim.to('M', 120+71*math.Cos(a), 120+71*math.Sin(a)).to('L', 120+76*math.Cos(a), 120+76*math.Sin(a))
	}
	corner := between(seed, 0.3, 1.2) + math.Pi/2*float64(seed.IntN(4))
	for i := range 11 {
		a := corner + between(seed, -0.42, 0.42)
		distance := between(seed, 84, 116)
		p := &leaves
		if i%4 == 3 {
			p = &pale
		}
		leafForm(p, pic.Accent.Form, 120+distance*math.Cos(a), 120+distance*math.Sin(a), between(seed, 3, 4.6), between(seed, 0, 2*math.Pi))
	}
	pic.Grain, pic.Bands, pic.Marks, pic.Faint = steam.String(), rim.String(), leaves.String(), pale.String()
}

// leafForm draws one leaf of the named form around x,y.
func leafForm(p *pen, name string, x, y, size, angle float64) {
	long, wide, bow := 2.4, 0.32, 0.0 // a needle, unless the form is one of the others
	switch name {
	case "pearl":
		p.circle(x, y, size*0.9)
		return
	case "blossom":
		for i := range 5 {
			a := angle + 2*math.Pi*float64(i)/5
			p.circle(x+size*0.9*math.Cos(a), y+size*0.9*math.Sin(a), size*0.62)
		}
		return
	case "blade":
		long, wide = 2.2, 0.75
	case "twist":
		long, wide, bow = 1.9, 0.62, 0.9
	case "flake":
		long, wide = 0.95, 0.6
	}
	cos, sin := math.Cos(angle), math.Sin(angle)
	// at is the point u along the leaf and v across it.
	at := func(u, v float64) (float64, float64) {
		return x + (u*cos-v*sin)*size, y + (u*sin+v*cos)*size
	}
	ax, ay := at(-long, 0)
	bx, by := at(long, 0)
	cx, cy := at(0, -2*wide+bow)
	dx, dy := at(0, 2*wide+bow)
	p.to('M', ax, ay).to('Q', cx, cy, bx, by).to('Q', dx, dy, ax, ay).to('Z')
}
