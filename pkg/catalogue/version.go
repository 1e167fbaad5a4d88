package catalogue

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
)

// Version identifies one state of a shop's document, as {assortment}.{facts}, 12 hex
// digits each.
//
// The assortment covers what a page design depends on: the names and descriptions of the
// shop and its products. When it changes, new pages are generated. The facts cover the
// whole document. When only they change, as with prices and stock, pages are rendered
// again from their designs.
type Version string

// versionOf is the version of the shop s, which was read from b.
func versionOf(b []byte, s *Shop) (Version, error) {
	type product struct {
		ID, Name, Description, Collection string
		Attributes                        []Attribute
		Tags                              []string
	}
	assortment := struct {
		Name, About string
		Collections []Collection
		Products    []product
	}{Name: s.Name, About: s.About}
	// Sorted, so that another order in the document does not change the assortment.
	assortment.Collections = slices.SortedFunc(slices.Values(s.Collections), func(a, b Collection) int { return cmp.Compare(a.ID, b.ID) })
	for _, p := range s.Products {
		assortment.Products = append(assortment.Products, product{p.ID, p.Name, p.Description, p.Collection, p.Attributes, p.Tags})
	}
	slices.SortFunc(assortment.Products, func(a, b product) int { return cmp.Compare(a.ID, b.ID) })
	encoded, err := json.Marshal(assortment) //nolint:musttag // only compared, never decoded
	if err != nil {
		return "", err
	}
	return Version(digest(encoded) + "." + digest(b)), nil
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:6])
}

// SameAssortment reports whether a design made for one version fits the other.
func (v Version) SameAssortment(other Version) bool {
	a, _, _ := strings.Cut(string(v), ".")
	b, _, _ := strings.Cut(string(other), ".")
	return a == b
}
