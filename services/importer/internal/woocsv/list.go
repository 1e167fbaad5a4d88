package woocsv

import (
	"html"
	"slices"
	"strings"
)

// list is the parts of a list with commas. A comma inside a part is written "\,".
func list(text string) []string {
	var parts []string
	var part strings.Builder
	end := func() {
		if s := html.UnescapeString(strings.TrimSpace(unescape(part.String()))); s != "" && !slices.Contains(parts, s) {
			parts = append(parts, s)
		}
		part.Reset()
	}
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text) && text[i+1] == ',':
			part.WriteByte(',')
			i++
		case text[i] == ',':
			end()
		default:
			part.WriteByte(text[i])
		}
	}
	end()
	return parts
}

// addresses are those of a list with commas or bars. An address may hold a comma: a new
// one begins only where a scheme does.
func addresses(text string) []string {
	var all []string
	for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r == '|' || r == '\n' }) {
		part = strings.TrimSpace(part)
		switch {
		case part == "":
		case len(all) > 0 && !strings.Contains(part, "://") && !strings.HasPrefix(part, "//"):
			all[len(all)-1] += "," + part
		case !slices.Contains(all, part):
			all = append(all, part)
		}
	}
	return all
}

// unescape takes away the apostrophe that keeps spreadsheets from taking a text for a
// formula.
func unescape(text string) string {
	if len(text) > 1 && text[0] == '\'' && strings.IndexByte("=+-@\t\r", text[1]) >= 0 {
		return text[1:]
	}
	return text
}
