// Package money reads amounts as merchants' programs write them.
package money

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// ErrAmount is wrapped by the errors of Parse.
var ErrAmount = errors.New("is no amount")

// maxDigits bounds the digits of an amount, which then fits into an int64.
const maxDigits = 15

// Parse reads an amount in the minor unit of a currency with that many decimals. Around the
// number may stand the currency, which is returned as it is written there, and spaces: see
// Means.
//
// The decimals may be separated by a point or a comma, and thousands by the other one, by
// spaces or by apostrophes. Decimals beyond the currency's are rounded, half away from
// zero: prices before tax have them. One separator with exactly three digits behind it is
// refused if the currency has fewer decimals, since "1.299" is 1299 in Berlin and 1.30 in
// London.
func Parse(text string, decimals int) (minor int, currency string, err error) {
	number, currency, err := split(text)
	if err != nil {
		return 0, "", err
	}
	whole, fraction, err := parts(number, decimals)
	if err != nil {
		return 0, "", fmt.Errorf("%q %w", text, err)
	}
	roundUp := len(fraction) > decimals && fraction[decimals] >= '5'
	fraction = (fraction + strings.Repeat("0", decimals))[:decimals]
	digits := strings.TrimLeft(whole+fraction, "0")
	if len(digits) > maxDigits {
		return 0, "", fmt.Errorf("%q %w: it has too many digits", text, ErrAmount)
	}
	if digits != "" {
		if minor, err = strconv.Atoi(digits); err != nil {
			return 0, "", fmt.Errorf("%q %w", text, ErrAmount)
		}
	}
	if roundUp {
		minor++
	}
	return minor, currency, nil
}

// split takes the number out of its surroundings.
func split(text string) (number, currency string, err error) {
	digit := func(r rune) bool { return '0' <= r && r <= '9' }
	begin, end := strings.IndexFunc(text, digit), strings.LastIndexFunc(text, digit)+1
	if begin < 0 || len(text) > 64 {
		return "", "", fmt.Errorf("%q %w", shorten(text), ErrAmount)
	}
	// ".99" is an amount too.
	if begin > 0 && (text[begin-1] == '.' || text[begin-1] == ',') {
		begin--
	}
	before, after := strings.TrimSpace(text[:begin]), strings.TrimSpace(strings.TrimLeft(text[end:], ".,-"))
	if before != "" && after != "" || strings.ContainsAny(before, "-−+") {
		return "", "", fmt.Errorf("%q %w", shorten(text), ErrAmount)
	}
	around := before + after
	for _, r := range around {
		if !unicode.IsLetter(r) && !unicode.Is(unicode.Sc, r) && r != '.' {
			return "", "", fmt.Errorf("%q %w", shorten(text), ErrAmount)
		}
	}
	return text[begin:end], around, nil
}

// signs are the currencies that are written by a sign or a word, those of merchants'
// programs.
var signs = map[string]string{
	"€": "EUR", "£": "GBP EGP FKP GIP LBP SDG SHP SSP SYP", "¥": "JPY CNY", "円": "JPY", "元": "CNY HKD TWD", "₹": "INR", "₩": "KRW KPW", "₽": "RUB",
	"₺": "TRY", "₴": "UAH", "₪": "ILS", "฿": "THB", "₫": "VND", "₱": "PHP", "₦": "NGN", "₵": "GHS", "₡": "CRC", "₸": "KZT", "₾": "GEL",
	"$":  "USD AUD BBD BMD BND BSD BZD CAD CLP COP CUP DOP FJD GYD HKD JMD KYD LRD MXN NAD NZD SBD SGD SRD TTD TWD UYU XCD ARS ZWG",
	"kr": "SEK NOK DKK ISK", "zł": "PLN", "kč": "CZK", "ft": "HUF", "lei": "RON MDL", "лв": "BGN", "руб": "RUB", "r$": "BRL", "fr": "CHF",
	"us$": "USD", "c$": "CAD", "ca$": "CAD", "a$": "AUD", "au$": "AUD", "nz$": "NZD", "hk$": "HKD", "s$": "SGD", "nt$": "TWD", "mx$": "MXN",
}

// Means reports whether what is written around an amount may mean the currency of that
// ISO 4217 code: nothing, the code, a sign of the currency, or what is not known.
func Means(written, currency string) bool {
	written = strings.TrimRight(written, ".")
	if codes, known := signs[strings.ToLower(written)]; known {
		return strings.Contains(codes, currency)
	}
	code := len(written) == 3 && strings.ToUpper(written) == written && strings.IndexFunc(written, func(r rune) bool { return r < 'A' || r > 'Z' }) < 0
	return !code || written == currency
}

// parts are the digits before and behind the decimal separator.
func parts(number string, decimals int) (whole, fraction string, err error) {
	number = strings.Map(func(r rune) rune {
		if r == '\'' || r == '’' || unicode.IsSpace(r) {
			return -1
		}
		return r
	}, number)
	if strings.Trim(number, "0123456789.,") != "" {
		return "", "", ErrAmount
	}
	points, commas := strings.Count(number, "."), strings.Count(number, ",")
	at := strings.LastIndexAny(number, ".,")
	switch {
	case at < 0:
		return number, "", nil
	case points > 0 && commas > 0:
		// The last separator is that of the decimals, if it is there once.
		if strings.Count(number, number[at:at+1]) > 1 {
			return "", "", ErrAmount
		}
	case points+commas > 1:
		// The same separator several times is that of thousands.
		at = len(number)
	case len(number)-at-1 == 3 && at > 0 && number[:at] != "0" && decimals < 3:
		return "", "", fmt.Errorf("%w that is sure: it may be thousands or decimals", ErrAmount)
	}
	whole = number[:at]
	groups := strings.FieldsFunc(whole, func(r rune) bool { return r == '.' || r == ',' })
	for i, group := range groups {
		if i > 0 && len(group) != 3 && len(group) != 2 { // India's lakh has two
			return "", "", ErrAmount
		}
	}
	if at < len(number) {
		fraction = number[at+1:]
	}
	return strings.Join(groups, ""), fraction, nil
}

func shorten(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}
