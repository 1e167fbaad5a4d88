package picture

import (
	"math"
	"math/rand/v2"
)

// station is one point of a profile: x is the distance along the axis and r is half of the
// width there.
type station struct{ x, r float64 }

// grips is the handle shapes, as profiles from the end of the wand to the shaft.
var grips = [][]station{
	{{0, 2}, {2.5, 7.4}, {7, 9.2}, {11.5, 7.4}, {15, 4.6}, {17, 7.5}, {34, 8.5}, {48, 6.5}, {51, 8.5}, {54, 6}},        // pommel and collar
	{{0, 4}, {2, 7}, {10, 8}, {16, 6.5}, {23, 8.5}, {30, 6.5}, {37, 8}, {44, 6}, {50, 7}, {54, 5.5}},                   // rings
	{{0, 3}, {3, 8.5}, {12, 10.5}, {26, 7.5}, {42, 6.2}, {54, 5.4}},                                                    // pear
	{{0, 6}, {1, 6.5}, {20, 6.8}, {40, 6.4}, {43, 9.5}, {47, 9.5}, {50, 6}, {56, 5.2}},                                 // guard
	{{0, 2}, {2, 6}, {9, 9}, {15, 6}, {22, 9.5}, {31, 7}, {39, 9}, {47, 5.8}, {52, 6.6}, {57, 5.2}},                    // knots
	{{0, 2}, {3, 6}, {8, 7.8}, {13, 7.6}, {15.5, 5.2}, {18, 5.5}, {20, 7.6}, {46, 7.6}, {48, 5.6}, {51, 5.6}, {53, 7}}, // cap and wrap
}

// gripScale makes the handles readable at the size of a thumbnail.
const gripScale = 1.18

// wand draws a wand along the x axis, with its middle at 120,120. The template rotates it.
// Its outline is a profile, mirrored.
func (pic *Picture) wand(inches float64, seed *rand.Rand) {
	// Shorter or longer wands would not fit the picture.
	long := 150 + (min(max(inches, 8.5), 15)-8.5)*9.5
	start := 120 - long/2
	grip := grips[seed.IntN(len(grips))]
	profile := make([]station, 0, len(grip)+8)
	for _, s := range grip {
		profile = append(profile, station{start + s.x*gripScale, s.r * gripScale})
	}
	shaft := station{profile[len(profile)-1].x - start, profile[len(profile)-1].r}
	knotted := seed.IntN(3) == 0
	for i := 1; i <= 6; i++ {
		t := float64(i) / 6
		r := shaft.r*(1-t) + 1.6*t
		if knotted && i < 6 {
			r += between(seed, -0.5, 1.1)
		}
		profile = append(profile, station{start + shaft.x + (long-shaft.x)*t, r})
	}
	bend := between(seed, -5, 5)
	// mid is the y of the axis at x. The axis is slightly bent, like a branch.
	mid := func(x float64) float64 {
		t := (x - start) / long
		return 120 + bend*math.Sin(t*math.Pi)
	}

	tip := profile[len(profile)-1]
	pic.Outline = silhouette(profile, mid)
	pic.Angle = -58 + seed.IntN(17)
	pic.Tip = Point{short(tip.x), short(mid(tip.x))}

	var grain, bands, marks, faint pen
	for i := range 3 {
		offset := (float64(i) - 1) / 2.2
		for j := 2; j < len(profile); j += 3 {
			s := profile[j]
			command := byte('L')
			if j == 2 {
				command = 'M'
			}
			grain.to(command, s.x, mid(s.x)+s.r*offset+between(seed, -0.6, 0.6))
		}
	}
	for i, s := range profile[:len(grip)] {
		// Rings are where the handle is narrowest.
		if i > 0 && i < len(grip)-1 && s.r < profile[i-1].r && s.r <= profile[i+1].r {
			y := mid(s.x)
			bands.to('M', s.x, y-s.r).to('Q', s.x+1.8, y, s.x, y+s.r)
		}
	}
	for i := range 6 {
		angle := between(seed, -1.9, 1.9)
		distance := between(seed, 11, 34)
		size := between(seed, 1.8, 4.6)
		p := &marks
		if i%3 == 2 {
			p = &faint
		}
		form(p, pic.Accent.Form, tip.x+distance*math.Cos(angle)*0.8, mid(tip.x)+distance*math.Sin(angle), size, angle)
	}
	pic.Grain, pic.Bands, pic.Marks, pic.Faint = grain.String(), bands.String(), marks.String(), faint.String()
}

// silhouette is the closed, smooth outline through the profile's stations, along the axis
// above it and back below it.
func silhouette(profile []station, mid func(float64) float64) string {
	var p pen
	first, last := profile[0], profile[len(profile)-1]
	p.to('M', first.x, mid(first.x)-first.r)
	for i := 1; i < len(profile); i++ {
		a, b := profile[i-1], profile[i]
		c := (a.x + b.x) / 2
		p.to('C', c, mid(a.x)-a.r, c, mid(b.x)-b.r, b.x, mid(b.x)-b.r)
	}
	p.to('Q', last.x+2.6, mid(last.x), last.x, mid(last.x)+last.r)
	for i := len(profile) - 1; i > 0; i-- {
		a, b := profile[i], profile[i-1]
		c := (a.x + b.x) / 2
		p.to('C', c, mid(a.x)+a.r, c, mid(b.x)+b.r, b.x, mid(b.x)+b.r)
	}
	return p.to('Z').String()
}

// form draws the small shape of an accent around x,y.
func form(p *pen, name string, x, y, size, angle float64) {
	switch name {
	case "star":
		in := size * 0.26
		p.to('M', x, y-size*1.5).to('L', x+in, y-in).to('L', x+size*1.5, y).to('L', x+in, y+in).
			to('L', x, y+size*1.5).to('L', x-in, y+in).to('L', x-size*1.5, y).to('L', x-in, y-in).to('Z')
	case "drop":
		p.to('M', x, y-size*1.5).to('C', x+size*1.3, y, x+size*0.8, y+size, x, y+size).
			to('S', x-size*1.3, y, x, y-size*1.5).to('Z')
	case "bolt":
		p.to('M', x+size*0.5, y-size*1.7).to('L', x-size*0.8, y+size*0.2).to('L', x, y+size*0.2).
			to('L', x-size*0.5, y+size*1.7).to('L', x+size*0.8, y-size*0.3).to('L', x, y-size*0.3).to('Z')
	case "quill":
		dx, dy := math.Cos(angle)*size*2, math.Sin(angle)*size*2
		p.to('M', x-dx, y-dy).to('Q', x-dy*0.5, y+dx*0.5, x+dx, y+dy).
			to('Q', x+dy*0.5, y-dx*0.5, x-dx, y-dy).to('Z')
	default: // ember, mote: a round speck
		p.circle(x, y, size*0.7)
	}
}
