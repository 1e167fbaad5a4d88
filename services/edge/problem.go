package edge

import (
	"context"
	"errors"
	"net/http"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/httpserver"
	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/session"
)

// The edge's own errors.
var (
	errUnknownShop    = errors.New("unknown store")
	errBadBody        = errors.New("the body is not what this route takes")
	errSignature      = errors.New("the signature is missing or wrong")
	errUnavailable    = errors.New("not available just now")
	errUnknownProduct = errors.New("unknown product")
	errUnknownShelf   = errors.New("unknown collection")
	errCrossSite      = errors.New("sent by another site")
	errTooMany        = errors.New("too many listeners")
	errNobody         = errors.New("no shopper is named: visit a page of the shop first")
	errForbidden      = errors.New("another shopper's")
	errLimited        = errors.New("too many requests")
	errPreview        = errors.New("the preview's link is not valid, or no longer")
	errPreviewDay     = errors.New("on is not a day such as 2026-12-24")
	errTimeout        = errors.New("not done in time")
)

// statuses maps errors to HTTP statuses. The first match counts. Any other error is a 500
// that does not tell its cause.
var statuses = []struct {
	err    error
	status int
}{
	{pagekey.ErrInvalid, http.StatusBadRequest},
	{session.ErrEvent, http.StatusBadRequest},
	{errPreviewDay, http.StatusBadRequest},
	{errPreview, http.StatusForbidden},
	{errBadBody, http.StatusBadRequest},
	{errSignature, http.StatusUnauthorized},
	{errNobody, http.StatusUnauthorized},
	{errForbidden, http.StatusForbidden},
	{httpserver.ErrEncoded, http.StatusUnsupportedMediaType},
	{errLimited, http.StatusTooManyRequests},
	{errCrossSite, http.StatusForbidden},
	{errUnknownShop, http.StatusNotFound},
	{errUnknownProduct, http.StatusNotFound},
	{errUnknownShelf, http.StatusNotFound},
	{jobqueue.ErrPoolFull, http.StatusTooManyRequests},
	{errTooMany, http.StatusServiceUnavailable},
	{errUnavailable, http.StatusServiceUnavailable},
	{wandnats.ErrContended, http.StatusServiceUnavailable},
	{errTimeout, http.StatusGatewayTimeout},
	{context.DeadlineExceeded, http.StatusGatewayTimeout},
}

// statusOf returns an error's status and the detail that a client may see.
func statusOf(err error) (status int, detail string) {
	if f, ok := errors.AsType[*fiber.Error](err); ok {
		return f.Code, f.Message
	}
	if errors.Is(err, fasthttp.ErrBodyTooLarge) {
		return http.StatusRequestEntityTooLarge, "the body is too large"
	}
	for _, s := range statuses {
		if errors.Is(err, s.err) {
			// The detail of a 4xx tells the client what to change. The cause of a 5xx is
			// internal.
			if s.status < http.StatusInternalServerError {
				return s.status, err.Error()
			}
			return s.status, s.err.Error()
		}
	}
	return http.StatusInternalServerError, "something went wrong on our side"
}

// problem answers an error of an API as application/problem+json (RFC 9457).
func problem(c *fiber.Ctx, err error) error {
	status, detail := statusOf(err)
	c.Set(fiber.HeaderCacheControl, "no-store")
	if retry := c.Response().Header.Peek(fiber.HeaderRetryAfter); len(retry) == 0 && (status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable) {
		c.Set(fiber.HeaderRetryAfter, "5")
	}
	return c.Status(status).JSON(fiber.Map{
		"status": status, "title": http.StatusText(status), "detail": detail,
	}, "application/problem+json")
}
