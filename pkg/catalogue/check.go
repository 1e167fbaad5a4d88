package catalogue

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/wandstore/wandstore/pkg/pagekey"
)

var (
	productID = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
	english   = regexp.MustCompile(`^en(-[A-Z]{2})?$`)
	hexColour = regexp.MustCompile(`^#[0-9a-f]{6}$`)
	// imageHost is a host that a Content-Security-Policy may name in img-src (CSP level 3,
	// section 2.3.1): a name of at least two labels, and optionally a port.
	imageHost = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+(:[0-9]{1,5})?$`)
)

// checker collects the faults of one document.
type checker struct {
	file   string
	faults []error
}

const (
	maxFaults       = 20  // reported of one document
	maxDecoderError = 200 // bytes of the decoder's error
)

// fault records that the value at the JSON path breaks a rule.
func (c *checker) fault(path, rule string, args ...any) {
	switch n := len(c.faults); {
	case n < maxFaults:
		c.faults = append(c.faults, fmt.Errorf("%w: %s: %s: %s", ErrDocument, c.file, path, fmt.Sprintf(rule, args...)))
	case n == maxFaults:
		c.faults = append(c.faults, fmt.Errorf("%w: %s: has more faults than these", ErrDocument, c.file))
	}
}

func (c *checker) text(path, s string, most int) {
	switch n := utf8.RuneCountInString(s); {
	case strings.TrimSpace(s) == "":
		c.fault(path, "must not be empty")
	case n > most:
		c.fault(path, "has %d characters, at most %d are drawn", n, most)
	}
}

func (c *checker) most(path string, n, most int) {
	if n > most {
		c.fault(path, "holds %d, at most %d are drawn", n, most)
	}
}

func (c *checker) items(path string, items []Item) {
	c.most(path, len(items), MaxItems)
	for i, it := range items {
		c.text(fmt.Sprintf("%s[%d].title", path, i), it.Title, MaxHeadline)
		c.text(fmt.Sprintf("%s[%d].body", path, i), it.Body, MaxItemBody)
	}
}

func (c *checker) oneOf(path, v string, choices []string) {
	if !slices.Contains(choices, v) {
		c.fault(path, "is %s, must be one of %s", quoted(v), strings.Join(choices, ", "))
	}
}

func (c *checker) checkout(address string) {
	if address == "" {
		return
	}
	u, err := url.Parse(strings.NewReplacer("{items}", "", "{currency}", "").Replace(address))
	local := err == nil && u.Scheme == "http" && (u.Hostname() == "localhost" || u.Hostname() == "127.0.0.1")
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && !local || len(address) > maxURL {
		c.fault("checkoutUrl", "is %s, must be an https address of at most %d bytes", quoted(address), maxURL)
	}
}

func (c *checker) image(path, address string) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.User != nil || !imageHost.MatchString(u.Host) || len(address) > maxURL {
		c.fault(path, "is %s, must be an https address of at most %d bytes", quoted(address), maxURL)
	}
}

func (c *checker) shop(s *Shop) {
	c.brand(s)
	c.picture(&s.Picture)
	c.most("products", len(s.Products), maxAssortment)
	c.most("collections", len(s.Collections), maxCollections)
	c.products(s, c.collections(s))
}

// brand checks what the shop says about itself.
func (c *checker) brand(s *Shop) {
	if !pagekey.ValidShop(s.Slug) {
		c.fault("slug", "is %s, must be lower-case letters, digits and dashes, at most 63", quoted(s.Slug))
	}
	c.text("name", s.Name, 40)
	c.text("tagline", s.Tagline, MaxHeadline)
	c.text("about", s.About, MaxBody)
	c.text("noun.one", s.Noun.One, 24)
	c.text("noun.many", s.Noun.Many, 24)
	if _, ok := currencies[s.Currency]; !ok {
		c.fault("currency", "is %s, must be a known ISO 4217 code such as EUR", quoted(s.Currency))
	}
	if !english.MatchString(s.Locale) {
		c.fault("locale", "is %s, must be English, such as en-GB: the page's own words are", quoted(s.Locale))
	}
	c.checkout(s.CheckoutURL)
	for _, choice := range s.Theme.Choices() {
		c.oneOf("theme."+choice.Name, *choice.Value, choice.Values)
	}
	c.text("story.headline", s.Story.Headline, MaxHeadline)
	c.text("story.body", s.Story.Body, MaxBody)
	c.text("guide.headline", s.Guide.Headline, MaxHeadline)
	c.items("guide.items", s.Guide.Items)
	c.items("faq", s.FAQ)
	c.items("assurances", s.Assurances)
	c.most("quotes", len(s.Quotes), maxQuotes)
	for i, q := range s.Quotes {
		c.text(fmt.Sprintf("quotes[%d].text", i), q.Text, MaxBody)
		c.text(fmt.Sprintf("quotes[%d].by", i), q.By, MaxHeadline)
	}
}

// collections checks the collections and returns the set of their ids.
func (c *checker) collections(s *Shop) map[string]bool {
	if len(s.Collections) == 0 {
		c.fault("collections", "must hold at least one")
	}
	ids := make(map[string]bool, len(s.Collections))
	for i, col := range s.Collections {
		path := fmt.Sprintf("collections[%d]", i)
		switch {
		case !productID.MatchString(col.ID):
			c.fault(path+".id", "is %s, must be lower-case letters, digits and dashes", quoted(col.ID))
		case ids[col.ID]:
			c.fault(path+".id", "%s is used twice", quoted(col.ID))
		}
		ids[col.ID] = true
		c.text(path+".name", col.Name, 40)
		c.text(path+".blurb", col.Blurb, MaxHeadline)
	}
	return ids
}

// products checks each product, and the rules that concern all of them together.
func (c *checker) products(s *Shop, collections map[string]bool) {
	if len(s.Products) == 0 {
		c.fault("products", "must hold at least one")
	}
	seen := make(map[string]bool, len(s.Products))
	filled := make(map[string]bool, len(collections))
	hosts := map[string]bool{}
	for i := range s.Products {
		p := &s.Products[i]
		path := fmt.Sprintf("products[%d]", i)
		c.product(path, p, s, collections)
		if seen[p.ID] {
			c.fault(path+".id", "%s is used twice", quoted(p.ID))
		}
		seen[p.ID] = true
		if u, err := url.Parse(p.Image); err == nil && p.Image != "" {
			hosts[u.Host] = true
		}
		filled[p.Collection] = true
	}
	c.most("products: the hosts of their images", len(hosts), maxImageHosts)
	for i, col := range s.Collections {
		if !filled[col.ID] {
			c.fault(fmt.Sprintf("collections[%d]", i), "%s has no products", quoted(col.ID))
		}
	}
}

func (c *checker) picture(ps *PictureStyle) {
	c.oneOf("picture.kind", ps.Kind, pictureKinds)
	for _, role := range []struct{ name, attribute string }{{"body", ps.Body}, {"accent", ps.Accent}} {
		if len(ps.Shades[role.attribute]) == 0 {
			c.fault("picture."+role.name, "is %s, must be an attribute that picture.shades has colours for", quoted(role.attribute))
		}
	}
	for _, attribute := range slices.Sorted(maps.Keys(ps.Shades)) {
		shades := ps.Shades[attribute]
		c.most("picture.shades."+member(attribute), len(shades), maxShades)
		for _, value := range slices.Sorted(maps.Keys(shades)) {
			if sh := shades[value]; !hexColour.MatchString(sh.Light) || !hexColour.MatchString(sh.Dark) {
				c.fault("picture.shades."+member(attribute)+"."+member(value),
					"light is %s and dark %s, must be colours such as #a27f4b", quoted(sh.Light), quoted(sh.Dark))
			}
		}
	}
}

func (c *checker) product(path string, p *Product, s *Shop, collections map[string]bool) {
	if !productID.MatchString(p.ID) {
		c.fault(path+".id", "is %s, must be lower-case letters, digits and dashes, at most 63", quoted(p.ID))
	}
	c.text(path+".name", p.Name, 60)
	c.text(path+".description", p.Description, MaxItemBody)
	if !collections[p.Collection] {
		c.fault(path+".collection", "is %s, which the store does not have", quoted(p.Collection))
	}
	if p.PriceCents <= 0 || p.PriceCents > maxPrice {
		c.fault(path+".priceCents", "is %d, must be above 0 and at most %d", p.PriceCents, maxPrice)
	}
	if p.SalePriceCents < 0 || p.SalePriceCents > 0 && p.SalePriceCents >= p.PriceCents {
		c.fault(path+".salePriceCents", "is %d, must be below priceCents (%d), or 0 for no sale", p.SalePriceCents, p.PriceCents)
	}
	if p.Stock < 0 {
		c.fault(path+".stock", "is %d, must not be below 0", p.Stock)
	}
	if p.Rating != 0 && (p.Rating < 1 || p.Rating > 5) {
		c.fault(path+".rating", "is %g, must be 1 to 5, or 0 for none", p.Rating)
	}
	if (p.Rating == 0) != (p.Reviews == 0) || p.Reviews < 0 {
		c.fault(path+".reviews", "is %d with a rating of %g: a rating needs reviews and reviews a rating", p.Reviews, p.Rating)
	}
	if p.AddedAt.day.IsZero() {
		c.fault(path+".addedAt", "must be a day such as 2026-03-27")
	}
	if p.Image != "" {
		c.image(path+".image", p.Image)
	}
	c.most(path+".tags", len(p.Tags), maxTags)
	for i, tag := range p.Tags {
		c.text(fmt.Sprintf("%s.tags[%d]", path, i), tag, 24)
	}
	c.attributes(path, p, &s.Picture)
}

// attributes checks that a product's attributes are valid and that its picture can be
// drawn from them.
func (c *checker) attributes(path string, p *Product, picture *PictureStyle) {
	c.most(path+".attributes", len(p.Attributes), maxAttributes)
	at := make(map[string]string, len(p.Attributes))
	for i, a := range p.Attributes {
		here := fmt.Sprintf("%s.attributes[%d]", path, i)
		c.text(here+".name", a.Name, 24)
		c.text(here+".value", a.Value, 40)
		if at[a.Name] != "" {
			c.fault(here+".name", "%s is given twice", quoted(a.Name))
		}
		at[a.Name] = here + ".value"
	}
	for _, attribute := range []string{picture.Body, picture.Accent} {
		v := p.Attribute(attribute)
		if _, ok := picture.Shades[attribute][v]; !ok {
			c.fault(cmp.Or(at[attribute], path+".attributes"), "%s is %s, which picture.shades has no colours for", quoted(attribute), quoted(v))
		}
	}
	if size := picture.Size; size != "" {
		if _, ok := LeadingNumber(p.Attribute(size)); !ok {
			c.fault(cmp.Or(at[size], path+".attributes"), "%s is %s, must begin with a number: the picture is drawn to it", quoted(size), quoted(p.Attribute(size)))
		}
	}
}
