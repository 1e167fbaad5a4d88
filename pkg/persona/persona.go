// Package persona tells from a shopper's signals which of four kinds of visitor a
// page addresses, and how certain that is.
//
//	minimalist   few views, searches, quick exits
//	explorer     many categories, long visits
//	dealhunter   price sorts, sale filters, abandoned carts
//	loyalist     repeat visits, purchases
package persona

import (
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// The personas.
const (
	Minimalist = "minimalist"
	Explorer   = "explorer"
	Dealhunter = "dealhunter"
	Loyalist   = "loyalist"
)

// All lists the personas.
func All() []string { return []string{Minimalist, Explorer, Dealhunter, Loyalist} }

// Visitor is what kind of visitor a shopper is, and how certain that is.
type Visitor struct {
	// Persona is one of All.
	Persona string
	// Confidence is from 0, nothing known, to 1.
	Confidence float64
}

// enough is the weight of evidence at which confidence reaches half of its maximum:
// three or four events.
const enough = 3.0

// Classify tells what kind of visitor the signals of one shop suggest. Nil is a
// shopper without signals. Equal signals give equal visitors. A shopper of whom
// nothing is known is an explorer with confidence 0: their page shows the breadth of
// the shop.
func Classify(g *wandstorev1.StoreSignals) Visitor {
	n := func(v uint32) float64 { return float64(min(v, 10)) }
	scores := []struct {
		persona string
		weight  float64
	}{
		{Explorer, 0.3*n(g.GetViews()) + 0.9*n(uint32(max(len(g.GetCategories())-1, 0))) + longVisits(g)},
		{Minimalist, 1.2*n(g.GetSearches()) + 1.5*n(g.GetQuickExits()) - 0.2*n(g.GetViews())},
		{Dealhunter, 1.5*n(g.GetPriceSorts()) + 2*n(g.GetSaleFilters()) + 1.5*n(g.GetAbandonedCarts())},
		{Loyalist, 2.5*n(g.GetPurchases()) + 0.8*n(max(g.GetVisits(), 1)-1)},
	}
	var total float64
	best := scores[0]
	for _, s := range scores {
		total += max(s.weight, 0)
		if s.weight > best.weight {
			best = s
		}
	}
	if total <= 0 {
		return Visitor{Persona: Explorer}
	}
	// Its share of the evidence, times how much evidence there is: w/t · t/(t+enough).
	return Visitor{best.persona, best.weight / (total + enough)}
}

// longVisits weighs the time of an average visit: a point for each five minutes,
// three at most.
func longVisits(g *wandstorev1.StoreSignals) float64 {
	if g.GetVisits() == 0 {
		return 0
	}
	minutes := float64(g.GetSeconds()) / float64(g.GetVisits()) / 60
	return min(minutes/5, 3)
}

// Valid tells whether s names a persona.
func Valid(s string) bool {
	return s == Minimalist || s == Explorer || s == Dealhunter || s == Loyalist
}
