package invent

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestHeadlinesVary(t *testing.T) {
	seen := map[string]bool{}
	for i := range 2000 {
		w := newCopywriter(rand.New(rand.NewPCG(1, uint64(i))), "wands")
		seen[w.write("headline", 0, 60)] = true
	}
	if len(seen) < 400 {
		t.Errorf("%d distinct headlines in 2000", len(seen))
	}
}

func TestCopyFollowsTheConversation(t *testing.T) {
	text := func(about string) string {
		w := newCopywriter(rand.New(rand.NewPCG(1, 1)), about)
		var b strings.Builder
		for range 60 {
			b.WriteString(w.write("headline", 0, 80) + " " + w.write("body", 0, 400) + "\n")
		}
		return b.String()
	}
	got := text("a shop of brooms for an explorer: broom on sale, broom on sale, broom on sale")
	if !strings.Contains(got, "broom") || strings.Contains(got, "wand") {
		t.Errorf("not about brooms:\n%s", got)
	}
	for _, tone := range tones {
		spoken := slices.ContainsFunc(tone.leads, func(lead string) bool { return strings.Contains(got, lead) })
		if want := tone.persona == "explorer"; spoken != want {
			t.Errorf("%s tone for an explorer: %v", tone.name, spoken)
		}
	}
}

func TestCopyFits(t *testing.T) {
	w := newCopywriter(rand.New(rand.NewPCG(1, 1)), "")
	for _, name := range []string{"headline", "sub_title", "body", "eyebrow", "actionLabel", "quote", "author", "caption", "summary", "label", "href", "frobnication"} {
		for most := range 80 {
			if got := w.write(name, 0, most); utf8.RuneCountInString(got) > most {
				t.Fatalf("%s: %q is longer than %d", name, got, most)
			}
		}
		if got := w.write(name, 300, 320); utf8.RuneCountInString(got) > 320 || utf8.RuneCountInString(got) < 150 {
			t.Errorf("%s: %d characters of 300 to 320", name, utf8.RuneCountInString(got))
		}
	}
}

// An answer has nearly as many words as the conversation allows, however its parts are drawn.
func TestAnswersAreAsLongAsAskedFor(t *testing.T) {
	const listed = `{"type":"object","required":["sections"],"properties":{"sections":{"type":"array","items":{"type":"object","required":["headline"],"properties":{
		"headline":{"type":"string","maxLength":90},"body":{"type":"string","maxLength":600},"items":{"type":"array","maxItems":6,"items":{"type":"object","required":["body"],"properties":{"body":{"type":"string","maxLength":200}}}}}}}}}`
	for conversation, want := range map[string][2]int{
		"Five sections and under 250 words.":                   {170, 260},
		"Eight or nine sections, under 350 words.":             {250, 370},
		"Under 900 words. No, under 350 words. Nine sections.": {250, 370},
	} {
		for seed := range uint64(30) {
			text, err := New(seed, conversation).JSON([]byte(listed))
			if err != nil {
				t.Fatal(err)
			}
			if n := len(strings.Fields(string(text))); n < want[0] || n > want[1] {
				t.Errorf("%q: %d words", conversation, n)
			}
		}
	}
}
