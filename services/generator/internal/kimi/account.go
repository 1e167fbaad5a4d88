package kimi

import (
	"context"
	"errors"

	"github.com/wandstore/wandstore/pkg/account"
	"github.com/wandstore/wandstore/pkg/spend"
)

// bytesPerToken is how many bytes of a request are a token, at the least that is usual: text
// in English has four.
const bytesPerToken = 3

// inTurn asks the model once the account has room for the call, and again if the provider
// refuses it for rate. It returns ErrRateLimited after the account's patience, and earlier if
// ctx would leave no time for the call, or if the provider has begun to answer and then
// refused so often: that is paid for.
func (c *Client) inTurn(ctx context.Context, req Request, used *[]spend.Tokens) (Answer, error) {
	if c.cfg.Account == nil {
		return c.complete(ctx, req, used)
	}
	for begun := 0; ; {
		call, err := c.cfg.Account.Begin(ctx, account.Ask{Tokens: c.tokens(req), Needs: c.cfg.Timeout})
		switch {
		case errors.Is(err, account.ErrBusy):
			return Answer{}, &failure{decision: ErrRateLimited, kind: "busy", detail: err.Error(), cause: err}
		case ctx.Err() != nil:
			if err == nil {
				call.End()
			}
			return Answer{}, ended(ctx.Err(), c.cfg.Timeout)
		case err != nil:
			return Answer{}, notPermitted(err)
		}
		answer, err := c.complete(context.WithValue(ctx, callKey{}, call), req, used)
		var f *failure
		if !errors.Is(err, ErrRateLimited) || !errors.As(err, &f) {
			call.End()
			return answer, err
		}
		call.Refused(f.refusal)
		if answer.Text != "" {
			begun++
		}
		if begun == maxTries {
			return answer, err
		}
	}
}

// tokens estimates what a provider counts for a request: its prompt, and the most of its
// answer.
func (c *Client) tokens(req Request) int {
	n := len(req.System) + len(req.User)
	for _, t := range req.Turns {
		n += len(t.Answer) + len(t.Reply)
	}
	return n/bytesPerToken + c.cfg.MaxCompletionTokens
}

type callKey struct{}

// callOf returns the account's call that ctx is of; nil if there is no account.
func callOf(ctx context.Context) *account.Call {
	call, _ := ctx.Value(callKey{}).(*account.Call)
	return call
}
