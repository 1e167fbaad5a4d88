package kimisim

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/wandstore/wandstore/services/kimisim/internal/invent"
)

// Request is a chat completion as it was asked for: the parts of OpenAI's
// request that kimisim reads, and the whole of it as Body.
type Request struct {
	Model         string         `json:"model"`
	Messages      []Message      `json:"messages"`
	Stream        bool           `json:"stream"`
	StreamOptions StreamOptions  `json:"stream_options"`
	Format        ResponseFormat `json:"response_format"`
	// MaxTokens is max_completion_tokens or, without it, the older max_tokens.
	// 0 is no limit.
	MaxTokens int      `json:"max_completion_tokens"`
	Thinking  Thinking `json:"thinking"`

	// Body is the request as it came.
	Body json.RawMessage `json:"-"`
}

// Message is one turn of the conversation.
type Message struct {
	Role    string `json:"role"`
	Content Text   `json:"content"`
}

// Text is a message's content: a string, or the text parts of a list.
type Text string

// UnmarshalJSON reads a string, a list of parts, or null.
func (t *Text) UnmarshalJSON(raw []byte) error {
	var s string
	if err := json.Unmarshal(raw, &s); err == nil {
		*t = Text(s)
		return nil
	}
	var parts []struct {
		Text string `json:"text"`
	}
	if err := json.Unmarshal(raw, &parts); err != nil {
		return errors.New("content is neither a string nor a list of parts")
	}
	var b strings.Builder
	for _, p := range parts {
		b.WriteString(p.Text)
	}
	*t = Text(b.String())
	return nil
}

// StreamOptions is OpenAI's stream_options.
type StreamOptions struct {
	// IncludeUsage asks for a last chunk with the token counts.
	IncludeUsage bool `json:"include_usage"`
}

// ResponseFormat is OpenAI's response_format.
type ResponseFormat struct {
	// Type is text, json_object or json_schema.
	Type       string `json:"type"`
	JSONSchema struct {
		Schema json.RawMessage `json:"schema"`
	} `json:"json_schema"`
}

// parseRequest reads and checks a chat completion's body.
func parseRequest(body []byte) (Request, error) {
	var in struct {
		Request
		OlderMaxTokens int `json:"max_tokens"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return Request{}, fmt.Errorf("the body is not a chat completion: %w", err)
	}
	req := in.Request
	req.Body = body
	if req.MaxTokens == 0 {
		req.MaxTokens = in.OlderMaxTokens
	}
	switch {
	case req.Model == "":
		return Request{}, errors.New("model is missing")
	case len(req.Messages) == 0:
		return Request{}, errors.New("messages is empty")
	case req.MaxTokens < 0:
		return Request{}, errors.New("max_completion_tokens is negative")
	}
	return req, nil
}

// conversation is all that was said, for seeds and token counts.
func (r Request) conversation() string {
	var b strings.Builder
	for _, m := range r.Messages {
		b.WriteString(m.Role)
		b.WriteByte('\n')
		b.WriteString(string(m.Content))
		b.WriteByte('\n')
	}
	return b.String()
}

// schema is the one the answer shall follow: response_format's, else the last
// that stands between <schema> and </schema> in a message. It is nil if neither
// is there.
func (r Request) schema() json.RawMessage {
	if len(r.Format.JSONSchema.Schema) > 0 {
		return r.Format.JSONSchema.Schema
	}
	var found json.RawMessage
	for _, m := range r.Messages {
		rest := string(m.Content)
		for {
			_, after, ok := strings.Cut(rest, "<schema>")
			if !ok {
				break
			}
			// Prose may name the tags before it uses them: only JSON counts.
			if inner, _, ok := strings.Cut(after, "</schema>"); ok && json.Valid([]byte(inner)) {
				found = json.RawMessage(inner)
			}
			rest = after
		}
	}
	return found
}

// answer composes what the model says. Errors wrap invent.ErrSchema.
func answer(req Request, seed uint64, hostile bool) (string, error) {
	inventor := invent.New(seed, req.conversation())
	inventor.Hostile = hostile
	if schema := req.schema(); schema != nil {
		instance, err := inventor.JSON(schema)
		return string(instance), err
	}
	text := inventor.Prose(300)
	if !hostile {
		text = "Hello! I am " + Model + ", a stand-in for a real model. " + text
	}
	if req.Format.Type == "json_object" || req.Format.Type == "json_schema" {
		object, err := json.Marshal(map[string]string{"message": text})
		return string(object), err
	}
	return text, nil
}

// charsPerToken is the usual estimate for English and JSON.
const charsPerToken = 4

// tokens estimates how many tokens a text is.
func tokens(text string) int {
	return (utf8.RuneCountInString(text) + charsPerToken - 1) / charsPerToken
}

// firstTokens is the part of text that n tokens hold, and the rest.
func firstTokens(text string, n int) (head, rest string) {
	chars := n * charsPerToken
	for i := range text {
		if chars == 0 {
			return text[:i], text[i:]
		}
		chars--
	}
	return text, ""
}
