package shopifycsv_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/wandstore/wandstore/services/importer/internal/listing"
	"github.com/wandstore/wandstore/services/importer/internal/listing/listingtest"
	"github.com/wandstore/wandstore/services/importer/internal/shopifycsv"
	"github.com/wandstore/wandstore/services/importer/internal/table"
	"github.com/wandstore/wandstore/services/importer/internal/text"
)

func TestExports(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"old", "new", "spreadsheet"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			listingtest.Golden(t, shopifycsv.New(listingtest.File(t, name+".csv")), name+".golden.json")
		})
	}
}

const header = "Handle,Title,Option1 Name,Option1 Value,Variant Price\n"

func TestEarlyEnds(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{
		"in a quote":               header + "a,A,Size,S,1\nb,\"B",
		"in a row":                 header + "a,A,Size,S,1\nb,B,Si",
		"in a quote of the header": "Handle,\"Title",
	} {
		var taken []listing.Product
		err := shopifycsv.New(listingtest.Text(t, content)).Read(t.Context(), func(p listing.Product) error {
			taken = append(taken, p)
			return nil
		})
		if !errors.Is(err, table.ErrTruncated) || !strings.HasPrefix(err.Error(), "line ") {
			t.Errorf("%s: %v", name, err)
		}
		if len(taken) > 0 {
			t.Errorf("%s: took %v before the end was known", name, taken)
		}
	}
}

func FuzzReader(f *testing.F) {
	f.Add(header + "a,A,Size,S,1\na,,,M,2\n")
	f.Add("\ufeffTitle;URL handle;Price\r\n\"x\r\ny\";b;3\r\n")
	f.Fuzz(func(t *testing.T, content string) {
		file, err := text.Open(strings.NewReader(content), "")
		if err != nil {
			return
		}
		seen := map[string]bool{}
		_ = shopifycsv.New(file).Read(t.Context(), func(p listing.Product) error {
			if seen[p.Handle] {
				t.Errorf("the product %q comes twice", p.Handle)
			}
			if seen[p.Handle] = true; p.Line < 1 || len(p.Variants) == 0 {
				t.Errorf("product without a line or a variant: %+v", p)
			}
			return nil
		})
	})
}
