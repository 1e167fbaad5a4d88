package storefront_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/catalogue/cataloguetest"
	"github.com/wandstore/wandstore/pkg/design"
	"github.com/wandstore/wandstore/pkg/storefront"
)

func TestPagesHaveOnlyTemplateContent(t *testing.T) {
	r := renderer(t)
	style, script := constants(t, r, cataloguetest.Shop(t, "magic-wands"))
	everyPage(t, func(t *testing.T, _ *catalogue.Shop, page []byte) {
		checkSafe(t, page, style, script)
		for _, address := range []string{"http:", "https:", `"//`} {
			if bytes.Contains(page, []byte(address)) {
				t.Errorf("the page holds %s", address)
			}
		}
	})
}

func TestPolicyMatchesThePage(t *testing.T) {
	r := renderer(t)
	header := r.CSP(nil)
	if !strings.Contains(header, "frame-ancestors 'none'") || !strings.HasPrefix(header, "default-src 'none'; ") {
		t.Errorf("policy %q", header)
	}
	everyPage(t, func(t *testing.T, _ *catalogue.Shop, page []byte) {
		root := parse(t, page)
		for element, directive := range map[string]string{"style": "style-src", "script": "script-src"} {
			rendered := elements(root, element)
			if element == "script" {
				rendered = scripts(root)
			}
			rest := page
			_, sources, _ := strings.Cut(header, directive+" ")
			sources, _, _ = strings.Cut(sources, ";")
			for _, n := range rendered {
				// The hash is of the document's bytes, which a parser may change, so the
				// content is taken from the page.
				var content []byte
				_, rest, _ = bytes.Cut(rest, []byte("<"+element+">"))
				content, rest, _ = bytes.Cut(rest, []byte("</"+element+">"))
				sum := sha256.Sum256(content)
				want := "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
				if !strings.Contains(sources, want) {
					t.Errorf("policy %q does not hold %q", header, want)
				}
				if n.FirstChild.Data != string(content) {
					t.Errorf("the %s is not read as it is written", element)
				}
			}
		}
		var policies []string
		for _, m := range elements(root, "meta") {
			if attr(m, "http-equiv") == "Content-Security-Policy" {
				policies = append(policies, attr(m, "content"))
			}
		}
		if len(policies) != 1 || policies[0]+"; frame-ancestors 'none'" != header {
			t.Errorf("the page's policies are %q, want the header's without frame-ancestors", policies)
		}
	})
}

func TestScriptsAreSmall(t *testing.T) {
	shop := cataloguetest.Shop(t, "magic-wands")
	r := renderer(t)
	pages := shopPages(t, r, shop)
	for _, live := range []bool{true, false} {
		page := render(t, r, storefront.PageInput{Shop: shop, Design: design.Default(shop), Live: live})
		pages[fmt.Sprint("live ", live)] = page
		if waits := bytes.Contains(page, []byte(`id="live"`)); waits != live {
			t.Errorf("live %t: the page waits for a better one: %t", live, waits)
		}
	}
	_, both := constants(t, r, shop)
	for name, page := range pages {
		found, want := scripts(parse(t, page)), 1
		if name == "live true" {
			want = 2
		}
		if len(found) != want {
			t.Fatalf("%s: %d scripts, want %d", name, len(found), want)
		}
		for i, limit := range []int{2000, 7500}[:want] {
			if script := found[i].FirstChild.Data; !strings.Contains(both, script) || len(script) > limit {
				t.Errorf("%s: another script %d, or one with more than %d bytes: %d", name, i, limit, len(script))
			}
		}
	}
}

// A page has at most 30 KB compressed, and a page with every section type at most 33 KB.
func TestPagesAreSmall(t *testing.T) {
	everyPage(t, func(t *testing.T, _ *catalogue.Shop, page []byte) {
		limit := 30_000
		if strings.Contains(t.Name(), "every_section") {
			limit = 33_000
		}
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		if _, err := w.Write(page); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if b.Len() > limit {
			t.Errorf("%d bytes compressed, want at most %d", b.Len(), limit)
		}
	})
}
