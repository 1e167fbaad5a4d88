package catalogue

import (
	"cmp"
	"html"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// forbidden finds the words and claims that a shop never says, however they are written. A
// nil one finds nothing.
//
// A text is reduced to its letters and digits, with marks where words begin and end. So
// neither case, width, accents, invisible characters and entities hide a word, nor what is
// put between its letters. A phrase is found where its letters begin and end with words:
// "cheap" is in "cheap-looking" and in "c h e a p", and not in "cheaper".
type forbidden struct {
	phrases []phrase
	// letters and looks are the numbers of the phrases by the first byte of theirs.
	letters, looks [256][]int
}

// phrase is the letters of a phrase, as they are and as they look.
type phrase struct {
	letters, look string
	open          bool // only the beginning of its last word is given
}

// newForbidden reads the phrases. One that ends in * stands for all words that begin so.
func newForbidden(phrases []string) *forbidden {
	if len(phrases) == 0 {
		return nil
	}
	f := &forbidden{}
	for _, words := range phrases {
		before, open := strings.CutSuffix(strings.TrimSpace(words), "*")
		p := phrase{letters: reduce(before, false).letters, look: reduce(before, true).letters, open: open}
		if p.look = cmp.Or(p.look, p.letters); p.letters != "" {
			n := len(f.phrases)
			f.phrases = append(f.phrases, p)
			f.letters[p.letters[0]] = append(f.letters[p.letters[0]], n)
			f.looks[p.look[0]] = append(f.looks[p.look[0]], n)
		}
	}
	return f
}

// in reports whether one of the phrases is in the texts, which are read one after the
// other, as words apart.
func (f *forbidden) in(texts ...string) bool { return len(f.found(texts...)) > 0 }

// found is the numbers of the phrases that are in the texts, in their order.
func (f *forbidden) found(texts ...string) []int {
	if f == nil {
		return nil
	}
	text := strings.Join(texts, "\n")
	as := reduce(text, false)
	looks := as
	if other := asItLooks(text); other != text {
		looks = reduce(text, true)
	}
	found := as.begun(nil, &f.letters, func(n int) (string, bool) { return f.phrases[n].letters, f.phrases[n].open })
	found = looks.begun(found, &f.looks, func(n int) (string, bool) { return f.phrases[n].look, f.phrases[n].open })
	slices.Sort(found)
	return found
}

// without is the text without its sentences that have one of the phrases. A blank line
// separates paragraphs.
func (f *forbidden) without(text string) string {
	if !f.in(text) {
		return text
	}
	var paragraphs []string
	for p := range strings.SplitSeq(text, "\n\n") {
		var kept []string
		for _, sentence := range Sentences(p) {
			if !f.in(sentence) {
				kept = append(kept, sentence)
			}
		}
		if len(kept) > 0 {
			paragraphs = append(paragraphs, strings.Join(kept, " "))
		}
	}
	text = strings.Join(paragraphs, "\n\n")
	if f.in(text) { // a phrase that reaches over the end of a sentence
		return ""
	}
	return text
}

// Sentences splits s after each punctuation mark that ends a sentence and is followed by a
// space.
func Sentences(s string) []string {
	var out []string
	for s != "" {
		end := len(s)
		for i, r := range s {
			next := i + utf8.RuneLen(r)
			if strings.ContainsRune(".!?…。！？", r) && next < len(s) && s[next] == ' ' {
				end = next
				break
			}
		}
		if sentence := strings.TrimSpace(s[:end]); sentence != "" {
			out = append(out, sentence)
		}
		s = s[end:]
	}
	return out
}

// reduced is the letters and digits of a text. edges has a true for each byte before which
// a word begins or ends, and one more for the end.
type reduced struct {
	letters string
	edges   []bool
}

// begun adds to found the numbers of the phrases that are there from the beginning of a word
// to the end of one, or of any length if open. by is their numbers by their first byte.
func (r reduced) begun(found []int, by *[256][]int, phrase func(n int) (letters string, open bool)) []int {
	for i := range len(r.letters) {
		if !r.edges[i] {
			continue
		}
		for _, n := range by[r.letters[i]] {
			letters, open := phrase(n)
			if strings.HasPrefix(r.letters[i:], letters) && (open || r.edges[i+len(letters)]) && !slices.Contains(found, n) {
				found = append(found, n)
			}
		}
	}
	return found
}

// maxEntities is how often entities are decoded: a page decodes them once, and a text may
// have been encoded more than once.
const maxEntities = 3

// reduce reduces a text. If looks is true, letters that look like those of the Latin
// alphabet become these.
func reduce(text string, looks bool) reduced {
	for range maxEntities {
		if !strings.Contains(text, "&") {
			break
		}
		text = html.UnescapeString(text)
	}
	if !ascii(text) {
		text = norm.NFKD.String(text)
	}
	if looks {
		text = asItLooks(text)
	}
	if ascii(text) { // as most texts are, which have nothing to decompose
		text = strings.ToLower(text)
	} else {
		// Folding may compose nothing, but it may leave what has to be decomposed.
		text = norm.NFKD.String(cases.Fold().String(text))
	}
	r := reduced{edges: make([]bool, 0, len(text)+1)}
	var b strings.Builder
	edge := true
	last := rune(0)
	for _, c := range text {
		switch {
		case unicode.Is(unicode.M, c) && !marksCount(last), c == '\u0640': // tatweel only widens a word
			continue
		case unicode.IsLetter(c), unicode.IsNumber(c), unicode.Is(unicode.M, c), claimSign(c):
			edge = edge || edgeAt(last, c)
			r.edges = append(r.edges, edge)
			b.WriteRune(c)
			for range utf8.RuneLen(c) - 1 {
				r.edges = append(r.edges, false)
			}
			edge, last = false, c
		case unicode.IsSpace(c), unicode.IsGraphic(c):
			edge = true
		}
	}
	r.edges = append(r.edges, true)
	r.letters = b.String()
	return r
}

// marksCount reports whether a mark after the letter makes another letter of it, as the
// vowel signs of Indic scripts and the voiced sounds of kana do. The accents of others are
// ignored: they are easily added.
func marksCount(letter rune) bool {
	return letter >= 0x900 && letter < 0x1100 || letter >= 0x1780 && letter < 0x1800 || letter >= 0x3040 && letter < 0x3100
}

// claimSign reports whether the sign is part of a claim, as in "100%".
func claimSign(c rune) bool {
	return c == '%' || c == '$' || c >= utf8.RuneSelf && unicode.Is(unicode.Sc, c)
}

// ascii reports whether text has no other characters.
func ascii(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}

// edgeAt reports whether a word may end with the letter before and begin with c, although
// nothing stands between them: in scripts that put no spaces between words, before each
// syllable of Korean, whose words end in particles, and at the signs of claims.
func edgeAt(before, c rune) bool {
	const firstLeading, lastLeading = 0x1100, 0x115f // consonants that begin a syllable
	if c < utf8.RuneSelf && before < utf8.RuneSelf {
		return claimSign(c) || claimSign(before)
	}
	return unspaced(c) || unspaced(before) || claimSign(c) || claimSign(before) || c >= firstLeading && c <= lastLeading
}

// lookalikes is letters that look like a Latin one: those of Cyrillic, Greek and small
// capitals. Others are decomposed by Unicode itself.
var lookalikes = func() map[rune]rune {
	all := map[rune]rune{}
	for latin, others := range map[rune]string{
		'a': "аАαΑᴀɑ@4", 'b': "ВвьΒβʙ", 'c': "сСϲᴄ", 'd': "ԁᴅ", 'e': "еЕεΕᴇ3є", 'f': "ꜰƒ", 'g': "ɢɡ", 'h': "нНһΗʜ",
		'i': "іІιΙıɪ1!|", 'j': "јЈᴊ", 'k': "кКκΚᴋ", 'l': "ӏʟł", 'm': "мМΜᴍ", 'n': "пηΝɴ", 'o': "оОοΟσᴏ0øØ", 'p': "рРρΡᴘ",
		'q': "ԛ", 'r': "гʀ", 's': "ѕЅꜱ5$", 't': "тТτΤᴛ7", 'u': "υᴜ", 'v': "νѵᴠ", 'w': "ԝωᴡ", 'x': "хХχΧ", 'y': "уУγΥʏ", 'z': "Ζᴢ",
	} {
		for _, r := range others {
			all[r] = latin
		}
	}
	return all
}()

// lookalikeSigns is those of the lookalikes that are ASCII.
const lookalikeSigns = "@4301!|5$7"

// asItLooks replaces lookalikes. Digits and signs count as letters within a word only.
func asItLooks(text string) string {
	if ascii(text) && !strings.ContainsAny(text, lookalikeSigns) {
		return text
	}
	runes := []rune(text)
	at := func(i int) rune {
		if i < 0 || i >= len(runes) {
			return ' '
		}
		return runes[i]
	}
	for i, r := range runes {
		latin, like := lookalikes[r]
		switch {
		case !like && r >= 0x1f150 && r <= 0x1f169, !like && r >= 0x1f170 && r <= 0x1f189: // white letters in black circles and squares
			runes[i] = 'a' + (r-0x1f150)%0x20
		case !like && r >= 0x1f1e6 && r <= 0x1f1ff: // regional indicators
			runes[i] = 'a' + r - 0x1f1e6
		case !like, !unicode.IsLetter(r) && (!unicode.IsLetter(at(i-1)) || !unicode.IsLetter(at(i+1))) && !unicode.IsDigit(r):
		case unicode.IsDigit(r) && !unicode.IsLetter(at(i-1)) && !unicode.IsLetter(at(i+1)):
		default:
			runes[i] = latin
		}
	}
	return string(runes)
}

// Forbids reports whether a reader of the texts, one after the other, reads a word or claim
// that the shop never says.
func (s *Shop) Forbids(texts ...string) bool { return s.forbidden.in(texts...) }

// Permitted is the text without its sentences that the shop never says.
func (s *Shop) Permitted(text string) string { return s.forbidden.without(text) }

// PermittedItems is the items without what the shop never says, as far as they have a title
// then.
func (s *Shop) PermittedItems(items []Item) []Item {
	if s.forbidden == nil {
		return items
	}
	return s.forbidden.withoutItems(items)
}

// permitOwn removes from the shop's own texts what it never says, except from names.
func (s *Shop) permitOwn() {
	f := s.forbidden
	if f == nil {
		return
	}
	var texts []string
	for _, list := range [][]Item{s.Assurances, s.Guide.Items, s.FAQ} {
		for _, it := range list {
			texts = append(texts, it.Title, it.Body)
		}
	}
	for _, q := range s.Quotes {
		texts = append(texts, q.Text)
	}
	for _, c := range s.declared {
		texts = append(texts, c.Blurb)
	}
	s.silenced = f.found(append(texts, s.Tagline, s.About, s.Story.Headline, s.Story.Body, s.Guide.Headline)...)
	for _, text := range []*string{&s.Tagline, &s.About, &s.Story.Headline, &s.Story.Body, &s.Guide.Headline} {
		*text = f.without(*text)
	}
	for _, list := range []*[]Item{&s.Assurances, &s.Guide.Items, &s.FAQ} {
		*list = f.withoutItems(*list)
	}
	var quotes []Quote
	for _, q := range s.Quotes {
		// Half of what somebody said is not what they said.
		if !f.in(q.Text) {
			quotes = append(quotes, q)
		}
	}
	s.Quotes = quotes
	for _, all := range [][]Collection{s.Collections, s.declared} {
		for i := range all {
			all[i].Blurb = f.without(all[i].Blurb)
		}
	}
	for _, p := range s.Products {
		p.permit(f)
	}
}

// withoutItems is the items that still have a title.
func (f *forbidden) withoutItems(items []Item) []Item {
	var kept []Item
	for _, it := range items {
		it = Item{Title: f.without(it.Title), Body: f.without(it.Body)}
		if it.Title != "" && !f.in(it.Title, it.Body) {
			kept = append(kept, it)
		}
	}
	return kept
}

// permit removes from what the product says what its shop never says, except from names.
func (p *Product) permit(f *forbidden) {
	if f == nil {
		return
	}
	plain := PlainText(p.DescriptionHTML, MaxDescriptionHTML)
	texts := []string{p.Description, plain}
	for _, a := range p.Attributes {
		texts = append(texts, a.Name, a.Value)
	}
	for _, image := range p.Images {
		texts = append(texts, image.Alt)
	}
	if p.silenced = f.found(texts...); len(p.silenced) == 0 {
		return
	}
	p.Description = f.without(p.Description)
	if f.in(plain) {
		p.DescriptionHTML = html.EscapeString(f.without(plain))
	}
	var attributes []Attribute
	for _, a := range p.Attributes {
		if !f.in(a.Name, a.Value) {
			attributes = append(attributes, a)
		}
	}
	p.Attributes = attributes
	p.Images = slices.Clone(p.Images)
	for i := range p.Images {
		p.Images[i].Alt = f.without(p.Images[i].Alt)
	}
}
