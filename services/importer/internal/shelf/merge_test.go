package shelf_test

import (
	"slices"
	"testing"
	"time"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/services/importer/internal/shelf"
)

var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

func bowl(updated time.Time, stock int, origin *catalogue.VariantOrigin) *catalogue.Product {
	return &catalogue.Product{
		ID: "bowl", Name: "Bowl", Origin: &catalogue.Origin{UpdatedAt: updated},
		Options:  []catalogue.Option{{Name: "Size", Values: []string{"S"}}},
		Variants: []catalogue.Variant{{ID: "s", Options: []string{"S"}, PriceCents: 100, Stock: stock, Origin: origin}},
	}
}

func TestMerge(t *testing.T) {
	t.Parallel()
	known := func() *catalogue.Product {
		p := bowl(noon, 5, &catalogue.VariantOrigin{ID: "11", InventoryID: "111", StockAt: noon.Add(time.Hour).UnixMilli()})
		p.Origin.ID, p.Rating, p.Reviews, p.AddedAt = "1", 4.5, 3, catalogue.DateOf(noon)
		p.CountOrder(2, []string{"plate"})
		return p
	}
	// A source without ids and times takes none away, and has its own stock.
	next := bowl(time.Time{}, 9, nil)
	if !shelf.Merge(known(), next) || next.Origin.ID != "1" || next.Rating != 4.5 || next.AddedAt.IsZero() || next.Variants[0].Origin.InventoryID != "111" || next.Variants[0].Stock != 9 || next.Sold != 2 || len(next.BoughtWith) != 1 {
		t.Errorf("got %+v", next)
	}
	next = bowl(time.Time{}, 9, &catalogue.VariantOrigin{ID: "11"})
	if !shelf.Merge(known(), next) || next.Variants[0].Stock != 9 || next.Variants[0].Origin.StockAt == 0 {
		t.Errorf("got %+v", next.Variants[0])
	}
	// A stock that was told after the product was changed stays.
	next = bowl(noon.Add(time.Minute), 9, &catalogue.VariantOrigin{ID: "11"})
	if !shelf.Merge(known(), next) || next.Variants[0].Stock != 5 || next.Variants[0].Origin.StockAt == 0 {
		t.Errorf("got %+v", next.Variants[0])
	}
	next = bowl(noon.Add(2*time.Hour), 9, &catalogue.VariantOrigin{ID: "11"})
	if !shelf.Merge(known(), next) || next.Variants[0].Stock != 9 {
		t.Errorf("got %+v", next.Variants[0])
	}
	if shelf.Merge(known(), bowl(noon.Add(-time.Second), 9, nil)) {
		t.Error("an older product replaces a newer one")
	}
	if got := shelf.Changes(known(), bowl(noon, 9, nil)); !slices.Equal(got, []string{"stock"}) {
		t.Errorf("changes %v", got)
	}
}
