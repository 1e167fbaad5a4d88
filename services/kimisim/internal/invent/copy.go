package invent

import (
	"math/rand/v2"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// longestCopy bounds what minLength can ask for, in characters.
const longestCopy = 10_000

// drafts is how often copy is composed before it is truncated to fit.
const drafts = 12

// copywriter composes shop copy. What it writes about and in which tone comes
// from the conversation, so that pages of different shoppers read differently.
// It never states a price or names a product: both belong to the shop.
type copywriter struct {
	rng   *rand.Rand
	goods goods
	tone  tone
	// said holds what a page has already used.
	said map[string]bool
	// limited says that the conversation limits the words of the answer. words is how many it may
	// still have, part how many the part of it that is being written.
	limited     bool
	words, part int
}

// beginPart begins one of the parts of the answer, of which so many are left with it. Each
// gets as many words as are left for it, so that an answer is about as long as it may be
// however its parts are drawn.
func (w *copywriter) beginPart(left int) { w.part = w.words / left }

// needs reports whether a part has words left that only a text of this name can hold.
func (w *copywriter) needs(name string) bool {
	return w.limited && w.part >= sentence && strings.HasSuffix(strings.ToLower(name), "body")
}

// items is how many of n items with a text each the part has words for, one at least.
func (w *copywriter) items(n int) int {
	if !w.limited {
		return n
	}
	return max(1, min(n, w.part/(2*sentence)))
}

// newCopywriter takes the goods and the tone that the conversation names most.
func newCopywriter(rng *rand.Rand, conversation string) *copywriter {
	words := strings.FieldsFunc(strings.ToLower(conversation), func(r rune) bool {
		return !unicode.IsLetter(r)
	})
	count := make(map[string]int, len(words))
	for _, w := range words {
		count[w]++
	}
	w := &copywriter{rng: rng, goods: anyGoods, said: map[string]bool{}}
	// A model stays below a limit, and mostly not far below.
	if most := wordLimit(conversation); most > 0 {
		w.limited, w.words = true, most*(88+rng.IntN(10))/100
	}

	most := 0
	for _, g := range allGoods {
		if n := count[g.one] + count[g.many]; n > most {
			w.goods, most = g, n
		}
	}
	// The seed decides between tones that are named as often.
	w.tone, most = tones[rng.IntN(len(tones))], 0
	for _, i := range rng.Perm(len(tones)) {
		// A persona's name outweighs every sign: a catalogue says "sale" more often
		// than a prompt names the persona.
		n := count[tones[i].persona] * len(words)
		for _, sign := range tones[i].signs {
			n += count[sign]
		}
		if n > most {
			w.tone, most = tones[i], n
		}
	}
	return w
}

// write returns copy for a property of this name, at least least and at most most
// characters long. most wins over least.
func (w *copywriter) write(name string, least, most int) string {
	least = min(least, longestCopy)
	compose := w.composer(name)
	if most <= shortCopy {
		compose = w.shortComposer(name, compose)
	}
	text := ""
	for range drafts {
		text = w.fill(compose())
		if n := utf8.RuneCountInString(text); n >= least && n <= most && !w.said[text] {
			break
		}
	}
	for utf8.RuneCountInString(text) < least {
		text += " " + w.fill(pick(w.rng, sentences))
	}
	text = fit(text, most)
	w.said[text] = true
	n := len(strings.Fields(text))
	w.words, w.part = max(w.words-n, 0), w.part-n
	return text
}

// shortCopy is the most characters of copy that has room for a sentence only.
const shortCopy = 140

// shortComposer is compose, or that of a single sentence in place of several.
func (w *copywriter) shortComposer(name string, compose func() string) func() string {
	if strings.HasSuffix(strings.ToLower(name), "body") {
		return w.lead
	}
	return compose
}

// composer picks what kind of copy a property holds by the end of its name, so
// that "heroHeadline" and "section_title" are headlines too.
func (w *copywriter) composer(name string) func() string {
	name = strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(name))
	ends := func(suffixes ...string) bool {
		return slices.ContainsFunc(suffixes, func(s string) bool { return strings.HasSuffix(name, s) })
	}
	one := func(bank []string) func() string {
		return func() string { return pick(w.rng, bank) }
	}
	switch {
	case ends("subheadline", "subheading", "subtitle", "tagline", "lede", "lead", "intro", "dek"):
		return w.lead
	case ends("eyebrow", "kicker", "badge", "overline"):
		return one(slices.Concat(w.tone.eyebrows, eyebrows))
	case ends("actionlabel", "action", "cta", "ctalabel", "button", "buttonlabel", "buttontext", "linklabel", "linktext"):
		return one(slices.Concat(w.tone.actions, actions))
	case ends("headline", "heading", "title"):
		return w.headline
	case ends("body", "text", "copy", "description", "paragraph", "story", "content", "blurb"):
		return w.body
	case ends("quote", "testimonial", "review"):
		return one(quotes)
	case ends("author", "attribution", "byline", "customer", "cite"):
		return one(authors)
	case ends("caption", "note", "alt", "footnote", "hint"):
		return one(notes)
	case ends("summary", "rationale", "reason", "reasoning", "why"):
		return w.rationale
	case ends("label", "name", "tag"):
		return one(eyebrows)
	case ends("url", "href", "link"):
		return func() string { return "#" }
	default:
		return one(neutral)
	}
}

func (w *copywriter) headline() string {
	switch w.rng.IntN(4) {
	case 0:
		return pick(w.rng, w.tone.headlines)
	case 1:
		return pick(w.rng, openings) + " " + pick(w.rng, endings)
	case 2:
		return "The " + pick(w.rng, qualities) + " {one}, " + pick(w.rng, endings)
	default:
		return capital(pick(w.rng, qualities)) + " {many}, " + pick(w.rng, endings)
	}
}

func (w *copywriter) lead() string {
	return pick(w.rng, slices.Concat(w.tone.leads, sentences))
}

// longestBody bounds a body, in sentences.
const longestBody = 8

// body is as many sentences as the part has words for, or three or four if nobody limits them.
// The first is in the shopper's tone, as long as the page has not used up that tone's
// sentences.
func (w *copywriter) body() string {
	parts := make([]string, 1, longestBody)
	parts[0] = w.fresh(w.tone.leads, sentences)
	if !w.limited {
		for range 2 + w.rng.IntN(2) {
			parts = append(parts, w.fresh(sentences))
		}
		return strings.Join(parts, " ")
	}
	for n := len(strings.Fields(parts[0])); len(parts) < longestBody && n < w.part-sentence/2; {
		next := w.fresh(sentences)
		parts, n = append(parts, next), n+len(strings.Fields(next))
	}
	return strings.Join(parts, " ")
}

// sentence is about how many words a sentence has.
const sentence = 12

// fresh picks a text that the page has not used yet, of the first bank that has
// one left.
func (w *copywriter) fresh(banks ...[]string) string {
	for _, bank := range banks {
		for _, i := range w.rng.Perm(len(bank)) {
			if !w.said[bank[i]] {
				w.said[bank[i]] = true
				return bank[i]
			}
		}
	}
	return pick(w.rng, banks[len(banks)-1])
}

func (w *copywriter) rationale() string {
	return "A " + w.tone.name + " page: " + pick(w.rng, rationales)
}

// fill names the goods.
func (w *copywriter) fill(text string) string {
	return strings.NewReplacer(
		"{one}", w.goods.one, "{many}", w.goods.many, "{Many}", capital(w.goods.many), "{made}", w.goods.made,
	).Replace(text)
}

func pick(rng *rand.Rand, bank []string) string { return bank[rng.IntN(len(bank))] }

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// fit truncates text to at most n characters: after a sentence where one ends in the
// second half, else after a word.
func fit(text string, n int) string {
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	runes := []rune(text)[:max(n, 0)]
	cut := string(runes)
	if i := strings.LastIndexAny(cut, ".!?"); i >= len(cut)/2 {
		return cut[:i+1]
	}
	if i := strings.LastIndexByte(cut, ' '); i > 0 {
		return strings.TrimRight(cut[:i], " ,;:—")
	}
	return cut
}
