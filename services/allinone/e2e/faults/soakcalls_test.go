//go:build soak

package faults_test

import (
	"bytes"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wandstore/wandstore/services/kimisim"
)

// calls stands before the model and notes who asks it for whom: a generator is known by the
// path of its KIMI_BASE_URL, a shopper by what they have searched for.
type calls struct {
	server *httptest.Server

	mu sync.Mutex
	// of are the calls for each shopper, in order; "" is for those whose session was not read.
	of map[string][]call
	// killed is when each generator was killed that was.
	killed map[string]time.Time
	// fault is what a part of the calls get.
	fault string
	part  float64
}

// call is one call of the model, which has to be paid.
type call struct {
	by string
	at time.Time
	// spoilt says that the answer was one of the model's faults.
	spoilt bool
}

var searchedFor = regexp.MustCompile(`like (soak-[0-9]+)`)

func countCalls(t *testing.T, sim *kimisim.Server) *calls {
	t.Helper()
	c := &calls{of: map[string][]call{}, killed: map[string]time.Time{}}
	model := sim.Handler()
	c.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		generator, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // who asks has gone
		}
		if fault := c.note(generator, body); fault != "" {
			r.Header.Set(kimisim.FaultHeader, fault)
		}
		r.URL.Path, r.Body = "/"+path, io.NopCloser(bytes.NewReader(body))
		model.ServeHTTP(w, r)
	}))
	t.Cleanup(c.server.Close)
	return c
}

// url is the KIMI_BASE_URL of a generator.
func (c *calls) url(generator string) string { return c.server.URL + "/" + generator + "/v1" }

// note notes a call, and returns the fault that it gets.
func (c *calls) note(generator string, body []byte) (fault string) {
	who := ""
	if found := searchedFor.FindSubmatch(body); found != nil {
		who = string(found[1])
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if rand.Float64() < c.part {
		fault = c.fault
	}
	c.of[who] = append(c.of[who], call{generator, time.Now(), fault != ""})
	return fault
}

// spoil has a part of the calls get a fault from now on.
func (c *calls) spoil(fault string, part float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fault, c.part = fault, part
}

// kill notes that a generator is killed now.
func (c *calls) kill(generator string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.killed[generator] = time.Now()
}

// check reports the shoppers whose page was paid for more than once, although each generator
// that had asked for it lived on. A generator that is killed takes the answer with it, and the
// call is made again: that is one more for each kill.
func (c *calls) check(t *testing.T, shoppers int64) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	total, excused, unknown := 0, 0, c.of[""]
	for _, who := range slices.Sorted(maps.Keys(c.of)) {
		total += len(c.of[who])
		for i := range len(c.of[who]) - 1 {
			if before, again := c.of[who][i], c.of[who][i+1]; who != "" && !c.lost(before, again.at) {
				t.Errorf("%s was paid for again by %s at %s, after %s at %s", who, again.by, again.at.Format(time.TimeOnly), before.by, before.at.Format(time.TimeOnly))
			} else if who != "" {
				excused++
			}
		}
	}
	// A call whose session was not read is one of a shopper's without any.
	for n := range shoppers {
		if len(c.of[shopper(n)]) == 0 && len(unknown) > 0 {
			unknown = unknown[1:]
		}
	}
	for _, u := range unknown {
		if !c.lost(u, time.Now()) {
			t.Errorf("a call by %s at %s was for nobody who had none", u.by, u.at.Format(time.TimeOnly))
		} else {
			excused++
		}
	}
	t.Logf("%d calls of the model for %d shoppers; %d of them again after a kill or a fault, %d whose session was not read", total, shoppers, excused, len(c.of[""]))
}

// lost tells whether a call was answered by a fault, or the generator that made it was killed
// after it, and before then.
func (c *calls) lost(made call, then time.Time) bool {
	if made.spoilt {
		return true
	}
	at, killed := c.killed[made.by]
	return killed && at.After(made.at) && at.Before(then)
}
