package prompt_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/wandstore/wandstore/pkg/catalogue/cataloguetest"
	"github.com/wandstore/wandstore/pkg/persona"
	"github.com/wandstore/wandstore/pkg/prompt"
)

// What a merchant decides is told in the beginning that all shoppers of a persona share, and
// what they exclude is not offered.
func TestMerchantsRulesAreShared(t *testing.T) {
	t.Parallel()
	shop := cataloguetest.Edited(t, "magic-wands", func(d map[string]any) {
		d["rules"] = map[string]any{
			"voice": "Dry, never loud.", "neverSay": []any{"cheap"}, "noSections": []any{"deals"},
			"products": []any{
				map[string]any{"product": "emberhollow", "do": "promote"}, map[string]any{"product": "oakenfell", "do": "exclude"},
				map[string]any{"product": "nightjar", "do": "exclude", "personas": []any{persona.Dealhunter}},
			},
		}
	})
	rng := rand.New(rand.NewPCG(1, 2))
	starts := map[string]string{}
	for range shoppers {
		in := shopper(rng, shop)
		p, err := prompt.Build(in)
		if err != nil {
			t.Fatal(err)
		}
		inUser, _, _ := strings.Cut(p.User, "<data>")
		start := p.System + inUser
		if _, rest, _ := strings.Cut(inUser, "<shop>"); !strings.Contains(rest, `"voice":"Dry, never loud.","never":["cheap"],"first":["emberhollow"]`) {
			t.Fatalf("the shop's data: %.200s", rest)
		}
		name := in.Visitor.Persona
		if before, ok := starts[name]; ok && before != start {
			t.Errorf("%s: two beginnings", name)
		}
		starts[name] = start
		for word, want := range map[string]bool{`"oakenfell"`: false, `"nightjar"`: name != persona.Dealhunter, `"const":"deals"`: false, `"const":"ladder"`: true} {
			if got := strings.Contains(start, word); got != want {
				t.Errorf("%s: %s is offered: %v", name, word, got)
			}
		}
		if strings.Contains(p.User, "deals, ladder") {
			t.Error("a page may begin with what is not wanted")
		}
	}
	if starts[persona.Explorer] != starts[persona.Loyalist] || starts[persona.Explorer] == starts[persona.Dealhunter] {
		t.Error("beginnings differ by more than the rules")
	}
}
