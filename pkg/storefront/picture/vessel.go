package picture

import "math/rand/v2"

// vessels is the profiles of the forms, from the rim to the foot: x is the distance from
// the top of the picture and r is half of the width.
var vessels = map[string][]station{
	"bowl":  {{104, 80}, {124, 76}, {152, 60}, {176, 38}, {184, 29}, {196, 32}},
	"plate": {{152, 98}, {160, 92}, {172, 66}, {182, 44}, {190, 42}},
	"mug":   {{84, 47}, {104, 49}, {146, 50}, {178, 48}, {190, 43}, {196, 41}},
	"jug":   {{54, 36}, {72, 30}, {104, 44}, {146, 57}, {178, 50}, {198, 38}},
	"vase":  {{40, 27}, {56, 19}, {76, 23}, {112, 50}, {148, 57}, {180, 43}, {200, 33}},
	"jar":   {{76, 42}, {90, 50}, {138, 56}, {178, 51}, {198, 43}},
}

// vessel draws a vessel from the side. Its outline is a profile, mirrored. The glaze ends
// in a wavy line above the foot, and below it is bare clay.
func (pic *Picture) vessel(seed *rand.Rand) {
	form := pic.Accent.Form
	profile, ok := vessels[form]
	if !ok {
		form, profile = "bowl", vessels["bowl"]
	}
	profile = append([]station(nil), profile...)
	wider := between(seed, 0.94, 1.04)
	for i := range profile {
		profile[i].r *= wider
	}
	rim, foot := profile[0], profile[len(profile)-1]

	// Down the right side, then up the left side.
	var outline, clay, mouth, handle, rings pen
	outline.to('M', 120+rim.r, rim.x)
	for i := 1; i < len(profile); i++ {
		a, b := profile[i-1], profile[i]
		y := (a.x + b.x) / 2
		outline.to('C', 120+a.r, y, 120+b.r, y, 120+b.r, b.x)
	}
	outline.to('Q', 120, foot.x+5, 120-foot.r, foot.x)
	for i := len(profile) - 1; i > 0; i-- {
		a, b := profile[i], profile[i-1]
		y := (a.x + b.x) / 2
		outline.to('C', 120-a.r, y, 120-b.r, y, 120-b.r, b.x)
	}
	outline.to('Z')

	dip := foot.x - between(seed, 8, 22)
	clay.to('M', 10, dip)
	for x := 32.0; x <= 230; x += 22 {
		clay.to('Q', x-11, dip+between(seed, -6, 9), x, dip+between(seed, -2, 3))
	}
	clay.to('L', 230, 215).to('L', 10, 215).to('Z')

	open := rim.r * 0.13 // the rim is a circle seen from slightly above
	mouth.to('M', 120-rim.r, rim.x).to('Q', 120, rim.x-2*open, 120+rim.r, rim.x).to('Q', 120, rim.x+2*open, 120-rim.r, rim.x).to('Z')
	switch form {
	case "mug":
		handle.to('M', 120+47*wider, 104).to('C', 214, 98, 214, 176, 120+46*wider, 172)
	case "jug":
		handle.to('M', 120+30*wider, 70).to('C', 212, 62, 204, 152, 120+54*wider, 146)
	case "jar": // the knob of its lid
		handle.to('M', 113, 65).to('Q', 120, 58, 127, 65)
	}
	for i := 1 + seed.IntN(2); i < len(profile)-1; i++ {
		s := profile[i]
		r := s.r * 0.94
		rings.to('M', 120-r, s.x).to('Q', 120, s.x+r*0.2, 120+r, s.x)
	}
	pic.Outline, pic.Faint, pic.Bands, pic.Marks, pic.Grain = outline.String(), clay.String(), mouth.String(), handle.String(), rings.String()
}
