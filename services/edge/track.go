package edge

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/gofiber/fiber/v2"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/session"
	"github.com/wandstore/wandstore/pkg/wire"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
	"github.com/wandstore/wandstore/services/edge/internal/ratelimit"
)

const (
	maxEvents    = 50
	maxTrackBody = 64 << 10
	trackTimeout = 2 * time.Second
)

// track answers POST /api/shopper/track. It counts one event, or an array of events, in the
// shoppers' sessions. All events are checked before the first is counted. An event without
// a shopper counts for the cookie's shopper, if a page of this site sent it. If the browser
// sends DNT or Sec-GPC, nothing is counted.
func (e *Edge) track(c *fiber.Ctx) error {
	events, err := e.parseEvents(c.Body(), func(ev *wandstorev1.TrackEvent) error { return e.speaksFor(c, ev) })
	if err != nil {
		return err
	}
	for _, ev := range events {
		if err := e.limit(c, ratelimit.Tracking, ev.GetStore(), ev.GetShopper()); err != nil {
			return err
		}
	}
	if !mayTrack(c) {
		return c.Status(http.StatusAccepted).JSON(fiber.Map{"accepted": 0})
	}
	b := e.deps.Bus()
	if b == nil {
		return errUnavailable
	}
	byShopper := map[string][]*wandstorev1.TrackEvent{}
	for _, ev := range events {
		byShopper[ev.GetShopper()] = append(byShopper[ev.GetShopper()], ev)
	}
	ctx, cancel := context.WithTimeout(c.UserContext(), e.cfg.atLeast(trackTimeout))
	defer cancel()
	now := e.now()
	for shopper, own := range byShopper {
		known := slices.ContainsFunc(own, func(ev *wandstorev1.TrackEvent) bool { return e.namedByShop(c, ev.GetStore()) })
		err := b.Sessions.Update(ctx, shopper, func(s *wandstorev1.ShopperSession) {
			for _, ev := range own {
				session.Apply(s, ev, now)
			}
			s.Known = s.GetKnown() || known
		})
		if errors.Is(err, wandnats.ErrContended) {
			return err
		}
		if err != nil {
			return errors.Join(errUnavailable, err)
		}
		for _, ev := range own {
			e.invalidateVisitor(shopper, ev.GetStore())
		}
	}
	return c.Status(http.StatusAccepted).JSON(fiber.Map{"accepted": len(events)})
}

// namedByShop reports whether the shop itself says who its shopper is, by a link's cookie or
// by its server.
func (e *Edge) namedByShop(c *fiber.Ctx, slug string) bool {
	return e.cookieShopper(c, slug).linked || e.isServer(c, slug)
}

// speaksFor names the shopper of an event that names nobody, and refuses one that names
// somebody else. Where ids are signed, only a merchant's server may name another shopper.
func (e *Edge) speaksFor(c *fiber.Ctx, ev *wandstorev1.TrackEvent) error {
	who := shopper{}
	if sameSite(c) == nil && pagekey.ValidShop(ev.GetStore()) {
		who = e.cookieShopper(c, ev.GetStore())
	}
	switch {
	case ev.GetShopper() == "":
		ev.Shopper = who.id
		return nil
	case !e.cfg.Identity.IsSigned(), ev.GetShopper() == who.id, e.isServer(c, ev.GetStore()):
		return nil
	default:
		return errForbidden
	}
}

// parseEvents reads and checks a body's events. authorize names the shopper of an event
// that names nobody, or refuses the event.
func (e *Edge) parseEvents(body []byte, authorize func(*wandstorev1.TrackEvent) error) ([]*wandstorev1.TrackEvent, error) {
	if len(body) > maxTrackBody {
		return nil, fiber.ErrRequestEntityTooLarge
	}
	raw := []json.RawMessage{body}
	if trimmed := bytes.TrimSpace(body); len(trimmed) > 0 && trimmed[0] == '[' {
		if err := json.Unmarshal(trimmed, &raw); err != nil {
			return nil, fmt.Errorf("%w: not JSON", errBadBody)
		}
	}
	if len(raw) == 0 || len(raw) > maxEvents {
		return nil, fmt.Errorf("%w: 1 to %d events", errBadBody, maxEvents)
	}
	events := make([]*wandstorev1.TrackEvent, len(raw))
	for i, one := range raw {
		ev := &wandstorev1.TrackEvent{}
		if err := wire.Unmarshal(one, ev); err != nil {
			return nil, fmt.Errorf("%w: event %d is not one", errBadBody, i)
		}
		if err := authorize(ev); err != nil {
			return nil, fmt.Errorf("event %d: %w", i, err)
		}
		if err := session.Check(ev); err != nil {
			return nil, fmt.Errorf("event %d: %w", i, err)
		}
		shop, ok := e.deps.Shops.Shop(ev.GetStore())
		if !ok {
			return nil, fmt.Errorf("event %d: %w", i, errUnknownShop)
		}
		normalise(shop, ev)
		events[i] = ev
	}
	return events, nil
}

// normalise removes a product that the shop does not have from an event, and from a view
// also a category that it does not have. It sets the category of a product.
func normalise(shop *catalogue.Shop, ev *wandstorev1.TrackEvent) {
	if p, ok := shop.Product(ev.GetProduct()); ok {
		ev.Category = p.Collection
	} else {
		ev.Product = ""
	}
	if _, ok := shop.Collection(ev.GetCategory()); !ok && ev.GetEvent() == "view" {
		ev.Category = ""
	}
}
