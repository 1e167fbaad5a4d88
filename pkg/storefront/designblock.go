package storefront

import (
	"bytes"
	"fmt"
	"slices"
)

// The data block of a document (WHATWG HTML, 4.12.1) that holds its design. It is
// never run, so no policy has to allow it; html/template writes the design into it
// as JSON without angle brackets, so nothing inside can end it.
const (
	blockBegin = `<script type="application/json" id="design">`
	blockEnd   = `</script>`
)

// ReadDesign reads back the design of a document that Page drew for somebody, so
// that it can be drawn again with today's catalogue. Its words and choices pass
// ParseAnswer's gate anew, for storage is outside too. Products that the store has
// lost are left to the drawing, so that they are there again when the store has
// them again.
//
// A document without a whole design, such as a fallback or one of an earlier
// release, or with a design of which the store can draw nothing, is an error that
// wraps ErrNoDesign.
func ReadDesign(document []byte, st *Store) (Design, error) {
	_, rest, begun := bytes.Cut(document, []byte(blockBegin))
	block, _, ended := bytes.Cut(rest, []byte(blockEnd))
	switch {
	case !begun || !ended:
		return Design{}, fmt.Errorf("%w: the document holds none", ErrNoDesign)
	case len(block) > maxAnswer:
		return Design{}, fmt.Errorf("%w: it is larger than %d KB", ErrNoDesign, maxAnswer>>10)
	case depth(block) > maxDepth:
		return Design{}, fmt.Errorf("%w: it is nested deeper than %d", ErrNoDesign, maxDepth)
	}
	var rep Report
	d, found := readDesign(block, &rep)
	if !found || rep.Salvaged {
		return Design{}, fmt.Errorf("%w: it is not whole", ErrNoDesign)
	}
	if len(d.fit(st, &Report{}).Sections) == 0 {
		return Design{}, fmt.Errorf("%w: nothing of it can be drawn", ErrNoDesign)
	}
	return d, nil
}

// own is d without the words that are the store's own: they are lent anew when it
// is drawn, as they are then.
func (d Design) own(st *Store) Design {
	d.Sections = slices.Clone(d.Sections)
	for i := range d.Sections {
		s := &d.Sections[i]
		switch s.Type {
		case "hero":
			s.Headline = unless(st.Tagline, s.Headline)
		case "story":
			if s.Body == st.Story.Body {
				s.Body, s.Headline = "", unless(st.Story.Headline, s.Headline)
			}
		case "craft":
			s.Body = unless(st.About, s.Body)
		case "guide":
			if slices.Equal(s.Items, st.Guide.Items) {
				s.Items, s.Headline = nil, unless(st.Guide.Headline, s.Headline)
			}
		case "faq":
			if slices.Equal(s.Items, st.FAQ) {
				s.Items = nil
			}
		case "quote":
			if len(st.Quotes) > 0 {
				s.Body = unless(st.Quotes[0].Text, s.Body)
			}
		}
	}
	return d
}

// unless is words, or "" if they are those that would be lent.
func unless(lent, words string) string {
	if words == lent {
		return ""
	}
	return words
}
