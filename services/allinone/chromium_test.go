package allinone_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// browser is a Chromium of its own.
type browser struct {
	t   testing.TB
	ctx context.Context
}

// startBrowser starts a Chromium with an empty profile that finds nothing but
// this machine.
func startBrowser(t testing.TB) *browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("chromium is missing: `task test` installs it, or says how")
	}
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.Headless, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true),
		// Tabs that are not in front wait for their page like the one that is.
		chromedp.Flag("disable-background-timer-throttling", true),
		chromedp.Flag("disable-backgrounding-occluded-windows", true),
		chromedp.Flag("disable-renderer-backgrounding", true),
		chromedp.Flag("force-color-profile", "srgb"),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
	}
	if os.Geteuid() == 0 {
		// Chromium refuses to run as root within its sandbox.
		options = append(options, chromedp.NoSandbox)
	}
	allocator, stopAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	// What the driver has to say after the end has no log to go to.
	silent := func(string, ...any) {}
	ctx, stop := chromedp.NewContext(allocator, chromedp.WithLogf(silent), chromedp.WithErrorf(silent))
	t.Cleanup(func() {
		stop()
		stopAllocator()
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start chromium: %v", err)
	}
	return &browser{t, ctx}
}

// tab is a tab with cookies and cache of its own. Whatever goes wrong in it, and
// any request to another origin than its pages', fails the test at its end.
type tab struct {
	t   testing.TB
	ctx context.Context

	mu        sync.Mutex
	trouble   []string
	requested []string
	documents []document
}

// document is an answer to a navigation.
type document struct {
	url    string
	status int64
	header network.Headers
}

// get is a header field of the answer, by any spelling.
func (d document) get(name string) string {
	for k, v := range d.header {
		if strings.EqualFold(k, name) {
			return fmt.Sprint(v)
		}
	}
	return ""
}

// open opens a tab at a width in CSS pixels. In what goes wrong, what holds one of
// the words is expected.
func (b *browser) open(t testing.TB, width int64, expected ...string) *tab {
	t.Helper()
	tb := &tab{t: t}
	ctx, shut := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext(), chromedp.WithListener(tb.hear))
	tb.ctx = ctx
	t.Cleanup(func() {
		tb.check(expected)
		shut()
	})
	tb.do(chromedp.Steps())
	tb.onNewDocument(`addEventListener("securitypolicyviolation", e => console.error("CSP", e.violatedDirective, e.blockedURI, e.sourceFile, e.lineNumber))`)
	call(tb, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	tb.resize(width)
	return tb
}

// resize makes the tab a phone, or from 700 px on a desk.
func (b *tab) resize(width int64) {
	b.t.Helper()
	if width < 700 {
		b.do(chromedp.EmulateViewport(width, 844, chromedp.EmulateMobile, chromedp.EmulateTouch))
		return
	}
	b.do(chromedp.EmulateViewport(width, 800))
}

// prefers sets what the shopper's device asks for.
func (b *tab) prefers(features ...*emulation.MediaFeature) {
	b.t.Helper()
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features})
}

func (b *tab) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
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
			b.documents = append(b.documents, document{e.Response.URL, e.Response.Status, e.Response.Headers})
		}
	}
}

// check fails the test for what went wrong and is not expected.
func (b *tab) check(expected []string) {
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
		if !strings.HasPrefix(url, "data:") && !strings.HasPrefix(url, "http://127.0.0.1:") {
			b.t.Errorf("a request left for %s", url)
		}
	}
	for _, url := range b.requested {
		if len(b.documents) > 0 && !strings.HasPrefix(url, "data:") && origin(url) != origin(b.documents[0].url) {
			b.t.Errorf("%s asked %s", origin(b.documents[0].url), url)
		}
	}
}

func origin(url string) string {
	scheme, rest, _ := strings.Cut(url, "://")
	host, _, _ := strings.Cut(rest, "/")
	return scheme + "://" + host
}

// visits are the answers to the tab's navigations so far.
func (b *tab) visits() []document {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]document(nil), b.documents...)
}

// visit opens a page, waits until it is loaded, and gives its answer.
func (b *tab) visit(url string) document {
	b.t.Helper()
	b.do(chromedp.Navigate(url))
	visits := b.visits()
	if len(visits) == 0 {
		b.t.Fatalf("%s: no answer", url)
	}
	return visits[len(visits)-1]
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// onNewDocument runs a script in each document before its own.
func (b *tab) onNewDocument(script string) {
	b.t.Helper()
	call(b, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script})
}

// until waits until an expression is true.
func (b *tab) until(what, expression string) {
	b.t.Helper()
	eventually(b.t, what, func() bool {
		// Between two documents there is nothing to ask.
		holds, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](expression))
		return err == nil && holds
	})
}

// run runs a script that may leave the document.
func (b *tab) run(script string) {
	b.t.Helper()
	b.do(chromedp.Evaluate[chromedp.Void](script + "; void 0"))
}

// eval gives the value of an expression.
func eval[T any](b *tab, expression string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// call sends a command of the DevTools protocol.
func call[P, R any](b *tab, command cdp.Command[P, R], params P) R {
	b.t.Helper()
	r, err := chromedp.Call(b.ctx, command, params)
	if err != nil {
		b.t.Fatalf("%s: %v", command.Method, err)
	}
	return r
}
