package gate_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/wandstore/wandstore/pkg/catalogue/cataloguetest"
	"github.com/wandstore/wandstore/pkg/design"
	"github.com/wandstore/wandstore/pkg/design/gate"
	"github.com/wandstore/wandstore/pkg/design/gate/answertest"
)

// However an answer is cut into pieces, its sections are known as soon as they are
// complete, in order, and none is known otherwise than it is in the whole answer.
func TestAnAnswerIsReadWhileItComes(t *testing.T) {
	t.Parallel()
	shop := cataloguetest.Shop(t, "magic-wands")
	for _, tt := range answertest.All {
		if len(tt.Answer) > 16<<10 || withoutBeginning(tt) {
			continue
		}
		t.Run(tt.Name, func(t *testing.T) {
			t.Parallel()
			whole, _, _ := gate.Parse([]byte(tt.Answer), shop)
			for _, size := range []int{1, 7, 64, len(tt.Answer) + 1} {
				b := gate.Beginning{Shop: shop}
				known := 0
				for rest := tt.Answer; rest != ""; {
					piece := rest[:min(size, len(rest))]
					rest = rest[len(piece):]
					d, ok := b.Add(piece)
					if !ok {
						continue
					}
					if len(d.Sections) < known || len(d.Sections) > len(whole.Sections) || !reflect.DeepEqual(d.Sections, whole.Sections[:len(d.Sections)]) {
						t.Fatalf("in pieces of %d, after %q: %+v is not the beginning of %+v", size, tt.Answer[:len(tt.Answer)-len(rest)], d.Sections, whole.Sections)
					}
					known = len(d.Sections)
				}
				if known != len(whole.Sections) {
					t.Errorf("in pieces of %d: %d sections were known of %d", size, known, len(whole.Sections))
				}
			}
		})
	}
}

// withoutBeginning reports whether an answer is none of JSON that is read from its first
// byte on: HTML, JSON in a string, one that contradicts itself, and one with thoughts, which
// the caller removes.
func withoutBeginning(a answertest.Answer) bool {
	return strings.HasPrefix(a.Name, "HTML") || strings.HasSuffix(a.Name, "twice") || strings.Contains(a.Name, "string") ||
		strings.Contains(a.Answer, "think>") || strings.Contains(a.Answer, "think▷")
}

// The first section is known when its last byte has come, and the theme with it.
func TestTheFirstSectionIsKnownAtItsEnd(t *testing.T) {
	t.Parallel()
	b := gate.Beginning{Shop: cataloguetest.Shop(t, "magic-wands")}
	first, rest, _ := strings.Cut(answertest.Good, `},{"type":"product-grid"`)
	if d, ok := b.Add(first); ok {
		t.Fatalf("known before its end: %+v", d)
	}
	d, ok := b.Add("}")
	if !ok || len(d.Sections) != 1 || d.Sections[0].Headline != "A quiet shelf" || d.Theme.Palette != "midnight" {
		t.Errorf("%v, %+v", ok, d)
	}
	if d, ok := b.Add(`,{"type":"product-grid"` + rest); !ok || len(d.Sections) != 2 {
		t.Errorf("%v, %+v", ok, d)
	}
}

func FuzzBeginning(f *testing.F) {
	for _, tt := range answertest.All {
		if len(tt.Answer) < 4<<10 {
			f.Add(tt.Answer, 5)
		}
	}
	shop := cataloguetest.Shop(f, "magic-wands")
	f.Fuzz(func(t *testing.T, answer string, size int) {
		b := gate.Beginning{Shop: shop}
		for rest := answer; rest != ""; {
			n := min(max(1, size), len(rest))
			d, ok := b.Add(rest[:n])
			rest = rest[n:]
			if ok != (len(d.Sections) > 0) || len(d.Sections) > design.MaxSections {
				t.Fatalf("%v, %+v", ok, d)
			}
			if fitted := d.Fit(shop, &design.Report{}); ok && !reflect.DeepEqual(fitted, d) {
				t.Fatalf("%+v cannot be rendered as it is, but as %+v", d, fitted)
			}
		}
	})
}
