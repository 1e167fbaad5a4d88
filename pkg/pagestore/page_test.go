package pagestore_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/pagestore/pagestoretest"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

func TestNewRefusesWhatNoStoreCouldKeep(t *testing.T) {
	for name, change := range map[string]func(*wandstorev1.Page){
		"no store":             func(m *wandstorev1.Page) { m.StoreSlug = "" },
		"a path as store":      func(m *wandstorev1.Page) { m.StoreSlug = "../x" },
		"a wildcard":           func(m *wandstorev1.Page) { m.ShopperId = "*" },
		"no html":              func(m *wandstorev1.Page) { m.Html = "" },
		"html not UTF-8":       func(m *wandstorev1.Page) { m.Html = "<p>\xff" },
		"no job":               func(m *wandstorev1.Page) { m.JobId = "" },
		"long job":             func(m *wandstorev1.Page) { m.JobId = strings.Repeat("j", 129) },
		"no source":            func(m *wandstorev1.Page) { m.Source = "" },
		"persona not UTF-8":    func(m *wandstorev1.Page) { m.Persona = "\xff" },
		"no request time":      func(m *wandstorev1.Page) { m.RequestedAt = nil },
		"no time of making":    func(m *wandstorev1.Page) { m.GeneratedAt = nil },
		"time after all years": func(m *wandstorev1.Page) { m.RequestedAt = &timestamppb.Timestamp{Seconds: 1 << 60} },
	} {
		t.Run(name, func(t *testing.T) {
			msg := pagestoretest.Message("job", 0)
			change(msg)
			if _, err := pagestore.New(msg); !errors.Is(err, pagestore.ErrInvalid) {
				t.Errorf("got %v, want ErrInvalid", err)
			}
		})
	}
	if _, err := pagestore.New(nil); !errors.Is(err, pagestore.ErrInvalid) {
		t.Errorf("nil: got %v, want ErrInvalid", err)
	}
}

func TestModelNameIsCutNotRefused(t *testing.T) {
	msg := pagestoretest.Message("job", 0)
	for name, want := range map[string]string{
		"kimi":                                  "kimi",
		"kimi\xff":                              "kimi\uFFFD",
		strings.Repeat("x", 200):                strings.Repeat("x", 128),
		"x" + strings.Repeat("\u00fc", 64):      "x" + strings.Repeat("\u00fc", 63),
		strings.Repeat("x", 126) + "\U0001FA84": strings.Repeat("x", 126),
	} {
		msg.Model = name
		got := pagestoretest.Make(t, msg).Model()
		if got != want || !utf8.ValidString(got) {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}

func TestPageDoesNotChange(t *testing.T) {
	msg := pagestoretest.Message("job", 0)
	page := pagestoretest.Make(t, msg)
	want := page.Message().String()
	msg.JobId, msg.RequestedAt.Seconds = "other", 0
	copied := page.Message()
	copied.JobId, copied.GeneratedAt.Seconds = "other", 0
	if got := page.Message().String(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestGzip(t *testing.T) {
	msg := pagestoretest.Message("job", 0)
	msg.Html = strings.Repeat("<p>Vine, 10¾ inches</p>\n", 1000)
	page := pagestoretest.Make(t, msg)
	var readers sync.WaitGroup
	for range 8 {
		readers.Go(func() {
			zipped, err := gzip.NewReader(bytes.NewReader(page.Gzip()))
			if err != nil {
				t.Error(err)
				return
			}
			if got, err := io.ReadAll(zipped); err != nil || !bytes.Equal(got, page.HTML()) {
				t.Errorf("does not unzip to the html: %v", err)
			}
		})
	}
	readers.Wait()

	msg.Html = "<p>"
	if got := pagestoretest.Make(t, msg).Gzip(); got != nil {
		t.Errorf("gzip of 3 bytes: got %d bytes, want none", len(got))
	}
}

func TestETagIsOfTheRepresentation(t *testing.T) {
	one, two := pagestoretest.Message("job-1", 0), pagestoretest.Message("job-2", 0)
	two.Html = one.GetHtml()
	a, b := pagestoretest.Make(t, one), pagestoretest.Make(t, two)
	if a.ETag() != b.ETag() {
		t.Errorf("same html, tags %s and %s", a.ETag(), b.ETag())
	}
	if a.ETag() == a.GzipETag() {
		t.Errorf("html and gzip share the strong tag %s", a.ETag())
	}
	two.Html += " "
	if c := pagestoretest.Make(t, two); c.ETag() == a.ETag() {
		t.Errorf("other html, same tag %s", a.ETag())
	}
	if tag := a.ETag(); len(tag) < 3 || tag[0] != '"' || tag[len(tag)-1] != '"' {
		t.Errorf("%s is no strong entity tag", tag)
	}
}
