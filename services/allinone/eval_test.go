package allinone

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/wandstore/wandstore/pkg/lifecycle"
	"github.com/wandstore/wandstore/services/generator/eval"
)

// evaluation is the settings of a small run without a key.
func evaluation(t *testing.T, environ ...string) EvalConfig {
	t.Helper()
	var cfg EvalConfig
	err := lifecycle.Load(append([]string{
		"EVAL_SESSIONS=16", "EVAL_RESULT=" + filepath.Join(t.TempDir(), "results", "eval.json"),
		"KIMISIM_FIRST_TOKEN=20ms", "KIMISIM_TOKENS_PER_SECOND=20000",
	}, environ...), &cfg)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func measured(t *testing.T, cfg EvalConfig) (eval.Result, map[string]float64) {
	t.Helper()
	b, err := os.ReadFile(cfg.Eval.Result)
	if err != nil {
		t.Fatal(err)
	}
	var r eval.Result
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatal(err)
	}
	figures := map[string]float64{}
	for _, f := range r.Figures {
		figures[f.Name] = f.Value
	}
	return r, figures
}

// A run measures what it says, keeps the result, and the next one is compared with it.
func TestEval(t *testing.T) {
	t.Parallel()
	cfg := evaluation(t)
	var table bytes.Buffer
	if err := Eval(t.Context(), cfg, slog.New(slog.DiscardHandler), &table); err != nil {
		t.Fatal(err)
	}
	t.Log(table.String())
	r, figures := measured(t, cfg)
	if r.Planned != 16 || len(r.Sessions) != 16 || r.Stopped != "" || figures["designs"] != 16 || figures["usable at the first try"] != 100 {
		t.Errorf("%d of %d sessions, stopped %q, %v", len(r.Sessions), r.Planned, r.Stopped, figures)
	}
	// The model's prompt cache serves a shop's second shopper, which is most of the price.
	if later := figures["prompt tokens cached, from a shop's second on"]; later < 90 {
		t.Errorf("%v %% of the prompt tokens are cached from a shop's second session on", later)
	}
	if all, later := figures["dollars a page"], figures["dollars a page, from a shop's second on"]; later <= 0 || later >= all {
		t.Errorf("a page costs $%v, from a shop's second session on $%v", all, later)
	}
	first, section, whole := figures["first token, median"], figures["first section, median"], figures["whole design, median"]
	if first < .02 || section <= first || whole <= section {
		t.Errorf("the first token after %v s, the first section after %v s, all after %v s", first, section, whole)
	}
	if figures["told apart: distance between personas"] <= 0 || figures["sections kept, a page"] < 4 {
		t.Errorf("figures %v", figures)
	}
	table.Reset()
	if err := Eval(t.Context(), cfg, slog.New(slog.DiscardHandler), &table); err != nil {
		t.Fatal(err)
	}
	if text := table.String(); !strings.Contains(text, "compared to") || !strings.Contains(text, "  =") {
		t.Errorf("the second run does not tell the difference:\n%s", text)
	}
}

// A run that ends early prints and keeps what it has.
func TestEvalEndsEarly(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		environ       []string
		interruptedAt int64 // sessions
		stopped       string
	}{
		"interrupted":   {[]string{"EVAL_SESSIONS=1000"}, 12, "interrupted"},
		"without money": {[]string{"EVAL_SESSIONS=1000", "EVAL_BUDGET=0.2", "EVAL_CONCURRENCY=2"}, 0, "EVAL_BUDGET"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			cfg := evaluation(t, tt.environ...)
			var table bytes.Buffer
			if err := Eval(ctx, cfg, slog.New(&interrupter{at: tt.interruptedAt, interrupt: cancel}), &table); err != nil {
				t.Fatal(err)
			}
			r, figures := measured(t, cfg)
			if !strings.Contains(r.Stopped, tt.stopped) || !strings.Contains(table.String(), "stopped early") || len(r.Sessions) == 0 || len(r.Sessions) >= r.Planned {
				t.Errorf("%d of %d sessions, stopped %q:\n%s", len(r.Sessions), r.Planned, r.Stopped, table.String())
			}
			if spent := figures["dollars in all"]; spent <= 0 || spent > cfg.Eval.Budget {
				t.Errorf("$%v are spent of $%v", spent, cfg.Eval.Budget)
			}
		})
	}
}

func TestEvalSettings(t *testing.T) {
	t.Parallel()
	for setting, want := range map[string]string{
		"EVAL_SESSIONS=0": "EVAL_SESSIONS", "EVAL_CONCURRENCY=0": "EVAL_CONCURRENCY", "EVAL_BUDGET=0": "EVAL_BUDGET",
		"EVAL_BUDGET=NaN": "EVAL_BUDGET", "KIMI_PRICE_CACHED=-1": "KIMI_PRICE_CACHED", "KIMISIM_THINKING_TOKENS=-1": "KIMISIM_THINKING_TOKENS",
	} {
		var cfg EvalConfig
		err := lifecycle.Load([]string{setting}, &cfg)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error of %q", setting, err, want)
		}
	}
}

// interrupter is a log's handler that interrupts a run once so many sessions are done.
type interrupter struct {
	slog.Handler

	at        int64
	interrupt func()
	done      atomic.Int64
}

func (i *interrupter) Enabled(context.Context, slog.Level) bool { return true }

func (i *interrupter) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "session" && i.done.Add(1) == i.at {
		i.interrupt()
	}
	return nil
}
