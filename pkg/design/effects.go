package design

import (
	"fmt"
	"io"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/persona"
)

// RuleEffects is what each rule of the shop's merchant affects on the day of at, in the
// order of the document.
func RuleEffects(shop *catalogue.Shop, at time.Time) []catalogue.RuleEffect {
	free, ruled := shop.WithoutRules(), shop.On(at)
	var without, with []Section
	names := append([]string{""}, persona.All()...)
	for _, name := range names {
		without = slices.Concat(without, Template(free, name, Interests{}).Sections)
		view := ruled.For(name)
		with = slices.Concat(with, Template(view, name, Interests{}).WithMerchant(view).Sections)
	}
	count := func(sections []Section, is func(Section) bool) (n int) {
		for _, s := range sections {
			if is(s) {
				n++
			}
		}
		return n
	}
	effects := shop.RuleEffects(at)
	for i := range effects {
		e := &effects[i]
		switch {
		case e.Campaign != "":
			e.Sections = count(with, func(s Section) bool { return s.Campaign == e.Campaign })
		case !e.InEffect:
		case e.Concerns != nil:
			shows := func(s Section) bool {
				return slices.ContainsFunc(s.shown(free), func(id string) bool {
					p, ok := free.Product(id)
					return ok && e.Concerns(p)
				})
			}
			e.Sections = max(count(without, shows), count(with, shows))
		case e.OfTexts != nil:
			e.Sections = count(without, func(s Section) bool { return e.OfTexts(s.texts()...) })
		case e.Wanted != "" || e.Unwanted != "":
			e.Sections = count(without, func(s Section) bool { return s.Type == e.Wanted || s.Type == e.Unwanted })
			if _, known := kindOf(e.Wanted + e.Unwanted); !known {
				e.Note = "there are no such sections"
			}
		}
	}
	return effects
}

// shown is the ids of the products that the section shows.
func (s Section) shown(shop *catalogue.Shop) []string {
	if filled, ok := FilledByShop(s.Type, shop); ok {
		return filled
	}
	return s.ProductIDs
}

// Verify checks the shop documents in dir, like catalogue.Verify, and returns the exit
// status of the process. If all are valid it also tells on stdout what their merchants'
// rules affect today.
func Verify(dir string, stdout, stderr io.Writer) int {
	if status := catalogue.Verify(dir, stdout, stderr); status != 0 {
		return status
	}
	shops, err := catalogue.ReadDir(os.DirFS(dir))
	if err != nil {
		return 0 // the products of a shop are in the bucket, and so is what its rules are about
	}
	for _, shop := range shops.All() {
		if err := WriteEffects(stdout, shop, RuleEffects(shop, time.Now())); err != nil {
			fmt.Fprintln(stderr, err)
			return 2
		}
	}
	return 0
}

// WriteEffects writes effects as a table; nothing if the shop has no rules.
func WriteEffects(w io.Writer, shop *catalogue.Shop, effects []catalogue.RuleEffect) error {
	if len(effects) == 0 {
		return nil
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "\n%s\ttoday\tproducts\tpersonas\tsections\t\n", shop.Slug)
	for _, e := range effects {
		today := "on"
		if !e.InEffect {
			today = "off"
		}
		note := e.Note
		if note == "" && e.Products+e.Sections == 0 && e.Rule != "rules.voice" {
			note = "affects nothing that is there now"
		}
		fmt.Fprintf(table, "%s: %s\t%s\t%d\t%d\t%d\t%s\n", e.Rule, e.Says, today, e.Products, e.Personas, e.Sections, note)
	}
	return table.Flush()
}
