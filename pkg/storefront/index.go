package storefront

import "github.com/wandstore/wandstore/pkg/catalogue"

// IndexInput is what the list of shops is rendered from.
type IndexInput struct {
	Shops []*catalogue.Shop
}

// Index renders the list of shops, for visitors who asked for none of them.
func (r *Renderer) Index(in IndexInput) ([]byte, error) {
	return r.inTurn(func() any {
		v := &indexView{head: head{
			Lang: "en", Title: "Shops", Description: "The shops that are here.",
			Theme: catalogue.Theme{Palette: "porcelain", Typeface: "classic", Density: "regular", Corner: "soft", Motion: "still"},
		}, Shops: in.Shops}
		r.complete(&v.head, nil, false)
		return v
	}, "index.tmpl")
}

type indexView struct {
	head
	Shops []*catalogue.Shop
}
