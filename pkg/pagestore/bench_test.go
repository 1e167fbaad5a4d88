package pagestore_test

import (
	"fmt"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/sdk/metric"

	"github.com/wandstore/wandstore/pkg/miniotest"
	"github.com/wandstore/wandstore/pkg/natstest"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/pagestore/pagestoretest"
)

// benchPages are pages of a usual size, each of another shopper.
func benchPages(b *testing.B) []*pagestore.Page {
	b.Helper()
	pages := make([]*pagestore.Page, 512)
	for i := range pages {
		msg := pagestoretest.Message("job", 0)
		msg.ShopperId = fmt.Sprintf("shopper-%d", i)
		msg.Html = strings.Repeat("<article><h2>Vine, 10¾ inches</h2></article>\n", 700)
		pages[i] = pagestoretest.Make(b, msg)
	}
	return pages
}

func BenchmarkMemoryGet(b *testing.B) {
	memory := newMemory(b, pagestore.MemoryConfig{})
	memory.SetWatched(true)
	pages := benchPages(b)
	for _, page := range pages {
		put(b, memory, page)
	}
	ctx := b.Context()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			if _, err := memory.Get(ctx, pages[i%len(pages)].Key()); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// BenchmarkTieredGet measures a hit in each tier, with metrics on.
func BenchmarkTieredGet(b *testing.B) {
	minio := miniotest.Start(b)
	_, js := natstest.Start(b).Connect(b)
	s3, kv := newS3(b, minio.Addr(), minio.Bucket(b)), pagestore.NewKV(newBucket(b, js, "UI_CACHE"))
	pages := benchPages(b)
	for _, page := range pages {
		put(b, s3, page)
		put(b, kv, page)
	}
	meters := metric.NewMeterProvider(metric.WithReader(metric.NewManualReader()))
	for _, bench := range []struct {
		name      string
		minio, kv pagestore.Getter
		forget    bool
	}{
		{"memory", s3, kv, false},
		{"minio+kv", s3, kv, true},
		{"minio", s3, &tier{}, true},
		{"kv", &tier{}, kv, true},
	} {
		b.Run(bench.name, func(b *testing.B) {
			memory := newMemory(b, pagestore.MemoryConfig{})
			memory.SetWatched(true)
			tiered := newTiered(b, memory, bench.minio, bench.kv, pagestore.WithMeterProvider(meters),
				pagestore.WithDeadline(pagestore.TierMinIO, deadline), pagestore.WithDeadline(pagestore.TierKV, deadline))
			ctx := b.Context()
			for _, page := range pages {
				if _, err := tiered.Get(ctx, page.Key()); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for i := 0; pb.Next(); i++ {
					key := pages[i%len(pages)].Key()
					if bench.forget {
						memory.Invalidate(key)
					}
					if _, err := tiered.Get(ctx, key); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}
