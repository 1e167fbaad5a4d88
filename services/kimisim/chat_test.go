package kimisim

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

// heard is a stream as a client puts it together.
type heard struct {
	text, finish, model string
	thought             string
	chunks              int
	usage               *usage
	done                bool
	err                 error
}

func listen(res *http.Response) heard {
	var h heard
	var text, thought strings.Builder
	in := bufio.NewScanner(res.Body)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		data, ok := strings.CutPrefix(in.Text(), "data: ")
		if !ok {
			continue
		}
		if data == "[DONE]" {
			h.done = true
			continue
		}
		var c completion
		if h.err = json.Unmarshal([]byte(data), &c); h.err != nil {
			return h
		}
		h.model = c.Model
		if c.Usage != nil {
			h.usage = c.Usage
		}
		for _, ch := range c.Choices {
			if ch.Delta.Content != nil && *ch.Delta.Content != "" {
				text.WriteString(*ch.Delta.Content)
				h.chunks++
			}
			thought.WriteString(ch.Delta.Reasoning)
			if ch.FinishReason != nil {
				h.finish = *ch.FinishReason
			}
		}
	}
	h.text, h.thought, h.err = text.String(), thought.String(), in.Err()
	return h
}

func TestWholeAnswer(t *testing.T) {
	_, url := serve(t, instant)
	res := ask(t, url, hello)
	var c completion
	if err := json.Unmarshal([]byte(body(t, res)), &c); err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK || c.Model != Model || c.Object != "chat.completion" || len(c.Choices) != 1 {
		t.Fatalf("status %d, answer %+v", res.StatusCode, c)
	}
	if got := *c.Choices[0].Message.Content; !strings.Contains(got, Model) {
		t.Errorf("it does not say what it is: %q", got)
	}
	if *c.Choices[0].FinishReason != "stop" || c.Usage.Completion == 0 || c.Usage.Total != c.Usage.Prompt+c.Usage.Completion {
		t.Errorf("finish %q, usage %+v", *c.Choices[0].FinishReason, c.Usage)
	}
}

func TestStreamedAnswerIsTheWholeOne(t *testing.T) {
	_, url := serve(t, Config{Addr: "127.0.0.1:0", FirstToken: time.Millisecond, TokensPerSecond: 100_000, Seed: 1})
	var c completion
	if err := json.Unmarshal([]byte(body(t, ask(t, url, hello))), &c); err != nil {
		t.Fatal(err)
	}
	res := ask(t, url, helloStream)
	if ct := res.Header.Get("Content-Type"); ct != "text/event-stream" {
		t.Errorf("content type %q", ct)
	}
	h := listen(res)
	if h.err != nil || !h.done || h.finish != "stop" || h.model != Model {
		t.Errorf("heard %+v", h)
	}
	if want := *c.Choices[0].Message.Content; h.text != want {
		t.Errorf("streamed %q, whole %q", h.text, want)
	}
	if h.chunks < 2 || h.usage == nil || *h.usage != *c.Usage {
		t.Errorf("%d chunks, usage %+v, want %+v", h.chunks, h.usage, c.Usage)
	}
}

func TestStreamWithoutUsageHasNone(t *testing.T) {
	_, url := serve(t, instant)
	h := listen(ask(t, url, `{"model":"m","stream":true,"messages":[{"role":"user","content":"hello"}]}`))
	if !h.done || h.usage != nil {
		t.Errorf("heard %+v", h)
	}
}

func TestPace(t *testing.T) {
	const first, rate = 30 * time.Millisecond, 400
	s, url := serve(t, Config{Addr: "127.0.0.1:0", FirstToken: first, TokensPerSecond: rate, Seed: 1})
	s.SetAnswer(func(Request) string { return strings.Repeat("word", 20) })
	began := time.Now()
	h := listen(ask(t, url, helloStream))
	if want := first + 20*time.Second/rate; time.Since(began) < want {
		t.Errorf("20 tokens in %v, which takes %v", time.Since(began), want)
	}
	if h.chunks != 5 || h.usage.Completion != 20 {
		t.Errorf("%d chunks, usage %+v", h.chunks, h.usage)
	}
}

func TestTokenLimit(t *testing.T) {
	s, url := serve(t, instant)
	s.SetAnswer(func(Request) string { return strings.Repeat("wörd", 20) })
	for _, limit := range []string{"max_completion_tokens", "max_tokens"} {
		h := listen(ask(t, url, `{"model":"m","stream":true,"`+limit+`":5,"messages":[{"role":"user","content":"hi"}]}`))
		if h.text != strings.Repeat("wörd", 5) || h.finish != "length" || !h.done {
			t.Errorf("%s: heard %+v", limit, h)
		}
	}
}
