package eval

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/wandstore/wandstore/pkg/design"
)

// Result is what a run has measured.
type Result struct {
	At            time.Time `json:"at"`
	Model         string    `json:"model"`
	PromptVersion string    `json:"promptVersion"`
	Seed          uint64    `json:"seed"`
	// Planned is how many sessions the run was to have. Stopped says why it had fewer.
	Planned int    `json:"planned"`
	Stopped string `json:"stopped,omitempty"`
	// Figures are in the order of the table.
	Figures []Figure `json:"figures"`
	// Broken is how many answers broke each rule, Dropped how many sections the gate dropped
	// for each reason, and Failed how many sessions got no design, by outcome.
	Broken   map[string]int  `json:"broken"`
	Dropped  map[string]int  `json:"dropped"`
	Failed   map[string]int  `json:"failed"`
	Sessions []SessionResult `json:"sessions"`
}

// Figure is one number of a result.
type Figure struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	// Unit is %, s, $ or empty.
	Unit string `json:"unit,omitempty"`
	// Wanted is "more" or "less" of it, or empty.
	Wanted string `json:"wanted,omitempty"`
}

// SessionResult is what one session got.
type SessionResult struct {
	Shop    string `json:"store"`
	Persona string `json:"persona"`
	// First marks the first session of its shop, for which no cache can know the shop.
	First bool `json:"first,omitempty"`
	// Outcome is "answered", or why there is no design.
	Outcome string `json:"outcome"`
	// Answers is how many answers the model gave, Tries how often it was asked.
	Answers int `json:"answers"`
	Tries   int `json:"tries"`
	// Sections are the types of the sections kept. Report is what the gate changed in the
	// first answer, Dropped why it dropped sections, and Broken the rules that it broke.
	Sections []string       `json:"sections,omitempty"`
	Report   design.Report  `json:"report"`
	Dropped  map[string]int `json:"dropped,omitempty"`
	Broken   []string       `json:"broken,omitempty"`
	// The tokens are those of all tries, as is the cost.
	PromptTokens     int     `json:"promptTokens"`
	CachedTokens     int     `json:"cachedTokens"`
	CompletionTokens int     `json:"completionTokens"`
	USD              float64 `json:"usd"`
	// The times are seconds from the question. FirstSection is 0 if no section came.
	FirstToken   float64 `json:"firstTokenSeconds"`
	FirstSection float64 `json:"firstSectionSeconds"`
	Total        float64 `json:"totalSeconds"`
	// FirstSectionShare is how much of the answer there was when its first section was complete,
	// in percent.
	FirstSectionShare float64 `json:"firstSectionShare"`

	features map[string]float64
}

// last reads the result of the last run; nil if there is none.
func last(file string) (*Result, error) {
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // the first run, which is no error
	}
	if err != nil {
		return nil, err
	}
	var r Result
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, fmt.Errorf("%s is not a result: %w", file, err)
	}
	return &r, nil
}

// save replaces the result in the file.
func (r *Result) save(file string) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		return err
	}
	written := file + ".new"
	if err := os.WriteFile(written, append(b, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(written, file)
}

// sum computes the figures of the sessions.
func (r *Result) sum() {
	r.Broken, r.Dropped, r.Failed = map[string]int{}, map[string]int{}, map[string]int{}
	for _, rule := range rules {
		r.Broken[rule.name] = 0
	}
	var all, later totals // of all sessions, and without the first of each shop
	for _, s := range r.Sessions {
		for reason, count := range s.Dropped {
			r.Dropped[reason] += count
		}
		for _, name := range s.Broken {
			r.Broken[name]++
		}
		if s.Outcome != answered {
			r.Failed[s.Outcome]++
		}
		all.add(s)
		if !s.First {
			later.add(s)
		}
	}
	r.Figures = all.quality(len(r.Sessions))
	if a, ok := toldApart(r.Sessions); ok {
		r.Figures = append(r.Figures,
			Figure{"told apart: nearest is alike", 100 * a.nearest, "%", "more"},
			Figure{"told apart: distance between personas", a.between, "", "more"},
			Figure{"told apart: distance within one", a.within, "", ""},
		)
	}
	r.Figures = append(r.Figures,
		Figure{"prompt tokens, a page", each(all.prompt, all.pages), "", "less"},
		Figure{"answer tokens, a page", each(all.completion, all.pages), "", "less"},
		Figure{"prompt tokens cached", share(all.cached, all.prompt), "%", "more"},
		Figure{"prompt tokens cached, from a shop's second on", share(later.cached, later.prompt), "%", "more"},
		Figure{"dollars a page", each(all.usd, all.pages), "$", "less"},
		Figure{"dollars a page, from a shop's second on", each(later.usd, later.pages), "$", "less"},
		Figure{"dollars in all", all.usd, "$", ""},
		Figure{"first token, median", median(all.firstTokens), "s", "less"},
		Figure{"first section, median", median(all.firstSections), "s", "less"},
		Figure{"whole design, median", median(all.times), "s", "less"},
		Figure{"answer until its first section, median", median(all.firstShares), "%", "less"},
		Figure{"answer until its first section, most", most(all.firstShares), "%", "less"},
	)
}

// totals are the sums of sessions. Tokens and money count for all of them, the rest for
// those that got a design.
type totals struct {
	pages, atOnce, kept, dropped, broken int
	prompt, cached, completion           int
	usd                                  float64
	firstTokens, firstSections, times    []float64
	firstShares                          []float64
}

func (t *totals) add(s SessionResult) {
	t.dropped, t.broken = t.dropped+s.Report.DroppedSections, t.broken+len(s.Broken)
	t.prompt, t.cached, t.completion, t.usd = t.prompt+s.PromptTokens, t.cached+s.CachedTokens, t.completion+s.CompletionTokens, t.usd+s.USD
	if s.Outcome != answered {
		return
	}
	t.pages++
	t.kept += len(s.Sections)
	if s.Answers == 1 {
		t.atOnce++
	}
	t.firstTokens, t.times = append(t.firstTokens, s.FirstToken), append(t.times, s.Total)
	if s.FirstSection > 0 {
		t.firstSections, t.firstShares = append(t.firstSections, s.FirstSection), append(t.firstShares, s.FirstSectionShare)
	}
}

// quality is the figures of the designs of n sessions.
func (t *totals) quality(n int) []Figure {
	return []Figure{
		{"designs", float64(t.pages), "", "more"},
		{"usable at the first try", share(t.atOnce, n), "%", "more"},
		{"sections kept, a page", each(t.kept, t.pages), "", ""},
		{"sections dropped, a page", each(t.dropped, t.pages), "", "less"},
		{"rules broken, a page", each(t.broken, t.pages), "", "less"},
	}
}

// share is a part in percent.
func share(part, all int) float64 { return 100 * each(part, all) }

func each[T int | float64](sum T, n int) float64 {
	if n == 0 {
		return 0
	}
	return float64(sum) / float64(n)
}
