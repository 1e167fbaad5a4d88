//go:build soak

package faults_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
)

// crowd is the shoppers of a soak. They come by a balancer of edges, and each must be
// answered with a page.
type crowd struct {
	t *testing.T
	// edges are those of the balancer. One is nil while it is known to be gone, and another
	// process once it was replaced.
	edges []*atomic.Pointer[world.Process]
	// once says that nobody searches again who had no answer. What a silent link holds back
	// arrives later, and who is known to have searched twice is due another page.
	once bool
	// came is how many shoppers there are so far.
	came atomic.Int64

	mu sync.Mutex
	// took is how long each visit took.
	took []time.Duration
}

func newCrowd(t *testing.T, edges int) *crowd {
	t.Helper()
	c := &crowd{t: t}
	for range edges {
		c.edges = append(c.edges, &atomic.Pointer[world.Process]{})
	}
	return c
}

func shopper(n int64) string { return fmt.Sprint("soak-", n) }

// come has new shoppers come one after the other, and others return, until stopped. Each new
// one has searched for something before, by which its calls of the model are known.
func (c *crowd) come(first, again time.Duration) (stop func()) {
	var visitors sync.WaitGroup
	each := func(pause time.Duration, visit func()) (stop func()) {
		// One that waits for its answer keeps nobody else from coming.
		return world.Every(c.t, pause, func() { visitors.Go(visit) })
	}
	stopNew := each(first, func() { c.arrive(c.came.Add(1) - 1) })
	stopReturning := each(again, func() { c.visit(rand.N(max(1, c.came.Load()))) })
	return func() {
		stopNew()
		stopReturning()
		visitors.Wait()
		if c.came.Load() == 0 {
			c.t.Error("nobody came")
		}
	}
}

// arriveAll has so many new shoppers come within ten seconds, or all at once, and waits for
// their answers.
func (c *crowd) arriveAll(shoppers int64, atOnce bool) {
	var visitors sync.WaitGroup
	defer visitors.Wait()
	pause := 10 * time.Second / time.Duration(shoppers)
	for range shoppers {
		visitors.Go(func() { c.arrive(c.came.Add(1) - 1) })
		if !atOnce {
			<-time.After(pause)
		}
	}
}

// arrive is the first visit of shopper n.
func (c *crowd) arrive(n int64) {
	c.search(n)
	c.visit(n)
}

// search has the shopper search, which is kept in their session. It is only tracked: where
// NATS is away, nothing is. Most search until it is there again; some go on without, so that
// they ask for a page meanwhile.
func (c *crowd) search(n int64) {
	body := fmt.Sprintf(`{"shopper":%q,"store":"magic-wands","event":"search","query":"like %s"}`, shopper(n), shopper(n))
	tries := 60
	if n%4 == 0 || c.once {
		tries = 1
	}
	for range tries {
		if a, err := c.ask(http.MethodPost, "/api/shopper/track", body); err == nil && a.Status == http.StatusAccepted {
			return
		}
		<-time.After(250 * time.Millisecond)
	}
}

// visit opens the page of shopper n.
func (c *crowd) visit(n int64) world.Answer {
	start := time.Now()
	a, err := c.ask(http.MethodGet, "/s/magic-wands?shopper="+shopper(n), "")
	switch {
	case err != nil:
		c.t.Errorf("%s is not answered: %v", shopper(n), err)
	case a.Status != http.StatusOK:
		c.t.Errorf("%s is answered with %d", shopper(n), a.Status)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.took = append(c.took, time.Since(start))
	return a
}

// ask sends a request to an edge that is there. Where that one goes away before it has
// answered, the next is asked, as a balancer does. An edge that stays has to answer.
func (c *crowd) ask(method, path, body string) (world.Answer, error) {
	first := rand.IntN(len(c.edges))
	for i := range 2 * len(c.edges) {
		at := c.edges[(first+i)%len(c.edges)]
		e := at.Load()
		if e == nil {
			continue
		}
		a, err := send(method, e.Base+path, body)
		if err == nil || at.Load() == e {
			return a, err
		}
	}
	return world.Answer{}, errors.New("no edge is there")
}

func send(method, url, body string) (world.Answer, error) {
	req, err := http.NewRequestWithContext(context.Background(), method, url, strings.NewReader(body))
	if err != nil {
		return world.Answer{}, err
	}
	res, err := world.Client.Do(req)
	if err != nil {
		return world.Answer{}, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return world.Answer{Status: res.StatusCode, Header: res.Header, Body: string(b)}, err
}

// haveTheirPages logs how long visits took so far, and waits until every shopper who came gets a
// page of their own. A visit makes a new job where the first became a dead letter.
func (c *crowd) haveTheirPages() {
	c.t.Helper()
	c.logWaits()
	looking, late := errgroup.WithContext(c.t.Context())
	looking.SetLimit(8)
	for n := range c.came.Load() {
		if late.Err() != nil {
			break
		}
		looking.Go(func() error { return c.hasTheirPage(n) })
	}
	if err := looking.Wait(); err != nil {
		c.t.Fatal(err)
	}
}

// hasTheirPage has shopper n visit until they get a page of their own.
func (c *crowd) hasTheirPage(n int64) error {
	// What the model's account allows, after it has refused calls in a minute with few, is found
	// out in about ten.
	const patience = 15 * time.Minute
	for until := time.Now().Add(patience); time.Now().Before(until); {
		if c.visit(n).Header.Get("X-Cache") == "HIT" {
			return nil
		}
		<-time.After(200 * time.Millisecond) // visits without a pause would be all that the machine does
	}
	return fmt.Errorf("%s has no page of their own within %s", shopper(n), patience)
}

// logWaits tells how long visits took.
func (c *crowd) logWaits() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.took) == 0 {
		return
	}
	slices.Sort(c.took)
	at := func(part float64) time.Duration {
		return c.took[int(part*float64(len(c.took)-1))].Round(time.Millisecond)
	}
	c.t.Logf("%d visits: half within %s, 99 %% within %s, all within %s", len(c.took), at(0.5), at(0.99), at(1))
}

// tellTwice logs the trails of those for whom work was begun more than once, or went wrong.
func (c *crowd) tellTwice(js jetstream.JetStream) {
	c.t.Helper()
	jobs, err := wandnats.OpenBucket(c.t.Context(), js, wandnats.BucketJobs)
	if err != nil {
		c.t.Fatal(err)
	}
	for n := range c.came.Load() {
		key, err := pagekey.New("magic-wands", shopper(n))
		if err != nil {
			c.t.Fatal(err)
		}
		trail, problems, err := jobqueue.ReadTrail(c.t.Context(), jobs, key)
		if err != nil {
			c.t.Fatal(err)
		}
		begun := 0
		for _, crumb := range trail {
			if crumb.GetStep() == "started" {
				begun++
			}
		}
		if begun < 2 && len(problems) == 0 {
			continue
		}
		for _, crumb := range append(trail, problems...) {
			c.t.Log(shopper(n), crumb.GetAt().AsTime().Format(time.StampMilli), crumb.GetJobId(), crumb.GetService(), crumb.GetPoolMember(), crumb.GetAttempt(), crumb.GetStep(), crumb.GetDetail())
		}
	}
}
