package gate

import (
	"strings"
	"testing"

	"github.com/wandstore/wandstore/pkg/design"
)

func TestClaims(t *testing.T) {
	claiming := []string{
		"Only $9.99 today", "now 49.99", "50% off", "50 % off everything", "save up to 20", "Half price this week", "only 3 EUR",
		"EUR 3", "ten dollars", "fifty percent off", "nine-pound special", "Now 5€", "５０％ off", "＄9", "٥٠٪ off", "Was 80, now 40.",
		"Free shipping on this one", "Use coupon WAND10", "A voucher inside", "two for one", "buy one, get one", "the lowest price",
		"just 49", "priced at 20", "It costs 12 to own", "only 2 left", "3 left", "Selling fast", "almost gone", "d\u200biscount", "d\u0301iscounted",
		"see https://evil.example", "visit evil.example for more", "www.evil.test", "mail me@evil.example", "javascript:alert(1)", "call +44 20 7946 0958",
		"worth 300", "20 off", "9.99",
		"We saw you looking at Nightjar.", "We noticed that you like oak", "You recently viewed these", "You've searched for yew", "You left it in your cart",
		"Because you like the quiet ones", "Based on your visits", "From your browsing history", "We remember your taste",
	}
	for _, s := range claiming {
		if !claims(s) {
			t.Errorf("%q passes", s)
		}
	}
	allowed := []string{
		"A wand for people who know what they want.", "Holly and comet ember, 10¾ inches long.", "10.75 inches of ash.",
		"Since 1871, one branch at a time.", "Turned from 200-year-old oak.", "Ready in 4 minutes at 70 °C.", "Under the counter and over the hill.",
		"It saves the evening.", "The e.g. and the i.e. of wands.", "End of one.Start of two.", "Three good wands, plainly shown", "From 9 to 14 inches",
		"On sale now", "Nothing here is hurried.",
		"Picked for you", "Close at hand", "Set aside for you", "Good to have you back", "A wand with a long history", "What is left of an old orchard.",
	}
	for _, s := range allowed {
		if claims(s) {
			t.Errorf("%q is taken for a claim", s)
		}
	}
}

// A sentence is matched against the patterns only whose cues or signs it has, so no other may
// match it.
func FuzzCuesMissNoClaim(f *testing.F) {
	for _, s := range []string{
		"ten dollars", "two for one", "free of charge", "knocked down", "half-price", "evil.example", "a@b", "per cent", "EUR 3", "only 2 left", "20+ off", "it costs 3",
		"+44 20 7946 0958", "you left it all in", "data:x", "www.x", "9.99", "now 49", "€",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		s = fold(s)
		has := signsOf(s)
		for _, c := range claimed {
			if c.pattern.MatchString(s) && !c.mayBeIn(s, has) {
				t.Errorf("%q matches %s, and has none of its cues", s, c.pattern)
			}
		}
		if amounts(s) && has&digits == 0 {
			t.Errorf("%q has an amount without a digit", s)
		}
	})
}

func TestLine(t *testing.T) {
	tests := map[string]struct{ in, want string }{
		"plain":               {"A good wand.", "A good wand."},
		"folded":              {"  A \n good\twand. ", "A good wand."},
		"tags":                {"A <b>good</b> wand", "A good wand"},
		"script":              {"A <script>alert(1)</script>wand", "A wand"},
		"unclosed script":     {"A wand<script>alert(1)", "A wand"},
		"hidden tags":         {"A &lt;img src=x onerror=alert(1)&gt; wand", "A wand"},
		"entities":            {"Salt &amp; ash", "Salt & ash"},
		"less than":           {"a < b", "a < b"},
		"bidi":                {"A \u202egnol\u202c wand\u2066", "A gnol wand"},
		"zero width":          {"w\u200ban\u200dd", "wand"},
		"controls":            {"w\x00a\x1bn\u0085d", "wan d"},
		"invalid":             {"w\xffand", "wand"},
		"many marks":          {"w" + strings.Repeat("\u0301", 40), "w\u0301\u0301"},
		"markdown":            {"## A **good** `wand`", "A good wand"},
		"nothing to read":     {"*** --- !!!", ""},
		"claim removed":       {"A good wand. Only $5 today! Yours for years.", "A good wand. Yours for years."},
		"nothing left":        {"Now 50% off", ""},
		"emoji stay":          {"Sparks ✨ fly", "Sparks ✨ fly"},
		"other scripts":       {"魔法の杖。とても良い。", "魔法の杖。とても良い。"},
		"truncated":           {"one two three four five six seven eight", "one two three four five six…"},
		"truncated in a word": {strings.Repeat("x", 50), strings.Repeat("x", 29) + "…"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := line(tt.in, 30, &design.Report{}); got != tt.want {
				t.Errorf("line(%q) is %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

func TestParagraphs(t *testing.T) {
	var rep design.Report
	got := paragraphs("One.\r\n\r\n\n\nTwo is $2. Still two.\n\nThree\nfolds.\n\nFour.\n\nFive.", 600, &rep)
	if want := "One.\n\nStill two.\n\nThree folds.\n\nFour."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if rep.DroppedClaims != 1 {
		t.Errorf("%d claims, want 1", rep.DroppedClaims)
	}
}
