package mapping

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/services/importer/internal/ident"
	"github.com/wandstore/wandstore/services/importer/internal/listing"
)

// variants sets the options and the variants.
func (m *Mapper) variants(mapped *Mapped, l *listing.Product) error {
	p := mapped.Product
	if len(l.Variants) == 0 {
		return errors.New("has nothing to buy")
	}
	if n := len(l.Variants); n > catalogue.MaxVariants {
		return fmt.Errorf("has %d variants, at most %d are sold", n, catalogue.MaxVariants)
	}
	for _, name := range l.Options {
		p.Options = append(p.Options, catalogue.Option{Name: distinct(p.Options, cmp.Or(label(name), "Option"))})
	}
	for i := range l.Variants {
		v, err := m.variant(mapped, &l.Variants[i])
		if err != nil {
			if l.Variants[i].Line > 0 && l.Variants[i].Line != l.Line {
				err = fmt.Errorf("line %d: %w", l.Variants[i].Line, err)
			}
			return err
		}
		same := func(other catalogue.Variant) bool { return slices.Equal(other.Options, v.Options) }
		if slices.ContainsFunc(p.Variants, same) {
			return twice(p, &v, &l.Variants[i])
		}
		p.Variants = append(p.Variants, v)
	}
	Name(p.Variants)
	return nil
}

// distinct is the name of an option, with a number if the product has one of that name.
func distinct(options []catalogue.Option, name string) string {
	numbered := name
	for n := 2; slices.ContainsFunc(options, func(o catalogue.Option) bool { return strings.EqualFold(o.Name, numbered) }); n++ {
		numbered = fmt.Sprintf("%s %d", truncate(name, catalogue.MaxLabel-3), n)
	}
	return numbered
}

// twice says that a variant is there already.
func twice(p *catalogue.Product, v *catalogue.Variant, l *listing.Variant) error {
	where := ""
	if l.Line > 0 {
		where = fmt.Sprintf(", in line %d again", l.Line)
	}
	if len(p.Options) == 0 {
		return fmt.Errorf("is for sale twice%s, and no option tells the two apart", where)
	}
	return fmt.Errorf("has two variants %q%s", strings.Join(v.Options, " / "), where)
}

// noValue stands for the value of an option that a variant does not have.
const noValue = "–"

func (m *Mapper) variant(mapped *Mapped, l *listing.Variant) (catalogue.Variant, error) {
	v, notice, err := m.Offer(l)
	if err != nil {
		return v, err
	}
	if notice != "" {
		mapped.Notices = append(mapped.Notices, notice)
	}
	if v.Image = mapped.picture(l.Image); v.Image > catalogue.MaxImages {
		v.Image = 0
	}
	p := mapped.Product
	for i := range p.Options {
		value := ""
		if i < len(l.Values) {
			value = label(l.Values[i])
		}
		value = cmp.Or(value, noValue)
		if v.Options = append(v.Options, value); !slices.Contains(p.Options[i].Values, value) {
			p.Options[i].Values = append(p.Options[i].Values, value)
		}
	}
	return v, nil
}

// rounded is a number as spreadsheets show those with many digits.
var rounded = regexp.MustCompile(`^[0-9][.,][0-9]+[eE]\+[0-9]+$`)

// Offer is what a listing says of a variant but for its options and its picture. The error
// says in one line why it cannot be sold.
func (m *Mapper) Offer(l *listing.Variant) (v catalogue.Variant, notice Notice, err error) {
	v = catalogue.Variant{SKU: label(l.SKU), Barcode: label(l.Barcode)}
	if l.ExternalID != "" || l.InventoryID != "" {
		v.Origin = &catalogue.VariantOrigin{ID: l.ExternalID, InventoryID: l.InventoryID}
	}
	if rounded.MatchString(v.Barcode) {
		notice, v.Barcode = Notice(fmt.Sprintf("the barcode %q was rounded by a spreadsheet and is left out", v.Barcode)), ""
	}
	if l.Price == "" {
		return v, "", errors.New("has no price")
	}
	if v.PriceCents, err = m.amount(l.Price); err != nil {
		return v, "", fmt.Errorf("the price %w", err)
	}
	if l.CompareAt != "" {
		usual, err := m.amount(l.CompareAt)
		if err != nil {
			notice = Notice(fmt.Sprintf("the compare-at price %v", err))
		} else if usual > v.PriceCents {
			v.CompareAtCents = usual
		}
	}
	switch {
	case l.Backorder:
		v.StockPolicy = catalogue.StockContinue
	case l.Stock == nil && !l.SoldOut:
		v.StockPolicy = catalogue.StockUntracked
	}
	if l.Stock != nil {
		v.Stock = min(max(*l.Stock, 0), catalogue.MaxStock)
	}
	return v, notice, nil
}

// Name gives the variants ids, by their values alone: so a variant has the same id whatever
// it was imported from. Values that cannot be told apart in an id have ids with a hash.
func Name(variants []catalogue.Variant) {
	count := map[string]int{}
	slug := func(v *catalogue.Variant) string {
		if len(v.Options) == 0 {
			return "default"
		}
		return ident.Slug(strings.Join(v.Options, " "))
	}
	for i := range variants {
		count[slug(&variants[i])]++
	}
	for i := range variants {
		v := &variants[i]
		if v.ID = slug(v); v.ID == "" || count[v.ID] > 1 {
			v.ID = catalogue.ProductID(ident.Canonical(strings.Join(v.Options, " / ")) + " ")
		}
	}
}
