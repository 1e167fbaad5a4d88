package edge

import (
	"net/http"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/mileusna/useragent"
)

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
