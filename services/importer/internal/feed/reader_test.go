package feed_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/wandstore/wandstore/services/importer/internal/feed"
	"github.com/wandstore/wandstore/services/importer/internal/listing"
	"github.com/wandstore/wandstore/services/importer/internal/listing/listingtest"
	"github.com/wandstore/wandstore/services/importer/internal/table"
	"github.com/wandstore/wandstore/services/importer/internal/text"
)

var now = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

func TestFeeds(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"feed.xml", "schema.xml", "atom.xml", "feed.tsv"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			listingtest.Golden(t, feed.New(listingtest.File(t, name), now), strings.ReplaceAll(name, ".", "-")+".golden.json")
		})
	}
}

// What a feed may do to its reader ends it in one line.
func TestHostileXML(t *testing.T) {
	t.Parallel()
	const item = "<item><g:id>a</g:id><title>A</title><g:price>1 EUR</g:price></item>"
	for name, tt := range map[string]struct{ content, says string }{
		"an early end":         {"<rss><channel>" + item + "<item><g:id>b</g:id>", table.ErrTruncated.Error()},
		"an early end, later":  {"<rss><channel>" + item, table.ErrTruncated.Error()},
		"an external entity":   {`<!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss><item><title>&x;</title></item></rss>`, "entity"},
		"an entity that grows": {`<!DOCTYPE rss [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><rss><item><title>&b;</title></item></rss>`, "entity"},
		"depth":                {strings.Repeat("<a>", 100), "deeper"},
		"depth in an item":     {"<item>" + strings.Repeat("<a>", 100), "deeper"},
		"no item":              {"<rss><channel></channel></rss>", "no feed"},
		"an endless text":      {"<item><title>" + strings.Repeat("x", 5<<20), "larger"},
	} {
		_, err := listingtest.Read(t, feed.New(listingtest.Text(t, tt.content), now))
		if err == nil || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), "line ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := listingtest.Read(t, feed.New(listingtest.Text(t, "<rss><channel>"+item), now))
	if !errors.Is(err, table.ErrTruncated) {
		t.Errorf("an early end is not ErrTruncated: %v", err)
	}
}

// A title is plain text, with what its feed escaped once too often, and all of it.
func TestTitles(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"Lamp, 60 W!":                      "Lamp, 60 W!",
		"<![CDATA[Caf&eacute; <b>A</b>]]>": "Café A",
		"Tom &amp;amp; Jerry":              "Tom & Jerry",
		"Screws &lt; 5 mm":                 "Screws < 5 mm",
		"C++":                              "C++",
	} {
		got, err := listingtest.Read(t, feed.New(listingtest.Text(t, "<rss><item><id>a</id><title>"+in+"</title></item></rss>"), now))
		if err != nil || len(got) != 1 || got[0].Title != want {
			t.Errorf("%s: %+v, %v", in, got, err)
		}
	}
}

func FuzzReader(f *testing.F) {
	f.Add(`<rss xmlns:g="http://base.google.com/ns/1.0"><item><g:id>a</g:id><title>A</title><g:price>1 EUR</g:price></item></rss>`)
	f.Add("id\ttitle\tprice\tlink\na\tA\t1 EUR\t\na\tA\t1 EUR\t\n")
	f.Fuzz(func(t *testing.T, content string) {
		file, err := text.Open(strings.NewReader(content), "")
		if err != nil {
			return
		}
		_ = feed.New(file, now).Read(t.Context(), func(p listing.Product) error {
			if len(p.Variants) == 0 || len(p.Options) != len(p.Variants[0].Values) {
				t.Errorf("product without a variant: %+v", p)
			}
			return nil
		})
	})
}
