// Package pagestoretest is a conformance suite for page stores. The stores in memory, in
// JetStream KV and on S3 servers must pass it.
package pagestoretest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/pagestore"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// Store is a store under test.
type Store interface {
	Get(ctx context.Context, key pagekey.Key) (*pagestore.Page, error)
	Put(ctx context.Context, page *pagestore.Page) error
	Delete(ctx context.Context, key pagekey.Key) error
}

// Run runs the suite. newStore returns an empty store for each of its tests.
func Run(t *testing.T, newStore func(t *testing.T) Store) {
	for _, test := range []struct {
		name string
		run  func(*suite)
	}{
		{"Miss", (*suite).miss},
		{"RoundTrip", (*suite).roundTrip},
		{"KeepsLargestPage", (*suite).largest},
		{"KeysDoNotMix", (*suite).keysDoNotMix},
		{"NewerReplacesOlder", (*suite).newerReplacesOlder},
		{"OlderIsRefused", (*suite).olderIsRefused},
		{"SameJobIsNoOp", (*suite).sameJobIsNoOp},
		{"TiesGoToOneJob", (*suite).tiesGoToOneJob},
		{"ConcurrentPutsEndWithNewest", (*suite).concurrentPuts},
		{"ConcurrentPutsOfOneJob", (*suite).concurrentPutsOfOneJob},
		{"Delete", (*suite).delete},
		{"ContextIsHeeded", (*suite).contextIsHeeded},
		{"TemplateIsKeptOrRefused", (*suite).template},
	} {
		t.Run(test.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), eventually.Patience)
			defer cancel()
			test.run(&suite{T: t, ctx: ctx, store: newStore(t)})
		})
	}
}

// Epoch is the time that the request times of the suite's pages count from.
var Epoch = time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)

// Message is a plausible page of a job that was requested that long after Epoch. The
// caller may change it.
func Message(job string, after time.Duration) *wandstorev1.Page {
	return &wandstorev1.Page{
		StoreSlug:        "magic-wands",
		ShopperId:        "abc123",
		Html:             "<!doctype html><title>Wands</title><p>Page of " + job,
		Persona:          "explorer",
		Source:           pagestore.SourceLLM,
		JobId:            job,
		Model:            "kimi-k2",
		PromptVersion:    "p1",
		CatalogueVersion: "c1",
		RequestedAt:      timestamppb.New(Epoch.Add(after)),
		GeneratedAt:      timestamppb.New(Epoch.Add(after + time.Second)),
		Traceparent:      "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
	}
}

// Page makes a page from Message.
func Page(t testing.TB, job string, after time.Duration) *pagestore.Page {
	t.Helper()
	return Make(t, Message(job, after))
}

// Make makes a page from msg, and fails the test if msg is invalid.
func Make(t testing.TB, msg *wandstorev1.Page) *pagestore.Page {
	t.Helper()
	page, err := pagestore.New(msg)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return page
}

type suite struct {
	*testing.T
	ctx   context.Context
	store Store
}

func (s *suite) put(page *pagestore.Page) {
	s.Helper()
	if err := s.store.Put(s.ctx, page); err != nil {
		s.Fatalf("Put %s: %v", page.JobID(), err)
	}
}

// want asserts that the store has the page under its key.
func (s *suite) want(page *pagestore.Page) {
	s.Helper()
	got, err := s.store.Get(s.ctx, page.Key())
	if err != nil {
		s.Fatalf("Get: %v", err)
	}
	if !proto.Equal(got.Message(), page.Message()) {
		s.Fatalf("Get:\n got %v\nwant %v", got.Message(), page.Message())
	}
	if got.ETag() != page.ETag() {
		s.Fatalf("ETag: got %s, want %s", got.ETag(), page.ETag())
	}
}

func (s *suite) wantMiss(key pagekey.Key) {
	s.Helper()
	if page, err := s.store.Get(s.ctx, key); !errors.Is(err, pagestore.ErrMiss) || page != nil {
		s.Fatalf("Get: got %v, %v, want ErrMiss", page, err)
	}
}

func (s *suite) miss() { s.wantMiss(Page(s, "job", 0).Key()) }

func (s *suite) roundTrip() {
	for name, change := range map[string]func(*wandstorev1.Page){
		"plain": func(*wandstorev1.Page) {},
		"costs": func(m *wandstorev1.Page) { m.CostMicros, m.CostSoFarMicros = 4767, 1<<63-1 },
		"only what must be": func(m *wandstorev1.Page) {
			m.Persona, m.Model, m.PromptVersion, m.CatalogueVersion, m.Traceparent = "", "", "", "", ""
		},
		"header injection": func(m *wandstorev1.Page) { m.Model = "kimi\r\nX-Amz-Meta-Persona: evil\x00\x7f" },
		"percent signs":    func(m *wandstorev1.Page) { m.Model, m.PromptVersion = "100% %41 %0d%0a %", "%%" },
		"spaces": func(m *wandstorev1.Page) {
			m.Model, m.CatalogueVersion, m.PromptVersion = "  two  and\ttab ", " ", "+a+"
		},
		"not ASCII":    func(m *wandstorev1.Page) { m.Persona, m.Model = "größe", "月之暗面 \u202eimik\u202c 🪄" },
		"punctuation":  func(m *wandstorev1.Page) { m.Model = `a/b:c,d;e="f"&g=<h>?i#j\k` },
		"encoded word": func(m *wandstorev1.Page) { m.Model = "=?UTF-8?B?a2ltaQ==?=" },
		"longest texts": func(m *wandstorev1.Page) {
			m.ShopperId, m.StoreSlug = strings.Repeat("S", 64), strings.Repeat("s", 63)
			m.Model, m.JobId = strings.Repeat("\u00ff", 64), strings.Repeat("\x01", 128)
			m.PromptVersion, m.CatalogueVersion = strings.Repeat(" ", 64), strings.Repeat("%", 64)
			m.Persona, m.Source = strings.Repeat("\n", 32), strings.Repeat("\t", 16)
			m.Traceparent = strings.Repeat("\\", 64)
			m.CostMicros, m.CostSoFarMicros = 1<<62, 1<<63-1
		},
		"unicode html": func(m *wandstorev1.Page) {
			m.Html = "<!doctype html>\r\n<p>“Ébène” 魔法の杖 🪄\u2028\u0000 &amp; \\ \"quoted\" \ufeff</p>\n\n"
		},
		"times to the nanosecond": func(m *wandstorev1.Page) {
			m.RequestedAt = &timestamppb.Timestamp{Seconds: -1, Nanos: 999_999_999}
			m.GeneratedAt = &timestamppb.Timestamp{Seconds: 1, Nanos: 1}
		},
	} {
		s.Run(name, func(t *testing.T) {
			s := &suite{T: t, ctx: s.ctx, store: s.store}
			msg := Message("job", 0)
			change(msg)
			page := Make(t, msg)
			if err := s.store.Delete(s.ctx, page.Key()); err != nil {
				t.Fatalf("Delete: %v", err)
			}
			s.put(page)
			s.want(page)
		})
	}
}

func (s *suite) largest() {
	msg := Message("job", 0)
	msg.Html = strings.Repeat(`<p class="wand">ü</p>`, pagestore.MaxHTML)[:pagestore.MaxHTML-2] + "ok"
	msg.Html = strings.ToValidUTF8(msg.GetHtml(), "..")
	page := Make(s, msg)
	s.put(page)
	s.want(page)

	msg.Html += "!!!"
	if _, err := pagestore.New(msg); !errors.Is(err, pagestore.ErrTooLarge) {
		s.Fatalf("New of %d bytes: got %v, want ErrTooLarge", len(msg.GetHtml()), err)
	}
}

func (s *suite) keysDoNotMix() {
	var pages []*pagestore.Page
	for i, key := range []struct{ store, shopper string }{
		{"a", "b-c"}, {"a-b", "c"}, {"a", "B-C"}, {"a", "b"}, {"b", "a"}, {"a", "_"}, {"a", "-"},
	} {
		msg := Message(fmt.Sprintf("job-%d", i), 0)
		msg.StoreSlug, msg.ShopperId = key.store, key.shopper
		pages = append(pages, Make(s, msg))
		s.put(pages[i])
	}
	for _, page := range pages {
		s.want(page)
	}
	if err := s.store.Delete(s.ctx, pages[0].Key()); err != nil {
		s.Fatalf("Delete: %v", err)
	}
	for _, page := range pages[1:] {
		s.want(page)
	}
}

func (s *suite) newerReplacesOlder() {
	s.put(Page(s, "job-1", 0))
	// Newer by a nanosecond, because no store may round request times.
	newer := Page(s, "job-0", 1)
	s.put(newer)
	s.want(newer)
}

func (s *suite) olderIsRefused() {
	newer := Page(s, "job-1", 1)
	s.put(newer)
	// A slow worker made it later, but only the time of the request counts.
	older := Message("job-2", 0)
	older.GeneratedAt = timestamppb.New(Epoch.Add(time.Hour))
	if err := s.store.Put(s.ctx, Make(s, older)); !errors.Is(err, pagestore.ErrSuperseded) {
		s.Fatalf("Put of an older page: got %v, want ErrSuperseded", err)
	}
	s.want(newer)
}

func (s *suite) sameJobIsNoOp() {
	first := Page(s, "job", 0)
	s.put(first)
	again := Message("job", 0)
	again.Html = "<p>a redelivered job renders another page"
	s.put(Make(s, again))
	s.want(first)
}

func (s *suite) tiesGoToOneJob() {
	low, high := Page(s, "job-1", 0), Page(s, "job-2", 0)
	s.put(low)
	s.put(high)
	s.want(high)
	if err := s.store.Put(s.ctx, low); !errors.Is(err, pagestore.ErrSuperseded) {
		s.Fatalf("Put of the tie's loser: got %v, want ErrSuperseded", err)
	}
	s.want(high)
}

func (s *suite) concurrentPuts() {
	const writers = 20
	var newest *pagestore.Page
	var group sync.WaitGroup
	begin := make(chan struct{})
	for i, n := range rand.Perm(writers) {
		page := Page(s, fmt.Sprintf("job-%d", i), time.Duration(n))
		if n == writers-1 {
			newest = page
		}
		group.Go(func() {
			<-begin
			err := s.store.Put(s.ctx, page)
			if errors.Is(err, pagestore.ErrSuperseded) && n != writers-1 {
				return
			}
			if err != nil {
				s.Errorf("Put %d of %d: %v", n, writers, err)
			}
		})
	}
	close(begin)
	group.Wait()
	s.want(newest)
}

func (s *suite) concurrentPutsOfOneJob() {
	const writers = 20
	var group sync.WaitGroup
	begin := make(chan struct{})
	for i := range writers {
		msg := Message("job", 0)
		msg.Html = fmt.Sprintf("<p>attempt %d", i)
		page := Make(s, msg)
		group.Go(func() {
			<-begin
			if err := s.store.Put(s.ctx, page); err != nil {
				s.Errorf("Put of attempt %d: %v", i, err)
			}
		})
	}
	close(begin)
	group.Wait()
	if got, err := s.store.Get(s.ctx, Page(s, "job", 0).Key()); err != nil || got.JobID() != "job" {
		s.Fatalf("Get: got %v, %v, want one of the attempts", got, err)
	}
}

func (s *suite) delete() {
	page := Page(s, "job-1", 1)
	if err := s.store.Delete(s.ctx, page.Key()); err != nil {
		s.Fatalf("Delete of nothing: %v", err)
	}
	s.put(page)
	if err := s.store.Delete(s.ctx, page.Key()); err != nil {
		s.Fatalf("Delete: %v", err)
	}
	s.wantMiss(page.Key())

	// After the deletion an older page can be stored.
	older := Page(s, "job-0", 0)
	s.put(older)
	s.want(older)
}

// contextIsHeeded checks calls whose context has ended. A store that never waits may
// ignore its context, but no store may answer such a Get with a miss.
func (s *suite) contextIsHeeded() {
	page, newer := Page(s, "job", 0), Page(s, "newer", 1)
	s.put(page)
	gone, cancel := context.WithDeadline(s.ctx, time.Unix(0, 0))
	defer cancel()
	if got, err := s.store.Get(gone, page.Key()); err != nil && !errors.Is(err, context.DeadlineExceeded) || err == nil && got == nil {
		s.Errorf("Get past its deadline: got %v, %v", got, err)
	}
	switch err := s.store.Put(gone, newer); {
	case err == nil:
		s.want(newer)
	case errors.Is(err, context.DeadlineExceeded):
		s.want(page)
	default:
		s.Errorf("Put past its deadline: %v", err)
	}
	if err := s.store.Delete(gone, page.Key()); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		s.Errorf("Delete past its deadline: %v", err)
	}
}

// template accepts both rules for template pages: the store keeps it like any page, or
// refuses it and stores nothing. Each store's own tests check which rule it has.
func (s *suite) template() {
	msg := Message("job", 0)
	msg.Source, msg.Model = pagestore.SourceTemplate, ""
	msg.GeneratedAt = timestamppb.Now()
	page := Make(s, msg)
	switch err := s.store.Put(s.ctx, page); {
	case err == nil:
		s.want(page)
	case errors.Is(err, pagestore.ErrTemplate):
		s.wantMiss(page.Key())
	default:
		s.Fatalf("Put: got %v, want nil or ErrTemplate", err)
	}
}
