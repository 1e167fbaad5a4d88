package picture

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
)

// pen writes SVG path data. Coordinates are relative and rounded to tenths, and optional
// separators are left out (SVG 2, section 9.3.9), because paths are most of a page's
// bytes.
type pen struct {
	strings.Builder
	x, y, startX, startY float64 // rounded, so that rounding errors do not add up
}

// to writes one command, M, L, Q, C or S, given in absolute coordinates. Z closes the
// path.
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

// short writes v with one decimal at most and no leading zero: "-.5", "12".
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

// between is a random number from lo up to hi.
func between(seed *rand.Rand, lo, hi float64) float64 {
	return lo + seed.Float64()*(hi-lo)
}
