package buyer_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/wandstore/wandstore/pkg/buyer"
)

func key(letter string) string {
	return base64.StdEncoding.EncodeToString([]byte(strings.Repeat(letter, 32)))
}

func signer(t *testing.T, keys string) *buyer.Signer {
	t.Helper()
	s, err := buyer.Config{Keys: keys}.Signer()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestMarks(t *testing.T) {
	t.Parallel()
	now := signer(t, key("a")+", "+key("b"))
	mark := now.Mark("linen", "ada")
	_, mac, _ := strings.Cut(mark, ".")
	for name, tt := range map[string]struct {
		signer     *buyer.Signer
		shop, mark string
		shopper    string
	}{
		"its own":                 {now, "linen", mark, "ada"},
		"of a key that is second": {signer(t, key("c")+","+key("a")), "linen", mark, "ada"},
		"of a key that is gone":   {signer(t, key("b")), "linen", mark, ""},
		"without keys":            {signer(t, ""), "linen", mark, ""},
		"another shop's":          {now, "wool", mark, ""},
		"another shopper":         {now, "linen", "eve." + mac, ""},
		"a plain id":              {now, "linen", "ada", ""},
		"an empty MAC":            {now, "linen", "ada.", ""},
		"an id that is none":      {now, "linen", "a b." + mac, ""},
		"nothing":                 {now, "linen", "", ""},
	} {
		if got := tt.signer.Shopper(tt.shop, tt.mark); got != tt.shopper {
			t.Errorf("%s: %q, want %q", name, got, tt.shopper)
		}
	}
	if signer(t, "").Mark("linen", "ada") != "" || now.Mark("linen", "") != "" {
		t.Error("a mark without a key or a shopper")
	}
	for _, keys := range []string{"short", "c2hvcnQ=", key("a") + ","} {
		if err := (buyer.Config{Keys: keys}).Validate(); err == nil || !strings.HasPrefix(err.Error(), "ORDER_KEYS ") || strings.Contains(err.Error(), key("a")) {
			t.Errorf("%q: %v", keys, err)
		}
	}
}
