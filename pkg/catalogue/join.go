package catalogue

import (
	"cmp"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// With is the shop of a document with the products of the bucket CATALOGUE. A product of
// the bucket replaces one of the same id in the document. It changes neither the shop nor
// the products.
func (s *Shop) With(products []*Product) *Shop {
	next := s.unruled().with(products)
	if s.ruled != nil {
		return next.On(s.ruled.day.day)
	}
	return next
}

// with is With for a shop without rules in effect, and gives one.
func (s *Shop) with(products []*Product) *Shop {
	base := cmp.Or(s.base, s)
	next := *base
	next.base, next.listed = base, 0
	imported := slices.Concat(inParts(products, func(part []*Product) []*Product {
		joined := make([]*Product, len(part))
		for i, p := range part {
			copied := *p
			copied.permit(base.forbidden)
			copied.join(base.declared)
			joined[i] = &copied
		}
		return joined
	})...)
	slices.SortStableFunc(imported, func(a, b *Product) int { return strings.Compare(a.ID, b.ID) })
	imported = slices.CompactFunc(imported, func(a, b *Product) bool { return a.ID == b.ID })
	next.index = base.index.clone()
	next.index.add(imported)
	next.assemble(imported)
	next.optionNames = optionNames(next.Products)
	return &next
}

// partSize is how many products are worth a goroutine: reading one takes tens of
// microseconds.
const partSize = 64

// inParts calls read with consecutive parts of all, one for each core, at the same time, and
// returns the results in the order of the parts.
func inParts[T, R any](all []T, read func(part []T) R) []R {
	if len(all) == 0 {
		return nil
	}
	size := max(partSize, (len(all)+runtime.GOMAXPROCS(0)-1)/runtime.GOMAXPROCS(0))
	results := make([]R, (len(all)+size-1)/size)
	var parts sync.WaitGroup
	for i := range results {
		parts.Go(func() { results[i] = read(all[i*size : min((i+1)*size, len(all))]) })
	}
	parts.Wait()
	return results
}

// change is the joined shop after products of the bucket have changed: each id has its new
// product, or nil if it is gone. Only what has changed is read anew, so it takes a
// millisecond or two at 20,000 products. It may be called once for each shop, which is one
// without rules in effect.
func (s *Shop) change(changed map[string]*Product) *Shop {
	next := *s
	imported := slices.Clone(s.Products[s.listed:])
	var words, numbered []*Product // whose words have changed, and whose have not
	sorted := true
	for _, id := range slices.Sorted(maps.Keys(changed)) {
		i, had := find(s.Products[s.listed:], id)
		p := changed[id]
		if p == nil {
			if had {
				imported[i] = nil
			}
			continue
		}
		copied := *p
		copied.permit(s.forbidden)
		copied.join(s.base.declared)
		switch {
		case !had:
			imported, sorted = append(imported, &copied), false
			words = append(words, &copied)
		case imported[i].sameWords(&copied):
			copied.slot = imported[i].slot
			imported[i] = &copied
			numbered = append(numbered, &copied)
		default:
			imported[i] = &copied
			words = append(words, &copied)
		}
	}
	imported = slices.DeleteFunc(imported, func(p *Product) bool { return p == nil })
	if !sorted {
		slices.SortFunc(imported, func(a, b *Product) int { return strings.Compare(a.ID, b.ID) })
	}
	next.index = s.index.clone()
	next.index.add(words)
	for _, p := range numbered {
		next.index.facetsOf(p)
	}
	next.assemble(imported)
	if len(words) > 0 {
		next.optionNames = optionNames(next.Products)
	}
	return &next
}

// assemble sets the shop's products to those of the document and the imported ones, and
// all that follows from them.
func (s *Shop) assemble(imported []*Product) {
	listed := make([]*Product, 0, len(s.base.Products))
	for _, p := range s.base.Products {
		if _, replaced := find(imported, p.ID); !replaced {
			listed = append(listed, p)
		}
	}
	s.listed = len(listed)
	s.Products = slices.Concat(listed, imported)
	s.index.place(s.Products)
	s.summarise()
}

// summarise sets what is known of all products together.
func (s *Shop) summarise() {
	filled := make(map[string]bool, len(s.declared))
	hosts, sizes := map[string]int{}, map[string]int{}
	s.byID = make(map[string]*Product, s.listed)
	s.latest = time.Time{}
	for i, p := range s.Products {
		if i < s.listed {
			s.byID[p.ID] = p
		}
		if p.AddedAt.day.After(s.latest) {
			s.latest = p.AddedAt.day
		}
		sizes[p.Collection]++
		for _, id := range p.in {
			filled[id] = true
		}
		for _, host := range p.hosts {
			hosts[host]++
		}
	}
	if s.base != nil {
		s.Collections = slices.DeleteFunc(slices.Clone(s.declared), func(c Collection) bool { return !filled[c.ID] })
	}
	s.largest = make([]string, len(s.Collections))
	for i, c := range s.Collections {
		s.largest[i] = c.ID
	}
	slices.SortStableFunc(s.largest, func(a, b string) int { return cmp.Compare(sizes[b], sizes[a]) })
	s.imageHosts = slices.SortedFunc(maps.Keys(hosts), func(a, b string) int {
		return cmp.Or(cmp.Compare(hosts[b], hosts[a]), cmp.Compare(a, b))
	})
	s.LeftOut.Hosts = nil
	if len(s.imageHosts) > maxImageHosts {
		s.LeftOut.Hosts = s.imageHosts[maxImageHosts:]
		s.imageHosts = s.imageHosts[:maxImageHosts]
	}
	slices.Sort(s.imageHosts)
	s.derive()
}

// sameWords reports whether two states of a product are found by the same searches and
// facets.
func (p *Product) sameWords(o *Product) bool {
	return p.Name == o.Name && p.Description == o.Description && p.DescriptionHTML == o.DescriptionHTML &&
		p.Collection == o.Collection && p.Vendor == o.Vendor && p.Type == o.Type &&
		slices.Equal(p.Attributes, o.Attributes) && slices.Equal(p.Tags, o.Tags) &&
		slices.EqualFunc(p.Variants, o.Variants, func(a, b Variant) bool {
			return a.SKU == b.SKU && a.Barcode == b.Barcode && slices.Equal(a.Options, b.Options)
		}) &&
		slices.EqualFunc(p.Options, o.Options, func(a, b Option) bool { return a.Name == b.Name })
}
