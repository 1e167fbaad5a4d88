package edge

import (
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/mileusna/useragent"
)

// refuseEncoded refuses a body with a content coding (RFC 9110, 15.5.16) before anything
// decodes it: a few kilobytes may hold gigabytes.
func refuseEncoded(c *fiber.Ctx) error {
	for _, coding := range c.Request().Header.PeekAll(fiber.HeaderContentEncoding) {
		if name := strings.TrimSpace(string(coding)); name != "" && !strings.EqualFold(name, "identity") {
			c.Set(fiber.HeaderAcceptEncoding, "identity")
			return errEncoded
		}
	}
	return c.Next()
}

// recovered is next's error, or that of its panic: one request's fault ends no other.
func (e *Edge) recovered(c *fiber.Ctx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			e.metrics.panics.Add(c.UserContext(), 1)
			e.log.ErrorContext(c.UserContext(), "handler panicked", "route", routeOf(c), "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = errPanicked
		}
	}()
	return c.Next()
}

// trimSlash leads an address of a shop that ends with a slash to the one without (301).
func trimSlash(c *fiber.Ctx) error {
	path := string(c.Context().Path())
	if !strings.HasPrefix(path, "/s/") || !strings.HasSuffix(path, "/") || c.Method() == http.MethodPost {
		return c.Next()
	}
	target := "/s/" + strings.Trim(strings.TrimPrefix(path, "/s/"), "/")
	if query := string(c.Context().QueryArgs().QueryString()); query != "" {
		target += "?" + query
	}
	return c.Redirect(target, http.StatusMovedPermanently)
}

// mayAsk reports whether a request may make a job for the shopper's own page: somebody looks
// at the page who may be tracked.
func (e *Edge) mayAsk(c *fiber.Ctx) bool { return mayTrack(c) && e.looks(c) }

// looks reports whether somebody looks at the page. Nobody does where a browser fetches it
// ahead (Sec-Purpose, Purpose), another site embeds it, or a program only wants its headers.
// Where ids are signed, known robots do not count.
func (e *Edge) looks(c *fiber.Ctx) bool {
	if c.Method() == http.MethodHead {
		return false
	}
	for _, name := range []string{"Sec-Purpose", "Purpose", "X-Moz"} {
		if purpose := strings.ToLower(c.Get(name)); strings.Contains(purpose, "prefetch") || strings.Contains(purpose, "prerender") || strings.Contains(purpose, "preview") {
			return false
		}
	}
	if site := c.Get("Sec-Fetch-Site"); site == "cross-site" && c.Get("Sec-Fetch-Mode") != "navigate" {
		return false
	}
	return !e.cfg.Identity.IsSigned() || !robot(c.Get(fiber.HeaderUserAgent))
}

// robot reports whether a program that crawls the web names itself so.
func robot(userAgent string) bool {
	agent := useragent.Parse(userAgent)
	return agent.Bot || strings.Contains(strings.ToLower(agent.Name), "bot")
}
