package woocsv

import (
	"strings"

	"github.com/wandstore/wandstore/services/importer/internal/listing"
)

// groups are the grouped products, which need what they hold to be read first.
type groups struct {
	members map[string]bool
	known   map[string]listing.Product
	waiting []waiting
}

type waiting struct {
	product    listing.Product
	references []string
}

func (g *groups) wait(r row, p listing.Product) {
	g.waiting = append(g.waiting, waiting{p, list(r.Field(r.columns.grouped))})
}

// learn keeps of a product what the grouped ones need that hold it.
func (g *groups) learn(name string, p listing.Product) {
	if !g.members[name] || p.Fault != "" || p.Hidden != "" {
		return
	}
	if g.known == nil {
		g.known = map[string]listing.Product{}
	}
	g.known[name] = listing.Product{Title: p.Title, Variants: p.Variants}
}

// give gives the grouped products. Their variants are what they hold.
func (g *groups) give(names *names, yield func(listing.Product) error) error {
	for _, one := range g.waiting {
		p := one.product
		p.Options, p.Variants = []string{"Product"}, nil
		for _, reference := range one.references {
			held, ok := g.known[names.resolve(reference)]
			if !ok {
				continue
			}
			for _, v := range held.Variants {
				value := strings.Join(append([]string{held.Title}, v.Values...), ", ")
				v.Line, v.Values = p.Line, []string{value}
				p.Variants = append(p.Variants, v)
			}
		}
		if len(p.Variants) == 0 && p.Fault == "" {
			p.Fault = "is grouped, and none of its products is for sale"
		}
		if err := yield(p); err != nil {
			return err
		}
	}
	return nil
}
