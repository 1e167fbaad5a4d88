package eval

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/wandstore/wandstore/pkg/design"
	"github.com/wandstore/wandstore/pkg/persona"
)

// The bounds that the prompt names.
const (
	minSections        = 8
	maxSections        = 9
	minimalistSections = 5
	maxWords           = 350
	maxMinimalistWords = 250
	// firstScreens is how far down an interest may have its place.
	firstScreens = 4
)

// judged is one answer beside what the gate made of it.
type judged struct {
	session

	answer string
	design design.Design
	report design.Report
}

// text is the model's own words: of the answer as it came, or if that is no JSON of what
// the gate found in it. The gate's design has the shop's words too, where there were none.
func (j judged) text() string {
	var asWritten design.Design
	if json.Unmarshal([]byte(j.answer), &asWritten) != nil {
		return words(j.design)
	}
	return words(asWritten)
}

// rule is one of the prompt's that can be checked.
type rule struct {
	name   string
	broken func(j judged) bool
}

var rules = []rule{
	{"one JSON object and nothing else", func(j judged) bool { return !json.Valid([]byte(j.answer)) || j.report.Salvaged }},
	{"on one line", func(j judged) bool { return strings.Contains(strings.TrimSpace(j.answer), "\n") }},
	{"as many sections as asked for", func(j judged) bool {
		n := len(j.design.Sections) + j.report.DroppedSections
		if j.visitor.Persona == persona.Minimalist {
			return n != minimalistSections
		}
		return n < minSections || n > maxSections
	}},
	{"not too many words", func(j judged) bool {
		n := len(strings.Fields(j.text()))
		return n >= maxWords || j.visitor.Persona == persona.Minimalist && n >= maxMinimalistWords
	}},
	{"begins as the kind does", func(j judged) bool {
		sections := j.design.Sections
		if len(sections) > 1 && sections[0].Type == "hero" {
			sections = sections[1:]
		}
		return len(sections) == 0 || !slices.Contains(design.Openings(j.visitor.Persona), sections[0].Type)
	}},
	{"varies its sections", func(j judged) bool {
		for i, s := range j.design.Sections {
			if i > 0 && s.Type == j.design.Sections[i-1].Type {
				return true
			}
		}
		return false
	}},
	{"cart and views high on the page", func(j judged) bool {
		var shown []string
		for _, s := range j.design.Sections[:min(firstScreens, len(j.design.Sections))] {
			shown = append(shown, s.ProductIDs...)
		}
		missed := func(ids []string) bool {
			return len(ids) > 0 && !slices.ContainsFunc(ids, func(id string) bool { return slices.Contains(shown, id) })
		}
		return missed(j.signals.GetCart()) || missed(j.signals.GetRecentProducts())
	}},
	{"products of the shop, where they fit", func(j judged) bool { return j.report.DroppedProducts > 0 }},
	{"fields and choices of the schema", func(j judged) bool { return j.report.DroppedFields > 0 }},
	{"texts within their length", func(j judged) bool { return j.report.TruncatedFields > 0 }},
	{"no prices, promises or observations", func(j judged) bool { return j.report.DroppedClaims > 0 }},
	{"no exclamation marks", func(j judged) bool { return strings.ContainsAny(j.text(), "!！") }},
}

// words is the texts of a design.
func words(d design.Design) string {
	var b strings.Builder
	for _, s := range d.Sections {
		for _, text := range []string{s.Eyebrow, s.Headline, s.Body, s.ActionLabel} {
			b.WriteString(text + "\n")
		}
		for _, item := range s.Items {
			b.WriteString(item.Title + "\n" + item.Body + "\n")
		}
	}
	return b.String()
}
