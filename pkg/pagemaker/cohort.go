package pagemaker

import (
	"context"
	"errors"
	"fmt"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/persona"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// errUnknownCohort: the key names a cohort whose persona nobody has.
var errUnknownCohort = fmt.Errorf("%w: a cohort of an unknown persona", jobqueue.ErrTerminal)

// forCohort reports whether the order is for a cohort's page. Nobody's session, wishes or
// tombstone have to do with it.
func (o Order) forCohort() bool {
	_, _, cohort := o.Key.Cohort()
	return cohort
}

// visitor is whom the page is for: a shopper as their session tells, or a cohort's typical
// visitor.
func (m *Maker) visitor(ctx context.Context, o Order, shop *catalogue.Shop) (persona.Visitor, *wandstorev1.StoreSignals, error) {
	if name, interest, cohort := o.Key.Cohort(); cohort {
		if !persona.Valid(name) {
			return persona.Visitor{}, nil, errUnknownCohort
		}
		signals := &wandstorev1.StoreSignals{}
		if _, ok := shop.Collection(interest); ok {
			signals.Categories = map[string]uint32{interest: 1}
		}
		return persona.Visitor{Persona: name, Confidence: 1}, signals, nil
	}
	signals := m.signals(ctx, o)
	if persona.Valid(o.Persona) {
		return persona.Visitor{Persona: o.Persona, Confidence: 1}, signals, nil
	}
	return persona.Classify(signals), signals, nil
}

// designedBefore returns the page that the model designed for the order's cohort before; nil
// if there is none. No page that the template made or completed replaces it.
func (m *Maker) designedBefore(ctx context.Context, o Order) *pagestore.Page {
	if !o.forCohort() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	page, err := m.Permanent.Get(ctx, o.Key)
	if err != nil {
		if !errors.Is(err, pagestore.ErrMiss) {
			m.problem(ctx, o, "earlier page not read", err)
		}
		return nil
	}
	return page
}
