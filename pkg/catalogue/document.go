package catalogue

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// ErrDocument is wrapped by every error about a shop's document.
var ErrDocument = errors.New("store file refused")

// Limits of a shop's document. They keep every page of the shop small enough to be
// stored and sent.
const (
	// MaxDocumentBytes is the largest size of a document, in bytes.
	MaxDocumentBytes = 512 << 10
	maxAssortment    = 200
	maxCollections   = 24
	maxQuotes        = 24
	maxAttributes    = 16
	maxTags          = 16
	maxShades        = 64
	maxImageHosts    = 8
	maxURL           = 512
	// maxPrice, in the minor unit, keeps the sum of a cart far from integer overflow.
	maxPrice = 1_000_000_000_00
)

// ReadShop reads one shop from the JSON document in b. The document's slug must be slug,
// the name it is stored under. The error wraps ErrDocument and names every fault on a
// line of its own, as name, JSON path and rule. name is the document's name in errors.
func ReadShop(name, slug string, b []byte) (*Shop, error) {
	if len(b) > MaxDocumentBytes {
		return nil, fmt.Errorf("%w: %s: has more than %d bytes", ErrDocument, name, MaxDocumentBytes)
	}
	var s Shop
	if err := json.Unmarshal(b, &s, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("%w: %s: %s", ErrDocument, name, decodeFault(b, err))
	}
	c := &checker{file: name}
	if s.Slug != slug {
		c.fault("slug", "is %s, must be %s, as the store is kept by it", quoted(s.Slug), quoted(slug))
	}
	c.shop(&s)
	if len(c.faults) > 0 {
		return nil, errors.Join(c.faults...)
	}

	version, err := versionOf(b, &s)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrDocument, name, err)
	}
	s.Version, s.Since = version, time.Now()
	s.index()
	return &s, nil
}

// index fills the unexported fields, which are derived from the products.
func (s *Shop) index() {
	s.byID = make(map[string]*Product, len(s.Products))
	for i := range s.Products {
		p := &s.Products[i]
		s.byID[p.ID] = p
		if u, err := url.Parse(p.Image); err == nil && u.Host != "" {
			s.imageHosts = append(s.imageHosts, u.Host)
		}
		s.terms = append(s.terms, s.termsOf(p))
		if p.AddedAt.day.After(s.latest) {
			s.latest = p.AddedAt.day
		}
	}
	slices.Sort(s.imageHosts)
	s.imageHosts = slices.Compact(s.imageHosts)
}

// decodeFault says where in the document the decoder stopped, and why. The place is a
// JSON path if the JSON is well formed, else a line number.
func decodeFault(b []byte, err error) string {
	if semantic, ok := errors.AsType[*json.SemanticError](err); ok {
		why := "is " + kindNames[semantic.JSONKind] + ", which does not belong there"
		switch {
		case errors.Is(err, json.ErrUnknownName):
			why = "is not a field of a store"
		case semantic.Err != nil && semantic.JSONKind == jsontext.KindString:
			why = oneLine(semantic.Err.Error(), maxDecoderError)
		}
		return jsonPath(semantic.JSONPointer) + ": " + why
	}
	if syntactic, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		line := 1 + bytes.Count(b[:min(max(syntactic.ByteOffset, 0), int64(len(b)))], []byte("\n"))
		if errors.Is(err, jsontext.ErrDuplicateName) {
			return fmt.Sprintf("%s: is given twice (line %d)", jsonPath(syntactic.JSONPointer), line)
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
