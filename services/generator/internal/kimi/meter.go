package kimi

import (
	"context"
	"net/http/httptrace"
	"sync/atomic"
)

// Usage is the tokens of one try.
type Usage struct {
	PromptTokens     int
	CompletionTokens int
}

// Meter permits each try of the model before it is sent, and is told what it used.
type Meter interface {
	// Begin is asked before a try for the shop's page, which uses at most so much. An
	// error refuses the try, and Complete returns it within ErrNotPermitted. Otherwise
	// end is called once, with what was used.
	Begin(ctx context.Context, shop string, most Usage) (end func(context.Context, Usage), err error)
}

// unmetered permits everything.
type unmetered struct{}

func (unmetered) Begin(context.Context, string, Usage) (func(context.Context, Usage), error) {
	return func(context.Context, Usage) {}, nil
}

// most bounds the tokens of a try with that body. A tokenizer of bytes makes at most one
// token of each byte, and the JSON around a message is longer than the markers that the
// provider puts around it, so the body has more bytes than the prompt has tokens. The
// bound is about four times what is usual.
func (c *Client) most(body []byte) Usage {
	return Usage{PromptTokens: len(body), CompletionTokens: c.cfg.MaxCompletionTokens}
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
	told Usage
}

// watch has sent set when the request is written.
func (t *tally) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { t.sent.Store(true) }})
}

// heard notes what a stream said.
func (t *tally) heard(a *answerStream) {
	t.received = a.received
	t.told = Usage{PromptTokens: a.promptTokens, CompletionTokens: a.completionTokens}
}

// usage is what a try that was bounded by most used: the provider's count. Where there
// is none it is estimated upward, a token for each byte that was sent and that came, up
// to the bound. A request that never left or was turned down used nothing.
func (t *tally) usage(most Usage) Usage {
	switch {
	case t.told != Usage{}:
		return t.told
	case !t.sent.Load() || t.unbilled:
		return Usage{}
	default:
		return Usage{PromptTokens: most.PromptTokens, CompletionTokens: min(t.received, most.CompletionTokens)}
	}
}
