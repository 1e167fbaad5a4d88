package catalogue

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wandstore/wandstore/pkg/persona"
)

// RuleEffect is what one rule of a merchant affects on a day.
type RuleEffect struct {
	Rule     string `json:"rule"` // its place in the document, such as rules.products[0]
	Says     string `json:"says"`
	InEffect bool   `json:"inEffect"` // on that day
	// Products is those that it decides about, shows or takes words from, and Personas is
	// those to whose pages it applies.
	Products int `json:"products"`
	Personas int `json:"personas"`
	// Sections is those that it changes or adds, of the pages that the shop has without a
	// model: that of everybody and one for each persona.
	Sections int `json:"sections"`
	// Note says why it affects nothing, or not what it names.
	Note string `json:"note,omitempty"`

	// Concerns reports whether the rule is about the product, and OfTexts whether it is about
	// what the texts say. They are nil if it is about neither.
	Concerns func(*Product) bool        `json:"-"`
	OfTexts  func(texts ...string) bool `json:"-"`
	// Unwanted and Wanted are the section type that the rule is about; "" if about none.
	Unwanted, Wanted string `json:"-"`
	Campaign         string `json:"-"` // its id
}

// RuleEffects is what each of the shop's rules affects on the day of at, without Sections,
// in the order of the document.
func (s *Shop) RuleEffects(at time.Time) []RuleEffect {
	full, day := s.unruled(), DateOf(at)
	var all []RuleEffect
	if full.Rules.Voice != "" {
		all = append(all, always("rules.voice", "is told to the model"))
	}
	all = append(all, full.wordsEffects()...)
	decided := full.decided(day)
	for i := range full.Rules.Products {
		all = append(all, full.productsEffect(i, day, decided[i]))
	}
	for i, c := range full.Rules.Campaigns {
		e := RuleEffect{
			Rule: fmt.Sprintf("rules.campaigns[%d]", i), Says: "campaign " + c.ID + c.words(), Campaign: c.ID,
			Products: len(full.On(at).CampaignProducts(c, maxPinned)),
		}
		e.apply(c.When, day)
		if known := len(full.Known(c.Products)); e.Note == "" && known < len(c.Products) {
			e.Note = fmt.Sprintf("%d of its products are not in the shop", len(c.Products)-known)
		}
		all = append(all, e)
	}
	for i, t := range full.Rules.Sections {
		e := always(fmt.Sprintf("rules.sections[%d]", i), "want "+t)
		e.Wanted = t
		all = append(all, e)
	}
	for i, t := range full.Rules.NoSections {
		e := always(fmt.Sprintf("rules.noSections[%d]", i), "want no "+t)
		e.Unwanted = t
		all = append(all, e)
	}
	return all
}

// always is a rule that is in effect on every day, for all personas.
func always(rule, says string) RuleEffect {
	return RuleEffect{Rule: rule, Says: says, InEffect: true, Personas: len(persona.All())}
}

// decided is how many products each of the rules about products decides about on the day,
// for some persona.
func (s *Shop) decided(day Date) []int {
	var deciding []func(*Product) int
	for _, name := range persona.All() {
		if decides := s.Rules.deciding(name, day); decides != nil {
			deciding = append(deciding, decides)
		}
	}
	counts := make([]int, len(s.Rules.Products))
	for _, p := range s.Products {
		var by []int
		for _, decides := range deciding {
			if i := decides(p); i >= 0 && !slices.Contains(by, i) {
				by = append(by, i)
				counts[i]++
			}
		}
	}
	return counts
}

// WithoutRules is the shop as if its merchant had decided nothing. Its own texts lack what
// they never say all the same.
func (s *Shop) WithoutRules() *Shop {
	free := *s.unruled()
	free.Rules, free.forbidden = Rules{}, nil
	free.derive()
	return &free
}

// apply sets whom the rule applies to on the day.
func (e *RuleEffect) apply(w When, day Date) {
	for _, name := range persona.All() {
		if w.Holds(name, day.day) {
			e.Personas++
		}
	}
	switch e.InEffect = w.inTime(day.day); {
	case e.InEffect:
	case w.Until.IsZero() || !day.day.After(w.Until.day):
		e.Note = "has not begun"
	default:
		e.Note = "has ended"
	}
}

// words are when and for whom, for a line of a table.
func (w When) words() string {
	var b strings.Builder
	if len(w.Personas) > 0 {
		b.WriteString(" for " + strings.Join(w.Personas, ", "))
	}
	for _, bound := range []struct {
		word string
		day  Date
	}{{" from ", w.From}, {" until ", w.Until}} {
		if !bound.day.IsZero() {
			b.WriteString(bound.word + bound.day.day.Format(time.DateOnly))
		}
	}
	return b.String()
}

// wordsEffects is those of the words that are never said. Each product is looked at once.
func (s *Shop) wordsEffects() []RuleEffect {
	named, silenced := make([]int, len(s.Rules.NeverSay)), make([]int, len(s.Rules.NeverSay))
	for _, p := range s.Products {
		for _, i := range s.forbidden.found(p.Name) {
			named[i]++
		}
		for _, i := range p.silenced {
			silenced[i]++
		}
	}
	inName := s.forbidden.found(s.Name)
	all := make([]RuleEffect, 0, len(s.Rules.NeverSay))
	for i, words := range s.Rules.NeverSay {
		e := always(fmt.Sprintf("rules.neverSay[%d]", i), "never say "+quoted(words))
		e.Products, e.OfTexts = silenced[i], newForbidden([]string{words}).in
		switch {
		case named[i] > 0:
			e.Note = fmt.Sprintf("stays in the names of %d products", named[i])
		case slices.Contains(inName, i):
			e.Note = "stays in the shop's name"
		case slices.Contains(s.silenced, i):
			e.Note = "was taken out of the shop's own texts"
		}
		all = append(all, e)
	}
	return all
}

// productsEffect is that of a rule that decides about so many products.
func (s *Shop) productsEffect(i int, day Date, decided int) RuleEffect {
	rule := s.Rules.Products[i]
	e := RuleEffect{
		Rule: fmt.Sprintf("rules.products[%d]", i), Concerns: rule.Concerns, Products: decided,
		Says: rule.Do + " " + cmp.Or(
			prefixed("product ", rule.Product), prefixed("collection ", rule.Collection), prefixed("tag ", rule.Tag)) + rule.words(),
	}
	e.apply(rule.When, day)
	switch {
	case !slices.ContainsFunc(s.Products, rule.Concerns):
		e.Note = "no product is that"
	case e.InEffect && e.Products == 0:
		e.Note = "later rules decide about its products"
	case e.InEffect && rule.Do == Pin && e.Products > maxPinned:
		e.Note = fmt.Sprintf("a page shows %d pinned products", maxPinned)
	}
	return e
}

// prefixed is the text after a prefix, or "".
func prefixed(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}
