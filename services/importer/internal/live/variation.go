package live

import (
	"context"
	"slices"
	"strings"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/services/importer/internal/mapping"
)

// keepVariants gives next the options and variants of old. A product of which none are known
// waits for an import: a webhook does not tell them together.
func keepVariants(old, next *catalogue.Product) error {
	if old == nil || len(old.Variants) == 0 {
		return errSettled
	}
	next.Options, next.Variants = old.Options, nil
	for i := range old.Variants {
		v := old.Variants[i]
		if v.Image > 0 {
			picture, _ := old.VariantPicture(&v)
			v.Image = pictureOf(next, picture)
		}
		next.Variants = append(next.Variants, v)
	}
	return nil
}

// pictureOf is the number of a picture of the product, which is added if it is new.
func pictureOf(p *catalogue.Product, picture catalogue.Image) int {
	i := slices.IndexFunc(p.Images, func(one catalogue.Image) bool { return one.URL == picture.URL })
	if i < 0 && len(p.Images) < catalogue.MaxImages {
		p.Images = append(p.Images, picture)
		i = len(p.Images) - 1
	}
	return i + 1
}

// wooVariation takes a variation as it is now. Its stock's time is that of the variation.
func (d *Desk) wooVariation(ctx context.Context, store string, p *wooProduct) error {
	parent := d.index.product(store, id(p.Parent))
	if parent == "" {
		return nil // an import brings both
	}
	m, err := d.mapper(ctx, store)
	if err != nil {
		return err
	}
	l := p.variant()
	offer, _, err := m.Offer(&l)
	if err != nil {
		d.log.WarnContext(ctx, "variation left out", "store", store, "product", parent, "reason", err.Error())
		return nil
	}
	offer.Origin.StockAt = p.Modified.UnixMilli()
	return d.change(ctx, store, parent, func(old *catalogue.Product) (*catalogue.Product, error) {
		if old == nil || old.Origin == nil || old.Origin.ID != id(p.Parent) {
			return nil, errSettled
		}
		return old, setVariation(old, offer, p)
	})
}

// setVariation puts what is sold into the variants that the variation stands for, or adds it.
// One that is not published is taken away, unless it is the last.
func setVariation(p *catalogue.Product, offer catalogue.Variant, from *wooProduct) error {
	found, published := false, from.Status == "publish"
	p.Variants = slices.DeleteFunc(slices.Clone(p.Variants), func(v catalogue.Variant) bool {
		same := v.Origin != nil && v.Origin.ID == offer.Origin.ID
		found = found || same
		return same && !published && v.Origin.StockAt < offer.Origin.StockAt
	})
	if len(p.Variants) == 0 {
		return errSettled
	}
	changed := found && !published
	for i := range p.Variants {
		v := &p.Variants[i]
		if v.Origin == nil || v.Origin.ID != offer.Origin.ID || v.Origin.StockAt >= offer.Origin.StockAt {
			continue
		}
		next, origin := offer, *offer.Origin
		if from.ManageStock == "parent" {
			next.Stock, next.StockPolicy = v.Stock, v.StockPolicy
		}
		next.ID, next.Options, next.Image, next.Origin = v.ID, v.Options, v.Image, &origin
		*v, changed = next, true
	}
	if !found && published {
		changed = addVariation(p, offer, from)
	}
	if !changed {
		return errSettled
	}
	return nil
}

// addVariation adds a variation that has a value for each of the product's options.
func addVariation(p *catalogue.Product, offer catalogue.Variant, from *wooProduct) bool {
	for i := range p.Options {
		o := &p.Options[i]
		value := ""
		for _, a := range from.Attributes {
			if strings.EqualFold(a.Name, o.Name) {
				value = catalogue.CleanText(a.Option)
			}
		}
		if value == "" {
			return false
		}
		if !slices.Contains(o.Values, value) {
			o.Values = append(slices.Clone(o.Values), value)
		}
		offer.Options = append(offer.Options, value)
	}
	if _, known := p.Chosen(offer.Options); known || len(p.Variants) >= catalogue.MaxVariants || len(p.Options) == 0 {
		return false
	}
	p.Variants = append(p.Variants, offer)
	mapping.Name(p.Variants)
	return true
}
