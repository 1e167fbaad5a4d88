package pagestore

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/wandstore/wandstore/pkg/pagekey"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// Names of an object's user metadata. S3 does not keep their case.
const (
	metaStore       = "storeSlug"
	metaShopper     = "shopperId"
	metaRequested   = "requestedAt"
	metaGenerated   = "generatedAt"
	metaPersona     = "persona"
	metaSource      = "source"
	metaJob         = "jobId"
	metaModel       = "model"
	metaPrompt      = "promptVersion"
	metaCatalogue   = "catalogueVersion"
	metaTraceparent = "traceparent"
	metaMAC         = "mac"
	metaCost        = "costMicros"
	metaCostSoFar   = "costSoFarMicros"
)

// metadataOf is the page without its HTML, as S3 user metadata.
func metadataOf(page *Page) map[string]string {
	meta := map[string]string{
		metaStore:     page.Key().Shop(),
		metaShopper:   page.Key().Shopper(),
		metaRequested: page.RequestedAt().Format(timeFormat),
		metaGenerated: page.GeneratedAt().Format(timeFormat),
	}
	for name, text := range map[string]string{
		metaPersona:     page.Persona(),
		metaSource:      page.Source(),
		metaJob:         page.JobID(),
		metaModel:       page.Model(),
		metaPrompt:      page.PromptVersion(),
		metaCatalogue:   page.CatalogueVersion(),
		metaTraceparent: page.Traceparent(),
	} {
		// Some servers drop empty headers. A header that is absent is read as empty.
		if text != "" {
			meta[name] = escape(text)
		}
	}
	for name, micros := range map[string]int64{metaCost: page.Cost(), metaCostSoFar: page.CostSoFar()} {
		if micros != 0 {
			meta[name] = strconv.FormatInt(micros, 10)
		}
	}
	return meta
}

// pageOf makes the page of key from an object's metadata and HTML. Error: ErrCorrupt.
func pageOf(key pagekey.Key, meta map[string]string, html []byte) (*Page, error) {
	fields := make(map[string]string, len(meta))
	for name, value := range meta {
		fields[strings.ToLower(name)] = value
	}
	field := func(name string) string { return fields[strings.ToLower(name)] }

	requested, err := time.Parse(timeFormat, field(metaRequested))
	if err != nil {
		return nil, fmt.Errorf("%w: %s is not a time", ErrCorrupt, metaRequested)
	}
	generated, err := time.Parse(timeFormat, field(metaGenerated))
	if err != nil {
		return nil, fmt.Errorf("%w: %s is not a time", ErrCorrupt, metaGenerated)
	}
	msg := &wandstorev1.Page{
		StoreSlug:   field(metaStore),
		ShopperId:   field(metaShopper),
		RequestedAt: timestamppb.New(requested),
		GeneratedAt: timestamppb.New(generated),
	}
	for name, into := range map[string]*string{
		metaPersona:     &msg.Persona,
		metaSource:      &msg.Source,
		metaJob:         &msg.JobId,
		metaModel:       &msg.Model,
		metaPrompt:      &msg.PromptVersion,
		metaCatalogue:   &msg.CatalogueVersion,
		metaTraceparent: &msg.Traceparent,
	} {
		if *into, err = url.PathUnescape(field(name)); err != nil {
			return nil, fmt.Errorf("%w: %s is not percent-encoded", ErrCorrupt, name)
		}
	}
	for name, into := range map[string]*int64{metaCost: &msg.CostMicros, metaCostSoFar: &msg.CostSoFarMicros} {
		if field(name) == "" {
			continue
		}
		if *into, err = strconv.ParseInt(field(name), 10, 64); err != nil {
			return nil, fmt.Errorf("%w: %s is not a number", ErrCorrupt, name)
		}
	}
	page, err := NewWithHTML(msg, html)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if page.Key() != key {
		return nil, fmt.Errorf("%w: it is another shopper's", ErrCorrupt)
	}
	return page, nil
}

// macOf is the MAC of an object's metadata; nil if there is none, or none that can be read.
func macOf(meta map[string]string) []byte {
	for name, value := range meta {
		if strings.EqualFold(name, metaMAC) {
			mac, err := base64.RawURLEncoding.DecodeString(value)
			if err == nil {
				return mac
			}
		}
	}
	return nil
}

// escape percent-encodes everything but visible ASCII, and also the percent sign and the
// equals sign. A header value may hold spaces, but signatures join runs of them and
// servers trim them. Text that is not ASCII arrives in a charset of the server's choice.
// "=?" begins an encoded word (RFC 2047), which MinIO decodes.
func escape(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c > ' ' && c < 0x7f && c != '%' && c != '=' {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}
