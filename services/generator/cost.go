package generator

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nats.go/micro"

	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/spend"
	"github.com/wandstore/wandstore/pkg/wire"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// Costs reads what the model cost.
type Costs interface {
	// Report returns what the model cost on the UTC day, for one shop, or for all if shop is
	// "".
	Report(ctx context.Context, day time.Time, shop string) (spend.Report, error)
}

// costs reads the bucket SPEND.
type costs struct{ bucket jetstream.KeyValue }

// Report implements Costs.
func (c costs) Report(ctx context.Context, day time.Time, shop string) (spend.Report, error) {
	return spend.ReadReport(ctx, c.bucket, day, shop)
}

// cost answers what the model cost: {} today, {"day": "2026-11-26"} on a UTC day, with
// "store" for one shop, and {"shopper": "ID"} for a shopper's pages, with "store" in one
// shop only.
func (g *Generator) cost(ctx context.Context, p *Pool, r micro.Request) {
	const usage = `want {}, with "day": "YYYY-MM-DD" or "store" if you like, or {"shopper": "ID"}, with "store" if you like`
	var ask struct {
		Day     string `json:"day"`
		Store   string `json:"store"`
		Shopper string `json:"shopper"`
	}
	day := g.deps.Clock.Now()
	if len(r.Data()) > 0 && json.Unmarshal(r.Data(), &ask) != nil ||
		ask.Store != "" && !pagekey.ValidShop(ask.Store) || ask.Shopper != "" && (ask.Day != "" || !pagekey.ValidShopper(ask.Shopper)) {
		_ = r.Error("400", usage, nil)
		return
	}
	if ask.Day != "" {
		var err error
		if day, err = time.Parse(time.DateOnly, ask.Day); err != nil {
			_ = r.Error("400", usage, nil)
			return
		}
	}
	ctx, cancel := context.WithTimeout(ctx, g.cfg.controlTimeout())
	defer cancel()
	var report any
	var err error
	if ask.Shopper != "" {
		report, err = g.costOf(ctx, p, ask.Shopper, ask.Store)
	} else {
		report, err = p.Costs.Report(ctx, day, ask.Store)
	}
	if err != nil {
		g.log.WarnContext(ctx, "the cost is not told", "error", err)
		_ = r.Error("503", "not everything could be read: ask again", nil)
		return
	}
	respondByShop(r, report)
}

// shopperCost is what the model cost for one shopper's pages that are stored.
type shopperCost struct {
	Shopper string     `json:"shopper"`
	USD     float64    `json:"usd"`
	Pages   []pageCost `json:"pages"`
}

// pageCost is what a stored page cost, alone and with those that were made before it.
type pageCost struct {
	Store         string    `json:"store"`
	Persona       string    `json:"persona"`
	Source        string    `json:"source"`
	Model         string    `json:"model,omitempty"`
	PromptVersion string    `json:"promptVersion,omitempty"`
	GeneratedAt   time.Time `json:"generatedAt"`
	USD           float64   `json:"usd"`
	SoFarUSD      float64   `json:"soFarUSD"`
}

// costOf reads the costs from the shopper's stored pages. Nothing else keeps them, so they
// are forgotten with the pages. Of the pages of one shop the newest knows of the others.
func (g *Generator) costOf(ctx context.Context, p *Pool, shopper, shop string) (shopperCost, error) {
	out := shopperCost{Shopper: shopper, Pages: []pageCost{}}
	kept, err := g.kept(ctx, p, shopper, shop)
	if err != nil {
		return out, err
	}
	for _, slug := range slices.Sorted(maps.Keys(kept.Shops)) {
		var soFar int64
		for _, exported := range kept.Shops[slug].Pages {
			var page wandstorev1.Page
			if err := wire.Unmarshal(exported.Page, &page); err != nil {
				return out, err
			}
			out.Pages = append(out.Pages, pageCost{
				Store: slug, Persona: page.GetPersona(), Source: page.GetSource(), Model: page.GetModel(),
				PromptVersion: page.GetPromptVersion(), GeneratedAt: page.GetGeneratedAt().AsTime(),
				USD: spend.Micros(page.GetCostMicros()).USD(), SoFarUSD: spend.Micros(page.GetCostSoFarMicros()).USD(),
			})
			soFar = max(soFar, page.GetCostSoFarMicros())
		}
		out.USD += spend.Micros(soFar).USD()
	}
	return out, nil
}
