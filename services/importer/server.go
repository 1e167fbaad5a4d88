package importer

import (
	"context"
	"errors"
	"net"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/httpserver"
	"github.com/wandstore/wandstore/services/importer/internal/live"
)

const (
	// maxBody bounds a webhook, in bytes: a product with a hundred variants has a tenth.
	maxBody = 4 << 20
	// handling bounds what a webhook costs. Shopify waits for five seconds.
	handling    = 4 * time.Second
	stopTimeout = 10 * time.Second
)

// serve answers requests until ctx ends, then finishes those that are under way.
func (i *Importer) serve(ctx context.Context, listener net.Listener) error {
	app := i.app()
	served := make(chan error, 1)
	go func() { served <- app.Listener(listener) }()
	i.log.Info("listening", "addr", listener.Addr().String())
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	err := app.ShutdownWithTimeout(stopTimeout)
	// A server that had not begun yet when it was shut down ends with its listener.
	_ = listener.Close()
	if ended := <-served; !errors.Is(ended, net.ErrClosed) {
		err = errors.Join(err, ended)
	}
	return err
}

func (i *Importer) app() *fiber.App {
	app := httpserver.New(fiber.Config{
		DisableStartupMessage: true,
		BodyLimit:             maxBody,
		ReadTimeout:           10 * time.Second,
		WriteTimeout:          30 * time.Second,
		IdleTimeout:           90 * time.Second,
		ErrorHandler:          i.fail,
		AppName:               "wandstore-importer",
	})
	app.Use(i.measure, httpserver.Recover(i.log, i.metrics.panics), httpserver.RefuseEncoded)
	app.Get("/health", i.health)
	app.Post("/webhook/shopify", i.shopify)
	app.Post("/webhook/woocommerce/:store", i.wooCommerce)
	return app
}

var (
	errSignature   = errors.New("the signature is missing or wrong")
	errUnavailable = errors.New("not available just now")
)

// health answers GET /health: 503 until the products were read.
func (i *Importer) health(c *fiber.Ctx) error {
	switch {
	case i.desk.Load() == nil:
		return c.Status(http.StatusServiceUnavailable).JSON(fiber.Map{"status": "starting"})
	case !i.connected():
		return c.JSON(fiber.Map{"status": "degraded"})
	}
	return c.JSON(fiber.Map{"status": "ok"})
}

// shopify answers POST /webhook/shopify.
func (i *Importer) shopify(c *fiber.Ctx) error {
	body := c.Request().Body()
	store, ok := i.keys.Shopify(c.Get("X-Shopify-Shop-Domain"), c.Get("X-Shopify-Hmac-Sha256"), body)
	if !ok {
		return errSignature
	}
	return i.take(c, func(ctx context.Context, d *live.Desk) error {
		return d.Shopify(ctx, store, c.Get("X-Shopify-Topic"), body)
	})
}

// wooPing is what WooCommerce sends when a webhook is made. It is not signed, and wants
// nothing but an answer.
var wooPing = regexp.MustCompile(`^webhook_id=[0-9]+$`)

// wooCommerce answers POST /webhook/woocommerce/{store}.
func (i *Importer) wooCommerce(c *fiber.Ctx) error {
	body, store := c.Request().Body(), strings.Clone(c.Params("store"))
	if wooPing.Match(body) {
		return c.SendStatus(http.StatusOK)
	}
	if !i.keys.WooCommerce(store, c.Get("X-WC-Webhook-Signature"), body) {
		return errSignature
	}
	return i.take(c, func(ctx context.Context, d *live.Desk) error {
		return d.WooCommerce(ctx, store, c.Get("X-WC-Webhook-Topic"), body)
	})
}

// take has the desk do what a webhook says before it is answered, so that one that cannot be
// done is sent again.
func (i *Importer) take(c *fiber.Ctx, do func(context.Context, *live.Desk) error) error {
	desk := i.desk.Load()
	if desk == nil {
		return errUnavailable
	}
	ctx, cancel := context.WithTimeout(c.UserContext(), max(handling, i.cfg.Patience))
	defer cancel()
	if err := do(ctx, desk); err != nil {
		return err
	}
	return c.SendStatus(http.StatusAccepted)
}

// statuses maps errors to HTTP statuses. The first match counts; any other error is NATS's.
var statuses = []struct {
	err    error
	status int
}{
	{errSignature, http.StatusUnauthorized},
	{httpserver.ErrEncoded, http.StatusUnsupportedMediaType},
	{live.ErrBody, http.StatusBadRequest},
	{live.ErrStore, http.StatusNotFound},
	{wandnats.ErrContended, http.StatusServiceUnavailable},
	{errUnavailable, http.StatusServiceUnavailable},
	{httpserver.ErrPanicked, http.StatusInternalServerError},
}

// fail answers an error as application/problem+json (RFC 9457).
func (i *Importer) fail(c *fiber.Ctx, err error) error {
	status, detail := http.StatusServiceUnavailable, errUnavailable.Error()
	if f, ok := errors.AsType[*fiber.Error](err); ok {
		status, detail = f.Code, f.Message
	}
	if errors.Is(err, fasthttp.ErrBodyTooLarge) {
		status, detail = http.StatusRequestEntityTooLarge, "the body is too large"
	}
	for _, s := range statuses {
		if errors.Is(err, s.err) {
			status, detail = s.status, s.err.Error()
			break
		}
	}
	if status >= http.StatusInternalServerError {
		i.log.WarnContext(c.UserContext(), "webhook not taken", "route", c.Route().Path, "error", err)
	}
	c.Status(status)
	if err := c.JSON(fiber.Map{"title": http.StatusText(status), "status": status, "detail": detail}); err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, "application/problem+json")
	return nil
}
