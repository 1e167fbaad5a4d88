package gate

import (
	"strings"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/design"
)

// maxReading bounds how many bytes a Beginning parses, all its readings together. Eight
// sections with the items of two of them have about thirty closing braces, and ten KB.
const maxReading = 8 << 20

// Beginning reads an answer while it comes. Its zero value has read nothing. What it
// gives has passed the same checks as an answer that is whole, so the design of the
// whole answer begins with it, unless the answer contradicts itself later.
type Beginning struct {
	Shop *catalogue.Shop

	answer []byte
	parsed int
}

// Add adds a piece of the answer's text, without the model's thoughts. It returns the theme
// and the sections that are complete so far, and false if the piece has completed none.
// Only JSON has a beginning: of an answer in HTML nothing can be said before its end.
//
// The answer is parsed anew from its first byte, by the code that parses it when it is
// whole, and only if the piece closes an object: an answer has a few kilobytes and tens
// of objects. So whatever is repaired in a whole answer is repaired here too.
func (b *Beginning) Add(piece string) (design.Design, bool) {
	if len(b.answer)+len(piece) > maxAnswer || b.parsed > maxReading {
		return design.Design{}, false
	}
	b.answer = append(b.answer, piece...)
	if !strings.Contains(piece, "}") {
		return design.Design{}, false
	}
	b.parsed += len(b.answer)
	d, usable, err := findDesign(b.answer, b.Shop, &design.Report{}, search{read: beginDesign})
	if err != nil || usable == 0 {
		return design.Design{}, false
	}
	d = d.Fit(b.Shop, &design.Report{})
	return d, len(d.Sections) > 0
}

// beginDesign reads what is complete of the object at the beginning of b. No bracket is
// added to it: what lacks one may still get more.
func beginDesign(b []byte, rep *design.Report) (design.Design, bool) {
	out, _ := mend(b)
	return readDesign(out, rep)
}
