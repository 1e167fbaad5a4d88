package mapping

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/services/importer/internal/ident"
	"github.com/wandstore/wandstore/services/importer/internal/listing"
	"github.com/wandstore/wandstore/services/importer/internal/money"
)

// Notice is what of a product is left out or was changed, while the product itself is
// taken.
type Notice string

// Mapper makes products in one currency.
type Mapper struct {
	currency string
	decimals int
}

// New returns a mapper for a currency of ISO 4217.
func New(currency string) (*Mapper, error) {
	decimals, ok := catalogue.CurrencyDigits(currency)
	if !ok {
		return nil, fmt.Errorf("%q is not a currency of ISO 4217, such as EUR", currency)
	}
	return &Mapper{currency, decimals}, nil
}

// ID is the id of a listing's product, or "" if the source does not call it anything.
func ID(l *listing.Product) string {
	handle := ident.Canonical(l.Handle)
	if handle == "" {
		return ""
	}
	// A handle may be a part of its row, which an id would keep in memory.
	return strings.Clone(catalogue.ProductID(handle))
}

// Mapped is a product with its encoding, as the bucket CATALOGUE holds it.
type Mapped struct {
	Product *catalogue.Product
	Encoded []byte
	// Collections are those that the product is in, with names for people.
	Collections []catalogue.Collection
	Notices     []Notice
}

// Product makes a product of a listing. The error says in one line why it is left out.
func (m *Mapper) Product(l *listing.Product) (*Mapped, error) {
	if l.Fault != "" {
		return nil, errors.New(l.Fault)
	}
	id := ID(l)
	if id == "" {
		return nil, errors.New("has neither a handle nor an id")
	}
	mapped := &Mapped{}
	p := &catalogue.Product{
		ID: id, Name: truncate(plain(l.Title), catalogue.MaxName), DescriptionHTML: strings.ToValidUTF8(l.HTML, ""),
		Vendor: label(l.Vendor), Type: label(l.Type), Rating: l.Rating, Reviews: l.Reviews,
		Origin: &catalogue.Origin{ID: l.ExternalID, Handle: l.Handle, UpdatedAt: l.UpdatedAt},
	}
	if p.Name == "" {
		return nil, errors.New("has no title")
	}
	if !l.AddedAt.IsZero() {
		p.AddedAt = catalogue.DateOf(l.AddedAt)
	}
	if address, ok := secure(l.Link); ok {
		p.URL = address
	}
	if n := len(p.DescriptionHTML); n > catalogue.MaxDescriptionHTML {
		p.DescriptionHTML = strings.ToValidUTF8(p.DescriptionHTML[:catalogue.MaxDescriptionHTML], "")
		mapped.noticef("the description has %d bytes and was cut at %d", n, catalogue.MaxDescriptionHTML)
	}
	mapped.Product = p
	mapped.collections(l)
	mapped.words(l)
	mapped.images(l)
	if err := m.variants(mapped, l); err != nil {
		return nil, err
	}
	return mapped, mapped.check()
}

// check encodes the product and reads it as an edge does. What is kept is what was read,
// with all that follows from it, so that it is the same whoever writes it.
func (m *Mapped) check() error {
	encoded, err := m.Product.Encode()
	if err != nil {
		return err
	}
	if m.Product, err = catalogue.ReadProduct("the product", m.Product.ID, encoded); err != nil {
		first, _, _ := strings.Cut(err.Error(), "\n")
		return errors.New(strings.TrimPrefix(first, catalogue.ErrProduct.Error()+": the product: "))
	}
	m.Encoded, err = m.Product.Encode()
	return err
}

func (m *Mapped) noticef(format string, args ...any) {
	m.Notices = append(m.Notices, Notice(fmt.Sprintf(format, args...)))
}

// words sets the tags and the attributes.
func (m *Mapped) words(l *listing.Product) {
	p := m.Product
	for _, tag := range l.Tags {
		if tag = label(tag); tag != "" && !slices.Contains(p.Tags, tag) {
			p.Tags = append(p.Tags, tag)
		}
	}
	if n := len(p.Tags); n > catalogue.MaxTags {
		p.Tags = p.Tags[:catalogue.MaxTags]
		m.noticef("has %d tags, of which %d were taken", n, catalogue.MaxTags)
	}
	for _, a := range l.Attributes {
		name, value := label(a.Name), label(a.Value)
		known := slices.ContainsFunc(p.Attributes, func(b catalogue.Attribute) bool { return b.Name == name })
		if name != "" && value != "" && !known && len(p.Attributes) < catalogue.MaxAttributes {
			p.Attributes = append(p.Attributes, catalogue.Attribute{Name: name, Value: value})
		}
	}
}

// images sets the pictures: those of the product, then those that only a variant has.
func (m *Mapped) images(l *listing.Product) {
	for _, image := range l.Images {
		m.image(image)
	}
	for _, v := range l.Variants {
		if v.Image != "" {
			m.image(listing.Image{URL: v.Image})
		}
	}
	if n := len(m.Product.Images); n > catalogue.MaxImages {
		m.Product.Images = m.Product.Images[:catalogue.MaxImages]
		m.noticef("has %d pictures, of which %d were taken", n, catalogue.MaxImages)
	}
}

func (m *Mapped) image(i listing.Image) {
	address, ok := secure(i.URL)
	if !ok {
		m.noticef("the picture %q has no address of the web", truncate(i.URL, 80))
		return
	}
	if m.picture(i.URL) > 0 {
		return
	}
	image := catalogue.Image{URL: address, Alt: truncate(plain(i.Alt), catalogue.MaxAlt)}
	if i.Width > 0 && i.Height > 0 && i.Width <= catalogue.MaxPixels && i.Height <= catalogue.MaxPixels {
		image.Width, image.Height = i.Width, i.Height
	}
	m.Product.Images = append(m.Product.Images, image)
}

// picture is the number of the picture of that address, from 1; 0 if there is none.
func (m *Mapped) picture(address string) int {
	address, ok := secure(address)
	if !ok {
		return 0
	}
	return 1 + slices.IndexFunc(m.Product.Images, func(i catalogue.Image) bool { return i.URL == address })
}

// secure is an address with https. Browsers load pictures of http by https too (W3C Mixed
// Content, level 2).
func secure(address string) (string, bool) {
	address = strings.TrimSpace(address)
	if strings.HasPrefix(address, "//") {
		address = "https:" + address
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || len(address) > catalogue.MaxURL {
		return "", false
	}
	switch strings.ToLower(u.Scheme) {
	case "http", "https":
		u.Scheme, u.Host = "https", strings.ToLower(u.Host)
	default:
		return "", false
	}
	return u.String(), true
}

// amount is an amount in the minor unit.
func (m *Mapper) amount(text string) (int, error) {
	minor, written, err := money.Parse(text, m.decimals)
	if err == nil && !money.Means(written, m.currency) {
		err = fmt.Errorf("%q is not in the shop's currency, %s", text, m.currency)
	}
	return minor, err
}

func label(s string) string { return truncate(plain(s), catalogue.MaxLabel) }

// markup is a tag, or a reference to a character, as programs leave them in names.
var markup = regexp.MustCompile(`</?[A-Za-z][^<>]*>|&(?:[A-Za-z][A-Za-z0-9]*|#[0-9]+|#[xX][0-9A-Fa-f]+);`)

// plain is a name as a shopper reads it.
func plain(s string) string {
	if markup.MatchString(s) {
		s = catalogue.PlainText(s, len(s))
	}
	return catalogue.CleanText(s)
}

func truncate(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return strings.TrimSpace(string([]rune(s)[:most-1])) + "…"
}
