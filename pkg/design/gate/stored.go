package gate

import (
	"bytes"
	"fmt"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/design"
)

// A page that was made for somebody carries its design in a data block (WHATWG HTML,
// 4.12.1). Browsers do not run data blocks, so no policy has to allow it. html/template
// writes the design as JSON without angle brackets, so nothing inside ends the block.
const (
	blockBegin = `<script type="application/json" id="design">`
	blockEnd   = `</script>`
)

// ReadStored reads back the design of a stored page, so that the page can be rendered
// again with today's catalogue. Storage counts as outside: words and choices are
// checked as those of a model's answer are. Products that the shop no longer has stay
// in the design, in case the shop gets them back.
//
// A page without a complete design, such as a fallback or one of an earlier release,
// and a design that the shop cannot render any section of, are errors that wrap
// ErrNoDesign.
func ReadStored(document []byte, shop *catalogue.Shop) (design.Design, error) {
	_, rest, begun := bytes.Cut(document, []byte(blockBegin))
	block, _, ended := bytes.Cut(rest, []byte(blockEnd))
	switch {
	case !begun || !ended:
		return design.Design{}, fmt.Errorf("%w: the document holds none", ErrNoDesign)
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
