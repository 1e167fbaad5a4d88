package edge

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"time"

	"github.com/gofiber/fiber/v2"
	"go.opentelemetry.io/otel/metric"

	"github.com/wandstore/wandstore/pkg/freshness"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/telemetry"
	"github.com/wandstore/wandstore/services/edge/internal/ratelimit"
)

const (
	// maxListeners bounds the open connections of events.
	maxListeners = 10_000
	// maxClientStreams and maxShopperStreams bound those of one client and of one shopper,
	// where ids are signed.
	maxClientStreams, maxShopperStreams = 64, 6
	// unknownTimeout is how long a stream waits for a job that nobody knows of.
	unknownTimeout = 20 * time.Second
	// listenFor bounds one of them; a browser connects again by itself.
	listenFor = 10 * time.Minute
	// keepAliveEvery is the interval of comments in a quiet stream. Without them proxies
	// close the connection, and the edge does not notice that a browser has left.
	keepAliveEvery = 15 * time.Second
	// writeTimeout bounds the write of one event.
	writeTimeout = 10 * time.Second
)

// events answers GET /api/generation/events with the current status and each change of it,
// as server-sent events (WHATWG HTML, 9.2), until the status is ready or failed. While the
// page is being written, its sections come in between, each as soon as it is complete. If no
// page of the shopper's own is made, all of this is about the page of their cohort.
func (e *Edge) events(c *fiber.Ctx) error {
	key, err := e.keyOfQuery(c)
	if err != nil {
		return err
	}
	if err := e.limit(c, ratelimit.Streams, key.Shop(), key.Shopper()); err != nil {
		return err
	}
	release, err := e.hold(c, key)
	if err != nil {
		return err
	}
	if e.cfg.Identity.IsSigned() {
		e.askForListener(c, key)
	}
	c.Set(fiber.HeaderContentType, "text/event-stream")
	c.Set(fiber.HeaderCacheControl, "no-store")
	// Without this header nginx buffers the events.
	c.Set("X-Accel-Buffering", "no")
	// The stream writer outlives the handler, so it must not use the fiber context.
	conn := c.Context().Conn()
	ctx := context.WithoutCancel(c.UserContext())
	awaited := e.awaitedBy(c, key)
	c.Context().SetBodyStreamWriter(func(w *bufio.Writer) {
		defer release()
		_ = e.stream(ctx, awaited, conn, w)
	})
	return nil
}

// hold takes a place among the event streams: of the edge's (errTooMany if there is none),
// of the client's and of the shopper's (errLimited). release gives it back.
func (e *Edge) hold(c *fiber.Ctx, key pagekey.Key) (release func(), err error) {
	if e.listeners.Add(1) > maxListeners {
		e.listeners.Add(-1)
		return nil, errTooMany
	}
	freed := func() { e.listeners.Add(-1) }
	if !e.cfg.Identity.IsSigned() {
		return freed, nil
	}
	released, ok := e.streams.Hold(map[string]int{
		"client " + ratelimit.Network(e.clientAddr(c)): maxClientStreams, "shopper " + key.Shopper(): maxShopperStreams,
	})
	if !ok {
		freed()
		return nil, errLimited
	}
	return func() { released(); freed() }, nil
}

// askForListener asks for the page of who listens, if there is none: whoever opens the event
// stream with a cookie runs scripts and keeps cookies, as robots do not.
func (e *Edge) askForListener(c *fiber.Ctx, key pagekey.Key) {
	shop, ok := e.deps.Shops.Shop(key.Shop())
	if !ok || e.isServer(c, key.Shop()) {
		return
	}
	if _, live := e.deps.Board.Find(key); live {
		return
	}
	found, err := e.ownPage(c.UserContext(), key, shop)
	switch {
	case uncertain(found, err):
	case err != nil:
		e.ask(c, e.shopperOf(c, key.Shop()), key, "")
	case found.decision == freshness.Replace:
		e.ask(c, e.shopperOf(c, key.Shop()), key, found.Page.JobID())
	}
}

// stream writes events until the job has ended, the browser is gone, the time is
// up or the edge drains. Its error only says which.
func (e *Edge) stream(ctx context.Context, awaited *awaited, conn net.Conn, w *bufio.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, listenFor)
	defer cancel()
	alive := time.NewTicker(keepAliveEvery)
	defer alive.Stop()
	unknown := time.NewTimer(unknownTimeout)
	defer unknown.Stop()
	send := sender(conn, w)
	if err := send("retry: 3000\n\n"); err != nil {
		return err
	}
	awaited.listen(ctx, send)
	defer awaited.leave()
	statuses := statusSender{send: send}
	known := false
	for {
		if p := awaited.next(); p != nil {
			s := p.status
			if err := statuses.sendNew(s); err != nil {
				return err
			}
			if s.State == stateReady && !p.requestedAt.IsZero() {
				e.metrics.upgrades.Record(ctx, max(0, e.now().Sub(p.requestedAt).Seconds()), metric.WithAttributes(telemetry.Source.String(s.Source)))
			}
			if s.ended() {
				return nil
			}
			if known = s.live(); known {
				unknown.Stop()
			}
			if err := p.sendSections(ctx); err != nil {
				return err
			}
		} else if known {
			known = false
			unknown.Reset(unknownTimeout)
		}
		select {
		case <-awaited.own.job.Changed:
			awaited.own.update(ctx)
		case <-awaited.cohort.job.Changed:
			awaited.cohort.update(ctx)
		case <-awaited.own.drafts.Changed:
		case <-awaited.cohort.drafts.Changed:
		case <-alive.C:
			if err := send(": still here\n\n"); err != nil {
				return err
			}
		case <-unknown.C:
			return statuses.sendNew(awaited.givenUp())
		case <-e.draining:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// statusSender sends statuses to a stream.
type statusSender struct {
	send func(format string, args ...any) error
	last string
}

// sendNew sends a status unless it is the last one.
func (st *statusSender) sendNew(s generationStatus) error {
	b, err := json.Marshal(s)
	if err != nil || string(b) == st.last {
		return err
	}
	st.last = string(b)
	return st.send("event: status\ndata: %s\n\n", b)
}

// sender writes to a stream at once, and gives up on a browser that does not read.
func sender(conn net.Conn, w *bufio.Writer) func(format string, args ...any) error {
	return func(format string, args ...any) error {
		if err := conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, format, args...); err != nil {
			return err
		}
		return w.Flush()
	}
}
