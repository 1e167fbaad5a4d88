package kimisim

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

// completionOf asks for an answer without streaming it.
func completionOf(t *testing.T, url, model, system, user string, header ...string) completion {
	t.Helper()
	request, err := json.Marshal(map[string]any{"model": model, "messages": []Message{{"system", Text(system)}, {"user", Text(user)}}})
	if err != nil {
		t.Fatal(err)
	}
	var c completion
	if err := json.Unmarshal([]byte(body(t, ask(t, url, string(request), header...))), &c); err != nil || c.Usage == nil {
		t.Fatalf("%+v, %v", c, err)
	}
	return c
}

// What begins like a prompt before it is cached in whole steps of 256 tokens, for the same
// key and model.
func TestPromptCache(t *testing.T) {
	s, url := serve(t, instant)
	long := strings.Repeat("wand", 1000) // tokens
	for i, tt := range []struct {
		model, system, user string
		header              []string
		cached              int
	}{
		{model: "m", system: long, user: "for ada"},
		{model: "m", system: long, user: "for bob", cached: 768}, // "system\n" and 768 tokens are 3 steps
		{model: "m", system: long, user: "for ada", cached: 768},
		{model: "m", system: "x" + long, user: "for ada"},
		{model: "n", system: long, user: "for ada"},
		{model: "m", system: long, user: "for ada", header: []string{"Authorization", "Bearer other"}},
		{model: "m", system: long, user: long, cached: 768},
		{model: "m", system: long, user: long + "and more", cached: 1792},
		{model: "m", system: "short", user: "short"},
		{model: "m", system: "short", user: "short"},
	} {
		u := completionOf(t, url, tt.model, tt.system, tt.user, tt.header...).Usage
		if u.Cached != tt.cached || u.PromptDetails.Cached != tt.cached || u.Prompt <= u.Cached {
			t.Errorf("%d: cached %d and %d of %d, want %d", i, u.Cached, u.PromptDetails.Cached, u.Prompt, tt.cached)
		}
	}
	if st := s.Stats(); st.CachedTokens != 3*768+1792 || st.PromptTokens <= st.CachedTokens {
		t.Errorf("stats %+v", st)
	}
}

// A prompt serves others once it has been read, and not while it is.
func TestPromptIsCachedOnceItIsRead(t *testing.T) {
	c, now := newPromptCache(), time.Now()
	prompt := strings.Repeat("word", 600)
	for _, tt := range []struct {
		after time.Duration
		want  int
	}{{0, 0}, {time.Millisecond, 0}, {999 * time.Millisecond, 0}, {time.Second, 512}} {
		at := now.Add(tt.after)
		if got := c.read("a", "m", prompt, at, at.Add(time.Second)); got != tt.want {
			t.Errorf("%v later: %d cached, want %d", tt.after, got, tt.want)
		}
	}
}

func TestPromptCacheIsBounded(t *testing.T) {
	c, now := newPromptCache(), time.Now()
	prompt := strings.Repeat("word", 3*cacheStep)
	for i := range maxPrefixes {
		c.read("a", strconv.Itoa(i), prompt, now, now)
	}
	if len(c.from) != maxPrefixes || len(c.learnt) != maxPrefixes {
		t.Errorf("%d known, %d learnt, want %d", len(c.from), len(c.learnt), maxPrefixes)
	}
}

func TestThinking(t *testing.T) {
	cfg := instant
	cfg.ThinkingTokens = 50
	_, url := serve(t, cfg)
	for _, tt := range []struct {
		model, thinking string
		thinks, refused bool
	}{
		{model: "kimi-k2.6", thinks: true},
		{model: "moonshotai/Kimi-K2.6", thinks: true},
		{model: "kimi-k2.6", thinking: "enabled", thinks: true},
		{model: "kimi-k2.6", thinking: "disabled"},
		{model: "kimi-k2.7-code", thinks: true},
		{model: "kimi-k3.1-pro", thinking: "enabled", thinks: true},
		{model: "moonshotai/kimi-k3", thinking: "disabled", refused: true},
		{model: "another-model"},
	} {
		request := fmt.Sprintf(`{"model":%q,"stream":true,"stream_options":{"include_usage":true},"thinking":{"type":%q},
			"messages":[{"role":"user","content":"hello"}]}`, tt.model, tt.thinking)
		if tt.thinking == "" {
			request = strings.Replace(request, `"thinking":{"type":""},`, "", 1)
		}
		res := ask(t, url, request)
		if refused := res.StatusCode == 400; refused != tt.refused {
			t.Errorf("%+v: status %d", tt, res.StatusCode)
		}
		if tt.refused {
			continue
		}
		h := listen(res)
		n := 0
		if tt.thinks {
			n = 50
		}
		if tokens(h.thought) != n || h.usage.CompletionDetails.Reasoning != n || h.usage.Completion != n+tokens(h.text) || !strings.Contains(h.text, Model) {
			t.Errorf("%+v: heard %+v, usage %+v", tt, h, h.usage)
		}
	}
	// The limit is of thoughts and answer together.
	for limit, want := range map[int]int{30: 0, 60: 10} {
		h := listen(ask(t, url, fmt.Sprintf(`{"model":"kimi-k3","stream":true,"max_completion_tokens":%d,"messages":[{"role":"user","content":"hello"}]}`, limit)))
		if tokens(h.text) != want || tokens(h.thought) != limit-want || h.finish != "length" {
			t.Errorf("a limit of %d: heard %+v", limit, h)
		}
	}
	if c := completionOf(t, url, "kimi-k3", "", "hello"); tokens(c.Choices[0].Message.Reasoning) != 50 {
		t.Errorf("a whole answer thinks %q", c.Choices[0].Message.Reasoning)
	}
}
