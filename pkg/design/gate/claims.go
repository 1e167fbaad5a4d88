package gate

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/design"
)

// withoutClaims removes the sentences of one line that make a claim.
func withoutClaims(s string, rep *design.Report) string {
	var kept []string
	for _, sentence := range catalogue.Sentences(s) {
		if claims(sentence) {
			rep.DroppedClaims++
			continue
		}
		kept = append(kept, sentence)
	}
	return strings.Join(kept, " ")
}

const (
	amountWord   = `(?:\d|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand)`
	currencyWord = `(?:usd|eur|gbp|chf|cad|aud|nzd|jpy|sek|nok|dkk|dollars?|euros?|pounds?|pence|pennies|cents?|bucks?|quid|yen|francs?|kron[ae]r?|galleons?|sickles?|coins?)`
)

// claim is something that only the catalogue may say, or that no page may say. Each text that
// pattern matches has one of the cues, or one of the signs: looking for these takes a
// hundredth of the time, and most sentences have few.
type claim struct {
	cues    []string
	signs   signs
	pattern *regexp.Regexp
}

// signs are kinds of characters in a text.
type signs uint8

const (
	digits     signs = 1 << iota
	currencies       // of any currency
	innerDots        // dots before a letter, as in addresses
)

var currencyCues = []string{
	"usd", "eur", "gbp", "chf", "cad", "aud", "nzd", "jpy", "sek", "nok", "dkk", "dollar", "pound",
	"pence", "penn", "cent", "buck", "quid", "yen", "franc", "kron", "galleon", "sickle", "coin",
}

// claimed is all claims, in folded text.
var claimed = []claim{
	{signs: currencies, pattern: regexp.MustCompile(`\p{Sc}`)},
	{cues: []string{"%", "٪", "cent", "pct"}, pattern: regexp.MustCompile(`[%٪]|\bper ?cent\b|\bpct\b`)},
	{cues: currencyCues, pattern: regexp.MustCompile(amountWord + `[\s-]*` + currencyWord + `\b|\b` + currencyWord + `[\s-]*\d`)},
	{
		cues:    []string{"discount", "coupon", "voucher", "promo", "rebate", "markdown", "clearance", "giveaway", "bogo"},
		pattern: regexp.MustCompile(`\b(?:discount|coupon|voucher|promo|rebate|markdown|clearance|giveaway|bogo)(?:s|ed|ing)?\b|\bpromotions?\b`),
	},
	{
		cues:    []string{"half", "marked", "knocked", "price", "cheapest"},
		pattern: regexp.MustCompile(`\bhalf[\s-]*(?:price|off)\b|\b(?:marked|knocked) down\b|\bprice[\s-]*(?:drop|cut|match)|\b(?:lowest|best) price|\bcheapest\b`),
	},
	{
		cues:    []string{"two", "three", "2", "3", "buy"},
		pattern: regexp.MustCompile(`\b(?:two|three|2|3)[\s-]for[\s-](?:one|two|1|2)\b|\bbuy (?:one|two|1|2)\b`),
	},
	{
		cues:    []string{"free"},
		pattern: regexp.MustCompile(`\bfree (?:\w+ )?(?:shipping|delivery|postage|returns?|gift|wand|sample)s?\b|\bfor free\b|\bfree of charge\b`),
	},
	{cues: []string{"sav", "off"}, pattern: regexp.MustCompile(`\bsav(?:e|ing)s?\b[^.]*` + amountWord + `\b|` + amountWord + `\+? off\b`)},
	{cues: []string{"price", "cost", "worth", "pay"}, pattern: regexp.MustCompile(`\b(?:price[ds]?|costs?|worth|pay)\b[^.]*\d`)},
	{
		cues:    []string{"only", "left", "remaining", "last one", "almost gone", "selling fast", "sold out", "stock"},
		pattern: regexp.MustCompile(`\bonly \d|\b\d+ (?:left|remaining)\b|\b(?:last one|almost gone|selling fast|sold out|out of stock|in stock)\b`),
	},
	{cues: []string{":", "www.", "@"}, pattern: regexp.MustCompile(`\b[a-z][a-z0-9+.-]*:/|\b(?:javascript|vbscript|data|mailto|tel|file):|\bwww\.|\S@\S`)},
	{signs: innerDots, pattern: regexp.MustCompile(`[\p{L}\d-]\.\p{L}{2,}`)},
	{signs: digits, pattern: regexp.MustCompile(`\+?\d[\d ()/-]{7,}\d`)},
	// Pages do not tell shoppers what they did, because nobody likes to be observed.
	{
		cues:    []string{"saw", "noticed", "watched", "tracked", "remember"},
		pattern: regexp.MustCompile(`\b(?:we|i)(?:['’]ve| have)? (?:\w+ )?(?:saw|noticed|watched|tracked|remember(?:ed)?)\b`),
	},
	{
		cues:    []string{"viewed", "looked at", "searched", "browsed", "clicked", "abandoned", "left"},
		pattern: regexp.MustCompile(`\byou(?:['’]ve| have)? (?:\w+ )?(?:viewed|looked at|searched|browsed|clicked|abandoned|left (?:\w+ ){1,3}in)\b`),
	},
	{
		cues:    []string{"based on your", "judging by your", "because you", "history"},
		pattern: regexp.MustCompile(`\b(?:based on|judging by) your\b|\bbecause you\b|\byour (?:\w+ )?history\b`),
	},
}

var (
	bareAmount = regexp.MustCompile(`\b\d+[.,]\d{2}\b\s*([a-z"″'°]*)`)
	bareNumber = regexp.MustCompile(`\b(?:now|was|under|below|from|just|at|for)\s+(\d+)\s*([^\s.!?,;:…]*)`)
	lengthUnit = regexp.MustCompile(`^(?:in|inch|inches|cm|mm|m|g|kg|oz|ml|l|"|″|')$`)
)

// claims reports whether a sentence names a price, a discount, a stock level or an
// address, or tells shoppers what they did. When in doubt it is true: losing a true
// sentence is better than showing a false price.
func claims(sentence string) bool {
	s := fold(sentence)
	has := signsOf(s)
	return slices.ContainsFunc(claimed, func(c claim) bool { return c.mayBeIn(s, has) && c.pattern.MatchString(s) }) ||
		has&digits != 0 && amounts(s)
}

// mayBeIn reports whether folded text has a cue or sign of the claim.
func (c claim) mayBeIn(s string, has signs) bool {
	return has&c.signs != 0 || slices.ContainsFunc(c.cues, func(cue string) bool { return strings.Contains(s, cue) })
}

func signsOf(s string) signs {
	var has signs
	dot := false
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9':
			has |= digits
		case unicode.Is(unicode.Sc, r):
			has |= currencies
		case dot && unicode.IsLetter(r):
			has |= innerDots
		}
		dot = r == '.'
	}
	return has
}

// amounts reports whether folded text has a figure that is neither a length nor a year.
func amounts(s string) bool {
	for _, m := range bareAmount.FindAllStringSubmatch(s, -1) {
		if !lengthUnit.MatchString(m[1]) {
			return true
		}
	}
	for _, m := range bareNumber.FindAllStringSubmatch(s, -1) {
		n, err := strconv.Atoi(m[1])
		year := err == nil && n >= 1500 && n <= 2100
		if m[2] == "" && !year {
			return true
		}
	}
	return false
}

// fold prepares s for the patterns: compatibility forms such as full-width digits are
// replaced, marks and invisible characters removed, the digits of every script written
// as 0 to 9, and letters in lower case. A capital right after a full stop gets a space
// before it, because without one "wood.The" looks like an address.
func fold(s string) string {
	var b strings.Builder
	prev := ' '
	for _, r := range norm.NFKD.String(s) {
		switch {
		case unicode.Is(unicode.M, r) || !unicode.IsPrint(r):
			continue
		case unicode.Is(unicode.Nd, r):
			r = '0' + digit(r)
		case prev == '.' && unicode.IsUpper(r):
			b.WriteByte(' ')
		}
		prev = r
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// digit is the value of a decimal digit of any script. Unicode encodes the ten digits of
// a script in a row, zero first (The Unicode Standard, section 4.6).
func digit(r rune) rune {
	for _, t := range unicode.Nd.R16 {
		if rune(t.Lo) <= r && r <= rune(t.Hi) {
			return (r - rune(t.Lo)) % 10
		}
	}
	for _, t := range unicode.Nd.R32 {
		if rune(t.Lo) <= r && r <= rune(t.Hi) {
			return (r - rune(t.Lo)) % 10
		}
	}
	return 0
}
