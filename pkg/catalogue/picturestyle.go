package catalogue

import (
	"strconv"
	"strings"
)

// PictureStyle says how a shop's products are drawn from their attributes. The zero
// PictureStyle draws none: a product without a picture then has none.
type PictureStyle struct {
	Kind   string `json:"kind"`           // wand, cup or vessel
	Body   string `json:"body"`           // the attribute that gives the main colours
	Accent string `json:"accent"`         // the attribute that gives the second colours and the form
	Size   string `json:"size,omitempty"` // the attribute whose number is the size
	// Shades is the colours by attribute name and attribute value.
	Shades map[string]map[string]Shade `json:"shades"`
}

func (ps *PictureStyle) none() bool {
	return ps.Kind == "" && ps.Body == "" && ps.Accent == "" && ps.Size == "" && len(ps.Shades) == 0
}

// Shade is the colours of an attribute's value, as #rrggbb, and for an accent its form.
type Shade struct {
	Light string `json:"light"`
	Dark  string `json:"dark"`
	Form  string `json:"form,omitempty"`
}

// PictureKinds are the kinds of drawings that package picture knows.
var PictureKinds = []string{"wand", "cup", "vessel"}

// LeadingNumber is the number at the beginning of s. It may have decimals or a vulgar
// fraction: "10¾ in" is 10.75. The result is false if s does not begin with a number.
func LeadingNumber(s string) (float64, bool) {
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
