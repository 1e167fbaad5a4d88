package storefront_test

import (
	"encoding/json"
	"testing"

	"github.com/wandstore/wandstore/pkg/storefront"
)

func encode(t testing.TB, d storefront.Design) []byte {
	t.Helper()
	b, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func BenchmarkPage(b *testing.B) {
	st := store(b, "magic-wands")
	r := renderer(b)
	in := storefront.PageInput{Store: st, Design: storefront.DefaultDesign(st), Live: true}
	b.ReportAllocs()
	for b.Loop() {
		page, err := r.Page(in)
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(len(page)))
	}
}

func BenchmarkParseAnswer(b *testing.B) {
	st := store(b, "magic-wands")
	answer := encode(b, storefront.DefaultDesign(st))
	b.ReportAllocs()
	b.SetBytes(int64(len(answer)))
	for b.Loop() {
		if _, _, err := storefront.ParseAnswer(answer, st); err != nil {
			b.Fatal(err)
		}
	}
}
