package edge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/wandstore/wandstore/pkg/design/gate"
	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/pagemaker"
	"github.com/wandstore/wandstore/pkg/pagestore"
)

const (
	webhookTimeout = 5 * time.Second
	// webhookMaking is how long whoever sends a page may have worked at it. Of a shopper
	// who was forgotten meanwhile it is not stored.
	webhookMaking = time.Hour
	// webhookTolerance is how long ago a webhook may have been signed, or how far ahead its
	// sender's clock may be.
	webhookTolerance = 5 * time.Minute
)

// PageMaker makes and stores pages.
type PageMaker interface {
	Make(ctx context.Context, o pagemaker.Order) (pagemaker.Made, error)
}

// Webhooks remembers the ids of webhooks for as long as their signatures are valid.
type Webhooks interface {
	// First reports whether the id has not been seen, and remembers it.
	First(ctx context.Context, id string) (bool, error)
	Forget(ctx context.Context, id string) error
}

// generationComplete is the webhook's body: a page that was made elsewhere, or why none
// was.
type generationComplete struct {
	JobID     string          `json:"jobId"`
	StoreSlug string          `json:"storeSlug"`
	ShopperID string          `json:"shopperId"`
	Success   bool            `json:"success"`
	Error     string          `json:"error"`
	Persona   string          `json:"persona"`
	HTML      string          `json:"html"`
	Design    json.RawMessage `json:"design"`
}

// webhook answers POST /webhook/generation-complete, which delivers a page made elsewhere.
// The request is signed by the Standard Webhooks scheme: HMAC-SHA256 over id, timestamp and
// body, at most five minutes old. The page must pass the same gate as a model's answer, and
// is made and stored in the same way.
func (e *Edge) webhook(c *fiber.Ctx) error {
	if err := e.verifyWebhook(c); err != nil {
		return err
	}
	var done generationComplete
	if err := json.Unmarshal(c.Body(), &done); err != nil {
		return fmt.Errorf("%w: not JSON", errBadBody)
	}
	key, err := pagekey.New(done.StoreSlug, done.ShopperID)
	if err != nil {
		return err
	}
	shop, ok := e.deps.Shops.Shop(key.Shop())
	if !ok {
		return errUnknownShop
	}
	if !pagekey.ValidShopper(done.JobID) {
		return fmt.Errorf("%w: jobId", errBadBody)
	}
	b := e.deps.Bus()
	if b == nil {
		return errUnavailable
	}
	if !done.Success {
		b.Trail.Error(c.UserContext(), key, jobqueue.Breadcrumb{Step: "webhook failed", JobID: done.JobID, Detail: done.Error})
		return c.SendStatus(http.StatusAccepted)
	}
	answer := []byte(done.HTML)
	if len(done.Design) > 0 {
		answer = done.Design
	}
	design, _, err := gate.Parse(answer, shop)
	if err != nil {
		b.Trail.Error(c.UserContext(), key, jobqueue.Breadcrumb{Step: "webhook refused", JobID: done.JobID, Detail: err.Error()})
		return fmt.Errorf("%w: %w", errBadBody, err)
	}
	ctx, cancel := context.WithTimeout(c.UserContext(), e.cfg.atLeast(webhookTimeout))
	defer cancel()
	id := strings.Clone(c.Get(standardwebhooks.HeaderWebhookID))
	first, err := b.Webhooks.First(ctx, id)
	if err != nil {
		return errors.Join(errUnavailable, err)
	}
	if !first {
		// Sent again, by its sender or by who listened in: it is done already.
		return c.SendStatus(http.StatusAccepted)
	}
	now := e.now()
	if _, err := b.Maker.Make(ctx, pagemaker.Order{
		Key: key, JobID: done.JobID, RequestedAt: now, Begun: now.Add(-webhookMaking), Persona: done.Persona,
		Designer: pagemaker.Ready(design), Source: pagestore.SourceWebhook,
	}); errors.Is(err, jobqueue.ErrCancelled) {
		// The shopper was forgotten meanwhile, so there is nothing to send again.
		return c.SendStatus(http.StatusAccepted)
	} else if err != nil {
		// So that its sender can send it again.
		return errors.Join(errUnavailable, err, b.Webhooks.Forget(context.WithoutCancel(ctx), id))
	}
	b.Trail.Debug(ctx, key, jobqueue.Breadcrumb{Step: "webhook stored", JobID: done.JobID})
	return c.SendStatus(http.StatusAccepted)
}

// verifyWebhook checks the request's signature. It returns errSignature if the signature is
// missing or wrong, or if no secret is set.
func (e *Edge) verifyWebhook(c *fiber.Ctx) error {
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
	// Verify would judge the time by this machine's clock.
	if err := verifier.VerifyIgnoringTimestamp(c.Body(), headers); err != nil {
		return errSignature
	}
	sent, err := strconv.ParseInt(headers.Get(standardwebhooks.HeaderWebhookTimestamp), 10, 64)
	if err != nil || e.now().Sub(time.Unix(sent, 0)).Abs() > webhookTolerance {
		return errSignature
	}
	return nil
}
