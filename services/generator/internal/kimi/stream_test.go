package kimi

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func TestEvents(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		want []string
	}{
		"two":            {"data: a\n\ndata: b\n\n", []string{"a", "b"}},
		"CR LF":          {"data: a\r\n\r\ndata: b\r\n\r\n", []string{"a", "b"}},
		"no space":       {"data:a\n\n", []string{"a"}},
		"two spaces":     {"data:  a\n\n", []string{" a"}},
		"of two lines":   {"data: a\ndata: b\n\n", []string{"a\nb"}},
		"empty data":     {"data\n\ndata:\n\n", []string{"", ""}},
		"other fields":   {"event: x\nid: 1\ndata: a\nretry: 5\ndatabase: no\n\n", []string{"a"}},
		"comments":       {": hello\n\n:\n\ndata: a\n\n", []string{"a"}},
		"no blank line":  {"data: a\n", []string{"a"}},
		"half a line":    {"data: a\n\ndata: b", []string{"a"}},
		"nothing":        {"", nil},
		"blank lines":    {"\n\n\n", nil},
		"a page instead": {"<!DOCTYPE html>\n<html>\n\n</html>\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			// The events are the same wherever the stream is split.
			for _, r := range []io.Reader{strings.NewReader(c.in), iotest.OneByteReader(strings.NewReader(c.in))} {
				var got []string
				events := newEventReader(r, 1000)
				for {
					data, err := events.next()
					if errors.Is(err, io.EOF) {
						break
					} else if err != nil {
						t.Fatal(err)
					}
					got = append(got, string(data))
				}
				if !slices.Equal(got, c.want) {
					t.Errorf("got %q, want %q", got, c.want)
				}
			}
		})
	}
}

func TestEventsAreBounded(t *testing.T) {
	line := "data: " + strings.Repeat("x", maxEvent/2) + "\n"
	for name, in := range map[string]string{
		"one line":      "data: " + strings.Repeat("x", maxEvent),
		"a comment":     ": " + strings.Repeat("x", 2*maxEvent),
		"several lines": line + line + line,
	} {
		if _, err := newEventReader(strings.NewReader(in), 4*maxEvent).next(); !errors.Is(err, ErrAnswerTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestStreamsAreBounded(t *testing.T) {
	events := newEventReader(strings.NewReader("data: a\n\n: b\n\ndata: c\n\n"), 15)
	if data, err := events.next(); string(data) != "a" || err != nil {
		t.Errorf("within the limit: %q, %v", data, err)
	}
	if _, err := events.next(); !errors.Is(err, ErrAnswerTooLarge) {
		t.Errorf("past it: %v", err)
	}
}

func TestReadErrorsArePassedOn(t *testing.T) {
	broken := errors.New("broken")
	_, err := readAnswer(io.MultiReader(strings.NewReader("data: {}\n\n"), iotest.ErrReader(broken)), ask, 100, func() {})
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestTextMayBeAsLongAsItsLimit(t *testing.T) {
	const stream = `data: {"choices":[{"delta":{"content":"12345"},"finish_reason":"stop"}]}` + "\n\ndata: [DONE]\n\n"
	a, err := readAnswer(strings.NewReader(stream), ask, 5, func() {})
	if err != nil || a.text.String() != "12345" {
		t.Errorf("%v", err)
	}
	if _, err := readAnswer(strings.NewReader(stream), ask, 4, func() {}); !errors.Is(err, ErrAnswerTooLarge) {
		t.Errorf("over it: %v", err)
	}
}

// Every stream gives an answer within its limit or a decision, and the same one wherever the
// stream is split.
func FuzzReadAnswer(f *testing.F) {
	f.Add([]byte("data: {\"model\":\"m\",\"choices\":[{\"delta\":{\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"))
	f.Add([]byte(": ping\r\n\r\nevent: x\r\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":-1}}\r\n\r\n"))
	f.Add([]byte("data: {\"error\":{\"type\":\"x\"}}\n\n"))
	f.Add([]byte("data: {\ndata: }\n\ndata\n\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		const limit = 64
		read := func(r io.Reader) (string, error) {
			a, err := readAnswer(r, ask, limit, func() {})
			if a == nil {
				return "", err
			}
			return a.text.String(), err
		}
		text, err := read(bytes.NewReader(in))
		again, errAgain := read(iotest.HalfReader(bytes.NewReader(in)))
		if text != again || (err == nil) != (errAgain == nil) {
			t.Errorf("cut differently: %q %v, %q %v", text, err, again, errAgain)
		}
		if len(text) > limit {
			t.Errorf("%d bytes of at most %d", len(text), limit)
		}
		var f *failure
		if err != nil && !errors.As(err, &f) {
			t.Errorf("undecided: %v", err)
		}
		if err == nil && strings.TrimSpace(text) == "" {
			t.Error("an empty answer")
		}
	})
}
