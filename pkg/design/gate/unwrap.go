package gate

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"

	"golang.org/x/net/html"
)

// entities matches JSON whose quotes are written as those of HTML.
var entities = regexp.MustCompile(`[{\[]\s*&(?:quot|#34|#x22);`)

// unescaped is the answer without the entities of HTML, if its JSON is written with them.
func unescaped(answer []byte) []byte {
	if !entities.Match(answer) {
		return answer
	}
	return []byte(html.UnescapeString(string(answer)))
}

// unquoted is the text in an answer that is one JSON string, or that is escaped as in one.
// Any other answer is returned as it is.
func unquoted(answer []byte) []byte {
	var text string
	switch {
	case bytes.HasPrefix(answer, []byte(`"`)):
		if json.Unmarshal(answer, &text) == nil {
			return bytes.TrimSpace([]byte(text))
		}
		answer = bytes.TrimSuffix(answer[1:], []byte(`"`))
	case !escapedObject(answer):
		return answer
	}
	if !escapedObject(answer) {
		return answer
	}
	// Line breaks are the only characters that an escaped text is likely to have as they are.
	quoted := append(append([]byte{'"'}, bytes.ReplaceAll(answer, []byte("\n"), nil)...), '"')
	if json.Unmarshal(quoted, &text) != nil {
		return answer
	}
	return bytes.TrimSpace([]byte(text))
}

// escapedObject reports whether the text begins as an object in a string does.
func escapedObject(text []byte) bool {
	rest, ok := bytes.CutPrefix(bytes.TrimSpace(text), []byte("{"))
	if !ok {
		return false
	}
	for _, space := range []string{`\n`, `\t`, `\r`, " ", "\n"} {
		for bytes.HasPrefix(rest, []byte(space)) {
			rest = rest[len(space):]
		}
	}
	return bytes.HasPrefix(rest, []byte(`\"`))
}

// inString is the JSON in a string, mended; some models encode a part of the answer twice.
// The result is false if the value is no string or holds no object or list.
func inString(raw json.RawMessage) ([]byte, bool) {
	var text string
	if len(raw) == 0 || raw[0] != '"' || json.Unmarshal(raw, &text) != nil {
		return nil, false
	}
	return jsonIn(text)
}

// jsonIn is the JSON that a text is, mended; false if it is no object or list. It may be in a
// fence, and a design may have prose around it.
func jsonIn(text string) ([]byte, bool) {
	text = strings.TrimSpace(text)
	if m := fence.FindStringSubmatch(text); m != nil && strings.HasPrefix(text, "```") {
		text = m[1]
	} else if at := strings.IndexByte(text, '{'); at > 0 && text[0] != '[' && strings.Contains(text, `"sections"`) {
		text = text[at:]
	}
	text = strings.TrimSpace(text)
	switch {
	case text == "" || text[0] != '{' && text[0] != '[' || depth([]byte(text)) > maxDepth:
		return nil, false
	case json.Valid([]byte(text)):
		return []byte(text), true
	}
	// The mender reads objects.
	list := text[0] == '['
	if list {
		text = `{"":` + text + "}"
	}
	out, how := mend([]byte(text))
	if !how.cut {
		out = append(out, how.missing...)
	}
	if list {
		out = bytes.TrimSuffix(bytes.TrimPrefix(out, []byte(`{"":`)), []byte("}"))
	}
	return out, true
}

// value is what a value holds: itself, or the JSON in it if it is a string of JSON.
func value(raw json.RawMessage) json.RawMessage {
	if within, ok := inString(raw); ok {
		return within
	}
	return raw
}
