package world

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"sync"

	"github.com/chromedp/chromedp"

	"github.com/wandstore/wandstore/pkg/eventually"
)

// sharedChromium is the Chromium of the test binary.
var sharedChromium chromium

// chromium is a Chromium with an empty profile that finds nothing but this machine.
type chromium struct {
	mu   sync.Mutex
	ctx  context.Context // nil until it is started
	ends []context.CancelFunc
}

// browser is the path of Chromium: of its headless shell, which is the same engine without
// what only a window needs, where there is one.
func browser() (string, error) {
	for _, name := range []string{"chromium-headless-shell", "chromium"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("chromium is missing: `task test` installs it, or says how")
}

// start starts it unless it runs, and returns the context that tabs are opened in.
func (c *chromium) start() (context.Context, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx != nil {
		return c.ctx, nil
	}
	path, err := browser()
	if err != nil {
		return nil, err
	}
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.WSURLReadTimeout(eventually.Patience), chromedp.Headless, chromedp.DisableGPU, chromedp.NoFirstRun,
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
	allocator, endAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	// What the driver logs after the end of a test has nowhere to go.
	silent := func(string, ...any) {}
	ctx, end := chromedp.NewContext(allocator, chromedp.WithLogf(silent), chromedp.WithErrorf(silent))
	if err := chromedp.Do(ctx); err != nil {
		end()
		endAllocator()
		return nil, err
	}
	c.ctx, c.ends = ctx, []context.CancelFunc{end, endAllocator}
	return ctx, nil
}

func (c *chromium) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, end := range c.ends {
		end()
	}
}
