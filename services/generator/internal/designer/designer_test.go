package designer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/wandstore/wandstore/pkg/catalogue/cataloguetest"
	"github.com/wandstore/wandstore/pkg/design/gate"
	"github.com/wandstore/wandstore/pkg/design/gate/answertest"
	"github.com/wandstore/wandstore/pkg/pagemaker"
	"github.com/wandstore/wandstore/pkg/persona"
	"github.com/wandstore/wandstore/pkg/prompt"
	"github.com/wandstore/wandstore/pkg/spend"
	"github.com/wandstore/wandstore/services/generator/internal/kimi"
)

// model returns prepared answers, one for each call.
type model struct {
	answers []string
	err     error
	cut     bool
	asked   []kimi.Request
	pages   []kimi.Call
	// began is the text that came before err.
	began string
	// again is why the client asked more than once for each answer.
	again error
}

// Page implements Books.
func (m *model) Page(_ context.Context, call kimi.Call) { m.pages = append(m.pages, call) }

// used is what each call uses: $0.001.
var used = []spend.Tokens{{Prompt: 600}, {Prompt: 400}}

func (m *model) Complete(_ context.Context, req kimi.Request) (kimi.Answer, error) {
	m.asked = append(m.asked, req)
	if len(m.answers) < len(m.asked) {
		answer := kimi.Answer{Text: m.began, Used: used}
		if m.began != "" {
			answer.Model = "kimi-test"
		}
		return answer, m.err
	}
	return kimi.Answer{Text: m.answers[len(m.asked)-1], Model: "kimi-test", Cut: m.cut, Again: m.again, Tokens: spend.Tokens{Prompt: 1000, Completion: 200}, Used: used}, nil
}

func TestDesign(t *testing.T) {
	t.Parallel()
	const (
		cut      = `{"sections":[{"type":"hero","headline":"A quiet shelf"},{"type":"hero","head`
		unclosed = `{"sections":[{"type":"hero","headline":"A quiet shelf"},{"type":"quote"}`
	)
	limited := fmt.Errorf("kimi: %w", kimi.ErrRateLimited)
	for name, tt := range map[string]struct {
		model           model
		calls           int
		err             error
		kind            string // error.type
		model0          string // that is named
		sections        int
		notes, problems string
	}{
		"at once":                 {model: model{answers: []string{answertest.Good}}, calls: 1, model0: "kimi-test", notes: "model answered"},
		"trimmed":                 {model: model{answers: []string{`{"sections":[{"type":"hero","headline":"A quiet shelf"},{"type":"iframe"}]}`}}, calls: 1, model0: "kimi-test", notes: "model answered, answer trimmed"},
		"at the second try":       {model: model{answers: []string{"Sorry.", answertest.Good}}, calls: 2, model0: "kimi-test", notes: "model answered, model answered", problems: "answer refused"},
		"never":                   {model: model{answers: []string{"Sorry.", "Sorry again."}}, calls: 2, model0: "kimi-test", err: gate.ErrNoDesign, kind: "no_design", notes: "model answered, model answered", problems: "answer refused, answer refused"},
		"cut, then whole":         {model: model{answers: []string{cut, answertest.Good}}, calls: 2, model0: "kimi-test", sections: 2, notes: "model answered, answer trimmed, model answered", problems: "answer refused"},
		"cut twice":               {model: model{answers: []string{cut, cut}}, calls: 2, model0: "kimi-test", sections: 1, notes: "model answered, answer trimmed, model answered, answer trimmed", problems: "answer refused, answer refused"},
		"cut, then nothing":       {model: model{answers: []string{cut, "Sorry."}}, calls: 2, model0: "kimi-test", sections: 1, notes: "model answered, answer trimmed, model answered", problems: "answer refused, answer refused"},
		"cut, then a failure":     {model: model{answers: []string{cut}, err: kimi.ErrStalled}, calls: 2, model0: "kimi-test", sections: 1, notes: "model answered, answer trimmed", problems: "answer refused, model asked again"},
		"a bracket is missing":    {model: model{answers: []string{unclosed}}, calls: 1, model0: "kimi-test", sections: 2, notes: "model answered, answer trimmed"},
		"perhaps a section too":   {model: model{answers: []string{unclosed, answertest.Good}, cut: true}, calls: 2, model0: "kimi-test", sections: 2, notes: "model answered, answer trimmed, model answered", problems: "answer refused"},
		"asked again by itself":   {model: model{answers: []string{answertest.Good}, again: kimi.ErrStalled}, calls: 1, model0: "kimi-test", notes: "model answered", problems: "model asked again"},
		"breaks off":              {model: model{began: cut, err: kimi.ErrStalled}, calls: 1, model0: "kimi-test", err: kimi.ErrStalled, kind: "stalled"},
		"refused for rate":        {model: model{err: limited}, calls: 1, err: kimi.ErrRateLimited, kind: "rate_limited"},
		"fails at the second":     {model: model{answers: []string{"Sorry."}, err: kimi.ErrStalled}, calls: 2, err: kimi.ErrStalled, kind: "stalled", model0: "kimi-test", notes: "model answered", problems: "answer refused"},
		"fails in an unknown way": {model: model{err: errors.New("x")}, calls: 1, err: errors.New("x"), kind: "_OTHER"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var notes, problems []string
			d := Designer{Model: &tt.model, Metrics: NewMetrics("kimi-test"), Prices: spend.Prices{Input: 1}, Books: &tt.model}
			got, err := d.Design(t.Context(), pagemaker.Brief{
				Shop: cataloguetest.Shop(t, "magic-wands"), Visitor: persona.Visitor{Persona: persona.Explorer},
				Note:    func(step, _ string) { notes = append(notes, step) },
				Problem: func(step string, _ error) { problems = append(problems, step) },
			})
			switch {
			case (err == nil) != (tt.err == nil):
				t.Fatalf("error %v, want %v", err, tt.err)
			case err == nil:
				if n := len(got.Design.Sections); n == 0 || tt.sections > 0 && n != tt.sections {
					t.Errorf("%d sections, want %d", n, tt.sections)
				}
			default:
				var typed interface{ ErrorType() string }
				if !errors.As(err, &typed) || typed.ErrorType() != tt.kind {
					t.Errorf("error %v is not of type %s", err, tt.kind)
				}
				if tt.kind != "_OTHER" && !errors.Is(err, tt.err) {
					t.Errorf("error %v, want %v", err, tt.err)
				}
			}
			if got.Model != tt.model0 || got.PromptVersion != prompt.Version {
				t.Errorf("by %q, prompt %q", got.Model, got.PromptVersion)
			}
			if got.Cost != int64(tt.calls)*1000 {
				t.Errorf("it cost %d for %d calls", got.Cost, tt.calls)
			}
			booked := []kimi.Call{{Shop: "magic-wands", Persona: persona.Explorer}}
			if err != nil {
				booked = nil
			}
			if !slices.Equal(tt.model.pages, booked) {
				t.Errorf("booked %v, want %v", tt.model.pages, booked)
			}
			if len(tt.model.asked) != tt.calls {
				t.Errorf("asked %d times, want %d", len(tt.model.asked), tt.calls)
			}
			if tt.calls == 2 && (len(tt.model.asked[1].Turns) != 1 || tt.model.asked[1].Turns[0].Answer != tt.model.answers[0] || !strings.Contains(tt.model.asked[1].Turns[0].Reply, "JSON object only")) {
				t.Errorf("asked again with %+v, want the answer and what was wrong with it", tt.model.asked[1].Turns)
			}
			if strings.Join(notes, ", ") != tt.notes || strings.Join(problems, ", ") != tt.problems {
				t.Errorf("notes %v, problems %v", notes, problems)
			}
		})
	}
}
