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

	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/telemetry"
)

const (
	// maxListeners bounds the open connections of events.
	maxListeners = 10_000
	// listenFor bounds one connection. A browser connects again by itself.
	listenFor = 10 * time.Minute
	// keepAliveEvery is the interval of comments in a quiet stream. Without them proxies
	// close the connection, and the edge does not notice that a browser has left.
	keepAliveEvery = 15 * time.Second
	// writeTimeout bounds the write of one event.
	writeTimeout = 10 * time.Second
)

// events answers GET /api/generation/events with the current status and each change of it,
// as server-sent events (WHATWG HTML, 9.2), until the status is ready or failed.
func (e *Edge) events(c *fiber.Ctx) error {
	key, err := e.keyOfQuery(c)
	if err != nil {
		return err
	}
	if e.listeners.Add(1) > maxListeners {
		e.listeners.Add(-1)
		return errTooMany
	}
	c.Set(fiber.HeaderContentType, "text/event-stream")
	c.Set(fiber.HeaderCacheControl, "no-store")
	// Without this header nginx buffers the events.
	c.Set("X-Accel-Buffering", "no")
	// The stream writer outlives the handler, so it must not use the fiber context.
	conn := c.Context().Conn()
	ctx := context.WithoutCancel(c.UserContext())
	c.Context().SetBodyStreamWriter(func(w *bufio.Writer) {
		defer e.listeners.Add(-1)
		_ = e.stream(ctx, key, conn, w)
	})
	return nil
}

// stream writes events until the job has ended, the browser has left, listenFor is over or
// the edge drains. It returns an error if a write failed or listenFor is over.
func (e *Edge) stream(ctx context.Context, key pagekey.Key, conn net.Conn, w *bufio.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, listenFor)
	defer cancel()
	// Listen before the status is read, so that no change is missed in between.
	l := e.deps.Board.Listen(key)
	defer e.deps.Board.Leave(l)
	alive := time.NewTicker(keepAliveEvery)
	defer alive.Stop()
	send := func(format string, args ...any) error {
		if err := conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, format, args...); err != nil {
			return err
		}
		return w.Flush()
	}
	if err := send("retry: 3000\n\n"); err != nil {
		return err
	}
	var (
		last     string
		awaiting time.Time
	)
	for {
		s, err := e.generation(ctx, key)
		if err != nil {
			// NATS is unavailable. The listener is woken at the next change.
			s = generationStatus{State: stateNone}
		}
		b, err := json.Marshal(s)
		if err != nil {
			return err
		}
		if string(b) != last {
			last = string(b)
			if err := send("event: status\ndata: %s\n\n", b); err != nil {
				return err
			}
		}
		if !s.requestedAt.IsZero() {
			awaiting = s.requestedAt
		}
		if s.State == stateReady && !awaiting.IsZero() {
			e.metrics.upgrades.Record(ctx, max(0, time.Since(awaiting).Seconds()), metric.WithAttributes(telemetry.Source.String(s.Source)))
		}
		if s.ended() {
			return nil
		}
		select {
		case <-l.Changed:
		case <-alive.C:
			if err := send(": still here\n\n"); err != nil {
				return err
			}
		case <-e.draining:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
