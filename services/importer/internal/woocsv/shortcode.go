package woocsv

import (
	"regexp"
	"strings"
)

// shortcode is a code in brackets that WordPress replaces when it shows a text, such as
// [gallery ids="1,2"] and [/caption]. Source: the Shortcode API of WordPress.
var shortcode = regexp.MustCompile(`\[(/?)([a-zA-Z][a-zA-Z0-9_-]*)((?:\s+[a-zA-Z0-9_-]+=(?:"[^"]*"|'[^']*'|[^\s\]"']+))*)\s*/?\]`)

// alone are codes that stand without attributes and without an end.
var alone = map[string]bool{"gallery": true, "playlist": true, "products": true, "product_page": true, "recent_products": true, "sale_products": true}

// withoutShortcodes is text without those, and with what stands between two of them. What
// else stands in brackets is the merchant's.
func withoutShortcodes(text string) string {
	if !strings.Contains(text, "[") {
		return text
	}
	all := shortcode.FindAllStringSubmatch(text, -1)
	closed := map[string]bool{}
	for _, m := range all {
		closed[m[2]] = closed[m[2]] || m[1] != ""
	}
	return shortcode.ReplaceAllStringFunc(text, func(code string) string {
		m := shortcode.FindStringSubmatch(code)
		if m[3] != "" || closed[m[2]] || alone[strings.ToLower(m[2])] {
			return ""
		}
		return code
	})
}
