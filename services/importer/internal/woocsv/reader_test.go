package woocsv_test

import (
	"strings"
	"testing"
	"time"

	"github.com/wandstore/wandstore/services/importer/internal/listing"
	"github.com/wandstore/wandstore/services/importer/internal/listing/listingtest"
	"github.com/wandstore/wandstore/services/importer/internal/text"
	"github.com/wandstore/wandstore/services/importer/internal/woocsv"
)

// now is the last day of the fixture's sale.
var now = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

func TestExports(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"products", "german"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			listingtest.Golden(t, woocsv.New(listingtest.File(t, name+".csv"), now), name+".golden.json")
		})
	}
}

func FuzzReader(f *testing.F) {
	f.Add("ID,Type,SKU,Name,Published,Regular price,Parent,Grouped products,Attribute 1 name,Attribute 1 value(s)\n" +
		"1,variable,A,A,1,,,,Size,\"S, M\"\n2,variation,B,,1,3,A,,Size,\n3,grouped,C,C,1,,,\"A, id:3\",,\n")
	f.Fuzz(func(t *testing.T, content string) {
		file, err := text.Open(strings.NewReader(content), "")
		if err != nil {
			return
		}
		_ = woocsv.New(file, now).Read(t.Context(), func(p listing.Product) error {
			if p.Line < 1 || len(p.Variants) == 0 && p.Fault == "" && p.Hidden == "" {
				t.Errorf("product without a line or a variant: %+v", p)
			}
			return nil
		})
	})
}
