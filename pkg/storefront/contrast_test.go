package storefront_test

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/wandstore/wandstore/pkg/catalogue"
)

// pairs is the text and background colours that the stylesheet combines, with the least
// contrast by WCAG 2.2: 4.5 (1.4.3), or 7 for long text (1.4.6).
var pairs = []struct {
	text, ground string
	least        float64
}{
	{"ink", "bg", 7},
	{"ink", "surface", 7},
	{"ink", "tint", 7},
	{"muted", "bg", 4.5},
	{"muted", "surface", 4.5},
	{"muted", "tint", 4.5},
	{"accent", "bg", 4.5},
	{"accent", "surface", 4.5},
	{"accent", "tint", 4.5},
	{"on-accent", "accent", 4.5},
	{"on-deep", "deep", 7},
	{"deep", "on-deep", 4.5},
	{"bg", "ink", 4.5},
}

func TestPalettesHaveContrast(t *testing.T) {
	style := constantStyle(t)
	palettes := new(catalogue.Theme).Choices()[0].Values
	if len(palettes) < 4 {
		t.Errorf("%d palettes, want at least 4", len(palettes))
	}
	// In the stylesheet, the dark palettes come after the light ones.
	light, dark, found := strings.Cut(style, "@media (prefers-color-scheme:dark)")
	if !found {
		t.Fatal("the stylesheet has no dark form")
	}
	for scheme, css := range map[string]string{"light": light, "dark": dark} {
		for _, name := range palettes {
			t.Run(scheme+" "+name, func(t *testing.T) {
				colours := palette(t, css, name)
				for _, p := range pairs {
					got := contrast(t, colours[p.text], colours[p.ground])
					if got < p.least {
						t.Errorf("%s on %s has %.2f, want %.1f", p.text, p.ground, got, p.least)
					}
				}
				// On the deep colour, the background of cards is a mix of deep and on-deep.
				ground := mixed(t, style, colours["on-deep"], colours["deep"])
				if got := contrast(t, colours["on-deep"], ground); got < 7 {
					t.Errorf("on-deep on a card on deep has %.2f, want 7", got)
				}
			})
		}
	}
}

var share = regexp.MustCompile(`--tint:color-mix\(in srgb,var\(--on-deep\) (\d+)%,var\(--deep\)\)`)

// mixed is the mix of the two colours as the stylesheet computes it.
func mixed(t *testing.T, css, of, ground string) string {
	t.Helper()
	m := share.FindStringSubmatch(css)
	if m == nil {
		t.Fatal("the deep colour has no tint")
	}
	percent, err := strconv.ParseUint(m[1], 10, 8)
	if err != nil {
		t.Fatal(err)
	}
	var mix [3]uint64
	for i := range mix {
		a, errA := strconv.ParseUint(of[1+2*i:3+2*i], 16, 8)
		b, errB := strconv.ParseUint(ground[1+2*i:3+2*i], 16, 8)
		if errA != nil || errB != nil {
			t.Fatalf("colours %q and %q", of, ground)
		}
		mix[i] = (a*percent + b*(100-percent)) / 100
	}
	return fmt.Sprintf("#%02x%02x%02x", mix[0], mix[1], mix[2])
}

var custom = regexp.MustCompile(`--([a-z-]+):(#[0-9a-f]{6})`)

func palette(t *testing.T, css, name string) map[string]string {
	t.Helper()
	_, rest, found := strings.Cut(css, `[data-palette="`+name+`"]{`)
	block, _, closed := strings.Cut(rest, "}")
	if !found || !closed {
		t.Fatalf("no block for %s", name)
	}
	colours := make(map[string]string)
	for _, m := range custom.FindAllStringSubmatch(block, -1) {
		colours[m[1]] = m[2]
	}
	return colours
}

// contrast is the contrast ratio as WCAG 2.2 defines it.
func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	la, lb := luminance(t, a), luminance(t, b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	if len(colour) != 7 {
		t.Fatalf("colour %q is not there", colour)
	}
	var sum float64
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(colour[1+2*i:3+2*i], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		v := float64(n) / 255
		if v <= 0.04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+0.055)/1.055, 2.4)
		}
		sum += weight * v
	}
	return sum
}
