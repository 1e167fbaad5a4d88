package catalogue

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/bojanz/currency"
)

// englishLocale writes amounts of money, as it does the page's own words.
var englishLocale = currency.NewLocale("en")

// CurrencyDigits is the number of decimals of a currency of ISO 4217: 2 for EUR, 3 for
// KWD, 0 for JPY. It is false for a code that is not one.
func CurrencyDigits(code string) (int, bool) {
	digits, ok := currency.GetDigits(code)
	return int(digits), ok
}

// Money writes an amount, given in the minor unit, in the shop's currency. Decimals are
// left out if they are zero: "$189", "£9.50", "KWD 1.250".
func (s *Shop) Money(minor int) string {
	symbol, _ := currency.GetSymbol(s.Currency, englishLocale)
	digits, _ := CurrencyDigits(s.Currency)
	unit := s.MinorUnits()
	var b strings.Builder
	b.WriteString(symbol)
	if last, _ := utf8.DecodeLastRuneInString(symbol); unicode.IsLetter(last) {
		b.WriteRune('\u00a0') // no line breaks between a code and its amount
	}
	b.WriteString(Thousands(minor / unit))
	if rest := minor % unit; rest != 0 {
		b.WriteByte('.')
		decimals := strconv.Itoa(rest)
		b.WriteString(strings.Repeat("0", digits-len(decimals)))
		b.WriteString(decimals)
	}
	return b.String()
}

// MinorUnits is how many minor units make one unit of the currency, such as 100 cents.
func (s *Shop) MinorUnits() int {
	digits, _ := CurrencyDigits(s.Currency)
	return powerOf10(digits)
}

func powerOf10(n int) int {
	unit := 1
	for range n {
		unit *= 10
	}
	return unit
}

// ParseAmount reads a decimal amount, such as "12.5" or "1299.00", into the currency's
// minor unit. The error says what is wrong: a sign, more decimals than the currency has
// (zeros do not count), a decimal comma or a thousands separator.
func ParseAmount(code, amount string) (int, error) {
	digits, ok := CurrencyDigits(code)
	if !ok {
		return 0, fmt.Errorf("%s is not a currency of ISO 4217", quoted(code))
	}
	whole, decimals, _ := strings.Cut(strings.TrimSpace(amount), ".")
	decimals = strings.TrimRight(decimals, "0")
	if len(decimals) > digits {
		return 0, fmt.Errorf("%s has more than the %d decimals of %s", quoted(amount), digits, code)
	}
	all := whole + decimals + strings.Repeat("0", digits-len(decimals))
	if whole+decimals == "" && !strings.Contains(amount, "0") || len(all) > 15 || strings.Trim(all, "0123456789") != "" {
		return 0, fmt.Errorf("%s: %w", quoted(amount), errAmount)
	}
	minor, err := strconv.Atoi(all)
	if err != nil || minor > maxPrice {
		return 0, fmt.Errorf("%s: %w", quoted(amount), errAmount)
	}
	return minor, nil
}

var errAmount = errors.New("is not an amount of money, such as 12.50")

// FormatAmount is ParseAmount's reverse, with all decimals: "12.50".
func FormatAmount(code string, minor int) string {
	digits, _ := CurrencyDigits(code)
	if digits == 0 {
		return strconv.Itoa(minor)
	}
	unit := powerOf10(digits)
	return fmt.Sprintf("%d.%0*d", minor/unit, digits, minor%unit)
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
