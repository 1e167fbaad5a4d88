package kimi

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
)

// chunk is a value of the stream: one of OpenAI's chat.completion.chunk or
// chat.completion, or what takes its place with other servers. Whatever has another type
// than expected is read as if it were missing.
type chunk struct {
	Model   string   `json:"model"`
	Choices []choice `json:"choices"`
	Usage   *usage   `json:"usage"`
	problem

	// Ollama's own form, whose Message is a piece or the whole, and Cloudflare's.
	Message         object `json:"message"`
	Response        reply  `json:"response"`
	Done            bool   `json:"done"`
	DoneReason      word   `json:"done_reason"`
	PromptEvalCount count  `json:"prompt_eval_count"`
	EvalCount       count  `json:"eval_count"`
	// Anthropic's and the Responses API's.
	Delta      said `json:"delta"`
	Content    said `json:"content"`
	StopReason word `json:"stop_reason"`
	// Envelopes around one of the above.
	Result json.RawMessage `json:"result"`
	Data   json.RawMessage `json:"data"`
	Output json.RawMessage `json:"output"`
	Body   json.RawMessage `json:"body"`
}

type choice struct {
	Index        count           `json:"index"`
	Delta        said            `json:"delta"`
	Message      said            `json:"message"`
	Text         said            `json:"text"`
	FinishReason word            `json:"finish_reason"`
	Usage        *usage          `json:"usage"` // Moonshot's, in the last choice
	Error        json.RawMessage `json:"error"`
}

// parseChunk reads a value. The result is false if it is no JSON object.
func parseChunk(value []byte) (chunk, bool) {
	c, ok := decodeChunk(value)
	if !ok {
		// Some servers do not escape the control characters in strings.
		c, ok = decodeChunk(bytes.Map(func(r rune) rune { return max(r, ' ') }, value))
	}
	if !ok || c.speaks() {
		return c, ok
	}
	for _, inner := range []json.RawMessage{c.Result, c.Data, c.Output, c.Body} {
		if len(inner) > 0 && inner[0] == '"' {
			inner = json.RawMessage(unquote(inner))
		}
		if len(inner) == 0 || inner[0] != '{' {
			continue
		}
		if within, ok := decodeChunk(inner); ok && within.speaks() {
			if within.Usage == nil {
				within.Usage = c.Usage
			}
			within.Model = firstOf(within.Model, c.Model)
			return within, true
		}
	}
	return c, true
}

func decodeChunk(value []byte) (chunk, bool) {
	var c chunk
	err := json.Unmarshal(value, &c)
	c.Text = c.Message.text
	// encoding/json reads on after a value of another type.
	var other *json.UnmarshalTypeError
	return c, err == nil || errors.As(err, &other)
}

// speaks reports whether there is a part of an answer in the chunk.
func (c chunk) speaks() bool {
	return len(c.Choices) > 0 || c.Message.speaks() || c.Response != "" || c.Delta.speaks() || c.Content.speaks() || c.Done
}

// said is a message or the difference to it: an object, or its text alone.
type said struct {
	content   string // the answer
	reasoning string // thoughts
	arguments string // of a call of a tool
	stop      string // why the model stopped
}

func (s said) speaks() bool { return s.content != "" || s.reasoning != "" || s.arguments != "" }

// object is said as an object only; as a string, it is the message of an error.
type object struct {
	said

	usage *usage // Anthropic's, of the prompt
	text  string // as a string
}

// UnmarshalJSON reads an object or a string. Anything else is none.
func (o *object) UnmarshalJSON(b []byte) error {
	switch b[0] {
	case '"':
		o.text = unquote(b)
	case '{':
		var in struct {
			Usage *usage `json:"usage"`
		}
		// What has another type is left out.
		_ = json.Unmarshal(b, &in)
		o.usage = in.Usage
		return o.said.UnmarshalJSON(b)
	}
	return nil
}

// reply is an answer or a piece of it: a text, or an object that is the answer itself. The
// object of another name that OpenAI's newer API has is none.
type reply string

// UnmarshalJSON reads whatever there is, and never fails.
func (r *reply) UnmarshalJSON(b []byte) error {
	var named struct {
		Object word `json:"object"`
	}
	if b[0] == '{' && json.Unmarshal(b, &named) == nil && named.Object != "" {
		return nil
	}
	text, _ := parts(b)
	*r = reply(text)
	return nil
}

// UnmarshalJSON reads whatever there is, and never fails.
func (s *said) UnmarshalJSON(b []byte) error {
	if b[0] != '{' {
		s.content, s.reasoning = parts(b)
		return nil
	}
	var in struct {
		Content      json.RawMessage `json:"content"`
		Text         json.RawMessage `json:"text"`
		Reasoning    json.RawMessage `json:"reasoning"`
		ReasoningOld json.RawMessage `json:"reasoning_content"`
		Thinking     json.RawMessage `json:"thinking"`
		Details      json.RawMessage `json:"reasoning_details"`
		PartialJSON  json.RawMessage `json:"partial_json"`
		StopReason   word            `json:"stop_reason"`
		Function     function        `json:"function_call"`
		Tools        []struct {
			Index    count    `json:"index"`
			Function function `json:"function"`
		} `json:"tool_calls"`
	}
	// What has another type is left out.
	_ = json.Unmarshal(b, &in)
	content, thought := parts(in.Content)
	if content == "" && thought == "" {
		content, _ = parts(in.Text)
	}
	s.content, s.reasoning, s.stop = content, thought, string(in.StopReason)
	for _, raw := range []json.RawMessage{in.ReasoningOld, in.Reasoning, in.Thinking} {
		if s.reasoning == "" {
			s.reasoning, _ = parts(raw) // some servers say it twice
		}
	}
	if s.reasoning == "" && len(in.Details) > len("null") {
		if _, s.reasoning = parts(in.Details); s.reasoning == "" {
			s.reasoning = " " // encrypted: a sign of life
		}
	}
	s.arguments, _ = parts(in.PartialJSON)
	s.arguments += in.Function.arguments()
	for _, tool := range in.Tools {
		if tool.Index == 0 && s.arguments == "" {
			s.arguments = tool.Function.arguments()
		}
	}
	return nil
}

type function struct {
	Arguments json.RawMessage `json:"arguments"`
}

func (f function) arguments() string {
	text, _ := parts(f.Arguments)
	return text
}

// parts is the text in a content, and the thoughts: a string; a list of strings and typed
// parts; one part; or an object that is the answer itself, not written as a string.
func parts(raw json.RawMessage) (text, thoughts string) { return partsWithin(raw, maxParts) }

// maxParts is how deep parts may be within parts.
const maxParts = 4

func partsWithin(raw json.RawMessage, depth int) (text, thoughts string) {
	if len(raw) == 0 || depth == 0 {
		return "", ""
	}
	switch raw[0] {
	case '"':
		return unquote(raw), ""
	case '[':
		var list []json.RawMessage
		if json.Unmarshal(raw, &list) != nil {
			return "", ""
		}
		var b, t strings.Builder
		for _, part := range list {
			text, thought := partsWithin(part, depth-1)
			b.WriteString(text)
			t.WriteString(thought)
		}
		return b.String(), t.String()
	case '{':
		return part(raw, depth-1)
	}
	return "", ""
}

// part is the text or the thoughts of a typed part.
func part(raw json.RawMessage, depth int) (text, thoughts string) {
	var p struct {
		Type     word            `json:"type"`
		Text     json.RawMessage `json:"text"`
		Thinking json.RawMessage `json:"thinking"`
		Value    json.RawMessage `json:"value"`
	}
	_ = json.Unmarshal(raw, &p)
	switch {
	case strings.Contains(string(p.Type), "think"), strings.Contains(string(p.Type), "reason"), p.Thinking != nil:
		thoughts, _ = partsWithin(p.Thinking, depth)
		if thoughts == "" {
			thoughts, _ = partsWithin(p.Text, depth)
		}
		return "", thoughts
	case p.Text != nil:
		text, _ = partsWithin(p.Text, depth)
	case p.Value != nil:
		text, _ = partsWithin(p.Value, depth)
	case p.Type == "":
		text = string(raw)
	}
	return text, ""
}

// word is a string, or the text of a number.
type word string

// UnmarshalJSON reads a string or a number. Anything else is none.
func (w *word) UnmarshalJSON(b []byte) error {
	switch {
	case b[0] == '"':
		*w = word(unquote(b))
	case b[0] == '-' || b[0] >= '0' && b[0] <= '9':
		*w = word(b)
	}
	return nil
}

// maxCount bounds what a server may count.
const maxCount = 1e9

// count is a count of tokens: a number, 12.0 too, or one in a string.
type count int

// UnmarshalJSON reads a count. Anything else is 0.
func (c *count) UnmarshalJSON(b []byte) error {
	n, err := strconv.ParseFloat(strings.Trim(string(b), `" `), 64)
	if err == nil && n > 0 {
		*c = count(min(n, maxCount))
	}
	return nil
}

// usage is the counts, with OpenAI's names or Anthropic's. Moonshot tells the cached tokens
// beside the others, OpenAI in the details of the prompt's; the written ones are told by
// gateways only.
type usage struct {
	PromptTokens     count `json:"prompt_tokens"`
	CompletionTokens count `json:"completion_tokens"`
	InputTokens      count `json:"input_tokens"`
	OutputTokens     count `json:"output_tokens"`
	CachedTokens     count `json:"cached_tokens"`
	PromptDetails    struct {
		CachedTokens  count `json:"cached_tokens"`
		WrittenTokens count `json:"cache_write_tokens"`
	} `json:"prompt_tokens_details"`
}

// ending is how a server says that an answer has ended.
type ending int

const (
	unsaid   ending = iota // nothing was said
	finished               // by the model
	short                  // at a limit of tokens
	filtered               // by a filter of contents
	failed                 // by a failure
)

// endingOf reads a finish reason. An unknown one is finished: the answer tells the rest.
func endingOf(reason string) ending {
	switch strings.ToLower(reason) {
	case "", "null", "none":
		return unsaid
	case "length", "max_tokens", "max_output_tokens", "max_completion_tokens", "model_length", "token_limit", "incomplete":
		return short
	case "content_filter", "content_filtered", "safety", "sensitive", "refusal", "recitation", "blocklist", "prohibited_content", "guardrail_intervened", "moderation":
		return filtered
	case "error", "failed", "network_error", "abort", "aborted", "cancelled", "canceled", "timeout", "insufficient_system_resource", "overloaded":
		return failed
	}
	return finished
}
