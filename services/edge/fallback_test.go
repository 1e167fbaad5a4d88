package edge

import "testing"

func TestAcceptsGzip(t *testing.T) {
	for header, want := range map[string]bool{
		"":                       false,
		"gzip":                   true,
		"br, gzip, deflate":      true,
		"GZIP":                   true,
		"gzip;q=0":               false,
		"gzip; q=0.0":            false,
		"gzip;q=0.001":           true,
		"gzip;q=1":               true,
		"br;q=1, gzip ; q=0.5":   true,
		"identity":               false,
		"xgzip":                  false,
		"deflate, notgzip;q=0.5": false,
	} {
		if got := acceptsGzip(header); got != want {
			t.Errorf("acceptsGzip(%q) = %v", header, got)
		}
	}
}

func TestMatches(t *testing.T) {
	const etag = `"abc"`
	for header, want := range map[string]bool{
		"": false, `"abc"`: true, `W/"abc"`: true, `"x", "abc"`: true, `"x","abc"`: true, "*": true,
		`"x"`: false, "abc": false, `"abc-gzip"`: false, ",": false,
	} {
		if got := matches(header, etag); got != want {
			t.Errorf("matches(%q) = %v", header, got)
		}
	}
	if matches("", "") {
		t.Error("no header matches a page without a tag")
	}
}
