package kimi

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// problem is how a server tells of an error, in a body of its own or within a stream: an
// object, a text or a list called error or errors, or their fields without an envelope.
type problem struct {
	Error  json.RawMessage `json:"error"`
	Errors json.RawMessage `json:"errors"`
	Object word            `json:"object"`
	Type   word            `json:"type"`
	Code   word            `json:"code"`
	Status word            `json:"status"`
	Detail json.RawMessage `json:"detail"`
	// Text is the message. It decides only where nothing else does, since it may quote the
	// prompt.
	Text string `json:"-"`
	// StatusCode is another name of Code.
	StatusCode word `json:"status_code"`
	// Metadata is OpenRouter's. It has reasons if a moderation refused the prompt.
	Metadata struct {
		Reasons []json.RawMessage `json:"reasons"`
	} `json:"metadata"`
}

// told is an error as a server tells it.
type told struct {
	kind     string // the error's type; "" if it has none, or one that is no identifier
	status   int    // an HTTP status; 0 if it names none
	words    string // its types and codes, in lower case; without any, the beginning of its message
	message  bool   // words are those of its message
	filtered bool   // a moderation refused the prompt
}

// inner is the error in the problem. The result is false if there is none.
func (p problem) inner() (json.RawMessage, bool) {
	for _, raw := range []json.RawMessage{p.Error, p.Errors} {
		switch string(raw) {
		case "", "null", "false", `""`, "{}", "[]":
		default:
			return raw, true
		}
	}
	return nil, false
}

// bare reports whether the fields are those of an error without an envelope.
func (p problem) bare() bool {
	return p.Object == "error" || p.Type == "error" || len(p.Detail) > 0 || httpStatus(p.Code, p.Status, p.StatusCode) != 0 ||
		p.Text != "" && p.Code != "0" && p.Code != "200"
}

// maxMessage is how much of a message is looked through, in bytes.
const maxMessage = 256

// read reads the error. The problem has one.
func (p problem) read() told {
	t := told{kind: typeName(string(p.Type)), filtered: len(p.Metadata.Reasons) > 0}
	t.status = httpStatus(p.Code, p.Status, p.StatusCode)
	words := []string{string(p.Type), string(p.Code), string(p.Status)}
	if raw, ok := p.inner(); ok {
		within := readError(raw)
		t.kind = firstOf(within.kind, t.kind)
		t.filtered = t.filtered || within.filtered
		if within.status != 0 {
			t.status = within.status
		}
		words = append(words, within.words)
		t.message = within.message
	}
	t.words = strings.ToLower(strings.TrimSpace(strings.Join(words, " ")))
	if t.words == "" || t.words == "error" {
		detail, _ := parts(p.Detail)
		text := firstOf(p.Text, detail)
		t.words, t.message = strings.ToLower(text[:min(len(text), maxMessage)]), true
	}
	return t
}

// readError reads what is called error: an object, a list of them, or a text, which is
// looked through for the words of a decision.
func readError(raw json.RawMessage) told {
	switch raw[0] {
	case '"':
		text := unquote(raw)
		return told{words: text[:min(len(text), maxMessage)]}
	case '[':
		var list []json.RawMessage
		if json.Unmarshal(raw, &list) != nil || len(list) == 0 || len(list[0]) == 0 {
			return told{}
		}
		if list[0][0] == '[' {
			return told{}
		}
		return readError(list[0])
	case '{':
		var p struct {
			problem
			// Errors within an error are not read.
			Error   word `json:"error"`
			Errors  word `json:"errors"`
			Message word `json:"message"`
		}
		_ = json.Unmarshal(raw, &p)
		p.Text = string(p.Message)
		return p.read()
	}
	return told{}
}

// httpStatus is the first of the words that is an HTTP status of an error; 0 if none is.
func httpStatus(words ...word) int {
	for _, w := range words {
		if n, err := strconv.ParseFloat(string(w), 64); err == nil && n >= 400 && n < 600 {
			return int(n)
		}
	}
	return 0
}

// The words of types and codes by which servers name errors.
var (
	noBalance = []string{
		"exceeded_current_quota", "insufficient_quota", "insufficient_balance", "insufficient balance", "insufficient_credit",
		"insufficient_user_quota", "payment_required", "billing", "arrearage", "account_deactivated", "credits_exhausted",
	}
	noAccess = []string{
		"invalid_authentication", "incorrect_api_key", "invalid_api_key", "authentication_error", "unauthorized", "unauthenticated",
	}
	tooBusy = []string{
		"rate_limit", "ratelimit", "rate limit", "too_many_requests", "too many requests", "engine_overloaded", "throttl", "resource_exhausted", "tpm", "rpm",
	}
	badPrompt = []string{
		"invalid_request", "invalid_argument", "bad_request", "badrequest", "context_length", "content_filter", "content_policy",
		"moderation", "not_found", "notfound", "not found", "unsupported", "unprocessable", "data_inspection", "datainspection", "responsible",
	}
)

func namesAny(words string, of []string) bool {
	for _, w := range of {
		if strings.Contains(words, w) {
			return true
		}
	}
	return false
}

// statusOK is the status of a stream.
const statusOK = http.StatusOK

// decide is the failure that a server tells of. answered is the status that it answered
// with: within a stream 200, which says nothing.
func (t told) decide(answered int) *failure {
	status := answered
	if answered == statusOK {
		status = t.status
	}
	if status != 0 && t.message {
		t.words = "" // the status says more
	}
	f := &failure{decision: ErrUnavailable, kind: "in_stream", detail: "it failed while answering"}
	if status != 0 {
		f.kind, f.detail = strconv.Itoa(status), "status "+strconv.Itoa(status)
	}
	if t.kind != "" {
		f.detail += " (" + t.kind + ")"
	}
	switch {
	case t.filtered, status == http.StatusForbidden && namesAny(t.words, badPrompt):
		f.decision = ErrBadRequest
	case status == http.StatusUnauthorized:
		f.decision, f.everybody = ErrRefused, true
	case status == http.StatusForbidden, status == http.StatusPaymentRequired:
		// It may be this shop's prompt that the balance does not suffice for.
		f.decision, f.everybody = ErrRefused, answered == http.StatusForbidden && namesAny(t.words, noBalance)
	case status == http.StatusTooManyRequests && namesAny(t.words, noBalance):
		f.decision, f.everybody = ErrRefused, answered != statusOK
	case status == http.StatusTooManyRequests:
		f.decision = ErrRateLimited
	case status == http.StatusRequestTimeout, status == http.StatusConflict, status == http.StatusTooEarly:
		// It was in time's way, and may not be the next time.
	case status >= http.StatusInternalServerError:
		f.everybody = answered != statusOK && status > http.StatusInternalServerError
	case status != 0:
		f.decision = ErrBadRequest
	default:
		t.decideByWords(f)
	}
	return f
}

// decideByWords decides where no status is told.
func (t told) decideByWords(f *failure) {
	switch {
	case namesAny(t.words, noAccess):
		f.decision, f.everybody = ErrRefused, !t.message
	case namesAny(t.words, noBalance), namesAny(t.words, []string{"permission"}):
		f.decision = ErrRefused
	case namesAny(t.words, tooBusy):
		f.decision = ErrRateLimited
	case namesAny(t.words, badPrompt):
		f.decision = ErrBadRequest
	}
}
