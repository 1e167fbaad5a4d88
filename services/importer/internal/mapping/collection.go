package mapping

import (
	"slices"
	"strings"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/services/importer/internal/ident"
	"github.com/wandstore/wandstore/services/importer/internal/listing"
)

// OtherCollection is the id of the collection of products that the source sorts nowhere.
const OtherCollection = "other"

// collections sets the product's collections. A path, "Clothing > Shirts", is two.
func (m *Mapped) collections(l *listing.Product) {
	for _, category := range l.Categories {
		parts := strings.Split(plain(category), ">")
		// The narrowest one is that under which pages show the product.
		for n := len(parts); n > 0; n-- {
			m.collection(parts[:n])
		}
	}
	if len(m.Collections) == 0 {
		m.Collections = []catalogue.Collection{{ID: OtherCollection}}
	}
	m.Product.Collection = m.Collections[0].ID
	for _, c := range m.Collections[1:] {
		m.Product.Collections = append(m.Product.Collections, c.ID)
	}
}

func (m *Mapped) collection(path []string) {
	name := truncate(catalogue.CleanText(path[len(path)-1]), catalogue.MaxCollectionName)
	if name == "" || len(m.Collections) >= catalogue.MaxCollectedIn {
		return
	}
	whole := ident.Canonical(catalogue.CleanText(strings.Join(path, " ")))
	id := ident.Slug(whole)
	if id == "" {
		id = catalogue.ProductID(whole + " ")
	}
	if !slices.ContainsFunc(m.Collections, func(c catalogue.Collection) bool { return c.ID == id }) {
		m.Collections = append(m.Collections, catalogue.Collection{ID: id, Name: name})
	}
}
