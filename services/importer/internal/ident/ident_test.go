package ident_test

import (
	"testing"

	"github.com/wandstore/wandstore/services/importer/internal/ident"
)

func TestCanonical(t *testing.T) {
	t.Parallel()
	for handle, want := range map[string]string{
		"linen-apron": "linen-apron", "Linen-Apron\n": "linen-apron", "кружка": "кружка", "%D0%BA%D1%80": "кр",
		"%e3%81%8b": "か", "か": "か", "100%": "100%", "cafe\u0301": "café",
	} {
		if got := ident.Canonical(handle); got != want {
			t.Errorf("%q is %q, want %q", handle, got, want)
		}
	}
}

func TestSlug(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"Home & Garden": "home-garden", "Été": "ete", "Кружки 2": "", "日本": "", "!": "", "T-Shirts": "t-shirts",
	} {
		if got := ident.Slug(name); got != want {
			t.Errorf("%q is %q, want %q", name, got, want)
		}
	}
}
