package importer

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/wandstore/wandstore/services/importer/internal/shelf"
)

// Entry is what became of one product.
type Entry struct {
	// Outcome is one of added, changed, removed, left out and notice.
	Outcome string `json:"outcome"`
	Product string `json:"product"`
	// Line is where the source tells of it; 0 where there are no lines.
	Line   int    `json:"line,omitempty"`
	Reason string `json:"reason,omitempty"`
}

const (
	outcomeAdded   = "added"
	outcomeChanged = "changed"
	outcomeRemoved = "removed"
	outcomeLeftOut = "left out"
	outcomeNotice  = "notice"
)

// Summary is what an import did.
type Summary struct {
	Read, Added, Changed, Unchanged, Newer, Removed, LeftOut int
	// Faults is how many of those left out have a fault; the others are hidden.
	Faults int
	// Kept is why nothing was removed, or "".
	Kept string
	// Refused is how many would be removed, which is more than a tenth.
	Refused int
	// Format is the source's.
	Format string
	// ShopMade is true if the shop's document was made.
	ShopMade bool
	// Lacking is the ids of the products' collections that the shop's document does not have.
	Lacking []string

	shown map[string][]Entry
	all   *json.Encoder
	err   error // of writing the report
}

// shownOfEach is how many entries of each outcome a summary shows. The report has all.
const shownOfEach = 20

func newSummary(report io.Writer) *Summary {
	s := &Summary{shown: map[string][]Entry{}}
	if report != nil {
		s.all = json.NewEncoder(report)
	}
	return s
}

func (s *Summary) add(e Entry) {
	if len(s.shown[e.Outcome]) < shownOfEach {
		s.shown[e.Outcome] = append(s.shown[e.Outcome], e)
	}
	if s.all != nil && s.err == nil {
		s.err = s.all.Encode(e)
	}
}

func (s *Summary) count(outcome shelf.Outcome, e Entry) {
	switch outcome {
	case shelf.Added:
		s.Added++
		e.Outcome = outcomeAdded
	case shelf.Changed:
		s.Changed++
		e.Outcome = outcomeChanged
	case shelf.Removed:
		s.Removed++
		e.Outcome = outcomeRemoved
	case shelf.Newer:
		s.Newer++
		return
	case shelf.Unchanged:
		s.Unchanged++
		return
	}
	s.add(e)
}

// leaveOut counts a product that is in the source, and not in the shop.
func (s *Summary) leaveOut(e Entry, fault bool) {
	s.LeftOut++
	if fault {
		s.Faults++
	}
	e.Outcome = outcomeLeftOut
	s.add(e)
}

// Print writes the summary for people.
func (s *Summary) Print(out io.Writer, shop string, dryRun bool) {
	would := ""
	if dryRun {
		would = " (nothing was written)"
	}
	fmt.Fprintf(out, "%s: %d products read as %s%s\n", shop, s.Read, s.Format, would)
	for _, row := range []struct {
		name string
		n    int
	}{{outcomeAdded, s.Added}, {outcomeChanged, s.Changed}, {"unchanged", s.Unchanged}, {outcomeRemoved, s.Removed}, {outcomeLeftOut, s.LeftOut}} {
		fmt.Fprintf(out, "  %-9s %6d\n", row.name, row.n)
	}
	if s.Newer > 0 {
		fmt.Fprintf(out, "  %-9s %6d in the shop than in the source\n", "newer", s.Newer)
	}
	totals := map[string]int{outcomeAdded: s.Added, outcomeChanged: s.Changed, outcomeRemoved: s.Removed, outcomeLeftOut: s.LeftOut}
	for _, outcome := range []string{outcomeAdded, outcomeChanged, outcomeRemoved, outcomeLeftOut, outcomeNotice} {
		for _, e := range s.shown[outcome] {
			fmt.Fprintln(out, e.line())
		}
		if more := totals[outcome] - len(s.shown[outcome]); more > 0 {
			fmt.Fprintf(out, "%s: %d more; -report FILE has all\n", outcome, more)
		}
	}
	if s.ShopMade {
		fmt.Fprintf(out, "the shop's document was made; it is in the bucket STORES\n")
	}
	if n := len(s.Lacking); n > 0 {
		fmt.Fprintf(out, "the shop's document lacks %d collections of the products, such as %s\n", n, s.Lacking[0])
	}
	if s.Kept != "" {
		fmt.Fprintf(out, "nothing was removed: %s\n", s.Kept)
	}
}

func (e Entry) line() string {
	text := e.Outcome + " " + e.Product
	if e.Line > 0 {
		text += fmt.Sprintf(" (line %d)", e.Line)
	}
	if e.Reason != "" {
		text += ": " + e.Reason
	}
	return text
}
