// Package httpserver is what the HTTP servers of several services have in common: what they
// refuse before a handler sees it, and how a request is called in spans and metrics.
package httpserver

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
	"go.opentelemetry.io/otel/metric"
)

// Errors of the handlers of this package. Services map them to statuses.
var (
	// ErrEncoded: the body has a content coding. Its status is 415 (RFC 9110, 15.5.16).
	ErrEncoded = errors.New("bodies are taken without a content coding")
	// ErrPanicked: the handler panicked. Its status is 500.
	ErrPanicked = errors.New("something went wrong on our side")
)

// New is [fiber.New], but for connections on which nothing is asked within ReadTimeout. Browsers
// and clients open such ahead. They are closed without an answer (408): one that nobody has asked
// for would be taken for that to the request which is sent in the same moment.
func New(config fiber.Config) *fiber.App {
	app := fiber.New(config)
	server := app.Server()
	answer := server.ErrorHandler
	server.ErrorHandler = func(c *fasthttp.RequestCtx, err error) {
		// By its type, since that of a request which broke off is wrapped.
		if nothing, ok := err.(*net.OpError); ok && nothing.Timeout() { //nolint:errorlint // see above
			_ = c.Conn().Close() // whatever is written after it is not sent
			return
		}
		answer(c, err)
	}
	return app
}

// RefuseEncoded refuses a body with a content coding by ErrEncoded before anything decodes
// it: a few kilobytes may hold gigabytes.
func RefuseEncoded(c *fiber.Ctx) error {
	for _, coding := range c.Request().Header.PeekAll(fiber.HeaderContentEncoding) {
		if name := strings.TrimSpace(string(coding)); name != "" && !strings.EqualFold(name, "identity") {
			c.Set(fiber.HeaderAcceptEncoding, "identity")
			return ErrEncoded
		}
	}
	return c.Next()
}

// Recover makes ErrPanicked of a panic, which it counts and logs with its stack: one request's
// fault ends no other.
func Recover(log *slog.Logger, panics metric.Int64Counter) fiber.Handler {
	return func(c *fiber.Ctx) (err error) {
		defer func() {
			if p := recover(); p != nil {
				panics.Add(c.UserContext(), 1)
				log.ErrorContext(c.UserContext(), "handler panicked", "route", Route(c), "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
				err = ErrPanicked
			}
		}()
		return c.Next()
	}
}

// Route returns the route's pattern. All paths without a route share the name "none", so
// that unknown paths make no new metric series.
func Route(c *fiber.Ctx) string {
	if path := c.Route().Path; path != "/" {
		return path
	}
	return "none"
}

// Method returns the request's method, or "_OTHER" for one that no route has. It is a
// constant, because fiber's strings are in memory that is reused after the handler.
func Method(c *fiber.Ctx) string {
	switch c.Method() {
	case http.MethodGet:
		return http.MethodGet
	case http.MethodHead:
		return http.MethodHead
	case http.MethodPost:
		return http.MethodPost
	default:
		return "_OTHER"
	}
}
