package edge

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"
	"go.opentelemetry.io/otel/metric"

	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/telemetry"
	"github.com/wandstore/wandstore/services/edge/internal/ratelimit"
)

// limit takes a token for a request: errLimited if there is none. It sets Retry-After and
// the RateLimit fields (draft-ietf-httpapi-ratelimit-headers-10).
func (e *Edge) limit(c *fiber.Ctx, kind ratelimit.Kind, shop, shopper string) error {
	verdict := e.limits.Take(kind, ratelimit.Asker{Addr: e.clientAddr(c), Shop: shop, Shopper: shopper})
	if !verdict.Limited {
		return nil
	}
	seconds := int((verdict.Retry + time.Second - 1) / time.Second)
	c.Set("RateLimit-Policy", fmt.Sprintf("%q;q=%d;w=%d", kind, verdict.Limit, int(verdict.Period/time.Second)))
	c.Set("RateLimit", fmt.Sprintf("%q;r=%d;t=%d", kind, verdict.Remaining, seconds))
	if verdict.Allowed {
		return nil
	}
	c.Set(fiber.HeaderRetryAfter, strconv.Itoa(max(1, seconds)))
	e.countLimited(c, kind, verdict)
	return errLimited
}

func (e *Edge) countLimited(c *fiber.Ctx, kind ratelimit.Kind, verdict ratelimit.Verdict) {
	e.metrics.limited.Add(c.UserContext(), 1, metric.WithAttributes(
		telemetry.Limit.String(string(kind)), telemetry.LimitScope.String(string(verdict.Scope))))
}

// returnAfter is how long ago a shopper was first heard of who counts as returning.
const returnAfter = 30 * time.Minute

// returning reports whether the shopper was here before: their session is older than a
// visit. A session that cannot be read is a newcomer's.
func (e *Edge) returning(ctx context.Context, key pagekey.Key) bool {
	v := e.visitor(ctx, key)
	return v != nil && v.returned(e.now())
}
