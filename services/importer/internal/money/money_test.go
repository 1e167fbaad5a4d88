package money_test

import (
	"errors"
	"strconv"
	"testing"

	"github.com/wandstore/wandstore/services/importer/internal/money"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text     string
		decimals int
		minor    int
		currency string
		valid    bool
	}{
		{"15", 2, 1500, "", true},
		{"15.00 USD", 2, 1500, "USD", true},
		{"USD 15.5", 2, 1550, "USD", true},
		{"$15.5", 2, 1550, "$", true},
		{"99,90", 2, 9990, "", true},
		{"99,90 €", 2, 9990, "€", true},
		{"1,299.00", 2, 129900, "", true},
		{"1.299,00", 2, 129900, "", true},
		{"1 299,00", 2, 129900, "", true},
		{"1\u202f299,00\u00a0EUR", 2, 129900, "EUR", true},
		{"1'299.50", 2, 129950, "", true},
		{"1,234,567", 2, 123456700, "", true},
		{"1,23,456.00", 2, 12345600, "", true},
		{".99", 2, 99, "", true},
		{"12.-", 2, 1200, "", true},
		{"8.403361", 2, 840, "", true},
		{"8.405361", 2, 841, "", true},
		{"0.125", 2, 13, "", true},
		{"0.000", 2, 0, "", true},
		{"1.250", 3, 1250, "", true},
		{"1,5", 3, 1500, "", true},
		{"1500", 0, 1500, "", true},
		{"1500.00 JPY", 0, 1500, "JPY", true},
		{"1.299", 2, 0, "", false},
		{"1,299", 2, 0, "", false},
		{"1.2.3,4,5", 2, 0, "", false},
		{"-5", 2, 0, "", false},
		{"−5", 2, 0, "", false},
		{"5 - 10", 2, 0, "", false},
		{"from 5 EUR", 2, 0, "", false},
		{"free", 2, 0, "", false},
		{"", 2, 0, "", false},
		{"1e5", 2, 0, "", false},
		{"99999999999999999999", 2, 0, "", false},
	} {
		minor, currency, err := money.Parse(tt.text, tt.decimals)
		if (err == nil) != tt.valid || minor != tt.minor || currency != tt.currency || err != nil && !errors.Is(err, money.ErrAmount) {
			t.Errorf("%q with %d decimals: %d %q, %v", tt.text, tt.decimals, minor, currency, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("1.299,00 EUR", 2)
	f.Fuzz(func(t *testing.T, text string, decimals int) {
		if decimals < 0 || decimals > 4 {
			return
		}
		minor, _, err := money.Parse(text, decimals)
		if err == nil && minor < 0 {
			t.Errorf("%q is %d", text, minor)
		}
		if err == nil && decimals == 0 {
			if again, _, err := money.Parse(strconv.Itoa(minor), 0); err != nil || again != minor {
				t.Errorf("%q is %d, and that is %d, %v", text, minor, again, err)
			}
		}
	})
}

func TestMeans(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		written, currency string
		means             bool
	}{
		{"", "EUR", true}, {"EUR", "EUR", true}, {"USD", "EUR", false}, {"€", "EUR", true}, {"€", "USD", false},
		{"$", "EUR", false}, {"$", "CAD", true}, {"US$", "CAD", false}, {"kr", "SEK", true}, {"kr.", "DKK", true}, {"kr", "EUR", false},
		{"Kč", "CZK", true}, {"¥", "CNY", true}, {"TL", "TRY", true},
	} {
		if got := money.Means(tt.written, tt.currency); got != tt.means {
			t.Errorf("%q may mean %s: %v", tt.written, tt.currency, got)
		}
	}
}
