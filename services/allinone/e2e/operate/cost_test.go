package operate_test

import (
	"context"
	"encoding/json"
	"math"
	"testing"

	"github.com/nats-io/nats.go"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/spend"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
	"github.com/wandstore/wandstore/services/generator"
)

// costs is what a shopper's pages cost.
type costs struct {
	USD   float64
	Pages []struct{ USD, SoFarUSD float64 }
}

// answerTo asks the generator over NATS.
func answerTo(t *testing.T, nc *nats.Conn, subject, question string, into any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), eventually.Patience)
	defer cancel()
	msg, err := nc.RequestWithContext(ctx, subject, []byte(question))
	if err != nil || msg.Header.Get("Nats-Service-Error") != "" {
		t.Fatalf("%s %s: %v, %s", subject, question, err, msg.Header.Get("Nats-Service-Error"))
	}
	if err := json.Unmarshal(msg.Data, into); err != nil {
		t.Fatalf("%s: %v", msg.Data, err)
	}
}

// An operator learns what a page, a shopper and a shop cost. From the shop's second shopper
// on the model's prompt cache serves nine tenths of the prompt. What a shopper cost is
// forgotten with them.
func TestEveryCentIsVisible(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	e := w.StartEdge()
	w.StartGenerator(func(c *generator.Config) {
		c.InputPrice, c.CachedPrice, c.OutputPrice = .95, .16, 4
	})
	nc, _ := w.Connect()
	page := func(shopper string) {
		t.Helper()
		e.Visit(t, "magic-wands", shopper)
		e.BecomesHit(t, "magic-wands", shopper)
	}
	page("first")
	before := w.Sim.Stats()
	page("second")
	after := w.Sim.Stats()
	if share := float64(after.CachedTokens-before.CachedTokens) / float64(after.PromptTokens-before.PromptTokens); share < .9 {
		t.Errorf("%.0f %% of the second shopper's prompt is cached", 100*share)
	}

	var shop, all spend.Report
	// The page is stored before its job is settled, and booked before it is stored.
	answerTo(t, nc, wandnats.SubjectCost, `{"store":"magic-wands"}`, &shop)
	answerTo(t, nc, wandnats.SubjectCost, ``, &all)
	if shop.Total.Pages != 2 || shop.Total.Tries != 2 || shop.Total.CachedTokens != int64(after.CachedTokens) || shop.Total.PromptTokens != int64(after.PromptTokens) {
		t.Errorf("the shop cost %+v, kimisim counts %+v", shop.Total, after)
	}
	if len(shop.Lines) == 0 || shop.Lines[0].Outcome != spend.OutcomeAnswered || shop.Lines[0].Persona == "" {
		t.Errorf("lines %+v", shop.Lines)
	}
	if len(all.Shops) != 1 || all.Shops[0].Shop != "magic-wands" || all.USD != shop.USD || all.Total.Pages != 2 {
		t.Errorf("all shops cost %+v", all)
	}
	var first, second costs
	answerTo(t, nc, wandnats.SubjectCost, `{"shopper":"first"}`, &first)
	answerTo(t, nc, wandnats.SubjectCost, `{"shopper":"second"}`, &second)
	if len(first.Pages) != 1 || len(second.Pages) != 1 || first.USD <= second.USD || second.USD <= 0 || math.Abs(first.USD+second.USD-shop.USD) > 1e-9 {
		t.Errorf("the first shopper cost %+v, the second %+v, the shop $%v", first, second, shop.USD)
	}
	var forgotten map[string]string
	answerTo(t, nc, wandnats.SubjectForget, `{"shopper":"first"}`, &forgotten)
	eventually.True(t, "what the shopper cost is forgotten", func() bool {
		var gone costs
		answerTo(t, nc, wandnats.SubjectCost, `{"shopper":"first"}`, &gone)
		return gone.USD == 0 && len(gone.Pages) == 0
	})
}
