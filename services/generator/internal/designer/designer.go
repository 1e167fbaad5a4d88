// Package designer has the model design pages: it writes the prompt, asks Kimi, and
// passes the answer through the gate. An answer that is no design is asked for once
// more, with what was wrong with it.
package designer

import (
	"context"
	"fmt"
	"time"

	"github.com/wandstore/wandstore/pkg/design"
	"github.com/wandstore/wandstore/pkg/design/gate"
	"github.com/wandstore/wandstore/pkg/pagemaker"
	"github.com/wandstore/wandstore/pkg/prompt"
	"github.com/wandstore/wandstore/services/generator/internal/kimi"
)

// Model answers prompts.
type Model interface {
	Complete(ctx context.Context, req kimi.Request) (kimi.Answer, error)
}

// Designer designs pages by a model. It is a pagemaker.Designer.
type Designer struct {
	Model   Model
	Metrics *Metrics
}

// maxAnswers is how many answers are asked for until one is a design.
const maxAnswers = 2

// Design asks the model. Its errors are those of package kimi and gate.ErrNoDesign,
// and have an ErrorType.
func (d *Designer) Design(ctx context.Context, b pagemaker.Brief) (pagemaker.Designed, error) {
	out := pagemaker.Designed{PromptVersion: prompt.Version}
	p, err := prompt.Build(prompt.Input{Shop: b.Shop, Visitor: b.Visitor, Signals: b.Signals, Preferences: b.Preferences})
	if err != nil {
		return out, failure{err}
	}
	req := kimi.Request{Store: b.Shop.Slug, System: p.System, User: p.User}
	for try := 1; ; try++ {
		asked := time.Now()
		answer, err := d.Model.Complete(ctx, req)
		d.Metrics.asked(ctx, answer, time.Since(asked), err)
		if err != nil {
			return out, failure{err}
		}
		out.Model = answer.Model
		b.Note("model answered", fmt.Sprintf("%s, %d tokens in %s", answer.Model, answer.CompletionTokens, answer.Total.Round(time.Millisecond)))
		designed, report, err := gate.Parse([]byte(answer.Text), b.Shop)
		if err == nil {
			if report != (design.Report{}) {
				b.Note("answer trimmed", fmt.Sprintf("%+v", report))
			}
			out.Design = designed
			return out, nil
		}
		b.Problem("answer refused", err)
		if try == maxAnswers {
			return out, failure{err}
		}
		req.Turns = []kimi.Turn{{Answer: answer.Text, Reply: prompt.Correction(err)}}
	}
}

// failure is an error with its type.
type failure struct{ error }

func (f failure) Unwrap() error     { return f.error }
func (f failure) ErrorType() string { return errorType(f.error) }
