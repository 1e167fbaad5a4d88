package shelf

import (
	"cmp"
	"reflect"
	"slices"

	"github.com/wandstore/wandstore/pkg/catalogue"
)

// Merge completes next, what a source tells now, by old, what it told before. It reports
// false if old is the newer one, and next must not be written.
func Merge(old, next *catalogue.Product) bool {
	timed := next.Origin != nil && !next.Origin.UpdatedAt.IsZero()
	if old.Origin != nil && next.Origin != nil {
		if timed && next.Origin.UpdatedAt.Before(old.Origin.UpdatedAt) {
			return false
		}
		next.Origin.ID = cmp.Or(next.Origin.ID, old.Origin.ID)
		if !timed {
			next.Origin.UpdatedAt = old.Origin.UpdatedAt
		}
	}
	if next.AddedAt.IsZero() {
		next.AddedAt = old.AddedAt
	}
	if next.Rating == 0 {
		next.Rating, next.Reviews = old.Rating, old.Reviews
	}
	next.Sold = cmp.Or(next.Sold, old.Sold)
	if next.BoughtWith == nil {
		next.BoughtWith = old.BoughtWith
	}
	for i := range next.Variants {
		v := &next.Variants[i]
		if before := sameVariant(old, v); before != nil {
			mergeVariant(before, v, timed, next.Origin)
		}
	}
	return true
}

// sameVariant is the variant of old that v is now: by its id at the source, or by its
// values.
func sameVariant(old *catalogue.Product, v *catalogue.Variant) *catalogue.Variant {
	if v.Origin != nil && v.Origin.ID != "" {
		same := func(o catalogue.Variant) bool { return o.Origin != nil && o.Origin.ID == v.Origin.ID }
		if i := slices.IndexFunc(old.Variants, same); i >= 0 {
			return &old.Variants[i]
		}
	}
	if before, ok := old.Chosen(v.Options); ok {
		return before
	}
	return nil
}

// mergeVariant completes v by what it was before. timed tells that the source says when the
// product was changed.
func mergeVariant(before, v *catalogue.Variant, timed bool, origin *catalogue.Origin) {
	if before.Origin == nil {
		return
	}
	if v.Origin == nil {
		kept := *before.Origin
		v.Origin = &kept
		return
	}
	v.Origin.ID = cmp.Or(v.Origin.ID, before.Origin.ID)
	v.Origin.InventoryID = cmp.Or(v.Origin.InventoryID, before.Origin.InventoryID)
	at := before.Origin.StockAt
	switch {
	case !timed:
		v.Origin.StockAt = max(v.Origin.StockAt, at)
	case at > origin.UpdatedAt.UnixMilli():
		// A stock that was told after the product was changed is the newer one.
		if v.StockPolicy != catalogue.StockUntracked {
			v.Stock = before.Stock
		}
		v.Origin.StockAt = at
	}
}

// Changes are the names of what differs between two products, as a shopper would call it.
func Changes(old, next *catalogue.Product) []string {
	var names []string
	differs := func(name string, different bool) {
		if different && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	differs("name", old.Name != next.Name)
	differs("description", old.DescriptionHTML != next.DescriptionHTML)
	differs("collections", old.Collection != next.Collection || !slices.Equal(old.Collections, next.Collections))
	differs("pictures", !slices.Equal(old.Images, next.Images))
	differs("tags", !slices.Equal(old.Tags, next.Tags))
	differs("attributes", !slices.Equal(old.Attributes, next.Attributes))
	differs("vendor", old.Vendor != next.Vendor)
	differs("type", old.Type != next.Type)
	differs("options", !reflect.DeepEqual(old.Options, next.Options))
	differs("variants", len(old.Variants) != len(next.Variants))
	for i := range min(len(old.Variants), len(next.Variants)) {
		a, b := &old.Variants[i], &next.Variants[i]
		differs("variants", a.ID != b.ID || a.SKU != b.SKU || a.Barcode != b.Barcode || a.Image != b.Image)
		differs("price", a.PriceCents != b.PriceCents || a.CompareAtCents != b.CompareAtCents)
		differs("stock", a.Stock != b.Stock || a.StockPolicy != b.StockPolicy)
	}
	if len(names) == 0 {
		names = []string{"its origin"}
	}
	return names
}
