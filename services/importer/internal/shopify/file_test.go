package shopify_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/wandstore/wandstore/services/importer/internal/listing"
	"github.com/wandstore/wandstore/services/importer/internal/listing/listingtest"
	"github.com/wandstore/wandstore/services/importer/internal/shopify"
	"github.com/wandstore/wandstore/services/importer/internal/table"
	"github.com/wandstore/wandstore/services/importer/internal/text"
)

func TestFile(t *testing.T) {
	t.Parallel()
	listingtest.Golden(t, shopify.NewFile(listingtest.File(t, "products.json")), "products.golden.json")
}

func TestFileThatEndsEarly(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile("testdata/products.json")
	if err != nil {
		t.Fatal(err)
	}
	whole := strings.TrimSpace(string(content))
	for n := 1; n < len(whole); n += 97 {
		if _, err := listingtest.Read(t, shopify.NewFile(listingtest.Text(t, whole[:n]))); !errors.Is(err, table.ErrTruncated) {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
	for _, content := range []string{"{}", `{"errors":"x"}`, `"products"`, `{"products":{}}`, "null"} {
		if _, err := listingtest.Read(t, shopify.NewFile(listingtest.Text(t, content))); err == nil {
			t.Errorf("%s is a list of products", content)
		}
	}
	if all, err := listingtest.Read(t, shopify.NewFile(listingtest.Text(t, `{"x":[{}],"products":[{"title":"A"}],"y":{}}`))); err != nil || len(all) != 1 {
		t.Errorf("%v, %v", all, err)
	}
}

func FuzzFile(f *testing.F) {
	f.Add(`{"products":[{"id":1,"title":"A","tags":"a, b","variants":[{"price":1,"option1":"x"}],"options":[{"name":"X"}]}]}`)
	f.Fuzz(func(t *testing.T, content string) {
		file, err := text.Open(strings.NewReader(content), "")
		if err != nil {
			return
		}
		_ = shopify.NewFile(file).Read(t.Context(), func(p listing.Product) error {
			for _, v := range p.Variants {
				if len(v.Values) > len(p.Options) {
					t.Errorf("%+v", p)
				}
			}
			return nil
		})
	})
}
