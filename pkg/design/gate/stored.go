package gate

import (
	"bytes"
	"fmt"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/design"
)

// A page for a persona contains its design in a data block (WHATWG HTML, 4.12.1).
// Browsers do not run data blocks, so the page's policy need not allow it. html/template
// writes the design as JSON without angle brackets, so nothing inside ends the block.
const (
	blockBegin = `<script type="application/json" id="design">`
	blockEnd   = `</script>`
)

// ReadStored reads the design inside a stored page, so that the page can be rendered
// again from the current catalogue. Storage is not trusted: texts and choices are checked
// like those of a model's answer. Products that the shop no longer has stay in the
// design, because the shop may get them back.
//
// It is an error that wraps ErrNoDesign if the page has no complete design, as a fallback
// or a page of an old release, or if the shop can render none of its sections.
func ReadStored(document []byte, shop *catalogue.Shop) (design.Design, error) {
	_, rest, begun := bytes.Cut(document, []byte(blockBegin))
	block, _, ended := bytes.Cut(rest, []byte(blockEnd))
	if !begun || !ended {
		return design.Design{}, fmt.Errorf("%w: the document holds none", ErrNoDesign)
	}
	return ReadDesign(block, shop)
}

// ReadDesign reads a design as JSON that comes from storage or from the bus, which are
// not trusted: it is ReadStored without the page around it. The error wraps ErrNoDesign
// if the design is not whole, or if the shop can render none of its sections.
func ReadDesign(block []byte, shop *catalogue.Shop) (design.Design, error) {
	switch {
	case len(block) > maxAnswer:
		return design.Design{}, fmt.Errorf("%w: it is larger than %d KB", ErrNoDesign, maxAnswer>>10)
	case depth(block) > maxDepth:
		return design.Design{}, fmt.Errorf("%w: it is nested deeper than %d", ErrNoDesign, maxDepth)
	}
	var rep design.Report
	d, found := readDesign(block, &rep)
	if !found || rep.Salvaged {
		return design.Design{}, fmt.Errorf("%w: it is not whole", ErrNoDesign)
	}
	if len(d.Fit(shop, &design.Report{}).Sections) == 0 {
		return design.Design{}, fmt.Errorf("%w: nothing of it can be drawn", ErrNoDesign)
	}
	return d, nil
}
