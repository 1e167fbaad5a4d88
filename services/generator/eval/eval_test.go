package eval

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/catalogue/cataloguetest"
	"github.com/wandstore/wandstore/pkg/design"
	"github.com/wandstore/wandstore/pkg/design/gate"
	"github.com/wandstore/wandstore/pkg/persona"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// Sessions are equal for equal seeds, of all personas in each shop, and know the shop.
func TestSessions(t *testing.T) {
	t.Parallel()
	shops := cataloguetest.BuiltIn(t).All()
	const n = 40
	one, err := sessions(shops, n, 7)
	if err != nil {
		t.Fatal(err)
	}
	again, err := sessions(shops, n, 7)
	if err != nil {
		t.Fatal(err)
	}
	other, err := sessions(shops, n, 8)
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	differ := false
	for i, s := range one {
		if s.signals.String() != again[i].signals.String() {
			t.Errorf("session %d: %v, then %v", i, s.signals, again[i].signals)
		}
		differ = differ || s.signals.String() != other[i].signals.String()
		kinds[s.shop.Slug+" "+s.visitor.Persona]++
		for _, id := range slices.Concat(s.signals.GetCart(), s.signals.GetRecentProducts(), s.signals.GetPurchased()) {
			if _, known := s.shop.Product(id); !known {
				t.Errorf("session %d: %s does not sell %s", i, s.shop.Slug, id)
			}
		}
	}
	if !differ {
		t.Error("another seed gives the same sessions")
	}
	if want := len(shops) * len(persona.All()); len(kinds) != want {
		t.Errorf("kinds of sessions: %v, want %d", kinds, want)
	}
}

func pageOf(theme catalogue.Theme, types ...string) map[string]float64 {
	d := design.Design{Theme: theme}
	for _, name := range types {
		d.Sections = append(d.Sections, design.Section{Type: name})
	}
	return features(d)
}

func TestDistance(t *testing.T) {
	t.Parallel()
	day, night := catalogue.Theme{Palette: "porcelain"}, catalogue.Theme{Palette: "midnight"}
	base := pageOf(day, "hero", "deals", "faq")
	if d := distance(base, base); d != 0 {
		t.Errorf("to itself: %v", d)
	}
	if d := distance(pageOf(day), map[string]float64{"x": 1}); d != 1 {
		t.Errorf("to another world: %v", d)
	}
	if d := distance(nil, nil); d != 0 {
		t.Errorf("of nothing: %v", d)
	}
	// The nearer to the top two pages differ, the more they do; colours are the least.
	ordered := []float64{
		distance(base, pageOf(night, "hero", "deals", "faq")),
		distance(base, pageOf(day, "hero", "deals", "story")),
		distance(base, pageOf(day, "hero", "story", "faq")),
		distance(base, pageOf(day, "search", "deals", "faq")),
		distance(base, pageOf(day, "search", "story", "craft")),
	}
	if !slices.IsSorted(ordered) || ordered[0] <= 0 || ordered[4] >= 1 {
		t.Errorf("distances %v", ordered)
	}
	if ab, ba := distance(base, pageOf(night, "faq")), distance(pageOf(night, "faq"), base); math.Abs(ab-ba) > 1e-12 {
		t.Errorf("one way %v, the other %v", ab, ba)
	}
}

// A designer with a page for each persona is recognised; one with one page for all, or who
// throws dice, is not.
func TestToldApart(t *testing.T) {
	t.Parallel()
	types := []string{"hero", "deals", "faq", "story", "craft", "search", "guide", "quote"}
	session := func(name string, page map[string]float64) SessionResult {
		return SessionResult{Shop: "magic-wands", Persona: name, features: page}
	}
	var recognised, alike, byNumber []SessionResult
	for i := range 24 {
		name := persona.All()[i%4]
		recognised = append(recognised, session(name, pageOf(catalogue.Theme{}, types[i%4], types[4+i/4%4])))
		alike = append(alike, session(name, pageOf(catalogue.Theme{}, "hero", "faq")))
		byNumber = append(byNumber, session(name, pageOf(catalogue.Theme{}, types[i/4], types[(i/4+3)%8])))
	}
	for name, tt := range map[string]struct {
		results     []SessionResult
		least, most float64
	}{"one for each": {recognised, 1, 1}, "one for all": {alike, .2, .25}, "by number": {byNumber, 0, .1}} {
		got, ok := toldApart(tt.results)
		if !ok || got.nearest < tt.least || got.nearest > tt.most {
			t.Errorf("%s: %+v, %v, want from %v to %v", name, got, ok, tt.least, tt.most)
		}
	}
	if got, _ := toldApart(recognised); got.between <= got.within {
		t.Errorf("between %v, within %v", got.between, got.within)
	}
	if _, ok := toldApart(recognised[:4]); ok {
		t.Error("four personas with a design each tell nothing")
	}
}

// Each rule is broken by an answer that breaks it and nothing else.
func TestRules(t *testing.T) {
	t.Parallel()
	shop := cataloguetest.Shop(t, "magic-wands")
	cart, viewed := shop.Products[0].ID, shop.Products[1].ID
	good := `{"theme":{"palette":"midnight","typeface":"classic","density":"airy","corner":"soft","motion":"still"},"sections":[` +
		`{"type":"hero","headline":"A quiet shelf","body":"Wood and patience."},{"type":"deals","headline":"Good value"},` +
		`{"type":"product-grid","headline":"Close at hand","productIds":["` + cart + `","` + viewed + `"]},{"type":"collections"},{"type":"story","body":"Once."},{"type":"figures"},{"type":"quote","body":"Twice."},{"type":"faq"}]}`
	for want, edit := range map[string]func(string) string{
		"":                                 func(s string) string { return s },
		"one JSON object and nothing else": func(s string) string { return "Here it is: " + s },
		"on one line":                      func(s string) string { return replaced(s, `,"sections"`, ",\n\"sections\"") },
		"as many sections as asked for":    func(s string) string { return replaced(s, `,{"type":"faq"}`, "") },
		"begins as the kind does": func(s string) string {
			return replaced(s, `{"type":"deals","headline":"Good value"}`, `{"type":"quote","body":"Wood remembers."}`)
		},
		"varies its sections":                  func(s string) string { return replaced(s, `{"type":"faq"}`, `{"type":"faq"},{"type":"faq"}`) },
		"cart and views high on the page":      func(s string) string { return replaced(s, `"`+cart+`",`, "") },
		"products of the shop, where they fit": func(s string) string { return replaced(s, `"`+cart+`"`, `"`+cart+`","no-such-wand"`) },
		"fields and choices of the schema":     func(s string) string { return replaced(s, `"midnight"`, `"neon"`) },
		"no prices, promises or observations":  func(s string) string { return replaced(s, "Wood and patience.", "Wood and patience. Now $5.") },
		"no exclamation marks":                 func(s string) string { return replaced(s, "patience.", "patience!") },
	} {
		answer := edit(good)
		d, report, err := gate.Parse([]byte(answer), shop)
		if err != nil {
			t.Fatal(err)
		}
		j := judged{
			session{shop, persona.Visitor{Persona: persona.Dealhunter}, &wandstorev1.StoreSignals{Cart: []string{cart}, RecentProducts: []string{viewed}}},
			answer, d, report,
		}
		var broken []string
		for _, rule := range rules {
			if rule.broken(j) {
				broken = append(broken, rule.name)
			}
		}
		if want == "" && broken == nil || slices.Equal(broken, []string{want}) {
			continue
		}
		t.Errorf("want %q broken, not %q, by\n%s", want, broken, answer)
	}
}

func replaced(s, what, with string) string {
	if !strings.Contains(s, what) {
		panic("nothing to replace: " + what)
	}
	return strings.Replace(s, what, with, 1)
}
