package spend

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// maxReported bounds the shops that a report of all shops names.
const maxReported = 100

// Report is what the model cost on one UTC day, for people.
type Report struct {
	Day string `json:"day"`
	// Shop is empty in a report of all shops.
	Shop string `json:"store,omitempty"`
	// USD is what the calls that have ended cost, ReservedUSD the most that those under way
	// may, and LimitUSD the most for both; 0 is no limit.
	USD         float64 `json:"usd"`
	ReservedUSD float64 `json:"reservedUSD"`
	LimitUSD    float64 `json:"limitUSD"`
	// LimitReached tells that calls are refused for want of room.
	LimitReached bool `json:"limitReached"`

	Total Line `json:"total"`
	// Lines are the calls by model, persona and outcome, the dearest first.
	Lines []Line `json:"lines,omitempty"`
	// Shops are the shops of a report of all, the dearest first, up to 100.
	Shops []ShopLine `json:"stores,omitempty"`
}

// Line is what calls of one kind used.
type Line struct {
	Model   string `json:"model,omitempty"`
	Persona string `json:"persona,omitempty"`
	Outcome string `json:"outcome,omitempty"`
	Tries   int64  `json:"tries"`
	// Pages is how many answers became pages.
	Pages            int64 `json:"pages"`
	PromptTokens     int64 `json:"promptTokens"`
	CachedTokens     int64 `json:"cachedTokens"`
	CompletionTokens int64 `json:"completionTokens"`
	// CachedShare is CachedTokens of PromptTokens.
	CachedShare float64 `json:"cachedShare"`
	USD         float64 `json:"usd"`
	// USDPerPage is what a page cost; 0 without pages.
	USDPerPage float64 `json:"usdPerPage"`

	micros Micros
}

// ShopLine is one shop in a report of all.
type ShopLine struct {
	Shop string `json:"store"`
	Line
}

func (l *Line) add(u *wandstorev1.Use) {
	l.Tries += u.GetTries()
	l.Pages += u.GetPages()
	l.PromptTokens += u.GetPromptTokens()
	l.CachedTokens += u.GetCachedTokens()
	l.CompletionTokens += u.GetCompletionTokens()
	l.micros += Micros(u.GetMicros())
}

// finish computes what follows from the sums.
func (l *Line) finish() {
	l.USD = l.micros.USD()
	if l.PromptTokens > 0 {
		l.CachedShare = float64(l.CachedTokens) / float64(l.PromptTokens)
	}
	if l.Pages > 0 {
		l.USDPerPage = l.USD / float64(l.Pages)
	}
}

// ReadReport reads what the model cost on the UTC day, for one shop, or for all if shop is
// "". A day without calls is a report of nothing. Errors are JetStream's, ctx's, or about a
// record that cannot be read.
func ReadReport(ctx context.Context, spend jetstream.KeyValue, day time.Time, shop string) (Report, error) {
	report := Report{Day: day.UTC().Format(time.DateOnly), Shop: shop}
	key := wandnats.SpendKey(day)
	if shop != "" {
		key = wandnats.ShopSpendKey(day, shop)
	}
	entry, err := spend.Get(ctx, key)
	if err != nil && !errors.Is(err, jetstream.ErrKeyNotFound) {
		return report, fmt.Errorf("read %s: %w", key, err)
	}
	r, err := readRecord(entry)
	if err != nil {
		return report, fmt.Errorf("%s: %w", key, err)
	}
	report.USD, report.LimitUSD = Micros(r.GetSpentMicros()).USD(), Micros(r.GetLimitMicros()).USD()
	report.ReservedUSD, report.LimitReached = (r.used() - Micros(r.GetSpentMicros())).USD(), r.reached()

	kinds := map[Line]*Line{}
	count := func(uses []*wandstorev1.Use, sums ...*Line) {
		for _, u := range uses {
			kind := Line{Model: u.GetModel(), Persona: u.GetPersona(), Outcome: u.GetOutcome()}
			if kinds[kind] == nil {
				line := kind
				kinds[kind] = &line
			}
			kinds[kind].add(u)
			for _, sum := range sums {
				sum.add(u)
			}
		}
	}
	if shop != "" {
		count(r.GetUses(), &report.Total)
	} else if err := report.readShops(ctx, spend, day, count); err != nil {
		return report, err
	}
	for _, line := range kinds {
		line.finish()
		report.Lines = append(report.Lines, *line)
	}
	slices.SortFunc(report.Lines, func(a, b Line) int {
		return cmp.Or(cmp.Compare(b.micros, a.micros), cmp.Compare(b.Tries, a.Tries),
			strings.Compare(a.Model, b.Model), strings.Compare(a.Persona, b.Persona), strings.Compare(a.Outcome, b.Outcome))
	})
	report.Total.finish()
	return report, nil
}

// readShops adds the shops of the day.
func (report *Report) readShops(ctx context.Context, spend jetstream.KeyValue, day time.Time, count func([]*wandstorev1.Use, ...*Line)) error {
	var unread []error
	err := wandnats.Watch{
		Bucket: spend, Keys: wandnats.ShopSpendKey(day, ">"),
		Entry: func(entry jetstream.KeyValueEntry) {
			r, err := readRecord(entry)
			if err != nil {
				unread = append(unread, fmt.Errorf("%s: %w", entry.Key(), err))
				return
			}
			line := ShopLine{Shop: strings.TrimPrefix(entry.Key(), wandnats.ShopSpendKey(day, ""))}
			count(r.GetUses(), &line.Line, &report.Total)
			report.Shops = append(report.Shops, line)
		},
	}.Read(ctx)
	if err = errors.Join(append(unread, err)...); err != nil {
		return fmt.Errorf("read %s: %w", wandnats.BucketSpend, err)
	}
	for i := range report.Shops {
		report.Shops[i].finish()
	}
	slices.SortFunc(report.Shops, func(a, b ShopLine) int {
		return cmp.Or(cmp.Compare(b.micros, a.micros), strings.Compare(a.Shop, b.Shop))
	})
	report.Shops = report.Shops[:min(len(report.Shops), maxReported)]
	return nil
}
