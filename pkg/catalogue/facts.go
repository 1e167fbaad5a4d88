package catalogue

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// PriceLadder is the ids of the available products with the lowest, the middle and
// the highest price; nil if fewer than three are available.
func (s *Shop) PriceLadder() []string {
	all := s.Pick(len(s.Products), (*Product).Available, ByPrice)
	if len(all) < 3 {
		return nil
	}
	return []string{all[0], all[len(all)/2], all[len(all)-1]}
}

// AttributeNames is the names of the products' attributes, in order of first use.
func (s *Shop) AttributeNames() []string {
	var names []string
	for _, p := range s.Products {
		for _, a := range p.Attributes {
			if !slices.Contains(names, a.Name) {
				names = append(names, a.Name)
			}
		}
	}
	return names
}

// SizeAttribute is the name of the attribute that compares products by a number. It is
// the attribute that sets the size of their pictures. Without one it is the first
// attribute whose value begins with a number on more than half of the products, or "".
func (s *Shop) SizeAttribute() string {
	if s.Picture.Size != "" {
		return s.Picture.Size
	}
	for _, name := range s.AttributeNames() {
		n := 0
		for _, p := range s.Products {
			if _, ok := LeadingNumber(p.Attribute(name)); ok {
				n++
			}
		}
		if 2*n > len(s.Products) {
			return name
		}
	}
	return ""
}

// BySize is the products whose SizeAttribute is a number above 0, smallest first.
func (s *Shop) BySize() []*Product {
	name := s.SizeAttribute()
	size := func(p *Product) float64 {
		n, _ := LeadingNumber(p.Attribute(name))
		return n
	}
	ps := slices.DeleteFunc(slices.Clone(s.Products), func(p *Product) bool { return size(p) <= 0 })
	slices.SortFunc(ps, func(a, b *Product) int { return cmp.Or(cmp.Compare(size(a), size(b)), cmp.Compare(a.ID, b.ID)) })
	return ps
}

// AverageRating is the average of all ratings, with one decimal, and their number. A
// shop without ratings has "" and 0.
func (s *Shop) AverageRating() (average string, reviews int) {
	sum := 0.0
	for _, p := range s.Products {
		sum += p.Rating * float64(p.Reviews)
		reviews += p.Reviews
	}
	if reviews == 0 {
		return "", 0
	}
	return fmt.Sprintf("%.1f", sum/float64(reviews)), reviews
}

// CommonTags is up to n tags, the most common first. The tag "featured" is left out,
// because it only orders products and nobody searches for it.
func (s *Shop) CommonTags(n int) []string {
	count := map[string]int{}
	for _, p := range s.Products {
		for _, tag := range p.Tags {
			if tag != "featured" {
				count[tag]++
			}
		}
	}
	tags := slices.SortedFunc(maps.Keys(count), func(a, b string) int {
		return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a, b))
	})
	return tags[:min(n, len(tags))]
}
