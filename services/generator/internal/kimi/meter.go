package kimi

import (
	"context"
	"net/http/httptrace"
	"sync/atomic"

	"github.com/wandstore/wandstore/pkg/spend"
)

// Call is what a try is made for.
type Call struct {
	// Shop is the slug of the shop whose page it is, Persona whom the page addresses.
	Shop, Persona string
}

// Meter permits each try of the model before it is sent, and is told what it used.
type Meter interface {
	// Begin is asked before a try, which uses at most so much. An error refuses the try,
	// and Complete returns it within ErrNotPermitted. Otherwise end is called once, with
	// what was used and with the try's Outcome; NotSent is a try that was not made.
	Begin(ctx context.Context, call Call, most spend.Tokens) (end func(ctx context.Context, used spend.Tokens, outcome string), err error)
}

// unmetered permits everything.
type unmetered struct{}

func (unmetered) Begin(context.Context, Call, spend.Tokens) (func(context.Context, spend.Tokens, string), error) {
	return func(context.Context, spend.Tokens, string) {}, nil
}

// most bounds the tokens of a try with that body. A tokenizer of bytes makes at most one
// token of each byte, and the JSON around a message is longer than the markers that the
// provider puts around it, so the body has more bytes than the prompt has tokens. The
// bound is about four times what is usual.
func (c *Client) most(body *body) spend.Tokens {
	return spend.Tokens{Prompt: int(body.size), Completion: c.cfg.MaxCompletionTokens}
}

// tally is what is known of one try's usage.
type tally struct {
	// sent tells that the request has left; it may be set by another goroutine.
	sent atomic.Bool
	// unbilled says that the provider has turned the request down.
	unbilled bool
	// received is how many bytes of text and reasoning came.
	received int
	// told is the provider's count; zero if it gave none.
	told spend.Tokens
}

// watch has sent set when the request is written.
func (t *tally) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { t.sent.Store(true) }})
}

// heard notes what a stream said.
func (t *tally) heard(a *answerStream) {
	t.received = a.received
	t.told = a.tokens
}

// longestToken is how many bytes a token has, at the most that is possible over a whole text.
const longestToken = 32

// usage is what a try that was bounded by most used: the provider's count, as far as what was
// sent and what came allow it, so that a wrong one neither uses up a budget nor hides what it
// is used for. Where there is none it is estimated upward, a token for each byte that was sent
// and that came, up to the bound. A request that never left or was turned down used nothing.
func (t *tally) usage(most spend.Tokens) spend.Tokens {
	if (t.told == spend.Tokens{}) && (!t.sent.Load() || t.unbilled) {
		return spend.Tokens{}
	}
	used := t.told
	used.Prompt = believed(t.told.Prompt, most.Prompt, most.Prompt)
	used.Completion = believed(t.told.Completion, t.received, most.Completion)
	used.Cached = min(used.Cached, used.Prompt)
	used.Written = min(used.Written, used.Prompt-used.Cached)
	return used
}

// believed is what is believed of a count, 0 if there is none, of the tokens of so many bytes
// that are known, of which most are allowed.
func believed(told, bytes, most int) int {
	if told == 0 {
		return min(bytes, most)
	}
	return min(max(told, bytes/longestToken), max(bytes, most))
}
