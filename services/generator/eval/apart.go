package eval

import (
	"github.com/wandstore/wandstore/pkg/design"
)

// themeWeight is what one choice of a theme weighs against the first section's type, which
// weighs 1.
const themeWeight = 0.2

// features is what makes a page look as it does, with its weight.
func features(d design.Design) map[string]float64 {
	f := map[string]float64{}
	for i, s := range d.Sections {
		f["section "+s.Type] += 1 / float64(i+1)
	}
	for _, choice := range d.Theme.Choices() {
		f[choice.Name+" "+*choice.Value] += themeWeight
	}
	return f
}

// distance of two designs is from 0, alike, to 1, nothing in common: one minus the weighted
// Jaccard similarity (the sum of the lesser weights by the sum of the greater).
func distance(a, b map[string]float64) float64 {
	var common, all float64
	for name, weight := range a {
		common += min(weight, b[name])
		all += max(weight, b[name])
	}
	for name, weight := range b {
		if _, both := a[name]; !both {
			all += weight
		}
	}
	if all == 0 {
		return 0
	}
	return 1 - common/all
}

// apart is how far the designs for different personas differ.
type apart struct {
	// nearest is the share of designs whose nearest other one of the same shop is for the
	// same persona. Of several that are as near, each counts in part.
	nearest float64
	// between and within are the mean distances of two designs of the same shop for
	// different personas, and for one.
	between, within float64
}

// toldApart measures the designs. It is false if no shop has two personas, one of them
// with two designs.
func toldApart(results []SessionResult) (apart, bool) {
	var a apart
	var pairsBetween, pairsWithin, judged float64
	for i := range results {
		nearest, alike, ties := 2.0, 0.0, 0.0
		kin, others := false, false
		for j := range results {
			if i == j || results[i].Shop != results[j].Shop || results[i].features == nil || results[j].features == nil {
				continue
			}
			same := results[i].Persona == results[j].Persona
			d := distance(results[i].features, results[j].features)
			if same {
				kin = true
				a.within, pairsWithin = a.within+d, pairsWithin+1
			} else {
				others = true
				a.between, pairsBetween = a.between+d, pairsBetween+1
			}
			switch {
			case d < nearest:
				nearest, alike, ties = d, 0, 0
				fallthrough
			case d == nearest:
				ties++
				if same {
					alike++
				}
			}
		}
		if kin && others {
			a.nearest, judged = a.nearest+alike/ties, judged+1
		}
	}
	if judged == 0 {
		return apart{}, false
	}
	return apart{a.nearest / judged, a.between / pairsBetween, a.within / pairsWithin}, true
}
