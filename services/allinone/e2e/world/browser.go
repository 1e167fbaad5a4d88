package world

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/wandstore/wandstore/pkg/catalogue/cataloguetest"
	"github.com/wandstore/wandstore/pkg/eventually"
)

// Tab is a tab of the shared Chromium with cookies and cache of its own. An error in its
// console, or a request to another origin than its pages', fails the test at its end.
type Tab struct {
	t   testing.TB
	ctx context.Context

	mu        sync.Mutex
	trouble   []string
	requested []string
	documents []Document
}

// Document is the answer to a navigation.
type Document struct {
	URL    string
	Status int64
	Header network.Headers
}

// Get is a header field of the answer, by any spelling.
func (d Document) Get(name string) string {
	for k, v := range d.Header {
		if strings.EqualFold(k, name) {
			return fmt.Sprint(v)
		}
	}
	return ""
}

// OpenTab opens a tab at a width in CSS pixels. Errors that contain one of the expected
// texts do not fail the test.
func OpenTab(t testing.TB, width int64, expected ...string) *Tab {
	t.Helper()
	browser, err := sharedChromium.start()
	if err != nil {
		t.Fatalf("start chromium: %v", err)
	}
	tb := &Tab{t: t}
	ctx, shut := chromedp.NewContext(browser, chromedp.WithNewBrowserContext(), chromedp.WithListener(tb.hear))
	tb.ctx = ctx
	t.Cleanup(func() {
		tb.check(expected)
		shut()
	})
	tb.Do(chromedp.Steps())
	tb.OnNewDocument(`addEventListener("securitypolicyviolation", e => console.error("CSP", e.violatedDirective, e.blockedURI, e.sourceFile, e.lineNumber))`)
	Call(tb, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	tb.Resize(width)
	return tb
}

// Resize makes the tab a phone, or from 700 px on a desk.
func (b *Tab) Resize(width int64) {
	b.t.Helper()
	if width < 700 {
		b.Do(chromedp.EmulateViewport(width, 844, chromedp.EmulateMobile, chromedp.EmulateTouch))
		return
	}
	b.Do(chromedp.EmulateViewport(width, 800))
}

// Prefers sets what the shopper's device asks for.
func (b *Tab) Prefers(features ...*emulation.MediaFeature) {
	b.t.Helper()
	Call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features})
}

func (b *Tab) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *fetch.EventRequestPaused:
		b.answerPicture(e)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			said := []string{"console"}
			for _, arg := range e.Args {
				said = append(said, string(arg.Value)+arg.Description)
			}
			b.trouble = append(b.trouble, strings.Join(said, " "))
		}
	case *runtime.EventExceptionThrown:
		told := "exception " + e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			told += " " + e.ExceptionDetails.Exception.Description
		}
		b.trouble = append(b.trouble, told)
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			b.trouble = append(b.trouble, fmt.Sprint(e.Entry.Source, ": ", e.Entry.Text, " ", e.Entry.URL))
		}
	case *network.EventRequestWillBeSent:
		b.requested = append(b.requested, e.Request.URL)
	case *network.EventResponseReceived:
		if e.Type == network.ResourceTypeDocument {
			b.documents = append(b.documents, Document{e.Response.URL, e.Response.Status, e.Response.Headers})
		}
	}
}

// check fails the test for what went wrong and is not expected.
func (b *Tab) check(expected []string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, trouble := range b.trouble {
		fine := false
		for _, words := range expected {
			fine = fine || strings.Contains(trouble, words)
		}
		if !fine {
			b.t.Errorf("in the browser: %s", trouble)
		}
	}
	for _, url := range b.requested {
		if !strings.HasPrefix(url, "data:") && !strings.HasPrefix(url, "http://127.0.0.1:") && !isPicture(url) {
			b.t.Errorf("a request left for %s", url)
		}
	}
	for _, url := range b.requested {
		if len(b.documents) > 0 && !strings.HasPrefix(url, "data:") && !isPicture(url) && origin(url) != origin(b.documents[0].URL) {
			b.t.Errorf("%s asked %s", origin(b.documents[0].URL), url)
		}
	}
}

// isPicture reports whether ServePictures answers the address.
func isPicture(url string) bool { return origin(url) == "https://"+cataloguetest.PictureHost }

// Requested is the addresses that the tab has asked for.
func (b *Tab) Requested() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.requested...)
}

func origin(url string) string {
	scheme, rest, _ := strings.Cut(url, "://")
	host, _, _ := strings.Cut(rest, "/")
	return scheme + "://" + host
}

// Visits are the answers to the tab's navigations so far.
func (b *Tab) Visits() []Document {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]Document(nil), b.documents...)
}

// Visit opens a page, waits until it is loaded, and returns its answer.
func (b *Tab) Visit(url string) Document {
	b.t.Helper()
	b.Do(chromedp.Navigate(url))
	visits := b.Visits()
	if len(visits) == 0 {
		b.t.Fatalf("%s: no answer", url)
	}
	return visits[len(visits)-1]
}

// Do takes steps in the tab.
func (b *Tab) Do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// OnNewDocument runs a script in each document before its own.
func (b *Tab) OnNewDocument(script string) {
	b.t.Helper()
	Call(b, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script})
}

// Until waits until an expression is true of a document that is there to its end: of one that
// is still read, the next step might miss what follows.
func (b *Tab) Until(what, expression string) {
	b.t.Helper()
	eventually.True(b.t, what, func() bool {
		// Between two documents there is nothing to ask.
		holds, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](`document.readyState !== "loading" && (`+expression+`)`))
		return err == nil && holds
	})
}

// Run runs a script that may leave the document.
func (b *Tab) Run(script string) {
	b.t.Helper()
	b.Do(chromedp.Evaluate[chromedp.Void](script + "; void 0"))
}

// Eval returns the value of an expression.
func Eval[T any](b *Tab, expression string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// Call sends a command of the DevTools protocol.
func Call[P, R any](b *Tab, command cdp.Command[P, R], params P) R {
	b.t.Helper()
	r, err := chromedp.Call(b.ctx, command, params)
	if err != nil {
		b.t.Fatalf("%s: %v", command.Method, err)
	}
	return r
}

// Capture takes a picture of the page.
func (b *Tab) Capture(shot chromedp.Action[[]byte]) []byte {
	b.t.Helper()
	picture, err := chromedp.Run(b.ctx, shot)
	if err != nil {
		b.t.Fatal(err)
	}
	return picture
}

// T is the test of the tab.
func (b *Tab) T() testing.TB { return b.t }
