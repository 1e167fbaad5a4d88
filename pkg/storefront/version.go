package storefront

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
)

// PromptVersion names the wording of what the model is asked; pages carry it.
// Change it with the text of the prompt: pages of another version are made anew as
// their shoppers come back.
const PromptVersion = "3"

// Version tells one state of a store's catalogue from another, as
// {assortment}.{facts}, 12 hex digits each.
//
// The assortment is what a page's design depends on: what the shop and its
// products are called and said to be. When it moves on, pages are made anew. The
// facts are all that the store's file holds. When they alone move on, as prices
// and stock do, pages are only drawn again.
type Version string

// versionOf is the version of the store that was read from b.
func versionOf(b []byte, s *Store) (Version, error) {
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
	// In an order of their own: one that the shop changes costs nobody's page.
	assortment.Collections = slices.SortedFunc(slices.Values(s.Collections), func(a, b Collection) int { return cmp.Compare(a.ID, b.ID) })
	for _, p := range s.Products {
		assortment.Products = append(assortment.Products, product{p.ID, p.Name, p.Description, p.Collection, p.Attributes, p.Tags})
	}
	slices.SortFunc(assortment.Products, func(a, b product) int { return cmp.Compare(a.ID, b.ID) })
	told, err := json.Marshal(assortment) //nolint:musttag // only ever compared, never read back
	if err != nil {
		return "", err
	}
	return Version(digest(told) + "." + digest(b)), nil
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:6])
}

// SameAssortment tells whether designs made for one version fit the other.
func (v Version) SameAssortment(other Version) bool {
	a, _, _ := strings.Cut(string(v), ".")
	b, _, _ := strings.Cut(string(other), ".")
	return a == b
}
