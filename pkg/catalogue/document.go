package catalogue

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unique"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	wandnats "github.com/wandstore/wandstore/nats"
)

// ErrDocument is wrapped by every error about a shop's document.
var ErrDocument = errors.New("store file refused")

// ErrProduct is wrapped by every error about a product that its shop is served without.
var ErrProduct = errors.New("product left out")

// Limits of a shop's document. They keep every page of the shop small enough to be
// stored and sent.
const (
	// MaxDocumentBytes is the largest size of a document, in bytes.
	MaxDocumentBytes = 512 << 10
	// MaxProductBytes is the largest size of a product in the bucket, in bytes.
	MaxProductBytes = 256 << 10
	// MaxCollections is the largest number of a shop's collections.
	MaxCollections = 250
	// MaxCollectionName is the largest length of a collection's name, in characters.
	MaxCollectionName = 80
	// MaxURL is the largest length of an address, in bytes.
	MaxURL = 2048

	maxConditions = 64
	maxQuotes     = 24
	maxShades     = 64
	maxImageHosts = 32
	// maxPrice, in the minor unit, keeps the sum of a cart far from integer overflow.
	maxPrice = 1_000_000_000_00
)

// shopDocument is a shop's document before its products are read.
type shopDocument struct {
	Shop

	Products []jsontext.Value `json:"products"`
}

// ReadShop reads one shop from the JSON document in b. The document's slug must be slug,
// the name it is stored under. A product with a fault is left out, and so is a collection
// without products: see Shop.LeftOut. A document without products is one whose products
// are in the bucket CATALOGUE. The shop is as its rules have it today. The error wraps
// ErrDocument and names every fault on a line of its own, as name, JSON path and rule. name
// is the document's name in errors.
func ReadShop(name, slug string, b []byte) (*Shop, error) {
	if len(b) > MaxDocumentBytes {
		return nil, fmt.Errorf("%w: %s: has more than %d bytes", ErrDocument, name, MaxDocumentBytes)
	}
	var d shopDocument
	if err := json.Unmarshal(b, &d, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("%w: %s: %s", ErrDocument, name, decodeFault(b, err, "", "the store"))
	}
	s := &d.Shop
	c := &checker{file: name, kind: ErrDocument}
	if s.Slug != slug {
		c.fault("slug", "is %s, must be %s, as the store is kept by it", quoted(s.Slug), quoted(slug))
	}
	c.shop(s)
	s.declared = slices.Clone(s.Collections)
	s.forbidden = newForbidden(s.Rules.NeverSay)
	s.readProducts(name, d.Products)
	if d.Products != nil && len(s.Products) == 0 {
		s.LeftOut.Collections = nil
		c.fault("products", "must hold at least one without a fault, or be left out for those of the bucket %s", wandnats.BucketCatalogue)
	}
	if len(c.faults) > 0 {
		return nil, errors.Join(append(c.faults, s.LeftOut.First...)...)
	}

	version, err := versionOf(b, s)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrDocument, name, err)
	}
	s.Version, s.Since = version, time.Now()
	s.permitOwn()
	s.listed = len(s.Products)
	s.index = newIndex(s)
	s.index.add(s.Products)
	s.optionNames = optionNames(s.Products)
	s.summarise()
	return s.On(s.Since), nil
}

// readProducts reads the products of a document, and leaves out those with a fault.
func (s *Shop) readProducts(name string, all []jsontext.Value) {
	seen := make(map[string]bool, len(all))
	hosts := make(map[string]bool)
	filled := make(map[string]bool, len(s.Collections))
	for i, raw := range all {
		at := fmt.Sprintf("products[%d]", i)
		c := &checker{file: name, kind: ErrProduct}
		p := new(Product)
		if err := json.Unmarshal(raw, p, json.RejectUnknownMembers(true)); err != nil {
			s.LeftOut.add(fmt.Errorf("%w: %s: %s", ErrProduct, name, decodeFault(raw, err, at, "")))
			continue
		}
		c.listed(at+".", p, s)
		if seen[p.ID] {
			c.fault(at+".id", "%s is used twice", quoted(p.ID))
		}
		for _, image := range p.Pictures() {
			if hosts[imageHostOf(image.URL)] = true; len(hosts) > maxImageHosts {
				c.fault(at+".image", "is on one more host than the %d of the pictures before", maxImageHosts)
				break
			}
		}
		if len(c.faults) > 0 {
			s.LeftOut.add(c.faults...)
			continue
		}
		seen[p.ID] = true
		p.complete()
		p.join(s.Collections)
		for _, id := range p.in {
			filled[id] = true
		}
		s.Products = append(s.Products, p)
	}
	if all == nil {
		return // they come from the bucket
	}
	for i, col := range s.Collections {
		if !filled[col.ID] {
			s.LeftOut.Collections = append(s.LeftOut.Collections, fmt.Errorf("%w: %s: collections[%d]: %s has no products", ErrDocument, name, i, quoted(col.ID)))
		}
	}
	s.Collections = slices.DeleteFunc(s.Collections, func(col Collection) bool { return !filled[col.ID] })
}

// LeftOut is what a shop is served without, for its faults.
type LeftOut struct {
	// Products is the number of products that are left out.
	Products int
	// First is the faults of the first of them. Each wraps ErrProduct.
	First []error
	// Collections is the fault of each collection that has no products.
	Collections []error
	// Hosts is the hosts of pictures that are not shown, because there are too many.
	Hosts []string
}

// Err is the faults in one error, or nil.
func (l *LeftOut) Err() error {
	faults := append(slices.Clone(l.First), l.Collections...)
	return errors.Join(faults...)
}

// add counts a product that is left out.
func (l *LeftOut) add(faults ...error) {
	l.Products++
	l.First = append(l.First, faults[:min(len(faults), max(0, maxFaults-len(l.First)))]...)
}

// complete sets what a product that was read does not say itself.
func (p *Product) complete() {
	p.derive()
	p.featured = p.Tagged(tagFeatured)
	for _, image := range p.Pictures() {
		if host := unique.Make(imageHostOf(image.URL)).Value(); !slices.Contains(p.hosts, host) {
			p.hosts = append(p.hosts, host)
		}
	}
	if p.Description == "" && p.DescriptionHTML != "" {
		p.Description = excerpt(PlainText(p.DescriptionHTML, 4*MaxItemBody), MaxItemBody)
	}
}

// ReadProduct reads the product of that id from the JSON in b, as the bucket CATALOGUE
// holds it. The error wraps ErrProduct and names every fault on a line of its own, as name,
// JSON path and rule.
func ReadProduct(name, id string, b []byte) (*Product, error) {
	if len(b) > MaxProductBytes {
		return nil, fmt.Errorf("%w: %s: has more than %d bytes", ErrProduct, name, MaxProductBytes)
	}
	p := new(Product)
	if err := json.Unmarshal(b, p, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("%w: %s: %s", ErrProduct, name, decodeFault(b, err, "", "the product"))
	}
	c := &checker{file: name, kind: ErrProduct}
	if p.ID != id {
		c.fault("id", "is %s, must be %s, as the product is kept by it", quoted(p.ID), quoted(id))
	}
	c.product("", p)
	if len(c.faults) > 0 {
		return nil, errors.Join(c.faults...)
	}
	p.complete()
	sum := sha256.Sum256(b)
	copy(p.sum[:], sum[:])
	return p, nil
}

// Encode is the product as the bucket CATALOGUE holds it. Equal products have equal
// encodings.
func (p *Product) Encode() ([]byte, error) {
	b, err := json.Marshal(p, json.Deterministic(true))
	if err != nil {
		return nil, fmt.Errorf("encode product %s: %w", p.ID, err)
	}
	return b, nil
}

// decodeFault says where the decoder stopped, and why. The place is a JSON path, beginning
// with at, if the JSON is well formed, else a line number. The whole is called whole.
func decodeFault(b []byte, err error, at, whole string) string {
	if semantic, ok := errors.AsType[*json.SemanticError](err); ok {
		why := "is " + kindNames[semantic.JSONKind] + ", which does not belong there"
		switch {
		case errors.Is(err, json.ErrUnknownName):
			why = "is not a field of a store"
		case semantic.Err != nil && semantic.JSONKind == jsontext.KindString:
			why = oneLine(semantic.Err.Error(), maxDecoderError)
		}
		return jsonPath(semantic.JSONPointer, at, whole) + ": " + why
	}
	if syntactic, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		line := 1 + bytes.Count(b[:min(max(syntactic.ByteOffset, 0), int64(len(b)))], []byte("\n"))
		if errors.Is(err, jsontext.ErrDuplicateName) {
			return fmt.Sprintf("%s: is given twice (line %d)", jsonPath(syntactic.JSONPointer, at, whole), line)
		}
		return fmt.Sprintf("line %d: is not JSON: %s", line, oneLine(syntactic.Err.Error(), maxDecoderError))
	}
	return oneLine(err.Error(), maxDecoderError)
}

var kindNames = map[jsontext.Kind]string{
	jsontext.KindNull: "null", jsontext.KindFalse: "false", jsontext.KindTrue: "true", jsontext.KindString: "a string",
	jsontext.KindNumber: "a number", jsontext.KindBeginObject: "an object", jsontext.KindBeginArray: "an array",
}

// jsonPath writes an RFC 6901 pointer as an expression, such as products[0].name.
func jsonPath(pointer jsontext.Pointer, at, whole string) string {
	var path strings.Builder
	path.WriteString(at)
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
	return cmp.Or(path.String(), whole)
}

var plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]{0,62}$`)

// member writes the name of an object's member for a path, quoted unless it is a plain
// identifier.
func member(name string) string {
	if plainName.MatchString(name) {
		return name
	}
	return quoted(name)
}

// quoted writes a value for an error: on one line, and truncated to 60 characters.
func quoted(s string) string {
	if r := []rune(s); len(r) > 60 {
		s = string(r[:60]) + "…"
	}
	return strconv.Quote(s)
}
