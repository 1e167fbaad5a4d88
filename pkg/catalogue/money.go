package catalogue

import (
	"strconv"
	"strings"
)

// currency says how English writes amounts of an ISO 4217 currency.
type currency struct {
	symbol string
	digits int // decimals of the minor unit
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

// Money writes an amount, given in the minor unit, in the shop's currency. Decimals are
// left out if they are zero: "$189", "£9.50".
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

// minorUnits is how many minor units make one unit of the currency, such as 100 cents.
func (s *Shop) minorUnits() int {
	unit := 1
	for range currencies[s.Currency].digits {
		unit *= 10
	}
	return unit
}

// Thousands writes n with commas between thousands: "12,500".
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
