// Package designer lets the model design pages. It builds the prompt, calls Kimi, and passes
// the answer through the gate. If the gate refuses the answer, the model is asked once more,
// with the gate's error.
package designer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wandstore/wandstore/pkg/design"
	"github.com/wandstore/wandstore/pkg/design/gate"
	"github.com/wandstore/wandstore/pkg/pagemaker"
	"github.com/wandstore/wandstore/pkg/prompt"
	"github.com/wandstore/wandstore/pkg/spend"
	"github.com/wandstore/wandstore/services/generator/internal/kimi"
)

// Model answers prompts.
type Model interface {
	Complete(ctx context.Context, req kimi.Request) (kimi.Answer, error)
}

// Books books the pages that answers became.
type Books interface {
	Page(ctx context.Context, call kimi.Call)
}

// Designer is a pagemaker.Designer that uses a model.
type Designer struct {
	Model   Model
	Metrics *Metrics
	// Prices are the model's. They make Designed.Cost.
	Prices spend.Prices
	// Books books each page; nil books none.
	Books Books
}

// maxAnswers is how often the model is asked for a design.
const maxAnswers = 2

// errCut is what is wrong with an answer that is used only if no better one comes.
var errCut = errors.New("it ends too early, or stops to be JSON")

// Design asks the model for a design. Its errors are those of prompt.Build, those of the
// Model, and gate.ErrNoDesign; all have an ErrorType method. An answer that was cut is asked
// about once more; if no whole one comes, the answer with the most sections is used.
func (d *Designer) Design(ctx context.Context, b pagemaker.Brief) (pagemaker.Designed, error) {
	out := pagemaker.Designed{PromptVersion: prompt.Version}
	p, err := prompt.Build(prompt.Input{Shop: b.Shop, Visitor: b.Visitor, Signals: b.Signals, Preferences: b.Preferences})
	if err != nil {
		return out, failure{err}
	}
	call := kimi.Call{Shop: b.Shop.Slug, Persona: b.Visitor.Persona}
	req := kimi.Request{Call: call, System: p.System, User: p.User, Whole: func(text string) bool {
		_, report, err := gate.Parse([]byte(text), b.Shop)
		return err == nil && whole(report, true)
	}}
	heard := listener{brief: b}
	req.OnText, req.OnRestart = heard.add, heard.restart
	for try := 1; ; try++ {
		heard.restart()
		answer, err := d.ask(ctx, b, req, &out)
		if err != nil {
			if len(out.Design.Sections) > 0 {
				b.Problem("model asked again", err)
				return d.booked(ctx, call, out), nil
			}
			return out, failure{err}
		}
		b.Note("model answered", fmt.Sprintf("%s, %d tokens in %s, of %d of the prompt %d cached",
			answer.Model, answer.Tokens.Completion, answer.Total.Round(time.Millisecond), answer.Tokens.Prompt, answer.Tokens.Cached))
		designed, report, err := gate.Parse([]byte(answer.Text), b.Shop)
		if err == nil {
			if report != (design.Report{}) {
				b.Note("answer trimmed", fmt.Sprintf("%+v", report))
			}
			better := len(designed.Sections) > len(out.Design.Sections)
			if isWhole := whole(report, answer.Cut); isWhole || better {
				out.Design = designed
				if isWhole {
					return d.booked(ctx, call, out), nil
				}
			}
			err = errCut
		}
		b.Problem("answer refused", err)
		if try == maxAnswers {
			if len(out.Design.Sections) > 0 {
				return d.booked(ctx, call, out), nil
			}
			return out, failure{err}
		}
		req.Turns = []kimi.Turn{{Answer: answer.Text, Reply: prompt.Correction(err)}}
	}
}

// ask asks the model, and notes in out what it costs and which it is.
func (d *Designer) ask(ctx context.Context, b pagemaker.Brief, req kimi.Request, out *pagemaker.Designed) (kimi.Answer, error) {
	asked := time.Now()
	answer, err := d.Model.Complete(ctx, req)
	d.Metrics.asked(ctx, answer, time.Since(asked), err)
	for _, used := range answer.Used {
		out.Cost += int64(d.Prices.Cost(used))
	}
	if answer.Again != nil {
		// It may be paid for more than once.
		b.Problem("model asked again", answer.Again)
	}
	if answer.Text != "" {
		out.Model = answer.Model // also of an answer that broke off: a page may begin with it
	}
	return answer, err
}

// booked is the page that the answers became, once it is booked.
func (d *Designer) booked(ctx context.Context, call kimi.Call, page pagemaker.Designed) pagemaker.Designed {
	if d.Books != nil {
		d.Books.Page(ctx, call)
	}
	return page
}

// whole reports whether a design has all its sections. Where nobody said that the model had
// finished, a missing bracket may be a missing section.
func whole(report design.Report, cut bool) bool {
	return !report.Cut && (!cut || !report.Unclosed)
}

// failure is an error with its type.
type failure struct{ error }

func (f failure) Unwrap() error     { return f.error }
func (f failure) ErrorType() string { return errorType(f.error) }
