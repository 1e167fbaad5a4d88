package edge

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/lifecycle"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/pagestore"
)

// errHubAway: the hub of a PoP does not answer.
var errHubAway = errors.New("the hub is away")

const (
	// hubEvery is how often a PoP's edge asks its hub, hubTimeout how long it waits for the
	// answer.
	hubEvery   = time.Second
	hubTimeout = 5 * time.Second
)

// isPoP reports whether the edge's NATS is a leaf node: what is written is at its hub.
func (p *parts) isPoP() bool { return p.mirrors != nil }

// busName is what runBus waits for.
func (p *parts) busName() string {
	if p.isPoP() {
		return "the hub"
	}
	return "NATS"
}

// runMirrors waits for a PoP's mirrors and follows the shops in them, whether the hub is
// reached or not, until ctx ends.
func (p *parts) runMirrors(ctx context.Context) error {
	for {
		var n *near
		err := lifecycle.Retry(ctx, p.log, "NATS", func(ctx context.Context) (err error) {
			n, err = p.openMirrors(ctx)
			return err
		})
		if err != nil {
			return err
		}
		p.near.Store(n)
		err = lifecycle.Run(ctx,
			lifecycle.Part{Name: "shops", Run: func(ctx context.Context) error { return p.followShops(ctx, n) }},
			lifecycle.Part{Name: "mirrors", Run: p.mirrors.Watch},
		)
		if !errors.Is(err, wandnats.ErrLost) {
			return err
		}
		p.near.Store(nil)
		close(n.lost)
	}
}

func (p *parts) openMirrors(ctx context.Context) (*near, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := p.mirrors.Ensure(ctx); err != nil {
		return nil, err
	}
	return p.openNear(ctx)
}

// openNear opens what is read, and reads the shops.
func (p *parts) openNear(ctx context.Context) (*near, error) {
	pages, err := wandnats.OpenBucket(ctx, p.js, wandnats.BucketPages)
	if err != nil {
		return nil, err
	}
	n := &near{bucket: pages, pages: pagestore.NewKV(pages, p.keys), lost: make(chan struct{})}
	if n.shops, err = wandnats.OpenBucket(ctx, p.js, wandnats.BucketStores); err != nil {
		return nil, err
	}
	if n.catalogue, err = wandnats.OpenBucket(ctx, p.js, wandnats.BucketCatalogue); err != nil {
		return nil, err
	}
	return n, p.shops.Load(ctx, n.shops, n.catalogue)
}

func (p *parts) followShops(ctx context.Context, n *near) error {
	return p.shops.Follow(ctx, p.nc, n.shops, n.catalogue)
}

// watchHub returns errHubAway once the hub does not answer, wandnats.ErrLost once the mirrors
// are, and nil when ctx ends. Until then it measures whether the mirror of the pages is behind.
func (p *parts) watchHub(ctx context.Context, n *near) error {
	lag := wandnats.Lag{Mirror: p.js, Hub: p.hub, Stream: "KV_" + wandnats.BucketPages}
	tick := time.NewTicker(hubEvery)
	defer tick.Stop()
	for {
		behind, err := p.measure(ctx, lag)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return fmt.Errorf("%w: %w", errHubAway, err)
		}
		p.behind.Store(behind)
		select {
		case <-tick.C:
		case <-n.lost:
			return wandnats.ErrLost
		case <-ctx.Done():
			return nil
		}
	}
}

func (p *parts) measure(ctx context.Context, lag wandnats.Lag) (behind bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, hubTimeout)
	defer cancel()
	return lag.Measure(ctx)
}

// kvTier is the KV tier of the page lookup. It is unavailable until NATS was reached.
type kvTier struct{ p *parts }

func (k kvTier) Get(ctx context.Context, key pagekey.Key) (*pagestore.Page, error) {
	n := k.p.near.Load()
	if n == nil {
		return nil, errUnavailable
	}
	page, err := n.pages.Get(ctx, key)
	if !k.p.isPoP() || !errors.Is(err, pagestore.ErrMiss) {
		return page, err
	}
	// A mirror does not know every page, and one that the hub has is paid for already.
	switch b := k.p.bus.Load(); {
	case b == nil:
		return nil, fmt.Errorf("%w: %w: %w", pagestore.ErrMiss, pagestore.ErrUnavailable, errHubAway)
	case k.p.behind.Load():
		return b.pages.Get(ctx, key)
	default:
		return nil, err
	}
}

// popStreams are the Streams of a PoP. What is missing at the hub keeps nobody from serving.
type popStreams struct{ mirrors, hub *wandnats.Keeper }

func (s popStreams) Missing() bool { return s.mirrors.Missing() }

func (s popStreams) Faults() map[string]string {
	faults := maps.Clone(s.mirrors.Faults())
	for name, fault := range s.hub.Faults() {
		faults[name+" of the hub"] = fault
	}
	return faults
}
