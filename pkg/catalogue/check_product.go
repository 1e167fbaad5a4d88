package catalogue

import (
	"fmt"
	"slices"
)

// Limits of a product.
const (
	// MaxVariants is the largest number of a product's variants.
	MaxVariants = 100
	// MaxImages is the largest number of a product's pictures.
	MaxImages = 250
	// MaxTags is the largest number of a product's tags.
	MaxTags = 250
	// MaxDescriptionHTML is the largest size of a description's markup, in bytes.
	MaxDescriptionHTML = 64 << 10
	// MaxName is the largest length of a product's name, in characters.
	MaxName = 255
	// MaxAlt is the largest length of a picture's alternative text, in characters.
	MaxAlt = 512
	// MaxLabel is the largest length of a tag, vendor, type, option or SKU, in characters.
	MaxLabel = 255
	// MaxAttributes is the largest number of a product's attributes.
	MaxAttributes = 64
	// MaxCollectedIn is the largest number of collections that a product is in beside its own.
	MaxCollectedIn = 100
	// MaxPixels is the largest length of a picture's side.
	MaxPixels = 100_000
	// MaxStock is the largest stock of a product or a variant.
	MaxStock = 1_000_000_000

	maxOptions = 8
)

// product checks what can be told of a product without its shop. Paths begin with at.
func (c *checker) product(at string, p *Product) {
	if !productID.MatchString(p.ID) {
		c.fault(at+"id", "is %s, must be lower-case letters, digits and dashes, at most 63", quoted(p.ID))
	}
	c.text(at+"name", p.Name, MaxName)
	c.optional(at+"description", p.Description, MaxItemBody)
	if n := len(p.DescriptionHTML); n > MaxDescriptionHTML {
		c.fault(at+"descriptionHtml", "has %d bytes, at most %d are read", n, MaxDescriptionHTML)
	}
	if p.Collection != "" && !productID.MatchString(p.Collection) {
		c.fault(at+"collection", "is %s, must be a collection's id", quoted(p.Collection))
	}
	c.most(at+"collections", len(p.Collections), MaxCollectedIn)
	for i, id := range p.Collections {
		if !productID.MatchString(id) {
			c.fault(fmt.Sprintf("%scollections[%d]", at, i), "is %s, must be a collection's id", quoted(id))
		}
	}
	if len(p.Variants) == 0 {
		c.offer(at, p)
	} else {
		c.variants(at, p)
	}
	if p.Rating != 0 && (p.Rating < 1 || p.Rating > 5) {
		c.fault(at+"rating", "is %g, must be 1 to 5, or 0 for none", p.Rating)
	}
	if (p.Rating == 0) != (p.Reviews == 0) || p.Reviews < 0 {
		c.fault(at+"reviews", "is %d with a rating of %g: a rating needs reviews and reviews a rating", p.Reviews, p.Rating)
	}
	if p.Sold < 0 {
		c.fault(at+"sold", "is %d, must not be below 0", p.Sold)
	}
	c.companions(at, p)
	c.words(at, p)
	c.images(at, p)
}

// offer checks the price and stock of a product without variants.
func (c *checker) offer(at string, p *Product) {
	if p.PriceCents <= 0 || p.PriceCents > maxPrice {
		c.fault(at+"priceCents", "is %d, must be above 0 and at most %d", p.PriceCents, maxPrice)
	}
	if p.SalePriceCents < 0 || p.SalePriceCents > 0 && p.SalePriceCents >= p.PriceCents {
		c.fault(at+"salePriceCents", "is %d, must be below priceCents (%d), or 0 for no sale", p.SalePriceCents, p.PriceCents)
	}
	c.stock(at, p.Stock, p.StockPolicy)
	if len(p.Options) > 0 {
		c.fault(at+"options", "are of no use without variants")
	}
}

func (c *checker) stock(at string, stock int, policy StockPolicy) {
	if stock < 0 || stock > MaxStock {
		c.fault(at+"stock", "is %d, must not be below 0 or above %d", stock, MaxStock)
	}
	switch policy {
	case StockDeny, StockContinue, StockUntracked:
	default:
		c.fault(at+"stockPolicy", "is %s, must be %s, %s or left out", quoted(string(policy)), StockContinue, StockUntracked)
	}
}

func (c *checker) variants(at string, p *Product) {
	c.most(at+"options", len(p.Options), maxOptions)
	for i, o := range p.Options {
		here := fmt.Sprintf("%soptions[%d]", at, i)
		c.text(here+".name", o.Name, MaxLabel)
		c.most(here+".values", len(o.Values), MaxVariants)
		for j, value := range o.Values {
			c.text(fmt.Sprintf("%s.values[%d]", here, j), value, MaxLabel)
		}
	}
	c.most(at+"variants", len(p.Variants), MaxVariants)
	seen := make(map[string]bool, len(p.Variants))
	for i := range p.Variants {
		here := fmt.Sprintf("%svariants[%d].", at, i)
		v := &p.Variants[i]
		if seen[v.ID] {
			c.fault(here+"id", "%s is used twice", quoted(v.ID))
		}
		seen[v.ID] = true
		c.variant(here, v, p)
	}
}

func (c *checker) variant(at string, v *Variant, p *Product) {
	if !variantID.MatchString(v.ID) {
		c.fault(at+"id", "is %s, must be letters, digits, dashes and underscores, at most 63", quoted(v.ID))
	}
	c.optional(at+"sku", v.SKU, MaxLabel)
	c.optional(at+"barcode", v.Barcode, MaxLabel)
	if v.PriceCents < 0 || v.PriceCents > maxPrice {
		c.fault(at+"priceCents", "is %d, must not be below 0 or above %d", v.PriceCents, maxPrice)
	}
	if v.CompareAtCents < 0 || v.CompareAtCents > maxPrice {
		c.fault(at+"compareAtCents", "is %d, must not be below 0 or above %d", v.CompareAtCents, maxPrice)
	}
	c.stock(at, v.Stock, v.StockPolicy)
	if v.Image < 0 || v.Image > len(p.Pictures()) {
		c.fault(at+"image", "is %d, must be the number of one of %d pictures, or 0", v.Image, len(p.Pictures()))
	}
	if len(v.Options) != len(p.Options) {
		c.fault(at+"options", "holds %d values for %d options", len(v.Options), len(p.Options))
		return
	}
	for i, value := range v.Options {
		if !slices.Contains(p.Options[i].Values, value) {
			c.fault(fmt.Sprintf("%soptions[%d]", at, i), "is %s, which is not one of the values of %s", quoted(value), quoted(p.Options[i].Name))
		}
	}
}

// words checks a product's tags, vendor, type and attributes.
func (c *checker) words(at string, p *Product) {
	c.most(at+"tags", len(p.Tags), MaxTags)
	for i, tag := range p.Tags {
		c.text(fmt.Sprintf("%stags[%d]", at, i), tag, MaxLabel)
	}
	c.optional(at+"vendor", p.Vendor, MaxLabel)
	c.optional(at+"type", p.Type, MaxLabel)
	c.most(at+"attributes", len(p.Attributes), MaxAttributes)
	seen := make(map[string]bool, len(p.Attributes))
	for i, a := range p.Attributes {
		here := fmt.Sprintf("%sattributes[%d]", at, i)
		c.text(here+".name", a.Name, MaxLabel)
		c.text(here+".value", a.Value, MaxLabel)
		if seen[a.Name] {
			c.fault(here+".name", "%s is given twice", quoted(a.Name))
		}
		seen[a.Name] = true
	}
}

func (c *checker) images(at string, p *Product) {
	if p.Image != "" {
		c.image(at+"image", p.Image)
	}
	c.most(at+"images", len(p.Images), MaxImages)
	for i, image := range p.Images {
		here := fmt.Sprintf("%simages[%d]", at, i)
		c.image(here+".url", image.URL)
		c.optional(here+".alt", image.Alt, MaxAlt)
		if image.Width < 0 || image.Width > MaxPixels || image.Height < 0 || image.Height > MaxPixels || (image.Width == 0) != (image.Height == 0) {
			c.fault(here, "is %d by %d pixels, must be a size, or 0 by 0", image.Width, image.Height)
		}
	}
	if p.URL != "" {
		c.address(at+"url", p.URL)
	}
}

// listed checks a product of the document s. What is written by hand has to be complete.
func (c *checker) listed(at string, p *Product, s *Shop) {
	c.product(at, p)
	if p.DescriptionHTML == "" {
		c.text(at+"description", p.Description, MaxItemBody)
	}
	if _, ok := s.Collection(p.Collection); !ok {
		c.fault(at+"collection", "is %s, which the store does not have", quoted(p.Collection))
	}
	if p.AddedAt.IsZero() {
		c.fault(at+"addedAt", "must be a day such as 2026-03-27")
	}
	if !s.Picture.none() && len(p.Pictures()) == 0 {
		c.drawable(at, p, &s.Picture)
	}
}

// drawable checks that a product's picture can be drawn from its attributes.
func (c *checker) drawable(at string, p *Product, picture *PictureStyle) {
	place := func(attribute string) string {
		i := slices.IndexFunc(p.Attributes, func(a Attribute) bool { return a.Name == attribute })
		if i < 0 {
			return at + "attributes"
		}
		return fmt.Sprintf("%sattributes[%d].value", at, i)
	}
	for _, attribute := range []string{picture.Body, picture.Accent} {
		v := p.Attribute(attribute)
		if _, ok := picture.Shades[attribute][v]; !ok {
			c.fault(place(attribute), "%s is %s, which picture.shades has no colours for", quoted(attribute), quoted(v))
		}
	}
	if size := picture.Size; size != "" {
		if _, ok := LeadingNumber(p.Attribute(size)); !ok {
			c.fault(place(size), "%s is %s, must begin with a number: the picture is drawn to it", quoted(size), quoted(p.Attribute(size)))
		}
	}
}
