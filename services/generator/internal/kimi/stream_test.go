package kimi

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/wandstore/wandstore/pkg/account"
	"github.com/wandstore/wandstore/services/generator/internal/kimi/streamtest"
)

func TestPayloads(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		want []string
	}{
		"two":                {"data: {1}\n\ndata: {2}\n\n", []string{"{1}", "{2}"}},
		"CR LF":              {"data: {1}\r\n\r\ndata: {2}\r\n\r\n", []string{"{1}", "{2}"}},
		"CR":                 {"data: {1}\r\rdata: {2}\r\r", []string{"{1}", "{2}"}},
		"no space":           {"data:{1}\n\n", []string{"{1}"}},
		"the field twice":    {"data: data: {1}\n\n", []string{"{1}"}},
		"of two lines":       {"data: {\ndata: 1}\n\n", []string{"{\n1}"}},
		"no blank lines":     {"data: {1}\ndata: {2}\n", []string{"{1}", "{2}"}},
		"empty data":         {"data\n\ndata:\n\n", nil},
		"other data":         {"data: ping\n\ndata: {1}\n\n", []string{"{1}"}},
		"other fields":       {"event: x\nid: {1}\ndata: {1}\nretry: 5\ndatabase: no\n\n", []string{"{1}"}},
		"comments":           {": {hello}\n\n:\n\ndata: {1}\n\n", []string{"{1}"}},
		"no last line break": {"data: {1}", []string{"{1}"}},
		"half a value":       {"data: {1}\n\ndata: {2", []string{"{1}", "{2"}},
		"half an event":      {"data: {1\n\ndata: {2}\n\n", []string{"{1", "{2}"}},
		"nothing":            {"", nil},
		"blank lines":        {"\n\n\n", nil},
		"a page instead":     {"<!DOCTYPE html>\n<html>\n\n</html>\n", nil},
		"JSON by lines":      {"{1}\n{2}\n", []string{"{1}", "{2}"}},
		"JSON on one line":   {"{1}{2} {3}", []string{"{1}", "{2}", "{3}"}},
		"a list":             {"[{1},\n{2}\n]", []string{"{1}", "{2}"}},
		"indented":           {"{\n  \"a\": {\n\n  }\n}\n", []string{"{\n  \"a\": {\n  }\n}"}},
		"brackets in text":   {`data: {"}\"{"}` + "\n\n", []string{`{"}\"{"}`}},
		"a byte order mark":  {"\ufeffdata: {1}\n\n\ufeff", []string{"{1}"}},
		"the end":            {"data: {1}\n\ndata: [DONE]\n\n", []string{"{1}", done}},
	} {
		t.Run(name, func(t *testing.T) {
			// The values are the same wherever the stream is split.
			for _, r := range []io.Reader{strings.NewReader(c.in), iotest.OneByteReader(strings.NewReader(c.in))} {
				var got []string
				values := newPayloads(r, 1000, func() {})
				for {
					value, _, err := values.next()
					if errors.Is(err, io.EOF) {
						break
					} else if err != nil {
						t.Fatal(err)
					}
					got = append(got, string(value))
				}
				if !slices.Equal(got, c.want) {
					t.Errorf("got %q, want %q", got, c.want)
				}
			}
		})
	}
}

func TestPayloadsAreBounded(t *testing.T) {
	line := "data: {" + strings.Repeat("x", maxPayload/2) + "\n"
	for name, in := range map[string]string{
		"one line":      "data: {" + strings.Repeat("x", maxPayload),
		"a comment":     ": " + strings.Repeat("x", 2*maxPayload),
		"several lines": line + line + line,
	} {
		if _, _, err := newPayloads(strings.NewReader(in), 4*maxPayload, func() {}).next(); !errors.Is(err, ErrAnswerTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestStreamsAreBounded(t *testing.T) {
	values := newPayloads(strings.NewReader("data: {1}\n\n: b\n\ndata: {2}\n\n"), 18, func() {})
	if value, _, err := values.next(); string(value) != "{1}" || err != nil {
		t.Errorf("within the limit: %q, %v", value, err)
	}
	if _, _, err := values.next(); !errors.Is(err, ErrAnswerTooLarge) {
		t.Errorf("past it: %v", err)
	}
}

// A long value is alive while it comes. Comments and blank lines are not.
func TestSignsOfLife(t *testing.T) {
	for in, want := range map[string]int{
		"data: {" + strings.Repeat("x", 3*sign) + "}\n\n": 3,
		strings.Repeat(": processing\n\n", sign):          0,
		strings.Repeat("data: {}\n\n", sign):              0,
		strings.Repeat("\n", 2*sign):                      0,
	} {
		signs := 0
		values := newPayloads(iotest.OneByteReader(strings.NewReader(in)), 1<<20, func() { signs++ })
		for {
			if _, _, err := values.next(); err != nil {
				break
			}
		}
		if signs != want {
			t.Errorf("%.20q…: %d signs of life, want %d", in, signs, want)
		}
	}
}

// A last piece that says why the model stopped leaves its last words only.
func TestTheEndingIsHeardAfterItsPiece(t *testing.T) {
	var last string
	_, err := readAnswer(strings.NewReader(`data: {"choices":[{"delta":{"content":"all"},"finish_reason":"stop"}]}`+"\n\n"), ask, 100,
		hooks{sign: func() { last = "sign" }, ending: func() { last = "ending" }})
	if err != nil || last != "ending" {
		t.Errorf("at last %q, %v", last, err)
	}
}

func TestReadErrorsArePassedOn(t *testing.T) {
	broken := errors.New("broken")
	_, err := readAnswer(io.MultiReader(strings.NewReader("data: {}\n\n"), iotest.ErrReader(broken)), ask, 100, hooks{})
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestTextMayBeAsLongAsItsLimit(t *testing.T) {
	const stream = `data: {"choices":[{"delta":{"content":"12345"},"finish_reason":"stop"}]}` + "\n\ndata: [DONE]\n\n"
	a, err := readAnswer(strings.NewReader(stream), ask, 5, hooks{})
	if err != nil || a.text.String() != "12345" {
		t.Errorf("%v", err)
	}
	if _, err := readAnswer(strings.NewReader(stream), ask, 4, hooks{}); !errors.Is(err, ErrAnswerTooLarge) {
		t.Errorf("over it: %v", err)
	}
}

// A refusal within a stream tells of the account's limits as one in a status does.
func TestRefusalsWithinAStream(t *testing.T) {
	for in, want := range map[string]account.Refusal{
		`{"error":{"type":"engine_overloaded_error","message":"please try again later"}}`:           {Limit: account.Overloaded},
		`{"error":{"code":429,"message":"request reached max organization concurrency: 3"}}`:        {Limit: account.Concurrency, Value: 3},
		`{"choices":[{"error":{"code":429,"message":"request reached organization max RPM: 20"}}]}`: {Limit: account.Calls, Value: 20},
	} {
		a, err := readAnswer(strings.NewReader("data: "+in+"\n\n"), ask, 100, hooks{})
		if err != nil || !errors.Is(a.problem, ErrRateLimited) || a.problem.refusal != want {
			t.Errorf("%s: %+v, %v", in, a.problem, err)
		}
	}
}

// Characters that were split are joined, and what is none is dropped, wherever a text is
// split.
func TestCharacters(t *testing.T) {
	for name, c := range map[string]struct {
		pieces []string // as JSON strings
		want   string
	}{
		"plain":                    {[]string{`"a"`, `"b"`}, "ab"},
		"escapes":                  {[]string{`"\"\\\/\b\f\n\r\t\u00e9"`}, "\"\\/\b\f\n\r\té"},
		"bytes":                    {[]string{"\"\xe2\x82\"", "\"\xac\""}, "€"},
		"bytes of four":            {[]string{"\"\xf0\"", "\"\x9f\xa7\"", "\"\x99\""}, "🧙"},
		"surrogates":               {[]string{`"\ud83e"`, `"\uddd9"`}, "🧙"},
		"a pair":                   {[]string{`"\ud83e\uddd9"`}, "🧙"},
		"Korean":                   {[]string{"\"\xed\"", "\"\x95\x9c\""}, "한"},
		"a first half only":        {[]string{`"a\ud83e"`, `"b"`}, "ab"},
		"a second half only":       {[]string{`"a\uddd9b"`}, "ab"},
		"two first halves":         {[]string{`"\ud83e"`, `"\ud83e\uddd9"`}, "🧙"},
		"a half before Korean":     {[]string{`"\ud83e"`, "\"\xed\x95\x9c\""}, "한"},
		"half a character":         {[]string{"\"a\xe2\x82\"", `"b"`}, "ab"},
		"half a character at last": {[]string{"\"a\xe2\x82\""}, "a"},
		"half a surrogate's bytes": {[]string{"\"a\xed\xa0\"", `"b"`}, "ab"},
		"replaced by the server":   {[]string{`"a�"`, `"\ufffdb"`}, "ab"},
		"not UTF-8":                {[]string{"\"a\xff\xfeb\""}, "ab"},
	} {
		var j joiner
		var got strings.Builder
		for _, piece := range c.pieces {
			got.WriteString(j.write(unquote([]byte(piece))))
		}
		if got.String() != c.want {
			t.Errorf("%s: %q, want %q", name, got.String(), c.want)
		}
	}
}

// Every stream gives an answer within its limit, and the same one wherever the stream is
// split; what was heard is the answer.
func FuzzReadAnswer(f *testing.F) {
	f.Add([]byte("data: {\"model\":\"m\",\"choices\":[{\"delta\":{\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"))
	f.Add([]byte(": ping\r\n\r\nevent: x\r\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":-1}}\r\n\r\n"))
	f.Add([]byte("data: {\"error\":{\"type\":\"x\",\"code\":\"402\"}}\n\n"))
	f.Add([]byte("data: {\ndata: }\n\ndata\n\n"))
	f.Add([]byte(`{"message":{"content":[{"type":"text","text":"<think>\ud83e"}]},"done":true}{"choices":[{"message":{"tool_calls":[{"function":{"arguments":"{}"}}]}}]}`))
	recorded, err := streamtest.All()
	if err != nil {
		f.Fatal(err)
	}
	for _, r := range recorded {
		f.Add(r.Answers[0].Bytes())
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		const limit = 4096
		read := func(r io.Reader) (text string, ended bool) {
			var heard strings.Builder
			a, err := readAnswer(r, Request{OnText: func(s string) { heard.WriteString(s) }, OnRestart: heard.Reset}, limit, hooks{})
			if heard.String() != a.text.String() {
				t.Errorf("heard %q of %q", heard.String(), a.text.String())
			}
			_, failed := a.outcome()
			if err == nil && failed == nil && a.silent() {
				t.Error("an empty answer")
			}
			return a.text.String(), err == nil && failed == nil
		}
		text, ended := read(bytes.NewReader(in))
		again, endedAgain := read(iotest.HalfReader(bytes.NewReader(in)))
		if text != again || ended != endedAgain {
			t.Errorf("split differently: %q %v, %q %v", text, ended, again, endedAgain)
		}
		if ended && len(text) > limit || !utf8.ValidString(text) || strings.ContainsRune(text, utf8.RuneError) {
			t.Errorf("%d bytes of text: %.100q", len(text), text)
		}
	})
}
