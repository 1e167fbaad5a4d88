package catalogue

import (
	"cmp"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
)

//go:embed shops/*.json
var builtIn embed.FS

// Shops is a set of shops. It does not change and is safe for concurrent use.
type Shops struct {
	bySlug map[string]*Shop
	sorted []*Shop
}

// BuiltIn reads the shops in the program.
func BuiltIn() (*Shops, error) {
	dir, err := fs.Sub(builtIn, "shops")
	if err != nil {
		return nil, fmt.Errorf("open the built-in shops: %w", err)
	}
	return ReadDir(dir)
}

// ReadDir reads each *.json file at the top of dir as one shop. It returns all shops or
// an error. The error wraps ErrDocument if there is no file or a document has a fault, and
// be it of one product. It names every fault of every file on a line of its own, as file,
// JSON path and rule.
func ReadDir(dir fs.FS) (*Shops, error) {
	names, err := fs.Glob(dir, "*.json")
	if err != nil {
		return nil, fmt.Errorf("list store files: %w", err)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%w: there are none", ErrDocument)
	}
	all := make([]*Shop, 0, len(names))
	var faults []error
	for _, name := range names {
		b, err := fs.ReadFile(dir, name)
		if err != nil {
			return nil, fmt.Errorf("read store file %s: %w", name, err)
		}
		s, err := ReadShop(name, strings.TrimSuffix(name, ".json"), b)
		if err == nil {
			err = s.complete(name)
		}
		if err != nil {
			faults = append(faults, err)
			continue
		}
		all = append(all, s)
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return NewShops(all...), nil
}

// complete returns the shop's faults, one of which is to have no products.
func (s *Shop) complete(name string) error {
	if err := s.LeftOut.Err(); err != nil {
		return fmt.Errorf("%w", err)
	}
	if len(s.Products) == 0 {
		return fmt.Errorf("%w: %s: products: must hold at least one", ErrDocument, name)
	}
	return nil
}

// NewShops makes a set of shops. Of two with the same slug it takes the later one.
func NewShops(all ...*Shop) *Shops {
	s := &Shops{bySlug: make(map[string]*Shop, len(all))}
	for _, shop := range all {
		s.bySlug[shop.Slug] = shop
	}
	s.sorted = slices.SortedFunc(maps.Values(s.bySlug), func(a, b *Shop) int { return cmp.Compare(a.Slug, b.Slug) })
	return s
}

// Shop finds a shop by its slug.
func (s *Shops) Shop(slug string) (*Shop, bool) {
	shop, ok := s.bySlug[slug]
	return shop, ok
}

// Metrics have a label of their own for so many shops, the first by their slugs.
const labelled = 30

// OtherShops is the label of all others. It is not a slug.
const OtherShops = "_other"

// Label is the shop's name in metrics: its slug, or [OtherShops] if there is no such shop or
// it is not among the first thirty. Whoever asks for a shop that does not exist makes no
// label, and processes that know the same shops agree, so that their counts add up.
func (s *Shops) Label(slug string) string {
	shop, ok := s.bySlug[slug]
	if !ok || len(s.sorted) > labelled && slug >= s.sorted[labelled].Slug {
		return OtherShops
	}
	return shop.Slug
}

// All is the shops, sorted by slug.
func (s *Shops) All() []*Shop { return slices.Clone(s.sorted) }
