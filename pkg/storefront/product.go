package storefront

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/wandstore/wandstore/pkg/catalogue"
)

// ProductInput is what a product page is rendered from.
type ProductInput struct {
	Shop    *catalogue.Shop
	Product *catalogue.Product
	// Variant is the variant that the shopper chose; nil for the one that the product
	// shows.
	Variant *catalogue.Variant
	// Asked is the values that the shopper asked for, in the order of the product's
	// options, if there is no variant of them.
	Asked  []string
	InCart int // number of items in the shopper's cart, of all products
	// Returning is as in PageInput.
	Returning bool
}

// Product renders a product page. It fails without a shop or product, or on a defect in a
// template.
func (r *Renderer) Product(in ProductInput) ([]byte, error) {
	if in.Shop == nil || in.Product == nil {
		return nil, errors.New("render a product: no shop or no product")
	}
	return r.document("product.tmpl", func() any {
		v := newProductView(in, r.view(in.Shop))
		r.complete(&v.head, in.Shop, in.Returning)
		return v
	})
}

type productView struct {
	head
	Card          cardView
	Offer         offerView
	Collection    catalogue.Collection
	Related       []cardView // other products, those of the same collection first
	Gallery       []*photoView
	Options       []optionView
	VariantID     string // that is chosen; "" for a product without options
	Variants      []variantView
	Missing       bool // there is no variant of what the shopper asked for
	Vendor, SKU   string
	Tags          []tagView
	Elsewhere     string // where it is bought, if not here; ElsewhereHost is whose address that is
	ElsewhereHost string
	Text          []catalogue.Markup
	Structured    productData
	Breadcrumbs   breadcrumbData
}

// tagView is a tag of a product, and where the products with it are found.
type tagView struct{ Name, Href string }

// offerView is what a variant costs and whether it can be bought.
type offerView struct {
	Price string `json:"price"`
	Was   string `json:"was,omitempty"` // Was and Saved are empty without a sale
	Saved string `json:"saved,omitempty"`
	Stock string `json:"stock"`
	Few   bool   `json:"few,omitempty"`
	Most  int    `json:"most"` // the largest quantity for the cart; 0 if it is sold out
	SKU   string `json:"sku,omitempty"`
}

// variantView is a variant for the script of the page.
type variantView struct {
	ID      string   `json:"id"`
	Options []string `json:"options"`
	Picture int      `json:"picture,omitempty"` // its number in the gallery, from 1
	offerView
}

// optionView is what a shopper chooses of a product.
type optionView struct {
	Name, Field, Lang string
	Values            []choiceView
	Listed            bool // in a list that opens, because there are many values
}

// manyValues is the most values of an option that are shown side by side.
const manyValues = 12

func (s *shopView) offer(l catalogue.Line) offerView {
	o := offerView{Price: s.Money(l.NowCents()), Stock: "In stock", Most: l.Quantity(catalogue.MaxQuantity)}
	if saved := l.UsualCents() - l.NowCents(); saved > 0 {
		o.Was, o.Saved = s.Money(l.UsualCents()), s.Money(saved)
	}
	if l.Variant != nil {
		o.SKU = l.Variant.SKU
	}
	switch left := l.Left(); {
	case l.SoldOut():
		o.Stock, o.Few = "Sold out for now", true
	case left > 0:
		o.Stock, o.Few = fmt.Sprintf("Only %d left", left), true
	}
	return o
}

func newProductView(in ProductInput, shop *shopView) *productView {
	p := in.Product
	line := catalogue.Line{Product: p, Variant: in.Variant}
	if line.Variant == nil {
		line.Variant = p.Offer()
	}
	v := &productView{
		head: shop.head(viewProduct, in.InCart), Card: shop.card(p), Offer: shop.offer(line), Missing: len(in.Asked) > 0 && in.Variant == nil,
		Vendor: p.Vendor, Text: p.Markup(), Structured: shop.productData(p),
	}
	v.Title = p.Name + " · " + shop.Name
	v.Description = p.Summary()
	if v.Description == "" {
		v.Description = p.Name + ": " + v.Offer.Price
	}
	v.Canonical = v.Card.Href
	v.Data.Product, v.Data.Category = p.ID, p.Collection
	if collection, ok := shop.Collection(p.Collection); ok {
		v.Collection = *collection
	}
	v.Breadcrumbs = v.breadcrumbs()
	v.SKU = v.Offer.SKU
	for _, tag := range p.Tags {
		if !shop.Forbids(tag) {
			v.Tags = append(v.Tags, tagView{tag, shop.SearchPath(catalogue.Query{Words: tag})})
		}
	}
	if u, err := url.Parse(p.URL); err == nil && line.SoldElsewhere(in.Shop) {
		v.Elsewhere, v.ElsewhereHost = p.URL, u.Host
	}
	if len(p.Variants) > 1 {
		v.choices(line, in, shop)
	}
	v.gallery(line)
	v.relate(shop.Companions(p), shop)
	v.relate(shop.CollectionFacts(p.Collection).Featured, shop)
	v.relate(shop.Ordered(catalogue.SortRelevance), shop)
	return v
}

// relatedProducts is how many other products a product page shows.
const relatedProducts = 4

// relate adds other products to the page, while there is room.
func (v *productView) relate(others []*catalogue.Product, shop *shopView) {
	for _, o := range others {
		if len(v.Related) == relatedProducts {
			return
		}
		shown := o.ID == v.Card.ID || slices.ContainsFunc(v.Related, func(c cardView) bool { return c.ID == o.ID })
		if !shown {
			v.Related = append(v.Related, shop.card(o))
		}
	}
}

// choices fills what a shopper chooses from.
func (v *productView) choices(line catalogue.Line, in ProductInput, shop *shopView) {
	p := line.Product
	v.VariantID = line.Variant.ID
	chosen := line.Variant.Options
	if v.Missing {
		chosen = in.Asked
	}
	for i, o := range p.Options {
		option := optionView{Name: o.Name, Field: OptionField(i), Lang: v.Card.Lang, Listed: len(o.Values) > manyValues}
		for _, value := range o.Values {
			choice := choiceView{Value: value, Label: value, Chosen: i < len(chosen) && chosen[i] == value, Gone: true}
			for j := range p.Variants {
				if other := &p.Variants[j]; other.Options[i] == value && other.Available() {
					choice.Gone = false
				}
			}
			option.Values = append(option.Values, choice)
		}
		v.Options = append(v.Options, option)
	}
	for i := range p.Variants {
		variant := &p.Variants[i]
		v.Variants = append(v.Variants, variantView{
			ID: variant.ID, Options: variant.Options, Picture: variant.Image,
			offerView: shop.offer(catalogue.Line{Product: p, Variant: variant}),
		})
	}
}

// OptionField is the name of the form field of a product's option, the first of which is 0.
func OptionField(i int) string { return fmt.Sprintf("option%d", i+1) }

// gallery fills the pictures, that of the variant first.
func (v *productView) gallery(line catalogue.Line) {
	for i, image := range line.Product.Pictures() {
		alt := v.Card.Alt
		if i > 0 {
			alt = fmt.Sprintf("%s, picture %d", line.Product.Name, i+1)
		}
		photo := newPhotoView(image, alt)
		photo.Number = i + 1
		v.Gallery = append(v.Gallery, photo)
	}
	if line.Variant != nil && line.Variant.Image > 1 && line.Variant.Image <= len(v.Gallery) {
		own := v.Gallery[line.Variant.Image-1]
		v.Gallery = slices.Insert(slices.Delete(v.Gallery, line.Variant.Image-1, line.Variant.Image), 0, own)
	}
}

// chosenWords are a variant's values in words.
func chosenWords(v *catalogue.Variant) string { return strings.Join(v.Options, " / ") }
