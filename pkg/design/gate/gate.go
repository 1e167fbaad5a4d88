package gate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

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
// other objects around it. Of several designs it is the one with the most sections. Where the
// objects do not fit together, each section is read by itself. Of incomplete JSON the complete
// sections are kept. Of HTML the words are kept. What a design cannot hold is removed and
// counted in the Report. An answer that is too large or nested too deep, or that leaves no
// section, is an error that wraps ErrNoDesign.
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

	d, usable, err := findDesign(answer, shop, &rep, search{read: mendDesign, ended: true})
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
	deepest, _ := extent(b)
	return deepest
}

// extent is the depth and the length of the JSON value at the beginning of b.
func extent(b []byte) (deepest, length int) {
	level := 0
	quoted, escaped := false, false
	for i, c := range b {
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
				return deepest, i + 1
			}
		}
	}
	return deepest, len(b)
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

// readSections reads a list of sections, or a string that holds one. The result is false if
// the value is neither. With an error it returns the sections before the error.
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
	if open != json.Delim('[') {
		rep.DroppedFields++
		if _, composite := open.(json.Delim); composite {
			return nil, false, errors.New("sections is not a list")
		}
		return nil, false, nil
	}
	var sections []design.Section
	for dec.More() {
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
