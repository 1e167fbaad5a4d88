package thinking

import (
	"bytes"
	"strings"
	"unicode"
)

// marks are the pairs of marks around thoughts, in lower case.
var marks = []struct{ open, shut string }{
	{"<think>", "</think>"},
	{"◁think▷", "◁/think▷"},
	{"<thinking>", "</thinking>"},
	{"<reasoning>", "</reasoning>"},
	{"<thought>", "</thought>"},
	{"<thoughts>", "</thoughts>"},
	{"<seed:think>", "</seed:think>"},
	{"<antthinking>", "</antthinking>"},
	{"<|thinking|>", "<|/thinking|>"},
	{"<|begin_of_thought|>", "<|end_of_thought|>"},
	{"[think]", "[/think]"},
	{"<|channel|>analysis<|message|>", "<|channel|>final<|message|>"},
}

// preludes are marks that may come before an answer and say nothing.
var preludes = []string{"\ufeff", "<|start|>assistant", "<|begin_of_solution|>", "<|channel|>final<|message|>", "<answer>"}

// longest is the length of the longest mark, in bytes.
const longest = len("<|channel|>analysis<|message|>")

// state is where in an answer a Filter is.
type state int

const (
	before   state = iota // nothing was said yet
	thinks                // within thoughts
	explains              // prose: the answer may be still to come
	answers               // data
)

// Filter passes on what a model says, piece by piece, without its thoughts. Its zero value
// is ready. Thoughts that may turn out to be the answer are held until they are closed; of
// anything else it holds at most a mark.
type Filter struct {
	state state
	shut  string // the mark that ends the thoughts
	held  []byte // not passed on yet
	seen  int    // how much of held has no mark that ends the thoughts
	idle  bool   // the thoughts do not begin as data does, and are not held
}

// Write takes the next piece of the model's text and returns the part of the answer that
// is known by now. If void is true, everything that was returned before it was a thought.
func (f *Filter) Write(piece string) (said string, void bool) {
	f.held = append(f.held, piece...)
	var out strings.Builder
	for {
		more, dropped := f.step(&out)
		if dropped {
			out.Reset()
			void = true
		}
		if !more {
			return out.String(), void
		}
	}
}

// step moves what is decided from held to out. more says that there may be more of it;
// void, that all that was said before was a thought.
func (f *Filter) step(out *strings.Builder) (more, void bool) {
	switch f.state {
	case before:
		return f.begin(), false
	case thinks:
		return f.think(), false
	case explains:
		return f.explain(out)
	default:
		out.Write(f.held)
		f.held = f.held[:0]
		return false, false
	}
}

// begin looks for a mark at the beginning.
func (f *Filter) begin() bool {
	f.held = bytes.TrimLeftFunc(f.held, unicode.IsSpace)
	if len(f.held) == 0 {
		return false
	}
	for _, p := range preludes {
		if hasPrefixFold(f.held, p) {
			f.held = f.held[len(p):]
			return true
		}
	}
	for _, m := range marks {
		if hasPrefixFold(f.held, m.open) {
			f.held, f.shut, f.state = f.held[len(m.open):], m.shut, thinks
			return true
		}
		if hasPrefixFold(f.held, m.shut) {
			f.held = f.held[len(m.shut):]
			return true
		}
	}
	if mayBecomeMark(f.held) {
		return false
	}
	f.state = explains
	if strings.IndexByte("{[\"`", f.held[0]) >= 0 {
		f.state = answers
	}
	return true
}

// think looks for the mark that ends the thoughts.
func (f *Filter) think() bool {
	for i := f.seen; i+len(f.shut) <= len(f.held); i++ {
		if hasPrefixFold(f.held[i:], f.shut) {
			f.held, f.seen, f.state, f.idle = f.held[i+len(f.shut):], 0, before, false
			return true
		}
	}
	f.seen = max(0, len(f.held)-len(f.shut)+1)
	if thought := bytes.TrimLeftFunc(f.held, unicode.IsSpace); f.idle || len(thought) >= len(fence) && !beginsData(thought) {
		f.idle = true
		f.held, f.seen = append(f.held[:0], f.held[f.seen:]...), 0
	}
	return false
}

// explain passes prose on up to the first mark.
func (f *Filter) explain(out *strings.Builder) (more, void bool) {
	at, length, shut, open := firstMark(f.held)
	if at < 0 {
		keep := tailOfMark(f.held)
		out.Write(f.held[:len(f.held)-keep])
		f.held = append(f.held[:0], f.held[len(f.held)-keep:]...)
		return false, false
	}
	if open {
		out.Write(f.held[:at])
		f.state, f.shut = thinks, shut
	} else {
		f.state = before
	}
	f.held = f.held[at+length:]
	return true, !open
}

// Close returns the rest of the answer, after the last piece. Thoughts that were never
// closed are the answer if they begin as data does: the model forgot the mark.
func (f *Filter) Close() string {
	rest := f.held
	f.held = nil
	if f.state == thinks {
		if rest = bytes.TrimLeftFunc(rest, unicode.IsSpace); f.idle || !beginsData(rest) {
			return ""
		}
	}
	return string(rest)
}

// Answer is the answer in a model's whole text.
func Answer(text string) string {
	var f Filter
	said, _ := f.Write(text)
	return said + f.Close()
}

const fence = "```"

func beginsData(b []byte) bool {
	return bytes.HasPrefix(b, []byte("{")) || bytes.HasPrefix(b, []byte(fence))
}

// firstMark is where the first mark of s is, how long it is, and whether it opens thoughts
// that shut ends. at is -1 if there is none.
func firstMark(s []byte) (at, length int, shut string, open bool) {
	for i := range s {
		if !beginsMark(s[i]) {
			continue
		}
		for _, m := range marks {
			switch {
			case hasPrefixFold(s[i:], m.open):
				return i, len(m.open), m.shut, true
			case hasPrefixFold(s[i:], m.shut):
				return i, len(m.shut), "", false
			}
		}
	}
	return -1, 0, "", false
}

// tailOfMark is how many bytes at the end of s may be the beginning of a mark.
func tailOfMark(s []byte) int {
	for i := max(0, len(s)-longest); i < len(s); i++ {
		if beginsMark(s[i]) && mayBecomeMark(s[i:]) {
			return len(s) - i
		}
	}
	return 0
}

// beginsMark reports whether a mark may begin with the byte.
func beginsMark(b byte) bool { return b == '<' || b == '[' || b == "◁"[0] || b == "\ufeff"[0] }

// mayBecomeMark reports whether s is the beginning of a mark, and not the whole of it.
func mayBecomeMark(s []byte) bool {
	for _, p := range preludes {
		if beginsFold(p, s) {
			return true
		}
	}
	for _, m := range marks {
		if beginsFold(m.open, s) || beginsFold(m.shut, s) {
			return true
		}
	}
	return false
}

// beginsFold reports whether mark begins with s, in any case of ASCII.
func beginsFold(mark string, s []byte) bool {
	return len(s) < len(mark) && strings.EqualFold(mark[:len(s)], string(s))
}

// hasPrefixFold reports whether s begins with prefix, in any case of ASCII.
func hasPrefixFold(s []byte, prefix string) bool {
	return len(s) >= len(prefix) && lower(s[0]) == prefix[0] && strings.EqualFold(string(s[:len(prefix)]), prefix)
}

func lower(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		b += 'a' - 'A'
	}
	return b
}
