package edge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gofiber/fiber/v2"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/wandstore/wandstore/pkg/design/gate"
	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/persona"
	"github.com/wandstore/wandstore/pkg/storefront"
	"github.com/wandstore/wandstore/pkg/telemetry"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

const webhookWithin = 5 * time.Second

// webhook answers POST /webhook/generation-complete: a page made elsewhere, signed
// as Standard Webhooks says (HMAC-SHA256 over id, timestamp and body; at most five
// minutes old). What it holds passes the gate that the model's answers pass, and
// is stored as theirs are.
func (e *edge) webhook(c *fiber.Ctx) error {
	if e.cfg.WebhookSecret == "" {
		return errSignature
	}
	verifier, err := standardwebhooks.NewWebhook(e.cfg.WebhookSecret)
	if err != nil {
		return err
	}
	headers := http.Header{}
	for _, name := range []string{standardwebhooks.HeaderWebhookID, standardwebhooks.HeaderWebhookTimestamp, standardwebhooks.HeaderWebhookSignature} {
		headers.Set(name, c.Get(name))
	}
	if err := verifier.Verify(c.Body(), headers); err != nil {
		return errSignature
	}
	var done struct {
		JobID     string          `json:"jobId"`
		StoreSlug string          `json:"storeSlug"`
		ShopperID string          `json:"shopperId"`
		Success   bool            `json:"success"`
		Error     string          `json:"error"`
		Persona   string          `json:"persona"`
		HTML      string          `json:"html"`
		Design    json.RawMessage `json:"design"`
	}
	if err := json.Unmarshal(c.Body(), &done); err != nil {
		return fmt.Errorf("%w: not JSON", errBadBody)
	}
	key, err := pagekey.New(done.StoreSlug, done.ShopperID)
	if err != nil {
		return err
	}
	shop, ok := e.shops.Shop(key.Store())
	if !ok {
		return errUnknownStore
	}
	if !pagekey.ValidShopper(done.JobID) {
		return fmt.Errorf("%w: jobId", errBadBody)
	}
	b := e.bus.Load()
	if b == nil {
		return errUnavailable
	}
	if !done.Success {
		b.trail.Error(c.UserContext(), key, jobqueue.Crumb{Step: "webhook failed", JobID: done.JobID, Detail: done.Error})
		return c.SendStatus(http.StatusAccepted)
	}
	answer := []byte(done.HTML)
	if len(done.Design) > 0 {
		answer = done.Design
	}
	design, _, err := gate.Parse(answer, shop)
	if err != nil {
		b.trail.Error(c.UserContext(), key, jobqueue.Crumb{Step: "webhook refused", JobID: done.JobID, Detail: err.Error()})
		return fmt.Errorf("%w: %w", errBadBody, err)
	}
	whom := done.Persona
	if !persona.Valid(whom) {
		whom = persona.Explorer
	}
	html, err := e.render.Page(storefront.PageInput{Shop: shop, Design: design, Persona: whom})
	if err != nil {
		return err
	}
	now := timestamppb.New(time.Now())
	page, err := pagestore.New(&wandstorev1.Page{
		StoreSlug: key.Store(), ShopperId: key.Shopper(), Html: string(html), Persona: whom,
		Source: pagestore.SourceWebhook, JobId: done.JobID, CatalogueVersion: string(shop.Version),
		RequestedAt: now, GeneratedAt: now, Traceparent: telemetry.Traceparent(c.UserContext()),
	})
	if err != nil {
		return fmt.Errorf("%w: %w", errBadBody, err)
	}
	ctx, cancel := context.WithTimeout(c.UserContext(), webhookWithin)
	defer cancel()
	for _, put := range []func(context.Context, *pagestore.Page) error{e.s3.Put, b.pages.Put} {
		if err := put(ctx, page); err != nil && !errors.Is(err, pagestore.ErrStale) {
			return errors.Join(errUnavailable, err)
		}
	}
	b.trail.Debug(ctx, key, jobqueue.Crumb{Step: "webhook stored", JobID: done.JobID})
	return c.SendStatus(http.StatusAccepted)
}
