package catalogue_test

import (
	"fmt"
	"testing"

	"github.com/wandstore/wandstore/pkg/catalogue"
)

// Metrics know few shops, whoever asks for whatever, and two processes know the same.
func TestMetricsKnowFewShops(t *testing.T) {
	t.Parallel()
	shops := make([]*catalogue.Shop, 200)
	for n := range shops {
		// From the last to the first: the order in which they come does not matter.
		shops[n] = &catalogue.Shop{Slug: fmt.Sprintf("shop-%03d", len(shops)-1-n)}
	}
	for _, c := range []struct {
		shops int
		want  int
	}{{1, 1}, {29, 29}, {30, 30}, {31, 30}, {200, 30}} {
		known := catalogue.NewShops(shops[len(shops)-c.shops:]...)
		labels := map[string]int{}
		for _, shop := range shops {
			labels[known.Label(shop.Slug)]++
		}
		others := labels[catalogue.OtherShops]
		delete(labels, catalogue.OtherShops)
		if len(labels) != c.want || others != len(shops)-c.want || labels["shop-000"] != 1 {
			t.Errorf("of %d shops %d have a label, and %d have none: want %d", c.shops, len(labels), others, c.want)
		}
		for _, hostile := range []string{"", "..", "shop-000 ", "SHOP-000", "shop-0", "\xff", "<script>", "_other", "shop-000\n"} {
			if got := known.Label(hostile); got != catalogue.OtherShops {
				t.Errorf("%q is called %q", hostile, got)
			}
		}
	}
}
