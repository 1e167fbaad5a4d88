package gate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/design"
)

var fence = regexp.MustCompile("(?s)```(?:json|JSON)?\\s*([{\\[].*?)(?:```|$)")

// search looks for the design in an answer.
type search struct {
	// read reads the design at the beginning of a text; false if there is none.
	read func([]byte, *design.Report) (design.Design, bool)
	// ended says that nothing follows the answer.
	ended bool

	shop *catalogue.Shop
	// best is the design that was found, with its report, and usable how many of its sections
	// can be rendered.
	best   design.Design
	report design.Report
	found  bool
	usable int
	deep   bool // something was nested too deep to be read
}

// findDesign finds the JSON object with the longest list called sections, or one within a
// string, or sections that are not in such an object. usable is how many of the sections the
// shop can render; without any, the error says what is wrong.
func findDesign(answer []byte, shop *catalogue.Shop, rep *design.Report, s search) (d design.Design, usable int, err error) {
	s.shop = shop
	s.in(answer)
	if m := fence.FindSubmatch(answer); m != nil && s.damaged() {
		s.in(m[1]) // without the prose after it
	}
	if s.damaged() {
		s.oneByOne(answer)
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

// damaged reports whether there may be more sections than those that were found.
func (s *search) damaged() bool { return s.usable == 0 || s.report.Salvaged || s.report.Repaired }

// in looks for designs in a text.
func (s *search) in(text []byte) {
	for range maxTries {
		i := bytes.IndexByte(text, '{')
		if i < 0 || !bytes.Contains(text[i:], []byte("sections")) {
			break
		}
		text = text[i:]
		// Within what is no design there may be one.
		next := 1
		if length, ok := s.try(text); ok {
			next = length
		}
		text = text[next:]
	}
}

// try reads the object at the beginning of a text. If it is a design that can be rendered, it
// returns its length.
func (s *search) try(text []byte) (length int, ok bool) {
	deepest, length := extent(text)
	if deepest > maxDepth {
		s.deep = true
		return 0, false
	}
	if escapedObject(text) {
		text = unquoted(bytes.TrimSpace(text))
	}
	var rep design.Report
	d, ok := s.read(text, &rep)
	return length, ok && s.offer(d, rep) > 0
}

// offer makes a design the best one if it is, and returns how many of its sections are usable.
func (s *search) offer(d design.Design, rep design.Report) int {
	usable := len(d.Fit(s.shop, &design.Report{}).Sections)
	if !s.found || usable > s.usable || usable == s.usable && s.report.Cut && !rep.Cut {
		s.best, s.report, s.usable, s.found = d, rep, usable, true
	}
	return usable
}

var (
	sectionBegins = regexp.MustCompile(`\{\s*["'“”„«]?type["'“”»]?\s*[:：]`)
	themeBegins   = regexp.MustCompile(`theme["'“”»]?\s*[:：]\s*\{`)
)

// oneByOne reads each section by itself, from where it begins to where the next one does. So
// what is wrong in one of them, or around them, costs no other one.
func (s *search) oneByOne(answer []byte) {
	// An answer that is read while it comes is searched at each of its braces, and looking
	// for a word costs next to nothing beside looking for a pattern.
	if !bytes.Contains(answer, []byte("type")) {
		return
	}
	begins := sectionBegins.FindAllIndex(answer, design.MaxSections)
	if len(begins) == 0 {
		return
	}
	d, rep := design.Design{}, design.Report{Repaired: true}
	for i, at := range begins {
		end, last := len(answer), i+1 == len(begins)
		if !last {
			end = begins[i+1][0]
		}
		out, how := mend(answer[at[0]:end])
		_, length := extent(answer[at[0]:end])
		open := last && how.missing != ""
		switch {
		case last && (how.cut || open && !s.ended):
			rep.DropSection(design.DropIncomplete)
			rep.Salvaged, rep.Cut = true, true
			continue
		case how.cut:
			rep.Salvaged, rep.Cut = true, true
			out, how.missing = wholeFields(out), ""
		}
		// Without the list's bracket, more may have been to come.
		rep.Unclosed = last && !bytes.Contains(answer[at[0]+length:end], []byte("]"))
		if section, ok := readSection(append(out, how.missing...), &rep); ok {
			d.Sections = append(d.Sections, section)
		}
	}
	if at := themeBegins.FindIndex(answer[:begins[0][0]]); at != nil {
		if out, how := mend(answer[at[1]-1 : begins[0][0]]); !how.cut {
			d.Theme = readTheme(append(out, how.missing...), &rep)
		}
	}
	if len(d.Fit(s.shop, &design.Report{}).Sections) > s.usable {
		s.offer(d, rep)
	}
}

// wholeFields is the object of which there is only the beginning, with the fields that are
// whole.
func wholeFields(begun []byte) []byte {
	dec := json.NewDecoder(bytes.NewReader(begun))
	_, err := dec.Token()
	length := dec.InputOffset()
	for err == nil && dec.More() {
		var value json.RawMessage
		if _, err = dec.Token(); err == nil {
			err = dec.Decode(&value)
		}
		if err == nil {
			length = dec.InputOffset()
		}
	}
	return append(begun[:length:length], '}')
}
