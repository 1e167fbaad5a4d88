package feed

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/wandstore/wandstore/services/importer/internal/table"
)

// Bounds of an XML feed: the depth of elements, and the bytes of one item.
const (
	maxDepth = 32
	maxItem  = 4 << 20
)

// bounded fails when more than maxItem bytes are read without a call of reset.
type bounded struct {
	in   io.Reader
	left int
}

var errItemTooLarge = fmt.Errorf("an item is larger than %d MiB", maxItem>>20)

func (b *bounded) reset() { b.left = maxItem }

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errItemTooLarge
	}
	n, err := b.in.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// readXML gives every item of a feed.
func readXML(ctx context.Context, in io.Reader, give func(*item) error) error {
	limit := &bounded{in: in}
	d := xml.NewDecoder(limit)
	d.Entity = xml.HTMLEntity
	d.CharsetReader = charset
	items := 0
	for depth := 0; ; {
		limit.reset()
		token, err := d.Token()
		if errors.Is(err, io.EOF) && items == 0 {
			return errors.New("line 1: the file is no feed: it has neither an item nor an entry")
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return xmlFault(d, err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			if name := strings.ToLower(t.Name.Local); name == "item" || name == "entry" {
				one, err := readItem(d)
				if err != nil {
					return err
				}
				if err := ctx.Err(); err != nil {
					return err
				}
				if err := give(one); err != nil {
					return err
				}
				items++
				continue
			}
			if depth++; depth > maxDepth {
				return tooDeep(d)
			}
		case xml.EndElement:
			depth--
		}
	}
}

// readItem reads an item after its start.
func readItem(d *xml.Decoder) (*item, error) {
	line, _ := d.InputPos()
	one := &item{line: line}
	// path and texts are those of the elements that are open. An element's text is also
	// its parent's: markup that was not escaped is read as its words.
	var path []string
	texts := [][]byte{nil}
	for {
		token, err := d.Token()
		if err != nil {
			return one, xmlFault(d, err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			name := elementName(t.Name)
			if len(path) > 0 {
				name = strings.TrimPrefix(name, plainPrefix)
			}
			if path, texts = append(path, name), append(texts, nil); len(path) > maxDepth {
				return one, tooDeep(d)
			}
			for _, a := range t.Attr {
				// Atom writes links as attributes.
				if rel := attribute(t, "rel"); a.Name.Local == "href" && (rel == "" || rel == "alternate") {
					one.add(path[len(path)-1], a.Value)
				}
			}
		case xml.CharData:
			texts[len(texts)-1] = append(texts[len(texts)-1], t...)
		case xml.EndElement:
			if len(path) == 0 {
				return one, nil
			}
			text := texts[len(texts)-1]
			one.add(strings.Join(path, "."), string(text))
			path, texts = path[:len(path)-1], texts[:len(texts)-1]
			texts[len(texts)-1] = append(texts[len(texts)-1], text...)
		}
	}
}

// googleSpace is the namespace of the attributes of Google's feeds.
const googleSpace = "http://base.google.com/ns/1.0"

// elementName is an element's name as items have it. The elements of RSS and Atom are told
// from Google's, since Atom has an id, a title and a link of its own.
func elementName(name xml.Name) string {
	local := strings.ToLower(name.Local)
	if name.Space == "g" || strings.TrimSuffix(name.Space, "/") == googleSpace {
		return local
	}
	return plainPrefix + local
}

func attribute(t xml.StartElement, name string) string {
	for _, a := range t.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// charset leaves the text as it is: package text has made it UTF-8, whatever it declares.
func charset(_ string, in io.Reader) (io.Reader, error) { return in, nil }

func tooDeep(d *xml.Decoder) error {
	line, _ := d.InputPos()
	return fmt.Errorf("line %d: elements are nested deeper than %d", line, maxDepth)
}

func xmlFault(d *xml.Decoder, err error) error {
	line, _ := d.InputPos()
	syntax, ok := errors.AsType[*xml.SyntaxError](err)
	switch {
	case ok && strings.Contains(syntax.Msg, "unexpected EOF"):
		return fmt.Errorf("line %d: %w", line, table.ErrTruncated)
	case ok:
		return fmt.Errorf("line %d: is not XML: %s", syntax.Line, syntax.Msg)
	}
	return fmt.Errorf("line %d: %w", line, err)
}

// LooksLikeXML reports whether the first bytes of a text are those of XML.
func LooksLikeXML(head []byte) bool {
	return bytes.HasPrefix(bytes.TrimSpace(head), []byte("<"))
}
