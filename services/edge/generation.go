package edge

import (
	"context"

	"go.opentelemetry.io/otel"

	"github.com/wandstore/wandstore/pkg/control"
	"github.com/wandstore/wandstore/pkg/spend"
	"github.com/wandstore/wandstore/pkg/telemetry"
)

// Generation says whether pages are generated at this moment.
type Generation interface {
	// Allowed is false while an operator has switched the shop's generation off, or the
	// day's budget has no room for it.
	Allowed(shop string) bool
	// Scarce is true while little of the budget is left for the shop.
	Scarce(shop string) bool
	// Faults are the switches that cannot be understood, each with why.
	Faults() map[string]string
}

// generation is what NATS tells of it.
type generation struct {
	control *control.Switch
	spend   *spend.Follower
}

func (g generation) Allowed(shop string) bool {
	return g.control.Check(shop) == nil && !g.spend.Reached(shop)
}

func (g generation) Scarce(shop string) bool { return g.spend.Scarce(shop) }

func (g generation) Faults() map[string]string { return g.control.Faults() }

// dearestShops bounds the series of the shops' costs. There may be thousands of shops.
const dearestShops = 20

// observeSpending has what the model costs collected until stop is called. Edges tell of
// it, because they run when no generator does.
func observeSpending(f *spend.Follower) (stop func()) {
	return telemetry.Observe(otel.GetMeterProvider(), scope, func(_ context.Context, see telemetry.See) error {
		today, known := f.Today()
		if !known {
			return nil
		}
		see(telemetry.ModelSpent, today.Spent.USD())
		for _, shop := range f.Dearest(dearestShops) {
			see(telemetry.ModelSpentByShop, shop.Spent.USD(), telemetry.Store.String(shop.Shop))
		}
		if today.Budget > 0 {
			see(telemetry.ModelBudget, today.Budget.USD())
		}
		reached := 0.0
		if today.Reached {
			reached = 1
		}
		see(telemetry.ModelBudgetReached, reached)
		return nil
	}, telemetry.ModelSpent, telemetry.ModelSpentByShop, telemetry.ModelBudget, telemetry.ModelBudgetReached)
}
