package catalogue

import (
	"strconv"
	"strings"
)

// currency is how amounts of an ISO 4217 currency are written in English.
type currency struct {
	symbol string
	digits int // of the minor unit
}

var currencies = map[string]currency{
	"AUD": {"A$", 2},
	"CAD": {"CA$", 2},
	"CHF": {"CHF ", 2},
	"DKK": {"DKK ", 2},
	"EUR": {"€", 2},
	"GBP": {"£", 2},
	"JPY": {"¥", 0},
	"NOK": {"NOK ", 2},
	"NZD": {"NZ$", 2},
	"SEK": {"SEK ", 2},
	"USD": {"$", 2},
}

// Money writes an amount of the minor unit in the shop's currency, without the
// minor digits where they are zero: "$189", "£9.50".
func (s *Shop) Money(minor int) string {
	c, unit := currencies[s.Currency], s.minorUnits()
	var b strings.Builder
	b.WriteString(c.symbol)
	b.WriteString(Thousands(minor / unit))
	if rest := minor % unit; rest != 0 {
		b.WriteByte('.')
		digits := strconv.Itoa(rest)
		b.WriteString(strings.Repeat("0", c.digits-len(digits)))
		b.WriteString(digits)
	}
	return b.String()
}

// minorUnits is how many of the minor unit make one of the currency.
func (s *Shop) minorUnits() int {
	unit := 1
	for range currencies[s.Currency].digits {
		unit *= 10
	}
	return unit
}

// Thousands writes n with its thousands separated, as English does: "12,500".
func Thousands(n int) string {
	var b strings.Builder
	digits := strconv.Itoa(n)
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}
