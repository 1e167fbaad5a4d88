package edge

import (
	"context"
	"net/http"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/telemetry"
)

// BenchmarkHit measures what the edge does for a page in memory between the request that was
// read and the answer to be written.
func BenchmarkHit(b *testing.B) {
	measured, err := telemetry.Setup(b.Context(), "edge")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = measured.Shutdown(context.Background()) })
	d := newDesk(b)
	memory, err := pagestore.NewMemory(pagestore.MemoryConfig{})
	if err != nil {
		b.Fatal(err)
	}
	memory.SetWatched(true)
	if err := memory.Put(b.Context(), d.has(pagestore.TierMemory)); err != nil {
		b.Fatal(err)
	}
	pages, err := pagestore.NewTiered(memory, empty{}, empty{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(pages.Close)
	d.edge.deps.Pages = pages
	answer := d.edge.app().Handler()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		var c fasthttp.RequestCtx
		c.Request.SetRequestURI("/s/" + slug + "?shopper=ada")
		c.Request.Header.Set(fiber.HeaderAcceptEncoding, "gzip")
		c.Request.Header.Set(fiber.HeaderCookie, shopperCookie+"=ada")
		for pb.Next() {
			c.ResetUserValues()
			c.Response.Reset()
			answer(&c)
			if c.Response.StatusCode() != http.StatusOK || len(c.Response.Header.Peek(fiber.HeaderETag)) == 0 {
				b.Error(c.Response.String())
				return
			}
		}
	})
}

// empty is a tier that has no page.
type empty struct{}

func (empty) Get(context.Context, pagekey.Key) (*pagestore.Page, error) {
	return nil, pagestore.ErrMiss
}
