package catalogue

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Companion is a product that was bought together with another one.
type Companion struct {
	ID     string `json:"id"`
	Orders int    `json:"orders"` // about how many of the latest orders had both
}

const (
	// MaxCompanions is the largest number of a product's companions.
	MaxCompanions = 16
	// fewestOrders is how many orders make a companion. One order says what one household
	// bought, which is nobody else's business.
	fewestOrders = 2
)

// CountOrder counts an order of that many of the product, with the other products in it. Of
// the companions those remain that are bought with it most: when there is no room for a new
// one, each that was not in this order loses one (J. Misra and D. Gries, Finding repeated
// elements, 1982). So what is in more than a seventeenth of the orders is there, and what is
// bought no more fades. A shop's pages show the count once the product is read again.
func (p *Product) CountOrder(quantity int, others []string) {
	p.Sold = min(p.Sold+max(quantity, 1), MaxStock)
	companions := slices.Clone(p.BoughtWith)
	full := false
	for _, id := range others {
		if id == p.ID {
			continue
		}
		i := slices.IndexFunc(companions, func(c Companion) bool { return c.ID == id })
		switch {
		case i >= 0:
			companions[i].Orders = min(companions[i].Orders+1, MaxStock)
		case len(companions) < MaxCompanions:
			companions = append(companions, Companion{id, 1})
		default:
			full = true
		}
	}
	if full {
		for i := range companions {
			if !slices.Contains(others, companions[i].ID) {
				companions[i].Orders--
			}
		}
		companions = slices.DeleteFunc(companions, func(c Companion) bool { return c.Orders == 0 })
	}
	slices.SortFunc(companions, func(a, b Companion) int {
		return cmp.Or(cmp.Compare(b.Orders, a.Orders), strings.Compare(a.ID, b.ID))
	})
	p.BoughtWith = companions
}

// Companions is the products that were bought together with p in at least two orders and can
// be bought, the most common first.
func (s *Shop) Companions(p *Product) []*Product {
	var found []*Product
	for _, c := range p.BoughtWith {
		if o, ok := s.Product(c.ID); ok && c.Orders >= fewestOrders && o.Available() {
			found = append(found, o)
		}
	}
	return found
}

func (c *checker) companions(at string, p *Product) {
	c.most(at+"boughtWith", len(p.BoughtWith), MaxCompanions)
	seen := make(map[string]bool, len(p.BoughtWith))
	for i, with := range p.BoughtWith {
		here := fmt.Sprintf("%sboughtWith[%d]", at, i)
		switch {
		case !productID.MatchString(with.ID) || with.ID == p.ID:
			c.fault(here+".id", "is %s, must be another product's id", quoted(with.ID))
		case seen[with.ID]:
			c.fault(here+".id", "%s is given twice", quoted(with.ID))
		}
		seen[with.ID] = true
		if with.Orders < 1 || with.Orders > MaxStock {
			c.fault(here+".orders", "is %d, must be above 0 and at most %d", with.Orders, MaxStock)
		}
	}
}
