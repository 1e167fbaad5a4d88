package importer

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/wandstore/wandstore/pkg/lifecycle"
	"github.com/wandstore/wandstore/services/importer/internal/feed"
	"github.com/wandstore/wandstore/services/importer/internal/listing"
	"github.com/wandstore/wandstore/services/importer/internal/shopify"
	"github.com/wandstore/wandstore/services/importer/internal/shopifycsv"
	"github.com/wandstore/wandstore/services/importer/internal/spool"
	"github.com/wandstore/wandstore/services/importer/internal/table"
	"github.com/wandstore/wandstore/services/importer/internal/text"
	"github.com/wandstore/wandstore/services/importer/internal/woocsv"
)

// Formats of sources.
const (
	formatAuto       = "auto"
	formatShopifyCSV = "shopify-csv"
	formatShopifyOne = "shopify-json"
	formatPublic     = "shopify-public"
	formatStorefront = "shopify-storefront"
	formatAdmin      = "shopify-admin"
	formatWoo        = "woocommerce-csv"
	formatGoogle     = "google-feed"
)

var formats = []string{formatAuto, formatShopifyCSV, formatShopifyOne, formatPublic, formatStorefront, formatAdmin, formatWoo, formatGoogle}

// source is a source that is open.
type source struct {
	reader listing.Reader
	format string
	notice string
	close  func()
}

// open opens the source. counted is told of the number of products where that is known
// beforehand.
func (o *Options) open(ctx context.Context, counted func(int)) (*source, error) {
	format := o.Format
	if format == formatAuto && spool.IsAddress(o.Source) && isShop(o.Source) {
		format = formatPublic
	}
	s := &source{format: format, close: func() {}}
	switch format {
	case formatPublic, formatStorefront, formatAdmin:
		base := strings.TrimSuffix(strings.TrimSuffix(o.Source, "/"), "/products.json")
		if !spool.IsAddress(base) {
			return nil, fmt.Errorf("%s reads from the address of a shop, such as https://example.myshopify.com", format)
		}
		if u, err := url.Parse(base); err != nil || u.Scheme != "https" && format != formatPublic && !lifecycle.Loopback(u.Host) {
			return nil, fmt.Errorf("%s sends a token, and wants an address with https", format)
		}
		client := shopify.NewClient(base)
		switch format {
		case formatAdmin:
			s.reader = shopify.NewAdmin(client, o.Token, o.Since)
		case formatStorefront:
			s.reader = shopify.NewStorefront(client, o.Token, o.Since)
		default:
			s.reader = shopify.NewPublic(client)
		}
		return s, nil
	}
	file, done, err := spool.Open(ctx, o.Source, o.Stdin)
	if err != nil {
		return nil, err
	}
	s.close = done
	content, err := text.Open(file, o.Encoding)
	if err == nil {
		s.notice = content.Notice
		err = s.choose(content, o.Now, counted)
	}
	if err != nil {
		done()
		return nil, err
	}
	return s, nil
}

// isShop reports whether an address is that of a Shopify shop rather than of a file.
func isShop(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (strings.HasSuffix(u.Path, "/products.json") && u.RawQuery == "" ||
		strings.HasSuffix(u.Hostname(), ".myshopify.com") && strings.Trim(u.Path, "/") == "")
}

// choose makes the reader of a file, and finds out its format.
func (s *source) choose(content *text.File, now time.Time, counted func(int)) error {
	if s.format == formatAuto {
		var err error
		if s.format, err = detect(content); err != nil {
			return err
		}
	}
	switch s.format {
	case formatShopifyCSV:
		r := shopifycsv.New(content)
		r.Counted, s.reader = counted, r
	case formatWoo:
		r := woocsv.New(content, now)
		r.Counted, s.reader = counted, r
	case formatGoogle:
		r := feed.New(content, now)
		r.Counted, s.reader = counted, r
	default:
		s.reader = shopify.NewFile(content)
	}
	return nil
}

// detect is the format of a file, by its first bytes and its header.
func detect(content *text.File) (string, error) {
	in, err := content.Reader()
	if err != nil {
		return "", err
	}
	buffered := bufio.NewReader(in)
	head, err := buffered.Peek(1 << 10)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	head = bytes.TrimSpace(head)
	switch {
	case feed.LooksLikeXML(head):
		return formatGoogle, nil
	case bytes.HasPrefix(head, []byte("{")), bytes.HasPrefix(head, []byte("[")):
		return formatShopifyOne, nil
	}
	t, err := table.NewReader(buffered)
	if err != nil {
		return "", err
	}
	switch {
	case woocsv.Recognises(t):
		return formatWoo, nil
	case shopifycsv.Recognises(t):
		return formatShopifyCSV, nil
	case feed.Recognises(t):
		return formatGoogle, nil
	}
	header := strings.Join(t.Header()[:min(len(t.Header()), 12)], ", ")
	return "", fmt.Errorf("line 1: the header is of no known format; rename the columns to Title, URL handle and Price as Shopify does, "+
		"ID, Type, Name and Regular price as WooCommerce does, or id, title, link and price as Google Merchant does: %.200s", header)
}
