package storefront

import (
	"bytes"
	"cmp"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/wandstore/wandstore/pkg/pagekey"
)

//go:embed stores/*.json
var builtin embed.FS

// ErrStoreFile is wrapped by every complaint about a store file.
var ErrStoreFile = errors.New("store file refused")

// Stores are the known shops. They do not change once read.
type Stores struct {
	bySlug map[string]*Store
	sorted []*Store
}

// LoadStores reads the shops that are built in.
func LoadStores() (*Stores, error) {
	dir, err := fs.Sub(builtin, "stores")
	if err != nil {
		return nil, fmt.Errorf("open the built-in stores: %w", err)
	}
	return ReadStores(dir)
}

// ReadStores reads every *.json file at the top of dir as one shop each. The
// error names every fault of every file, one a line, as file, place, field and
// rule, and wraps ErrStoreFile; then no shop is returned.
func ReadStores(dir fs.FS) (*Stores, error) {
	names, err := fs.Glob(dir, "*.json")
	if err != nil {
		return nil, fmt.Errorf("list store files: %w", err)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%w: there are none", ErrStoreFile)
	}
	all := &Stores{bySlug: make(map[string]*Store, len(names))}
	var faults []error
	for _, name := range names {
		b, err := fs.ReadFile(dir, name)
		if err != nil {
			return nil, fmt.Errorf("read store file %s: %w", name, err)
		}
		s, err := readStore(name, b)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		all.bySlug[s.Slug] = s
		all.sorted = append(all.sorted, s)
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	slices.SortFunc(all.sorted, func(a, b *Store) int { return cmp.Compare(a.Slug, b.Slug) })
	return all, nil
}

// Store finds a shop by its slug.
func (s *Stores) Store(slug string) (*Store, bool) {
	st, ok := s.bySlug[slug]
	return st, ok
}

// All are the shops, sorted by slug.
func (s *Stores) All() []*Store { return slices.Clone(s.sorted) }

func readStore(name string, b []byte) (*Store, error) {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	var s Store
	if err := dec.Decode(&s); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrStoreFile, name, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: %s: something follows the store", ErrStoreFile, name)
	}
	c := &checker{file: name}
	c.store(&s)
	if len(c.faults) > 0 {
		return nil, errors.Join(c.faults...)
	}

	version, err := versionOf(b, &s)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrStoreFile, name, err)
	}
	s.Version, s.Since = version, time.Now()
	s.byID = make(map[string]*Product, len(s.Products))
	s.pictures = make(map[string]picture, len(s.Products))
	for i := range s.Products {
		p := &s.Products[i]
		s.byID[p.ID] = p
		s.pictures[p.ID] = s.Picture.draw(p)
		s.terms = append(s.terms, s.termsOf(p))
		if p.AddedAt.day.After(s.latest) {
			s.latest = p.AddedAt.day
		}
	}
	return &s, nil
}

var (
	productID = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
	english   = regexp.MustCompile(`^en(-[A-Z]{2})?$`)
	hexColour = regexp.MustCompile(`^#[0-9a-f]{6}$`)
)

// checker gathers the faults of one store file.
type checker struct {
	file   string
	faults []error
}

// fault notes that what is at place breaks a rule; place is a field of the store,
// or a product's id and a field of the product.
func (c *checker) fault(place, rule string, args ...any) {
	c.faults = append(c.faults, fmt.Errorf("%w: %s: %s: %s", ErrStoreFile, c.file, place, fmt.Sprintf(rule, args...)))
}

func (c *checker) text(place, s string, most int) {
	switch n := utf8.RuneCountInString(s); {
	case strings.TrimSpace(s) == "":
		c.fault(place, "must not be empty")
	case n > most:
		c.fault(place, "has %d characters, at most %d are drawn", n, most)
	}
}

func (c *checker) items(place string, items []Item) {
	if len(items) > maxItems {
		c.fault(place, "holds %d, at most %d are drawn", len(items), maxItems)
	}
	for i, it := range items {
		c.text(fmt.Sprintf("%s %d: title", place, i+1), it.Title, maxHeadline)
		c.text(fmt.Sprintf("%s %d: body", place, i+1), it.Body, maxItemBody)
	}
}

func (c *checker) oneOf(place, v string, choices []string) {
	if !slices.Contains(choices, v) {
		c.fault(place, "is %q, must be one of %s", v, strings.Join(choices, ", "))
	}
}

func (c *checker) checkout(address string) {
	if address == "" {
		return
	}
	u, err := url.Parse(strings.NewReplacer("{items}", "", "{currency}", "").Replace(address))
	local := err == nil && u.Scheme == "http" && (u.Hostname() == "localhost" || u.Hostname() == "127.0.0.1")
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && !local {
		c.fault("checkoutUrl", "is %q, must be an https address", address)
	}
}

func (c *checker) store(s *Store) {
	if !pagekey.ValidStore(s.Slug) {
		c.fault("slug", "is %q, must be lower-case letters, digits and dashes, at most 63", s.Slug)
	} else if want := s.Slug + ".json"; path.Base(c.file) != want {
		c.fault("slug", "is %q, so the file must be called %s", s.Slug, want)
	}
	c.text("name", s.Name, 40)
	c.text("tagline", s.Tagline, maxHeadline)
	c.text("about", s.About, maxBody)
	c.text("noun: one", s.Noun.One, 24)
	c.text("noun: many", s.Noun.Many, 24)
	if _, ok := currencies[s.Currency]; !ok {
		c.fault("currency", "is %q, must be a known ISO 4217 code such as EUR", s.Currency)
	}
	if !english.MatchString(s.Locale) {
		c.fault("locale", "is %q, must be English, such as en-GB: the page's own words are", s.Locale)
	}
	c.checkout(s.CheckoutURL)
	c.theme(s.Theme)
	c.text("story: headline", s.Story.Headline, maxHeadline)
	c.text("story: body", s.Story.Body, maxBody)
	c.text("guide: headline", s.Guide.Headline, maxHeadline)
	c.items("guide", s.Guide.Items)
	c.items("faq", s.FAQ)
	c.items("assurances", s.Assurances)
	for i, q := range s.Quotes {
		c.text(fmt.Sprintf("quotes %d: text", i+1), q.Text, maxBody)
		c.text(fmt.Sprintf("quotes %d: by", i+1), q.By, maxHeadline)
	}
	c.picture(&s.Picture)
	if len(s.Collections) == 0 {
		c.fault("collections", "must hold at least one")
	}
	shelves := make(map[string]bool, len(s.Collections))
	for i, col := range s.Collections {
		place := fmt.Sprintf("collections %d", i+1)
		switch {
		case !productID.MatchString(col.ID):
			c.fault(place+": id", "is %q, must be lower-case letters, digits and dashes", col.ID)
		case shelves[col.ID]:
			c.fault(place+": id", "%q is used twice", col.ID)
		}
		shelves[col.ID] = true
		c.text(place+": name", col.Name, 40)
		c.text(place+": blurb", col.Blurb, maxHeadline)
	}
	if len(s.Products) == 0 {
		c.fault("products", "must hold at least one")
	}
	seen := make(map[string]bool, len(s.Products))
	filled := make(map[string]bool, len(shelves))
	for i := range s.Products {
		p := &s.Products[i]
		c.product(i, p, s, shelves)
		if seen[p.ID] {
			c.fault("product "+p.ID+": id", "is used twice")
		}
		seen[p.ID] = true
		filled[p.Collection] = true
	}
	for _, col := range s.Collections {
		if !filled[col.ID] {
			c.fault("collections: "+col.ID, "has no products")
		}
	}
}

func (c *checker) theme(t Theme) {
	for _, choice := range themeChoices(&t) {
		c.oneOf("theme: "+choice.name, *choice.value, choice.values)
	}
}

func (c *checker) picture(ps *PictureStyle) {
	c.oneOf("picture: kind", ps.Kind, pictureKinds)
	for role, attribute := range map[string]string{"body": ps.Body, "accent": ps.Accent} {
		if len(ps.Shades[attribute]) == 0 {
			c.fault("picture: "+role, "is %q, must be an attribute that shades has colours for", attribute)
		}
	}
	for attribute, shades := range ps.Shades {
		for value, sh := range shades {
			place := fmt.Sprintf("picture: shades: %s: %s", attribute, value)
			if !hexColour.MatchString(sh.Light) || !hexColour.MatchString(sh.Dark) {
				c.fault(place, "light is %q and dark %q, must be colours such as #a27f4b", sh.Light, sh.Dark)
			}
		}
	}
}

func (c *checker) product(i int, p *Product, s *Store, shelves map[string]bool) {
	if !productID.MatchString(p.ID) {
		c.fault(fmt.Sprintf("product %d: id", i+1), "is %q, must be lower-case letters, digits and dashes, at most 63", p.ID)
		return
	}
	place := func(field string) string { return "product " + p.ID + ": " + field }
	c.text(place("name"), p.Name, 60)
	c.text(place("description"), p.Description, maxItemBody)
	if !shelves[p.Collection] {
		c.fault(place("collection"), "is %q, which the store does not have", p.Collection)
	}
	if p.PriceCents <= 0 {
		c.fault(place("priceCents"), "is %d, must be above 0", p.PriceCents)
	}
	if p.SalePriceCents < 0 || p.SalePriceCents > 0 && p.SalePriceCents >= p.PriceCents {
		c.fault(place("salePriceCents"), "is %d, must be below priceCents (%d), or 0 for no sale", p.SalePriceCents, p.PriceCents)
	}
	if p.Stock < 0 {
		c.fault(place("stock"), "is %d, must not be below 0", p.Stock)
	}
	if p.Rating != 0 && (p.Rating < 1 || p.Rating > 5) {
		c.fault(place("rating"), "is %g, must be 1 to 5, or 0 for none", p.Rating)
	}
	if (p.Rating == 0) != (p.Reviews == 0) || p.Reviews < 0 {
		c.fault(place("reviews"), "is %d with a rating of %g: a rating needs reviews and reviews a rating", p.Reviews, p.Rating)
	}
	if p.AddedAt.day.IsZero() {
		c.fault(place("addedAt"), "must be a day such as 2026-03-27")
	}
	names := make(map[string]bool, len(p.Attributes))
	for _, a := range p.Attributes {
		c.text(place("attributes: name"), a.Name, 24)
		c.text(place("attributes: "+a.Name), a.Value, 40)
		if names[a.Name] {
			c.fault(place("attributes: "+a.Name), "is given twice")
		}
		names[a.Name] = true
	}
	for _, attribute := range []string{s.Picture.Body, s.Picture.Accent} {
		v := p.Attribute(attribute)
		if _, ok := s.Picture.Shades[attribute][v]; !ok {
			c.fault(place("attributes: "+attribute), "is %q, which picture: shades has no colours for", v)
		}
	}
	if size := s.Picture.Size; size != "" {
		if _, ok := leadingNumber(p.Attribute(size)); !ok {
			c.fault(place("attributes: "+size), "is %q, must begin with a number: the picture is drawn to it", p.Attribute(size))
		}
	}
}
