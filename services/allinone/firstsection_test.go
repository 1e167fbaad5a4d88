package allinone

import (
	"bytes"
	"log/slog"
	"slices"
	"testing"
)

// The first section of an answer is complete before a fifth of the time has passed, for each
// of many sessions of all personas: at a second to the first token and thirty tokens a second after.
func TestTheFirstSectionComesEarly(t *testing.T) {
	t.Parallel()
	const firstToken, tokensPerSecond, most = 1, 30, 0.2
	cfg := evaluation(t, "EVAL_SESSIONS=120", "EVAL_CONCURRENCY=8", "EVAL_BUDGET=100", "KIMISIM_FIRST_TOKEN=0", "KIMISIM_TOKENS_PER_SECOND=0")
	var table bytes.Buffer
	if err := Eval(t.Context(), cfg, slog.New(slog.DiscardHandler), &table); err != nil {
		t.Fatal(err)
	}
	r, _ := measured(t, cfg)
	var shares []float64
	for _, s := range r.Sessions {
		written := float64(s.CompletionTokens) / tokensPerSecond
		share := (firstToken + written*s.FirstSectionShare/100) / (firstToken + written)
		shares = append(shares, share)
		if share >= most || s.FirstSectionShare == 0 || s.Answers != 1 {
			t.Errorf("%s of %s: the first section takes %.3f of %d tokens: %v", s.Persona, s.Shop, share, s.CompletionTokens, s.Sections)
		}
	}
	slices.Sort(shares)
	t.Logf("the first section takes %.3f of the time, at most %.3f", shares[len(shares)/2], shares[len(shares)-1])
}
