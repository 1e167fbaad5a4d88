package storefront

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
)

// Bounds of an answer, checked before it is parsed.
const (
	maxAnswer = 256 << 10 // bytes; a full page's design is about 10 KB
	maxDepth  = 8         // of objects and lists; a design has 5
	// How many opening braces of an answer are tried as the design's beginning:
	// prose before the design may hold some.
	maxTries = 16
)

// ErrNoDesign is wrapped by ParseAnswer's errors. The text says what was wrong in
// words fit for the model that is asked again; it never quotes the answer.
var ErrNoDesign = errors.New("no page design in the answer")

// ParseAnswer reads a model's answer into a design that can be drawn for the
// store. It is the one gate for words and choices that come from outside.
//
// The answer may be the design as JSON, alone, in a fence, or with prose around
// it; JSON that breaks off keeps its whole sections; HTML keeps its words. What
// does not belong is left out and counted in the Report. An answer that is too
// large, nested too deep, or leaves no section is an error that wraps
// ErrNoDesign; the Report is then of what was tried.
func ParseAnswer(answer []byte, st *Store) (Design, Report, error) {
	var rep Report
	if len(answer) > maxAnswer {
		return Design{}, rep, fmt.Errorf("%w: it is larger than %d KB", ErrNoDesign, maxAnswer>>10)
	}
	// Some models think aloud first, with drafts that are not their answer.
	if _, after, ok := bytes.Cut(answer, []byte("</think>")); ok {
		answer = after
	}
	answer = bytes.TrimSpace(bytes.TrimPrefix(answer, []byte("\xef\xbb\xbf")))
	if len(answer) == 0 {
		return Design{}, rep, fmt.Errorf("%w: it is empty", ErrNoDesign)
	}

	var d Design
	found := false
	if !opensHTML(answer) {
		var err error
		if d, found, err = findDesign(answer, &rep); err != nil {
			return Design{}, rep, err
		}
	}
	if !found {
		if !looksLikeHTML(answer) {
			return Design{}, rep, fmt.Errorf("%w: answer with one JSON object that has theme and sections", ErrNoDesign)
		}
		d = designFromHTML(answer, st, &rep)
		rep.Salvaged = true
	}
	d = d.fit(st, &rep)
	if len(d.Sections) == 0 {
		return Design{}, rep, fmt.Errorf("%w: no section was left of a known type with a headline, and with product ids that the catalogue has where its type needs them", ErrNoDesign)
	}
	return d, rep, nil
}

var fence = regexp.MustCompile("(?s)```(?:json|JSON)?\\s*(\\{.*?)(?:```|$)")

// findDesign looks for the JSON object that has sections.
func findDesign(answer []byte, rep *Report) (Design, bool, error) {
	places := [][]byte{answer}
	if m := fence.FindSubmatch(answer); m != nil {
		places = [][]byte{m[1], answer}
	}
	for _, place := range places {
		from := 0
		for range maxTries {
			i := bytes.IndexByte(place[from:], '{')
			if i < 0 {
				break
			}
			from += i
			if depth(place[from:]) > maxDepth {
				return Design{}, false, fmt.Errorf("%w: it is nested deeper than %d", ErrNoDesign, maxDepth)
			}
			tried := *rep
			if d, ok := readDesign(place[from:], &tried); ok {
				*rep = tried
				return d, true, nil
			}
			from++
		}
	}
	return Design{}, false, nil
}

// depth is how deep the JSON value at the beginning of b nests, as far as it
// goes, by counting what opens and closes outside of strings.
func depth(b []byte) int {
	level, deepest := 0, 0
	quoted, escaped := false, false
	for _, c := range b {
		switch {
		case escaped:
			escaped = false
		case quoted && c == '\\':
			escaped = true
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			level++
			deepest = max(deepest, level)
		case c == '}' || c == ']':
			if level--; level <= 0 {
				return deepest
			}
		}
	}
	return deepest
}

// readDesign reads the object at the beginning of b piece by piece, so that what
// is whole of an answer that breaks off is kept. It is a design if it has a list
// called sections.
func readDesign(b []byte, rep *Report) (Design, bool) {
	var d Design
	found := false
	dec := json.NewDecoder(bytes.NewReader(b))
	if _, err := dec.Token(); err != nil {
		return Design{}, false
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			rep.Salvaged = true
			return d, found
		}
		switch key {
		case "sections":
			// Of a key that comes twice the last counts, as everywhere in Go.
			d.Sections, found, err = readSections(dec, rep)
		case "theme":
			var raw json.RawMessage
			if err = dec.Decode(&raw); err == nil {
				d.Theme = readTheme(raw, rep)
			}
		default:
			rep.DroppedFields++
			var raw json.RawMessage
			err = dec.Decode(&raw)
		}
		if err != nil {
			rep.Salvaged = true
			return d, found
		}
	}
	if _, err := dec.Token(); err != nil {
		rep.Salvaged = true
	}
	return d, found
}

// readSections reads a list of sections; false if what is there is no list. With
// an error come the sections before it.
func readSections(dec *json.Decoder, rep *Report) ([]Section, bool, error) {
	open, err := dec.Token()
	if err != nil {
		return nil, false, err
	}
	if open != json.Delim('[') {
		rep.DroppedFields++
		if _, composite := open.(json.Delim); composite {
			return nil, false, errors.New("sections is not a list")
		}
		return nil, false, nil
	}
	var sections []Section
	for dec.More() {
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			rep.DroppedSections++
			return sections, true, err
		}
		if len(sections) == maxSections {
			rep.DroppedSections++
			continue
		}
		if s, ok := readSection(raw, rep); ok {
			sections = append(sections, s)
		} else {
			rep.DroppedSections++
		}
	}
	_, err = dec.Token()
	return sections, true, err
}

func readTheme(raw json.RawMessage, rep *Report) Theme {
	var t Theme
	fields, ok := object(raw)
	if !ok {
		rep.DroppedFields++
		return t
	}
	for _, choice := range themeChoices(&t) {
		if v, given := fields[choice.name]; given {
			*choice.value = text(v, rep)
			delete(fields, choice.name)
		}
	}
	rep.DroppedFields += len(fields)
	return t
}

func readSection(raw json.RawMessage, rep *Report) (Section, bool) {
	fields, ok := object(raw)
	if !ok {
		return Section{}, false
	}
	var s Section
	for name, v := range fields {
		switch name {
		case "type":
			s.Type = text(v, rep)
		case "variant":
			s.Variant = text(v, rep)
		case "eyebrow":
			s.Eyebrow = line(text(v, rep), maxEyebrow, rep)
		case "headline":
			s.Headline = line(text(v, rep), maxHeadline, rep)
		case "body":
			s.Body = paragraphs(text(v, rep), maxBody, rep)
		case "actionLabel":
			s.ActionLabel = line(text(v, rep), maxAction, rep)
		case "productIds":
			s.ProductIDs = productIDs(v, rep)
		case "items":
			s.Items = readItems(v, rep)
		default:
			rep.DroppedFields++
		}
	}
	return s, true
}

func productIDs(raw json.RawMessage, rep *Report) []string {
	var entries []json.RawMessage
	if json.Unmarshal(raw, &entries) != nil {
		rep.DroppedFields++
		return nil
	}
	var ids []string
	for _, e := range entries {
		var id string
		if json.Unmarshal(e, &id) != nil || id == "" {
			rep.DroppedProducts++
			continue
		}
		ids = append(ids, id)
	}
	return ids
}

func readItems(raw json.RawMessage, rep *Report) []Item {
	var entries []json.RawMessage
	if json.Unmarshal(raw, &entries) != nil {
		rep.DroppedFields++
		return nil
	}
	var items []Item
	for _, e := range entries {
		fields, ok := object(e)
		if !ok || len(items) == maxItems {
			rep.DroppedFields++
			continue
		}
		var it Item
		for name, v := range fields {
			switch name {
			case "title":
				it.Title = line(text(v, rep), maxHeadline, rep)
			case "body":
				it.Body = line(text(v, rep), maxItemBody, rep)
			default:
				rep.DroppedFields++
			}
		}
		// A title alone is a line; a body alone answers nothing.
		if it.Title == "" {
			rep.DroppedFields++
			continue
		}
		items = append(items, it)
	}
	return items
}

// object reads a JSON object's fields by their exact names; false for any other
// value, null too.
func object(raw json.RawMessage) (map[string]json.RawMessage, bool) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) != nil || fields == nil {
		return nil, false
	}
	return fields, true
}

// text reads a JSON string; null is an absent one, anything else is dropped.
func text(raw json.RawMessage, rep *Report) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		rep.DroppedFields++
	}
	return s
}
