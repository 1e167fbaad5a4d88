//go:build soak

package faults_test

import (
	"time"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/natstest"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
	"github.com/wandstore/wandstore/services/edge"
)

// popEdge is which edge of the crowd's is at the PoP on a day with a region.
const popEdge = 1

func (d *day) startEdgeThere() *world.Process {
	return d.StartEdgeUnready(world.ProductionTimeouts, d.region.edgeThere(d.t), func(c *edge.Config) {
		// As nats/README.md has them for PoPs.
		c.TriggerTimeout, c.SessionTimeout, c.StoreTimeout = time.Second, 300*time.Millisecond, 300*time.Millisecond
	})
}

// atPoP is the crowd so far, when it visits at the PoP only.
func (d *day) atPoP() *crowd {
	c := &crowd{t: d.t, edges: d.edges[popEdge:]}
	c.came.Store(d.came.Load())
	return c
}

// linkIsLost has the link of a region break or go silent six times, while shoppers come at
// both ends of it. Whoever came meanwhile, and whoever is new afterwards, has a page made by
// visits at the PoP.
func linkIsLost(d *day) {
	stop := d.come(200*time.Millisecond, 50*time.Millisecond)
	there := d.atPoP()
	var meanwhile []int64
	for range 6 {
		<-time.After(d.upTo(3 * time.Second))
		if d.rng.IntN(3) == 0 {
			d.region.link.Hang()
			d.lasts()
		} else {
			d.region.link.Cut()
			meanwhile = append(meanwhile, d.missWithoutHub(there))
			<-time.After(d.upTo(3 * time.Second))
		}
		d.region.restore()
	}
	stop()
	awaitHub(d.t, d.edges[popEdge].Load(), "ok")
	for _, n := range append(meanwhile, d.came.Add(1)-1) {
		if err := there.hasTheirPage(n); err != nil {
			d.t.Error(err)
		}
	}
}

// missWithoutHub has somebody new visit at the PoP once its edge knows that the link is cut:
// no job is made for them.
func (d *day) missWithoutHub(there *crowd) (n int64) {
	awaitHub(d.t, d.edges[popEdge].Load(), "away")
	n = d.came.Add(1) - 1
	if a := there.visit(n); a.Header.Get("X-Cache") != "MISS" || a.Header.Get("X-Generation") != "off" {
		d.t.Errorf("%s, without the hub: %s, X-Generation %q", shopper(n), a.Header.Get("X-Cache"), a.Header.Get("X-Generation"))
	}
	return n
}

// popServesByItself sees that the PoP's mirror has every page by itself: an edge there that
// has nothing in memory serves them all without the hub.
func popServesByItself(d *day) {
	there := d.atPoP()
	there.haveTheirPages()
	_, home := d.Connect()
	_, mirrors := natstest.Connect(d.t, as("operator", d.region.pop))
	pages := "KV_" + wandnats.BucketPages
	eventually.True(d.t, "the mirror has what the hub has", func() bool {
		return stream(d.t, mirrors, pages).CachedInfo().State.LastSeq == stream(d.t, home, pages).CachedInfo().State.LastSeq
	})
	d.region.link.Cut()
	fresh := d.startEdgeThere()
	fresh.Ready(d.t)
	d.edges[popEdge].Swap(fresh).Stop()
	for n := range there.came.Load() {
		if a := there.visit(n); a.Header.Get("X-Cache") != "HIT" || a.Tier() != pagestore.TierKV {
			d.t.Errorf("%s, by the mirror: %s from %q", shopper(n), a.Header.Get("X-Cache"), a.Tier())
		}
	}
}
