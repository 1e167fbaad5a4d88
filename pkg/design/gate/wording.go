package gate

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"

	"github.com/wandstore/wandstore/pkg/design"
)

const (
	maxParagraphs = 4 // of one body
	// maxRead bytes of a text are looked at. It is many times what any place can
	// hold, and bounds what one text can cost.
	maxRead = 8 << 10
)

// line is s as one line of plain text of at most most characters: without markup,
// control characters and text direction overrides, and without the sentences that
// claim something that only the catalogue may say.
func line(s string, most int, rep *design.Report) string {
	return cut(honest(plain(s), rep), most, rep)
}

// paragraphs is s as line makes it, with blank lines kept between paragraphs.
func paragraphs(s string, most int, rep *design.Report) string {
	s = strings.ReplaceAll(s[:min(len(s), maxRead)], "\r\n", "\n")
	var kept []string
	for p := range strings.SplitSeq(s, "\n\n") {
		if p = honest(plain(p), rep); p != "" {
			kept = append(kept, p)
		}
		if len(kept) == maxParagraphs {
			break
		}
	}
	return cut(strings.Join(kept, "\n\n"), most, rep)
}

// plain is what a reader would read of s: tags and entities resolved, the marks of
// Markdown taken off, white space folded.
func plain(s string) string {
	s = strings.ToValidUTF8(s[:min(len(s), maxRead)], "")
	// Twice, for entities that hide tags.
	for range 2 {
		if !strings.ContainsAny(s, "<&") {
			break
		}
		s = untag(s)
	}
	s = markdown.Replace(s)
	var b strings.Builder
	marks, words := 0, false
	for _, r := range s {
		switch {
		case unicode.IsSpace(r):
			r = ' '
		case unicode.Is(unicode.M, r):
			// Two marks serve every language the page can be in; a tower of them
			// only breaks lines.
			if marks++; marks > 2 {
				continue
			}
			b.WriteRune(r)
			continue
		case !unicode.IsPrint(r):
			// Control, format (bidi overrides, zero width), private use.
			continue
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			words = true
		}
		marks = 0
		b.WriteRune(r)
	}
	if !words {
		return ""
	}
	return strings.TrimLeft(strings.Join(strings.Fields(b.String()), " "), "#-*>• ")
}

var markdown = strings.NewReplacer("**", "", "__", "", "`", "", "](", " (")

// untag is the text of a piece of HTML, without what is inside elements whose
// content is not for reading.
func untag(s string) string {
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(s))
	hidden := ""
	for {
		switch z.Next() {
		case html.ErrorToken:
			return b.String()
		case html.TextToken:
			if hidden == "" {
				b.Write(z.Text())
			}
		case html.StartTagToken:
			name, _ := z.TagName()
			if hidden == "" && unread(string(name)) {
				hidden = string(name)
			}
			b.WriteByte(' ')
		case html.EndTagToken:
			if name, _ := z.TagName(); string(name) == hidden {
				hidden = ""
			}
			b.WriteByte(' ')
		}
	}
}

// unread reports whether what is inside the element is not for reading.
func unread(element string) bool {
	return slices.Contains([]string{
		"script", "style", "template", "noscript", "iframe", "object", "svg", "math", "title", "textarea", "select", "noembed", "noframes", "xmp", "plaintext",
	}, element)
}

// cut is s within most characters, ended at a word.
func cut(s string, most int, rep *design.Report) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	rep.TruncatedFields++
	r := []rune(s)[:most-1]
	end := len(r)
	for i := len(r) - 1; i > len(r)/2; i-- {
		if unicode.IsSpace(r[i]) {
			end = i
			break
		}
	}
	return strings.TrimRight(string(r[:end]), " \n,;:-–—.") + "…"
}
