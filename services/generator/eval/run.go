package eval

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/design/gate"
	"github.com/wandstore/wandstore/pkg/lifecycle"
	"github.com/wandstore/wandstore/pkg/pagemaker"
	"github.com/wandstore/wandstore/pkg/prompt"
	"github.com/wandstore/wandstore/pkg/spend"
	"github.com/wandstore/wandstore/services/generator"
	"github.com/wandstore/wandstore/services/generator/internal/designer"
	"github.com/wandstore/wandstore/services/generator/internal/kimi"
)

// answered is the outcome of a session that got a design.
const answered = spend.OutcomeAnswered

var errNothing = errors.New("no session got a design")

// Run measures, prints the tables to w, and replaces the result in cfg.Result. If ctx ends,
// it does so with what it has. Errors: no session got a design; a shop, the model's settings
// or the file of results is wrong.
func Run(ctx context.Context, cfg Config, log *slog.Logger, w io.Writer) error {
	before, err := last(cfg.Result)
	if err != nil {
		return fmt.Errorf("%w: EVAL_RESULT: %w", lifecycle.ErrSettings, err)
	}
	shops, err := catalogue.New(cfg.Generator.Shops, log)
	if err != nil {
		return err
	}
	planned, err := sessions(shops.All(), cfg.Sessions, cfg.Seed)
	if err != nil {
		return err
	}
	purse := &purse{budget: spend.FromUSD(cfg.Budget), prices: cfg.Generator.Prices()}
	model, err := generator.NewModel(cfg.Generator, nil, purse)
	if err != nil {
		return err
	}
	defer model.Close()
	r := &run{cfg: cfg, model: model, prices: purse.prices, metrics: designer.NewMetrics(cfg.Generator.KimiModel), log: log}
	r.result = Result{
		At: time.Now().UTC(), Model: cfg.Generator.KimiModel, PromptVersion: prompt.Version, Seed: cfg.Seed, Planned: len(planned),
	}
	first, others := firsts(planned)
	r.all(ctx, first, true)
	r.all(ctx, others, false)
	r.result.sum()
	r.result.write(w, before)
	if err := r.result.save(cfg.Result); err != nil {
		return fmt.Errorf("EVAL_RESULT: %w", err)
	}
	if r.result.Figures[0].Value == 0 {
		return errNothing
	}
	return nil
}

// firsts divides the sessions into the first of each shop and the others.
func firsts(all []session) (first, others []session) {
	seen := map[*catalogue.Shop]bool{}
	for _, s := range all {
		if seen[s.shop] {
			others = append(others, s)
		} else {
			first = append(first, s)
		}
		seen[s.shop] = true
	}
	return first, others
}

// run is a run in progress.
type run struct {
	cfg     Config
	model   designer.Model
	prices  spend.Prices
	metrics *designer.Metrics
	log     *slog.Logger

	mu     sync.Mutex
	result Result
}

// all puts the sessions to the model, so many at a time as are allowed, until one cannot go
// on.
func (r *run) all(ctx context.Context, sessions []session, first bool) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	places := make(chan struct{}, r.cfg.Concurrency)
	var running sync.WaitGroup
	for _, s := range sessions {
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
		}
		if ctx.Err() != nil || r.stopped() {
			break
		}
		running.Go(func() {
			defer func() { <-places }()
			got, err := r.one(ctx, s)
			got.First = first
			r.note(ctx, got, err)
		})
	}
	running.Wait()
	if ctx.Err() != nil {
		r.stop("interrupted")
	}
}

func (r *run) stopped() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.result.Stopped != ""
}

func (r *run) stop(why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.result.Stopped == "" {
		r.result.Stopped = why
	}
}

// note adds what a session got, unless the run could not have it.
func (r *run) note(ctx context.Context, got SessionResult, err error) {
	switch {
	case errors.Is(err, errPurse):
		r.stop(err.Error())
		return
	case ctx.Err() != nil:
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.result.Sessions = append(r.result.Sessions, got)
	r.log.InfoContext(ctx, "session", "done", len(r.result.Sessions), "of", r.result.Planned,
		"store", got.Shop, "persona", got.Persona, "outcome", got.Outcome, "sections", len(got.Sections), "usd", got.USD)
}

// one puts a session to the model, as a job does. The error is the designer's.
func (r *run) one(ctx context.Context, s session) (SessionResult, error) {
	got := SessionResult{Shop: s.shop.Slug, Persona: s.visitor.Persona, Outcome: answered}
	heard := &listener{model: r.model, session: s, began: time.Now()}
	by := designer.Designer{Model: heard, Metrics: r.metrics}
	designed, err := by.Design(ctx, pagemaker.Brief{
		Shop: s.shop, Visitor: s.visitor, Signals: s.signals, Note: func(string, string) {}, Problem: func(string, error) {},
	})
	got.Total = time.Since(heard.began).Seconds()
	got.FirstSection = heard.firstSection.Seconds()
	for _, used := range heard.used {
		got.PromptTokens += used.Prompt
		got.CachedTokens += used.Cached
		got.CompletionTokens += used.Completion
		got.USD += r.prices.Cost(used).USD()
	}
	got.Tries, got.Answers = len(heard.used), len(heard.answers)
	if got.Answers > 0 {
		got.FirstToken = heard.answers[0].FirstToken.Seconds()
		got.FirstSectionShare = share(heard.firstBytes, len(heard.answers[len(heard.answers)-1].Text))
		r.judge(&got, s, heard.answers[0].Text)
	}
	if err != nil {
		got.Outcome = "_OTHER"
		var typed interface{ ErrorType() string }
		if errors.As(err, &typed) {
			got.Outcome = typed.ErrorType()
		}
		return got, err
	}
	got.features = features(designed.Design)
	for _, section := range designed.Design.Sections {
		got.Sections = append(got.Sections, section.Type)
	}
	return got, nil
}

// judge checks the first answer by the rules, if the gate finds a design in it.
func (r *run) judge(got *SessionResult, s session, answer string) {
	d, report, err := gate.Parse([]byte(answer), s.shop)
	got.Report, got.Dropped = report, report.Why.Counts()
	if err != nil {
		return
	}
	for _, rule := range rules {
		if rule.broken(judged{s, answer, d, report}) {
			got.Broken = append(got.Broken, rule.name)
		}
	}
}

// listener is the model, and hears what it answers to one session.
type listener struct {
	model   designer.Model
	session session
	began   time.Time

	answers      []kimi.Answer
	used         []spend.Tokens
	firstSection time.Duration // 0 until it came
	// firstBytes is how much of the answer there was then.
	firstBytes int
}

// Complete implements designer.Model.
func (l *listener) Complete(ctx context.Context, req kimi.Request) (kimi.Answer, error) {
	heard, beginning := 0, gate.Beginning{Shop: l.session.shop}
	onText, onRestart := req.OnText, req.OnRestart
	req.OnText = func(piece string) {
		// A section ends with a brace. Where the pieces begin is the provider's affair.
		for part := range strings.SplitAfterSeq(piece, "}") {
			heard += len(part)
			if _, ok := beginning.Add(part); ok && l.firstSection == 0 {
				l.firstSection, l.firstBytes = time.Since(l.began), heard
			}
		}
		if onText != nil {
			onText(piece)
		}
	}
	req.OnRestart = func() {
		heard, beginning = 0, gate.Beginning{Shop: l.session.shop}
		l.firstSection, l.firstBytes = 0, 0
		if onRestart != nil {
			onRestart()
		}
	}
	answer, err := l.model.Complete(ctx, req)
	l.used = append(l.used, answer.Used...)
	if err == nil {
		l.answers = append(l.answers, answer)
	}
	return answer, err
}

var errPurse = errors.New("EVAL_BUDGET has no room for another call")

// purse is the money of a run. It is a kimi.Meter.
type purse struct {
	budget spend.Micros
	prices spend.Prices

	mu   sync.Mutex
	used spend.Micros // spent and reserved
}

// Begin implements kimi.Meter. Error: errPurse.
func (p *purse) Begin(_ context.Context, _ kimi.Call, most spend.Tokens) (func(context.Context, spend.Tokens, string), error) {
	reserved := p.prices.Most(most)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.used+reserved > p.budget {
		return nil, errPurse
	}
	p.used += reserved
	return func(_ context.Context, used spend.Tokens, _ string) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.used += p.prices.Cost(used) - reserved
	}, nil
}
