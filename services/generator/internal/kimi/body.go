package kimi

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/go-resty/resty/v2"
)

// body is the body of a request, with OpenAI's names. It is encoded while it is sent: net/http
// keeps what it sends until the answer comes, to send it again on another connection, and most
// of it is texts that the calls for a shop share.
type body struct {
	messages []message
	// settings is the rest of the object, without its opening brace.
	settings string
	// size is how many bytes it has.
	size int64
}

// message is a turn. Its content is encoded by quoted.
type message struct{ role, content string }

// settings are what a request says beside its messages.
type settings struct {
	Model               string         `json:"model"`
	Stream              bool           `json:"stream"`
	StreamOptions       streamOptions  `json:"stream_options"`
	ResponseFormat      responseFormat `json:"response_format"`
	MaxCompletionTokens int            `json:"max_completion_tokens"`
	ReasoningEffort     string         `json:"reasoning_effort,omitempty"`
	Thinking            *thinkingMode  `json:"thinking,omitempty"`
}

type (
	streamOptions struct {
		IncludeUsage bool `json:"include_usage"`
	}
	responseFormat struct {
		Type string `json:"type"`
	}
	thinkingMode struct {
		Type string `json:"type"`
	}
)

// body is the body of a request. Its errors are those of json.Marshal.
func (c *Client) body(req Request) (*body, error) {
	s, err := json.Marshal(c.settings())
	if err != nil {
		return nil, err
	}
	b := &body{messages: []message{{"system", req.System}, {"user", req.User}}, settings: string(s[1:])}
	for _, t := range req.Turns {
		b.messages = append(b.messages, message{"assistant", t.Answer}, message{"user", t.Reply})
	}
	b.size, err = io.Copy(io.Discard, b.open())
	return b, err
}

func (c *Client) settings() settings {
	s := settings{
		Model:               c.cfg.Model,
		Stream:              true,
		StreamOptions:       streamOptions{IncludeUsage: true},
		ResponseFormat:      responseFormat{Type: "json_object"},
		MaxCompletionTokens: c.cfg.MaxCompletionTokens,
	}
	name, on := modelName(c.cfg.Model), c.cfg.Thinking == ThinkingOn
	switch {
	case takesEffort(name) && !on:
		s.ReasoningEffort = "low"
	case on && !alwaysThinks(name):
		s.Thinking = &thinkingMode{Type: "enabled"}
	case !on && thinkingIsOptional(name), c.cfg.Thinking == ThinkingOff && !alwaysThinks(name):
		s.Thinking = &thinkingMode{Type: "disabled"}
	}
	return s
}

// open returns the body from its beginning.
func (b *body) open() io.Reader {
	parts := make([]io.Reader, 0, 3*len(b.messages)+1)
	before := `{"messages":[{"role":"`
	for _, m := range b.messages {
		parts = append(parts, strings.NewReader(before+m.role+`","content":"`), &quoted{rest: m.content})
		before = `"},{"role":"`
	}
	return io.MultiReader(append(parts, strings.NewReader(`"}],`+b.settings))...)
}

// maxPiece is how much of a text is encoded at a time, in bytes, to the end of a character.
const maxPiece = 4 << 10

// quoted reads a text as a JSON string, without its quotation marks. As in json.Marshal, what
// is not UTF-8 is replaced.
type quoted struct {
	piece []byte
	rest  string
}

func (q *quoted) Read(p []byte) (int, error) {
	if len(q.piece) == 0 {
		if q.rest == "" {
			return 0, io.EOF
		}
		end := len(q.rest)
		for start := range q.rest { // a character is not cut in two
			if start >= maxPiece {
				end = start
				break
			}
		}
		piece, err := json.Marshal(q.rest[:end])
		if err != nil {
			return 0, err
		}
		q.piece, q.rest = piece[1:len(piece)-1], q.rest[end:]
	}
	n := copy(p, q.piece)
	q.piece = q.piece[n:]
	return n, nil
}

// bodyKey is the key of the *body in a request's context.
type bodyKey struct{}

// with has a request that is sent with the context carry the body.
func (b *body) with(ctx context.Context) context.Context { return context.WithValue(ctx, bodyKey{}, b) }

// attachBody is a resty.PreRequestHook: what resty is given as a body it reads into memory, twice.
func attachBody(_ *resty.Client, r *http.Request) error {
	b, ok := r.Context().Value(bodyKey{}).(*body)
	if !ok {
		return nil
	}
	r.ContentLength = b.size
	r.Body = io.NopCloser(b.open())
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(b.open()), nil }
	return nil
}
