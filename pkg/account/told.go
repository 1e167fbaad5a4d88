package account

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Limit is what a limit is about.
type Limit int

const (
	// Unknown is a limit that the answer does not name.
	Unknown Limit = iota
	// Concurrency is the calls at a time.
	Concurrency
	// Calls is the calls a minute.
	Calls
	// Tokens is the tokens a minute.
	Tokens
	// Overloaded is no limit of the account: the provider is busy.
	Overloaded
	// Day is what an account may use in a day.
	Day
)

// String returns the limit's name in metrics.
func (l Limit) String() string {
	return [...]string{"unknown", "concurrency", "calls", "tokens", "overloaded", "day"}[l]
}

// Refusal is what an answer tells of a call that was refused for rate.
type Refusal struct {
	// Limit is the limit that was reached, and Value its value; 0 if it was not told.
	Limit Limit
	Value int
	// After is how long the provider asks to wait; 0 if it does not.
	After time.Duration
}

// Told is what the headers of an answer tell of the account's limits; 0 is nothing.
type Told struct {
	Concurrency, Calls, Tokens int
	// Exhausted is how long no further call is allowed.
	Exhausted time.Duration
}

// maxText bounds the words that are searched, in bytes.
const maxText = 4 << 10

// The words of providers. Moonshot: "request reached max organization concurrency: 1, please
// try again after 1 seconds", "request reached organization max RPM: 3", "request reached
// project TPM rate limit, current: 1410, limit: 100", "max request per minute reached: 3".
// OpenAI: "Rate limit reached for … on tokens per min (TPM): Limit 10000, Used 9500,
// Requested 1000. Please try again in 6m0s." LiteLLM: "Max parallel request limit reached".
var (
	wordsConcurrency = regexp.MustCompile(`(?i)concurren|parallel|simultaneous|in.?flight`)
	wordsTokens      = regexp.MustCompile(`(?i)\btpm\b|tokens?[ -]?(per|a|/)[ -]?min`)
	wordsCalls       = regexp.MustCompile(`(?i)\brpm\b|requests?[ -]?(per|a|/)[ -]?min|max requests?\b`)
	wordsDay         = regexp.MustCompile(`(?i)\b[tr]pd\b|(per|a)[ -]?day|daily`)
	wordsOverloaded  = regexp.MustCompile(`(?i)overload|at capacity|server is busy|engine is busy`)

	// A limit that is named comes before the first number of all.
	limitNamed = regexp.MustCompile(`(?i)\blimit(?: of)?:? ?(\d{1,9})\b`)
	limitAfter = regexp.MustCompile(`(?i)(?:concurren\w*|rpm|tpm|requests?|reached|minute|limit)\)?: ?(\d{1,9})\b`)
	limitOf    = regexp.MustCompile(`(?i)\bof (\d{1,9})\b`)
	tryAgain   = regexp.MustCompile(`(?i)(?:try again|retry)[a-z ]{0,20}? (?:in|after) ((?:\d{1,9}(?:\.\d{1,9})?(?:ms|h|m|s) ?)+|\d{1,9}(?:\.\d{1,9})?)`)
)

// ReadRefusal reads the answer to a call that was refused for rate: its headers, which may be
// nil, and its body or the error in a stream.
func ReadRefusal(header http.Header, body []byte, now time.Time) Refusal {
	kind, words, passedOn := errorWords(body)
	r := Refusal{After: RetryAfter(header, now)}
	if r.After == 0 {
		r.After = RetryAfter(passedOn, now)
	}
	all := kind + " " + words
	switch {
	case wordsOverloaded.MatchString(all):
		r.Limit = Overloaded
	case wordsDay.MatchString(all):
		r.Limit = Day
	case wordsConcurrency.MatchString(all):
		r.Limit = Concurrency
	case wordsTokens.MatchString(all) || kind == "tokens":
		r.Limit = Tokens
	case wordsCalls.MatchString(all) || kind == "requests":
		r.Limit = Calls
	}
	if r.Limit == Concurrency || r.Limit == Tokens || r.Limit == Calls {
		r.Value = firstNumber(words, limitNamed, limitAfter, limitOf)
	}
	if m := tryAgain.FindStringSubmatch(words); m != nil && r.After == 0 {
		r.After = duration(strings.ReplaceAll(m[1], " ", ""), now)
	}
	return r
}

// errorWords returns the type and the message of an error in the forms of OpenAI, Moonshot
// and the gateways, and the headers that a gateway passes on in it. What is not JSON is the
// message.
func errorWords(body []byte) (kind, words string, passedOn http.Header) {
	var e struct {
		Error   json.RawMessage `json:"error"`
		Message string          `json:"message"`
		Detail  string          `json:"detail"`
	}
	if json.Unmarshal(body, &e) != nil {
		return "", bounded(string(body)), nil
	}
	var inner struct {
		Type     string `json:"type"`
		Message  string `json:"message"`
		Metadata struct {
			// What a gateway was told by the provider behind it.
			Raw     string            `json:"raw"`
			Headers map[string]string `json:"headers"`
		} `json:"metadata"`
	}
	var text string
	if json.Unmarshal(e.Error, &inner) != nil {
		_ = json.Unmarshal(e.Error, &text)
	}
	passedOn = http.Header{}
	for name, value := range inner.Metadata.Headers {
		passedOn.Set(name, value)
	}
	return inner.Type, bounded(strings.Join([]string{inner.Message, text, e.Message, e.Detail, inner.Metadata.Raw}, " ")), passedOn
}

func bounded(s string) string { return s[:min(len(s), maxText)] }

func firstNumber(words string, in ...*regexp.Regexp) int {
	for _, re := range in {
		if m := re.FindStringSubmatch(words); m != nil {
			return number(m[1])
		}
	}
	return 0
}

// number returns a whole number above 0 and below a billion, or 0.
func number(s string) int {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil || n < 0 || n >= 1e9 {
		return 0
	}
	return n
}

// ReadHeaders reads the limits in the headers of an answer.
func ReadHeaders(h http.Header, now time.Time) Told {
	told := Told{
		Concurrency: headerNumber(h, "X-Ratelimit-Limit-Concurrency", "X-Ratelimit-Limit-Concurrent-Requests"),
		Calls: headerNumber(h, "X-Ratelimit-Limit-Requests", "X-Ratelimit-Limit-Requests-Minute",
			"X-Ratelimit-Limit-Req-Minute", "X-Ratelimit-Limit", "Ratelimit-Limit"),
		Tokens: headerNumber(h, "X-Ratelimit-Limit-Tokens", "X-Ratelimit-Limit-Tokens-Minute"),
	}
	for _, suffix := range []string{"-Requests", "-Tokens", ""} {
		for _, prefix := range []string{"X-Ratelimit", "Ratelimit"} {
			if strings.TrimSpace(h.Get(prefix+"-Remaining"+suffix)) == "0" {
				told.Exhausted = max(told.Exhausted, duration(h.Get(prefix+"-Reset"+suffix), now))
			}
		}
	}
	return told
}

// headerNumber returns the limit a minute in the first of the headers that has one. What
// follows the number may name another window, in seconds: "10, 10;w=1".
func headerNumber(h http.Header, names ...string) int {
	for _, name := range names {
		value := h.Get(name)
		n := number(value[:len(value)-len(strings.TrimLeft(value, " 0123456789"))])
		if n == 0 {
			continue
		}
		if _, window, ok := strings.Cut(value, ";w="); ok {
			window, _, _ = strings.Cut(window, ";")
			window, _, _ = strings.Cut(window, ",")
			if seconds := number(window); seconds > 0 {
				n = max(int(min(int64(n)*60/int64(seconds), 1e9)), 1)
			}
		}
		return n
	}
	return 0
}

// RetryAfter reads how long an answer asks to wait: Retry-After (RFC 9110, 10.2.3), or one of
// its relatives. It returns 0 if the answer does not ask, and ten minutes at the most.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	if ms := number(h.Get("Retry-After-Ms")); ms > 0 {
		return min(time.Duration(ms)*time.Millisecond, maxAsked)
	}
	if after := duration(h.Get("Retry-After"), now); after > 0 {
		return after
	}
	return ReadHeaders(h, now).Exhausted
}

// duration reads a time to wait: seconds, a duration such as 6m0s, a date, or a time in
// seconds or milliseconds since 1970. It returns 0 for anything else, and at most maxAsked.
func duration(value string, now time.Time) time.Duration {
	const aYear = 365 * 24 * 3600
	value = strings.TrimSpace(value)
	var d time.Duration
	if seconds, err := strconv.ParseFloat(value, 64); err == nil {
		switch {
		case !(seconds > 0):
			return 0
		case seconds > 1e11: // milliseconds since 1970
			d = time.UnixMilli(int64(min(seconds, 1e15))).Sub(now)
		case seconds > aYear:
			d = time.Unix(int64(seconds), 0).Sub(now)
		default:
			d = time.Duration(seconds * float64(time.Second))
		}
	} else if parsed, err := time.ParseDuration(value); err == nil {
		d = parsed
	} else if at, err := http.ParseTime(value); err == nil {
		d = at.Sub(now)
	}
	return min(max(d, 0), maxAsked)
}
