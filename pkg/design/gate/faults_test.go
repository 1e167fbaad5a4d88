package gate_test

import (
	"strings"
	"testing"

	"github.com/wandstore/wandstore/pkg/catalogue/cataloguetest"
	"github.com/wandstore/wandstore/pkg/design/gate"
)

// A single fault anywhere costs at most the section that it is in.
func TestAFaultCostsNoOtherSection(t *testing.T) {
	t.Parallel()
	shop := cataloguetest.Shop(t, "magic-wands")
	// Every second part is a section, which says its words.
	parts := []string{
		`{"theme":{"palette":"midnight","motion":"still"},"sections":[`,
		`{"type":"hero","variant":"banner","headline":"Alpha one","body":"Made for slow, quiet evenings.","productIds":["nightjar"]}`, `,`,
		`{"type":"product-grid","headline":"Bravo two","productIds":["halcyon","rosewarden","willowmere"]}`, `,`,
		`{"type":"guide","headline":"Charlie three","items":[{"title":"Oil it","body":"Now and then."},{"title":"Rest it","body":"Often."}]}`, `,`,
		`{"type":"quote","body":"Delta four."}`, `]}`,
	}
	words := map[int]string{1: "Alpha one", 3: "Bravo two", 5: "Charlie three", 7: "Delta four"}
	const structural = `"{}[],:`
	lost := func(within int, text string) (all []string) {
		d, _, _ := gate.Parse([]byte(text), shop)
		var said strings.Builder
		for _, s := range d.Sections {
			said.WriteString(s.Headline + "\n" + s.Body + "\n")
		}
		for part, w := range words {
			if part != within && !strings.Contains(said.String(), w) {
				all = append(all, w)
			}
		}
		return all
	}
	whole, at := strings.Join(parts, ""), 0
	for part, p := range parts {
		for range len(p) {
			before, c, after := whole[:at], whole[at:at+1], whole[at+1:]
			at++
			if !strings.Contains(structural, c) {
				continue
			}
			faults := []string{"", c + c, ";"}
			for _, more := range []string{`"`, ",", "}", "]", "{", "[", "\\", "\n", "/*x*/", "\x00", "'", "```"} {
				faults = append(faults, more+c)
			}
			for _, fault := range faults {
				if all := lost(part, before+fault+after); len(all) > 0 {
					t.Errorf("%q in place of %q after …%s loses %q", fault, c, before[max(0, len(before)-30):], all)
				}
			}
		}
	}
}
