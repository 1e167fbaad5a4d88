package storefront

import (
	"bytes"
	"cmp"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

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
	all := make([]*Store, 0, len(names))
	var faults []error
	for _, name := range names {
		b, err := fs.ReadFile(dir, name)
		if err != nil {
			return nil, fmt.Errorf("read store file %s: %w", name, err)
		}
		s, err := ReadStore(name, strings.TrimSuffix(name, ".json"), b)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		all = append(all, s)
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return NewStores(all...), nil
}

// NewStores are those shops; of two with the same slug, the later.
func NewStores(all ...*Store) *Stores {
	s := &Stores{bySlug: make(map[string]*Store, len(all))}
	for _, st := range all {
		s.bySlug[st.Slug] = st
	}
	s.sorted = slices.SortedFunc(maps.Values(s.bySlug), func(a, b *Store) int { return cmp.Compare(a.Slug, b.Slug) })
	return s
}

// Store finds a shop by its slug.
func (s *Stores) Store(slug string) (*Store, bool) {
	st, ok := s.bySlug[slug]
	return st, ok
}

// All are the shops, sorted by slug.
func (s *Stores) All() []*Store { return slices.Clone(s.sorted) }

// Bounds of a store file, so that each of its pages can be kept and sent.
const (
	// MaxStoreBytes bounds the file.
	MaxStoreBytes  = 512 << 10
	maxAssortment  = 200
	maxCollections = 24
	maxQuotes      = 24
	maxAttributes  = 16
	maxTags        = 16
	maxShades      = 64
	maxImageHosts  = 8
	maxURL         = 512
	// maxPrice keeps sums of a cart far from overflowing.
	maxPrice = 1_000_000_000_00
)

// ReadStore reads one shop from the JSON in b. name is what errors call it by; slug
// is what its own has to be. The error names every fault, one a line, as name, JSON
// path and rule, and wraps ErrStoreFile.
func ReadStore(name, slug string, b []byte) (*Store, error) {
	if len(b) > MaxStoreBytes {
		return nil, fmt.Errorf("%w: %s: has more than %d bytes", ErrStoreFile, name, MaxStoreBytes)
	}
	var s Store
	if err := json.Unmarshal(b, &s, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("%w: %s: %s", ErrStoreFile, name, misread(b, err))
	}
	c := &checker{file: name}
	if s.Slug != slug {
		c.fault("slug", "is %s, must be %s, as the store is kept by it", quoted(s.Slug), quoted(slug))
	}
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
		if p.Image == "" {
			s.pictures[p.ID] = s.Picture.draw(p)
		} else if u, err := url.Parse(p.Image); err == nil {
			s.imageHosts = append(s.imageHosts, u.Host)
		}
		s.terms = append(s.terms, s.termsOf(p))
		if p.AddedAt.day.After(s.latest) {
			s.latest = p.AddedAt.day
		}
	}
	slices.Sort(s.imageHosts)
	s.imageHosts = slices.Compact(s.imageHosts)
	return &s, nil
}

// misread says where in the file the decoder stopped, and why: a JSON path where
// the JSON is well formed, else a line.
func misread(b []byte, err error) string {
	if semantic, ok := errors.AsType[*json.SemanticError](err); ok {
		why := "is " + kindNames[semantic.JSONKind] + ", which does not belong there"
		switch {
		case errors.Is(err, json.ErrUnknownName):
			why = "is not a field of a store"
		case semantic.Err != nil && semantic.JSONKind == jsontext.KindString:
			why = oneLine(semantic.Err.Error(), maxWords)
		}
		return jsonPath(semantic.JSONPointer) + ": " + why
	}
	if syntactic, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		line := 1 + bytes.Count(b[:min(max(syntactic.ByteOffset, 0), int64(len(b)))], []byte("\n"))
		if errors.Is(err, jsontext.ErrDuplicateName) {
			return fmt.Sprintf("%s: is given twice (line %d)", jsonPath(syntactic.JSONPointer), line)
		}
		return fmt.Sprintf("line %d: is not JSON: %s", line, oneLine(syntactic.Err.Error(), maxWords))
	}
	return oneLine(err.Error(), maxWords)
}

var kindNames = map[jsontext.Kind]string{
	jsontext.KindNull: "null", jsontext.KindFalse: "false", jsontext.KindTrue: "true", jsontext.KindString: "a string",
	jsontext.KindNumber: "a number", jsontext.KindBeginObject: "an object", jsontext.KindBeginArray: "an array",
}

// jsonPath writes an RFC 6901 pointer as one would in a program: products[0].name.
func jsonPath(pointer jsontext.Pointer) string {
	var path strings.Builder
	for token := range pointer.Tokens() {
		if _, err := strconv.ParseUint(token, 10, 32); err == nil {
			path.WriteString("[" + token + "]")
			continue
		}
		if path.Len() > 0 {
			path.WriteByte('.')
		}
		path.WriteString(member(token))
	}
	return cmp.Or(path.String(), "the store")
}

var plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]{0,62}$`)

// member is an object's member in a path.
func member(name string) string {
	if plainName.MatchString(name) {
		return name
	}
	return quoted(name)
}

// quoted is a value as an error shows it: on one line, and not all of a long one.
func quoted(s string) string {
	if r := []rune(s); len(r) > 60 {
		s = string(r[:60]) + "…"
	}
	return strconv.Quote(s)
}

var (
	productID = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
	english   = regexp.MustCompile(`^en(-[A-Z]{2})?$`)
	hexColour = regexp.MustCompile(`^#[0-9a-f]{6}$`)
	// imageHost is what may stand in a policy's img-src (CSP level 3, section 2.3.1):
	// a name, which is more than one label, and a port.
	imageHost = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+(:[0-9]{1,5})?$`)
)

// checker gathers the faults of one store file.
type checker struct {
	file   string
	faults []error
}

const (
	// maxFaults bounds what is said of one file, maxWords what the decoder says.
	maxFaults = 20
	maxWords  = 200
)

// fault notes that what is at the JSON path breaks a rule.
func (c *checker) fault(path, rule string, args ...any) {
	switch n := len(c.faults); {
	case n < maxFaults:
		c.faults = append(c.faults, fmt.Errorf("%w: %s: %s: %s", ErrStoreFile, c.file, path, fmt.Sprintf(rule, args...)))
	case n == maxFaults:
		c.faults = append(c.faults, fmt.Errorf("%w: %s: has more faults than these", ErrStoreFile, c.file))
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
	c.most(path, len(items), maxItems)
	for i, it := range items {
		c.text(fmt.Sprintf("%s[%d].title", path, i), it.Title, maxHeadline)
		c.text(fmt.Sprintf("%s[%d].body", path, i), it.Body, maxItemBody)
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

func (c *checker) store(s *Store) {
	if !pagekey.ValidStore(s.Slug) {
		c.fault("slug", "is %s, must be lower-case letters, digits and dashes, at most 63", quoted(s.Slug))
	}
	c.text("name", s.Name, 40)
	c.text("tagline", s.Tagline, maxHeadline)
	c.text("about", s.About, maxBody)
	c.text("noun.one", s.Noun.One, 24)
	c.text("noun.many", s.Noun.Many, 24)
	if _, ok := currencies[s.Currency]; !ok {
		c.fault("currency", "is %s, must be a known ISO 4217 code such as EUR", quoted(s.Currency))
	}
	if !english.MatchString(s.Locale) {
		c.fault("locale", "is %s, must be English, such as en-GB: the page's own words are", quoted(s.Locale))
	}
	c.checkout(s.CheckoutURL)
	for _, choice := range themeChoices(&s.Theme) {
		c.oneOf("theme."+choice.name, *choice.value, choice.values)
	}
	c.text("story.headline", s.Story.Headline, maxHeadline)
	c.text("story.body", s.Story.Body, maxBody)
	c.text("guide.headline", s.Guide.Headline, maxHeadline)
	c.items("guide.items", s.Guide.Items)
	c.items("faq", s.FAQ)
	c.items("assurances", s.Assurances)
	c.most("quotes", len(s.Quotes), maxQuotes)
	for i, q := range s.Quotes {
		c.text(fmt.Sprintf("quotes[%d].text", i), q.Text, maxBody)
		c.text(fmt.Sprintf("quotes[%d].by", i), q.By, maxHeadline)
	}
	c.picture(&s.Picture)
	c.most("products", len(s.Products), maxAssortment)
	c.most("collections", len(s.Collections), maxCollections)
	if len(s.Collections) == 0 {
		c.fault("collections", "must hold at least one")
	}
	shelves := make(map[string]bool, len(s.Collections))
	for i, col := range s.Collections {
		path := fmt.Sprintf("collections[%d]", i)
		switch {
		case !productID.MatchString(col.ID):
			c.fault(path+".id", "is %s, must be lower-case letters, digits and dashes", quoted(col.ID))
		case shelves[col.ID]:
			c.fault(path+".id", "%s is used twice", quoted(col.ID))
		}
		shelves[col.ID] = true
		c.text(path+".name", col.Name, 40)
		c.text(path+".blurb", col.Blurb, maxHeadline)
	}
	if len(s.Products) == 0 {
		c.fault("products", "must hold at least one")
	}
	seen := make(map[string]bool, len(s.Products))
	filled := make(map[string]bool, len(shelves))
	hosts := map[string]bool{}
	for i := range s.Products {
		p := &s.Products[i]
		path := fmt.Sprintf("products[%d]", i)
		c.product(path, p, s, shelves)
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

func (c *checker) product(path string, p *Product, s *Store, shelves map[string]bool) {
	if !productID.MatchString(p.ID) {
		c.fault(path+".id", "is %s, must be lower-case letters, digits and dashes, at most 63", quoted(p.ID))
	}
	c.text(path+".name", p.Name, 60)
	c.text(path+".description", p.Description, maxItemBody)
	if !shelves[p.Collection] {
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
	for _, attribute := range []string{s.Picture.Body, s.Picture.Accent} {
		v := p.Attribute(attribute)
		if _, ok := s.Picture.Shades[attribute][v]; !ok {
			c.fault(cmp.Or(at[attribute], path+".attributes"), "%s is %s, which picture.shades has no colours for", quoted(attribute), quoted(v))
		}
	}
	if size := s.Picture.Size; size != "" {
		if _, ok := leadingNumber(p.Attribute(size)); !ok {
			c.fault(cmp.Or(at[size], path+".attributes"), "%s is %s, must begin with a number: the picture is drawn to it", quoted(size), quoted(p.Attribute(size)))
		}
	}
}
