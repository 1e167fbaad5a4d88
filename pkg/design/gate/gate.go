package gate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/design"
	"github.com/wandstore/wandstore/pkg/thinking"
)

// Limits of an answer, checked before it is parsed.
const (
	maxAnswer = 256 << 10 // bytes; a full page's design is about 10 KB
	// maxDepth bounds the objects and lists within each other. A design has 5; the rest is for
	// envelopes around it, and for fields that are dropped.
	maxDepth = 256
	// maxTries is how many opening braces are tried as the beginning of the design,
	// because prose before it may contain some.
	maxTries = 32
)

// ErrNoDesign is wrapped by all errors of Parse and ReadStored. Their texts say what was
// wrong, so that they can be sent to the model with the next try. They never quote the
// answer.
var ErrNoDesign = errors.New("no page design in the answer")

// Parse turns a model's answer into a design that can be rendered for the shop.
//
// The answer may be the design as JSON, alone, in a code fence, or with prose, markup or
// other objects around it. Of several designs it is the first whole one, and without one that
// with the most sections. Of incomplete JSON the complete sections are kept. Of HTML the words
// are kept. What a design cannot hold is removed and counted in the Report. An answer that is too large
// or nested too deep, or that leaves no section, is an error that wraps ErrNoDesign.
func Parse(answer []byte, shop *catalogue.Shop) (design.Design, design.Report, error) {
	var rep design.Report
	if len(answer) > maxAnswer {
		return design.Design{}, rep, fmt.Errorf("%w: it is larger than %d KB", ErrNoDesign, maxAnswer>>10)
	}
	// Some models write their thoughts first, and those may contain draft designs.
	answer = unquoted(unescaped(bytes.TrimSpace([]byte(thinking.Answer(string(answer))))))
	if len(answer) == 0 {
		return design.Design{}, rep, fmt.Errorf("%w: it is empty", ErrNoDesign)
	}

	d, usable, err := findDesign(answer, shop, &rep, mendDesign)
	switch {
	case usable == 0 && looksLikeHTML(answer):
		rep = design.Report{Salvaged: true}
		d = designFromHTML(answer, shop, &rep)
	case err != nil:
		return design.Design{}, rep, err
	}
	d = d.Fit(shop, &rep)
	if len(d.Sections) == 0 {
		return design.Design{}, rep, fmt.Errorf("%w: no section was left of a known type with a headline, and with product ids that the catalogue has where its type needs them", ErrNoDesign)
	}
	return d, rep, nil
}

var fence = regexp.MustCompile("(?s)```(?:json|JSON)?\\s*([{\\[].*?)(?:```|$)")

// search looks for the design in an answer.
type search struct {
	shop *catalogue.Shop
	// read reads the design at the beginning of a text; false if there is none.
	read func([]byte, *design.Report) (design.Design, bool)

	// best is the design that was found, with its report, and usable how many of its sections
	// can be rendered.
	best   design.Design
	report design.Report
	found  bool
	usable int
	deep   bool // something was nested too deep to be read
}

// findDesign finds a JSON object with a list called sections, or one within a string, or the
// list alone. usable is how many of its sections the shop can render; without any, the error
// says what is wrong. read reads the design at the beginning of a text.
func findDesign(answer []byte, shop *catalogue.Shop, rep *design.Report, read func([]byte, *design.Report) (design.Design, bool)) (d design.Design, usable int, err error) {
	s := search{shop: shop, read: read}
	places := [][]byte{answer}
	if m := fence.FindSubmatch(answer); m != nil {
		places = [][]byte{m[1], answer}
	}
	for _, place := range places {
		if s.in(place); s.usable > 0 && !s.report.Salvaged {
			break
		}
	}
	switch {
	case s.found:
		*rep = s.report
	case s.deep:
		err = fmt.Errorf("%w: it is nested deeper than %d", ErrNoDesign, maxDepth)
	default:
		err = fmt.Errorf("%w: answer with one JSON object that has theme and sections", ErrNoDesign)
	}
	return s.best, s.usable, err
}

// in looks in a place up to the first design that is not cut.
func (s *search) in(place []byte) {
	from := 0
	for range maxTries {
		i := bytes.IndexByte(place[from:], '{')
		if i < 0 || !bytes.Contains(place[from:], []byte("sections")) {
			break
		}
		if from += i; s.try(place[from:]) {
			return
		}
		from++
	}
	if s.usable == 0 && bytes.HasPrefix(place, []byte("[")) {
		s.try(append([]byte(`{"sections":`), place...)) // the list alone
	}
}

// try reads the object at the beginning of a text. It reports whether that is a design which
// is not cut.
func (s *search) try(text []byte) bool {
	if escapedObject(text) {
		text = unquoted(bytes.TrimSpace(text))
	}
	if depth(text) > maxDepth {
		s.deep = true
		return false
	}
	var rep design.Report
	d, ok := s.read(text, &rep)
	if !ok {
		return false
	}
	usable := len(d.Fit(s.shop, &design.Report{}).Sections)
	if !s.found || usable > s.usable {
		s.best, s.report, s.usable, s.found = d, rep, usable, true
	}
	return usable > 0 && !rep.Cut
}

// mendDesign reads the object at the beginning of b, mended if it is no JSON.
func mendDesign(b []byte, rep *design.Report) (design.Design, bool) {
	var raw json.RawMessage
	if json.NewDecoder(bytes.NewReader(b)).Decode(&raw) == nil {
		return readDesign(raw, rep)
	}
	out, how := mend(b)
	rep.Repaired = how.mended
	if !how.cut && how.missing != "" {
		out = append(out, how.missing...)
		rep.Repaired, rep.Unclosed = true, true
	}
	d, found := readDesign(out, rep)
	if how.cut {
		rep.Salvaged, rep.Cut = true, true
	}
	return d, found
}

// depth is the nesting depth of the JSON value at the beginning of b. The value may be
// incomplete.
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

// readDesign reads the object at the beginning of b token by token, so that the complete
// sections of an incomplete answer are kept. The result is false if the object has no
// list called sections.
func readDesign(b []byte, rep *design.Report) (design.Design, bool) {
	var (
		d     design.Design
		found = false
		inner []byte // a design in a string
	)
	dec := json.NewDecoder(bytes.NewReader(b))
	if _, err := dec.Token(); err != nil {
		return design.Design{}, false
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			rep.Salvaged = true
			return d, found
		}
		switch key {
		// If a key is given twice, the last one counts, as in encoding/json, unless it is empty.
		case "sections":
			var sections []design.Section
			var list bool
			if sections, list, err = readSections(dec, rep); len(sections) > 0 {
				d.Sections = sections
			}
			found = found || list
		case "theme":
			var raw json.RawMessage
			if err = dec.Decode(&raw); err == nil {
				if theme := readTheme(raw, rep); theme != (catalogue.Theme{}) {
					d.Theme = theme
				}
			}
		default:
			rep.DroppedFields++
			var raw json.RawMessage
			err = dec.Decode(&raw)
			if within, ok := inString(raw); err == nil && ok && within[0] == '{' {
				inner = within
			}
		}
		if err != nil {
			rep.Salvaged = true
			return d, found
		}
	}
	if _, err := dec.Token(); err != nil {
		rep.Salvaged = true
	}
	if !found && inner != nil {
		*rep = design.Report{Repaired: true}
		return readDesign(inner, rep)
	}
	return d, found
}

// readSections reads a list of sections, an object with a section under each name, or a
// string that holds a list. The result is false if the value is none of them. With an error
// it returns the sections before the error.
func readSections(dec *json.Decoder, rep *design.Report) ([]design.Section, bool, error) {
	open, err := dec.Token()
	if err != nil {
		return nil, false, err
	}
	if text, ok := open.(string); ok {
		if within, ok := jsonIn(text); ok && within[0] == '[' {
			rep.Repaired = true
			return readSections(json.NewDecoder(bytes.NewReader(within)), rep)
		}
	}
	if open != json.Delim('[') && open != json.Delim('{') {
		rep.DroppedFields++
		return nil, false, nil
	}
	var sections []design.Section
	for dec.More() {
		if open == json.Delim('{') {
			if _, err := dec.Token(); err != nil {
				return sections, true, err
			}
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			rep.DropSection(design.DropIncomplete)
			return sections, true, err
		}
		if len(sections) == design.MaxSections {
			rep.DropSection(design.DropLimit)
			continue
		}
		if s, ok := readSection(raw, rep); ok {
			sections = append(sections, s)
		} else {
			rep.DropSection(design.DropIncomplete)
		}
	}
	_, err = dec.Token()
	return sections, true, err
}
