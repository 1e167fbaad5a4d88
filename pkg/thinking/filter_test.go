package thinking_test

import (
	"strings"
	"testing"

	"github.com/wandstore/wandstore/pkg/thinking"
)

func TestAnswer(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ text, want string }{
		"nothing":                       {"", ""},
		"white space":                   {" \n\t", ""},
		"an answer":                     {`{"a":1}`, `{"a":1}`},
		"prose":                         {"Sure.\n\n{}", "Sure.\n\n{}"},
		"a thought":                     {"<think>a draft {}</think>\n\n{\"a\":1}", `{"a":1}`},
		"in any case":                   {"<Think>a draft</THINK>{}", "{}"},
		"Kimi's marks":                  {"◁think▷ draft ◁/think▷ final", "final"},
		"thinking":                      {"<thinking>x</thinking>final", "final"},
		"Mistral's marks":               {"[THINK]x[/THINK]final", "final"},
		"a channel":                     {"<|channel|>analysis<|message|>x<|end|><|start|>assistant<|channel|>final<|message|>{}", "{}"},
		"only the final channel":        {"<|start|>assistant<|channel|>final<|message|>{}", "{}"},
		"several thoughts":              {"<think>a</think><think>b</think>{}", "{}"},
		"an empty thought":              {"<think>\n</think>{}", "{}"},
		"the closing mark only":         {"Maybe {\"a\":0}?</think>{\"a\":1}", `{"a":1}`},
		"a closing mark at first":       {"</think>{}", "{}"},
		"prose before a thought":        {"Sure. <think>x</think>{}", "Sure. {}"},
		"never closed":                  {"<think>a draft {}", ""},
		"never closed, around data":     {"<think>\n{\"a\":1}", `{"a":1}`},
		"never closed, around a fence":  {"<think>```json\n{}", "```json\n{}"},
		"never closed, data at the end": {"<think>ab{12345", ""},
		"closed around data":            {`<think>{"a":1}</think>`, ""},
		"marks within data":             {`{"a":"<think>x</think>"}`, `{"a":"<think>x</think>"}`},
		"a closing mark within data":    {`{"a":"</think>"}`, `{"a":"</think>"}`},
		"a list":                        {`[{}]`, `[{}]`},
		"a string":                      {`"{}"`, `"{}"`},
		"a fence":                       {"```json\n{}\n```", "```json\n{}\n```"},
		"markup":                        {"<section><h1>x</h1></section>", "<section><h1>x</h1></section>"},
		"less than":                     {"1 < 2 <th", "1 < 2 <th"},
		"a byte order mark":             {"\ufeff<think>x</think>\ufeff{}", "{}"},
		"an answer's mark":              {"<think>x</think><answer>{}</answer>", "{}</answer>"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := thinking.Answer(tt.text); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if got := pieces(tt.text, 1); got != tt.want {
				t.Errorf("byte by byte: got %q, want %q", got, tt.want)
			}
		})
	}
}

// pieces is the answer in a text that comes in pieces of so many bytes.
func pieces(text string, size int) string {
	var f thinking.Filter
	answer := ""
	for len(text) > 0 {
		n := min(size, len(text))
		said, void := f.Write(text[:n])
		if void {
			answer = ""
		}
		answer += said
		text = text[n:]
	}
	return answer + f.Close()
}

// What is certain is passed on at once.
func TestAnswersAreNotHeldBack(t *testing.T) {
	t.Parallel()
	var f thinking.Filter
	for _, tt := range []struct{ piece, want string }{
		{"<thi", ""}, {"nk>a draft", ""}, {" of it</thin", ""}, {"k>\n", ""}, {`{"a`, `{"a`}, {`":1`, `":1`}, {`}`, `}`},
	} {
		if said, void := f.Write(tt.piece); said != tt.want || void {
			t.Errorf("after %q: %q, void %v, want %q", tt.piece, said, void, tt.want)
		}
	}
}

func TestLongThoughtsAreLinear(t *testing.T) {
	t.Parallel()
	const size = 1 << 20
	for _, text := range []string{
		"<think>" + strings.Repeat("hm, ", size/4),
		"<think>" + strings.Repeat("<", size),
		strings.Repeat("<think></think>", size/15),
	} {
		if got := pieces(text, 16); got != "" {
			t.Errorf("%d bytes of an answer", len(got))
		}
	}
}

// The answer is the same wherever the text is split, and data is never touched.
func FuzzFilter(f *testing.F) {
	f.Add("<think>a</think>{}", 1)
	f.Add("Sure. ◁think▷x◁/think▷ <thi", 3)
	f.Add(`{"a":"</think>"}`, 2)
	f.Fuzz(func(t *testing.T, text string, size int) {
		whole := thinking.Answer(text)
		if got := pieces(text, 1+size&0xff); got != whole {
			t.Errorf("split: %q, whole: %q", got, whole)
		}
		if strings.HasPrefix(text, "{") && whole != text {
			t.Errorf("data became %q", whole)
		}
	})
}
