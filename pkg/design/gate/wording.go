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
	// maxRead is how many bytes of a text are read. It bounds the cost of one text, and is
	// many times the limit of any field.
	maxRead = 8 << 10
)

// line is s as one line of plain text of at most most characters, without markup, control
// characters and text direction overrides, and without sentences that make a claim.
func line(s string, most int, rep *design.Report) string {
	return truncate(withoutClaims(plain(s), rep), most, rep)
}

// paragraphs is s as plain text, like line, but with blank lines between paragraphs.
func paragraphs(s string, most int, rep *design.Report) string {
	s = strings.ReplaceAll(s[:min(len(s), maxRead)], "\r\n", "\n")
	var kept []string
	for p := range strings.SplitSeq(s, "\n\n") {
		if p = withoutClaims(plain(p), rep); p != "" {
			kept = append(kept, p)
		}
		if len(kept) == maxParagraphs {
			break
		}
	}
	return truncate(strings.Join(kept, "\n\n"), most, rep)
}

// plain is the readable text of s: without tags and Markdown, with entities decoded and
// white space folded. It is "" if no letter or digit is left.
func plain(s string) string {
	s = strings.ToValidUTF8(s[:min(len(s), maxRead)], "")
	// The second pass removes tags that were written as entities.
	for range 2 {
		if !strings.ContainsAny(s, "<&") {
			break
		}
		s = stripTags(s)
	}
	s = markdown.Replace(s)
	var b strings.Builder
	marks, words := 0, false
	for _, r := range s {
		switch {
		case unicode.IsSpace(r):
			r = ' '
		case unicode.Is(unicode.M, r):
			// No language of a page needs more than two marks on a letter. Many of them
			// overlap the lines above and below.
			if marks++; marks > 2 {
				continue
			}
			b.WriteRune(r)
			continue
		case !unicode.IsPrint(r) || r == utf8.RuneError:
			// What stands for a character that was lost, control, format (bidi overrides, zero width), private use.
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

// stripTags is the text of a piece of HTML, without the content of hidden elements.
func stripTags(s string) string {
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
			if hidden == "" && hiddenContent(string(name)) {
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

// hiddenContent reports whether the element's content is not text of the page.
func hiddenContent(element string) bool {
	return slices.Contains([]string{
		"script", "style", "template", "noscript", "iframe", "object", "svg", "math", "title", "textarea", "select", "noembed", "noframes", "xmp", "plaintext",
	}, element)
}

// truncate is s with at most most characters, and if possible with its last word whole.
func truncate(s string, most int, rep *design.Report) string {
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
