// Package persona classifies a shopper, from the shopper's signals, as one of four kinds
// of visitor, with a confidence.
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

// Visitor is the kind of visitor that a shopper is.
type Visitor struct {
	// Persona is one of All.
	Persona string
	// Confidence is from 0, if nothing is known, to 1.
	Confidence float64
}

// halfWeight is the total weight of evidence, three or four events, at which confidence
// reaches half of its maximum.
const halfWeight = 3.0

// Classify returns the kind of visitor that the signals of one shop suggest. Equal signals
// give equal visitors. A shopper without signals (nil or empty) is an explorer with
// confidence 0, because an explorer's page shows the whole assortment.
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
	// The persona's share of the evidence, w/t, times a factor for the amount of evidence,
	// t/(t+halfWeight).
	return Visitor{best.persona, best.weight / (total + halfWeight)}
}

// longVisits is the weight of the average length of a visit: 1 for each five minutes, 3 at
// most.
func longVisits(g *wandstorev1.StoreSignals) float64 {
	if g.GetVisits() == 0 {
		return 0
	}
	minutes := float64(g.GetSeconds()) / float64(g.GetVisits()) / 60
	return min(minutes/5, 3)
}

// Valid reports whether s is a persona.
func Valid(s string) bool {
	return s == Minimalist || s == Explorer || s == Dealhunter || s == Loyalist
}
