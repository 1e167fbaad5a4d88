package faults_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
	"github.com/wandstore/wandstore/services/edge"
	"github.com/wandstore/wandstore/services/generator"
	"github.com/wandstore/wandstore/services/kimisim"
)

// midway is the source of a page whose model breaks off: of what came until then, if that is
// a section or more, and of the template.
const midway = "template or partial"

// noAnswer is what is told of a model that does not answer in time.
const noAnswer = "no answer within"

// Every failure of the model ends in a page: from its words if there are any, otherwise
// from the template. The trail contains the reason.
func TestEveryModelFaultEndsInAPage(t *testing.T) {
	t.Parallel()
	for _, fault := range []struct {
		name   string
		source string
		tells  string // what /debug/errors says, somewhere
	}{
		{kimisim.ServerError, "template", "unavailable"},
		{kimisim.InsufficientBalance, "template", "403"},
		{kimisim.Hang, "template", noAnswer},
		{kimisim.Reset, midway, "unavailable"},
		{kimisim.Truncated, "llm", "ends too early"},
		{kimisim.Malformed, "template", "no page design"},
		{kimisim.HTML, "llm", ""},
		{kimisim.Empty, "template", "empty"},
		{kimisim.Slow, "template", noAnswer},
		{kimisim.Huge, "template", "large"},
		{kimisim.Hostile, "", ""},
		{kimisim.NoEnd, "llm", ""},
		{kimisim.NoStream, "llm", ""},
		{kimisim.KeepAlive, "template", noAnswer},
		{kimisim.StreamError, midway, "502"},
		{kimisim.RawBreaks, "llm", ""},
		{kimisim.Thoughts, "llm", ""},
	} {
		t.Run(fault.name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t)
			e := w.StartEdge()
			// Only what says nothing in time has to wait for the timeout.
			timeout := 60
			if fault.tells == noAnswer {
				timeout = 5 // long enough for a retry
			}
			w.StartGenerator(func(c *generator.Config) { c.LLMTimeoutSeconds = timeout })
			if err := w.Sim.SetFault(kimisim.Fault{Name: fault.name}); err != nil {
				t.Fatal(err)
			}
			e.Visit(t, "magic-wands", "unlucky")
			hit := e.BecomesHit(t, "magic-wands", "unlucky")
			for _, evil := range []string{"onerror=", "onclick=", "javascript:"} {
				if strings.Contains(hit.Body, evil) {
					t.Errorf("the page holds %q", evil)
				}
			}
			own, block := strings.Count(hit.Body, "<script>"), strings.Count(hit.Body, `<script type="application/json" id="design">`)
			if all := strings.Count(hit.Body, "<script"); own != 1 || block != 1 || all != 2 {
				t.Errorf("%d scripts, want the shop's own and the page's design", all)
			}
			var status map[string]any
			eventually.True(t, "the status is ready", func() bool {
				status = e.GenerationStatus(t, "magic-wands", "unlucky")
				return status["state"] == "ready"
			})
			if source, _ := status["source"].(string); fault.source != "" && !slices.Contains(strings.Split(fault.source, " or "), source) {
				t.Errorf("source %v, want %s", status["source"], fault.source)
			}
			trail := world.Get(t, e.Base+"/debug/errors?store=magic-wands&shopper=unlucky")
			var told struct {
				Errors []struct{ Step, Detail string }
			}
			if err := json.Unmarshal([]byte(trail.Body), &told); err != nil {
				t.Fatal(err)
			}
			if fault.tells != "" && !strings.Contains(strings.ToLower(trail.Body), fault.tells) {
				t.Errorf("the trail does not tell of %q: %s", fault.tells, trail.Body)
			}
			if status["source"] != "llm" {
				if len(told.Errors) == 0 {
					t.Error("a page that is not wholly the model's, and no error in the trail")
				}
				// An outage must not be frozen into permanent storage.
				fresh := w.StartEdge(func(c *edge.Config) { c.S3.Bucket = w.S3.Bucket })
				if tier := fresh.BecomesHit(t, "magic-wands", "unlucky").Tier(); tier != "kv" {
					t.Errorf("a template page comes from %q, want KV only", tier)
				}
			}
		})
	}
}

// A single failure of the model is retried, and the page comes from the model.
func TestModelThatFailsOnceIsAskedAgain(t *testing.T) {
	t.Parallel()
	for _, fault := range []string{kimisim.RateLimit, kimisim.ServerError, kimisim.Reset, kimisim.Truncated, kimisim.Malformed, kimisim.Empty} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			w := world.New(t)
			e := w.StartEdge()
			w.StartGenerator()
			if err := w.Sim.SetFault(kimisim.Fault{Name: fault, Count: 1}); err != nil {
				t.Fatal(err)
			}
			e.Visit(t, "magic-wands", "patient")
			e.BecomesHit(t, "magic-wands", "patient")
			// The page is stored before its record says so.
			var status map[string]any
			eventually.True(t, "the status is ready", func() bool {
				status = e.GenerationStatus(t, "magic-wands", "patient")
				return status["state"] == "ready"
			})
			if status["source"] != "llm" {
				t.Errorf("source %v, want llm", status["source"])
			}
		})
	}
}

// A busy account is a reason to wait: every page is the model's, though the account allows one
// call at a time and says so to the others by 429 without Retry-After, and though it refuses
// all calls for a while.
func TestBusyAccount(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	e := w.StartEdge()
	w.StartGenerator()
	if err := w.Sim.SetLimits(kimisim.Limits{Concurrency: 1}); err != nil {
		t.Fatal(err)
	}
	if err := w.Sim.SetFault(kimisim.Fault{Name: kimisim.RateLimit, Count: 2}); err != nil {
		t.Fatal(err)
	}
	shoppers := world.Shoppers("busy", 12)
	for _, shopper := range shoppers {
		e.Visit(t, "magic-wands", shopper)
	}
	for _, shopper := range shoppers {
		e.BecomesHit(t, "magic-wands", shopper)
		eventually.True(t, "the model's page is ready", func() bool {
			status := e.GenerationStatus(t, "magic-wands", shopper)
			return status["state"] == "ready" && status["source"] == "llm"
		})
	}
	// The members call before the first refusal teaches them the limit, and a slot that was not
	// renewed for ten seconds is somebody else's: on a busy machine some calls exceed it.
	if stats := w.Sim.Stats(); stats.Refused > len(shoppers)/2 {
		t.Errorf("%d of %d calls exceeded the account's limit", stats.Refused, stats.Requests)
	}
}
