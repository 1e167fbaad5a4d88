package catalogue

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/language"

	"github.com/wandstore/wandstore/pkg/pagekey"
)

var (
	productID = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
	english   = regexp.MustCompile(`^en(-[A-Z]{2})?$`)
	variantID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$`)
	hexColour = regexp.MustCompile(`^#[0-9a-f]{6}$`)
	// imageHost is a host that a Content-Security-Policy may name in img-src (CSP level 3,
	// section 2.3.1): a name of at least two labels, and optionally a port.
	imageHost = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+(:[0-9]{1,5})?$`)
)

// checker collects the faults of one document, or of one product.
type checker struct {
	file   string
	kind   error // what the faults wrap: ErrDocument or ErrProduct
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
		c.faults = append(c.faults, fmt.Errorf("%w: %s: %s: %s", c.kind, c.file, path, fmt.Sprintf(rule, args...)))
	case n == maxFaults:
		c.faults = append(c.faults, fmt.Errorf("%w: %s: has more faults than these", c.kind, c.file))
	}
}

func (c *checker) text(path, s string, most int) {
	if strings.TrimSpace(s) == "" {
		c.fault(path, "must not be empty")
		return
	}
	c.optional(path, s, most)
}

// optional checks a text that may be empty.
func (c *checker) optional(path, s string, most int) {
	if n := utf8.RuneCountInString(s); n > most {
		c.fault(path, "has %d characters, at most %d are drawn", n, most)
	}
	if i := strings.IndexFunc(s, hidden); i >= 0 {
		r, _ := utf8.DecodeRuneInString(s[i:])
		c.fault(path, "holds the invisible character %U", r)
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
	u, err := url.Parse(strings.NewReplacer("{items}", "", "{currency}", "", "{shopper}", "").Replace(address))
	local := err == nil && u.Scheme == "http" && (u.Hostname() == "localhost" || u.Hostname() == "127.0.0.1")
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && !local || len(address) > MaxURL {
		c.fault("checkoutUrl", "is %s, must be an https address of at most %d bytes", quoted(address), MaxURL)
	}
}

func (c *checker) image(path, address string) {
	if imageHostOf(address) == "" {
		c.fault(path, "is %s, must be an https address of at most %d bytes", quoted(address), MaxURL)
	}
}

// imageHostOf is the host of a picture's address; "" if it cannot be a picture's.
func imageHostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.User != nil || !imageHost.MatchString(u.Host) || len(address) > MaxURL {
		return ""
	}
	return u.Host
}

// address checks the address of a page that is somebody else's.
func (c *checker) address(path, address string) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || len(address) > MaxURL {
		c.fault(path, "is %s, must be an https address of at most %d bytes", quoted(address), MaxURL)
	}
}

func (c *checker) shop(s *Shop) {
	c.brand(s)
	if !s.Picture.none() {
		c.picture(&s.Picture)
	}
	c.most("collections", len(s.Collections), MaxCollections)
	c.collections(s.Collections)
	c.merchantRules(&s.Rules, s.Collections)
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
	if _, ok := CurrencyDigits(s.Currency); !ok {
		c.fault("currency", "is %s, must be a known ISO 4217 code such as EUR", quoted(s.Currency))
	}
	if !english.MatchString(s.Locale) {
		c.fault("locale", "is %s, must be English, such as en-GB: the page's own words are", quoted(s.Locale))
	}
	if s.Language != "" {
		if _, err := language.Parse(s.Language); err != nil {
			c.fault("language", "is %s, must be a language of BCP 47 such as de", quoted(s.Language))
		}
	}
	c.oneOf("checkout", s.Checkout, []string{CheckoutTemplate, CheckoutShopify, CheckoutWooCommerce})
	c.checkout(s.CheckoutURL)
	if s.Checkout != CheckoutTemplate && s.CheckoutURL == "" {
		c.fault("checkoutUrl", "must be the address of the shop at %s", s.Checkout)
	}
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

func (c *checker) collections(all []Collection) {
	if len(all) == 0 {
		c.fault("collections", "must hold at least one")
	}
	ids := make(map[string]bool, len(all))
	for i, col := range all {
		path := fmt.Sprintf("collections[%d]", i)
		switch {
		case !productID.MatchString(col.ID):
			c.fault(path+".id", "is %s, must be lower-case letters, digits and dashes", quoted(col.ID))
		case ids[col.ID]:
			c.fault(path+".id", "%s is used twice", quoted(col.ID))
		}
		ids[col.ID] = true
		c.text(path+".name", col.Name, MaxCollectionName)
		c.text(path+".blurb", col.Blurb, MaxHeadline)
		if col.Rules != nil {
			c.rules(path+".rules", col.Rules)
		}
	}
}

func (c *checker) rules(path string, r *CollectionRules) {
	c.oneOf(path+".match", r.Match, []string{MatchAll, MatchAny})
	if len(r.Conditions) == 0 {
		c.fault(path+".conditions", "must hold at least one")
	}
	c.most(path+".conditions", len(r.Conditions), maxConditions)
	for i, condition := range r.Conditions {
		here := fmt.Sprintf("%s.conditions[%d]", path, i)
		c.oneOf(here+".field", condition.Field, conditionFields)
		c.text(here+".value", condition.Value, MaxLabel)
		if condition.Field != "price" {
			c.oneOf(here+".is", condition.Is, textRelations)
			continue
		}
		c.oneOf(here+".is", condition.Is, priceRelations)
		if n, err := strconv.Atoi(condition.Value); err != nil || n < 0 || n > maxPrice {
			c.fault(here+".value", "is %s, must be a price in the minor unit such as 4900", quoted(condition.Value))
		}
	}
}

func (c *checker) picture(ps *PictureStyle) {
	c.oneOf("picture.kind", ps.Kind, PictureKinds)
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
