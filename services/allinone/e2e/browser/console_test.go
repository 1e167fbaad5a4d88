package browser_test

import (
	"fmt"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"google.golang.org/protobuf/types/known/timestamppb"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/wire"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
)

// storeJobs stores that many job records, and two dead letters.
func storeJobs(t *testing.T, w *world.World, records int) {
	t.Helper()
	_, js := w.Connect()
	shops := []string{"magic-wands", "whitby-tea", "kiln-and-field"}
	reasons := []string{"", "the model timed out", "the model refused the account", "the answer had no section that could be drawn"}
	for n := range records {
		state := wandstorev1.JobState_JOB_STATE_QUEUED + wandstorev1.JobState(n%4)
		rec := &wandstorev1.JobRecord{
			JobId: fmt.Sprint("job-", n), StoreSlug: shops[n%3], ShopperId: fmt.Sprint("shopper-", n), State: state, Attempt: 1,
			PoolMember: wandnats.Member(n % 10), RequestedAt: timestamppb.Now(), UpdatedAt: timestamppb.Now(),
		}
		if state == wandstorev1.JobState_JOB_STATE_FAILED {
			rec.Reason = reasons[1+n%3]
		}
		b, err := wire.Marshal(rec)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := js.PublishAsync("$KV.GENERATION_QUEUE."+wandnats.JobKey(rec.GetStoreSlug(), rec.GetShopperId()), b); err != nil {
			t.Fatal(err)
		}
		if n%200 == 0 {
			<-js.PublishAsyncComplete()
		}
	}
	for n := range 2 {
		payload, err := wire.Marshal(&wandstorev1.GenerationJob{JobId: fmt.Sprint("dead-", n), StoreSlug: "magic-wands", ShopperId: fmt.Sprint("dead-", n), RequestedAt: timestamppb.Now()})
		if err != nil {
			t.Fatal(err)
		}
		b, err := wire.Marshal(&wandstorev1.DeadLetter{JobId: fmt.Sprint("dead-", n), PoolMember: "pool-4", Attempts: 4, Reason: "its last delivery died with its worker", Payload: string(payload)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := js.PublishAsync(wandnats.DeadSubject("pool-4"), b); err != nil {
			t.Fatal(err)
		}
	}
	<-js.PublishAsyncComplete()
}

// An operator finds a job among ten thousand, sees what changes without a reload, and acts
// with the keyboard. The page fits a phone and violates no accessibility rule of axe-core.
func TestBrowserShowsTheConsole(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	w.StartGenerator()
	storeJobs(t, w, 10_000)
	// It ends after the tab, which asks it every two seconds.
	address := world.OpenConsole(t, w.GeneratorConfig()) + "/console/"
	// On a busy machine the page may not be renewed in time; it tries again.
	tb := world.OpenTab(t, 1280, "503 (Service Unavailable)")
	// The page's own policy would block axe-core.
	world.Call(tb, page.SetBypassCSP, page.SetBypassCSPParams{Enabled: true})
	tb.Visit(address)
	tb.Until("the jobs", `document.querySelector("#jobs .pages").textContent.startsWith("10000 jobs")`)
	tb.Do(chromedp.Evaluate[chromedp.Void](axe(t) + "; void 0"))
	for _, width := range widths {
		tb.Resize(width)
		if wide := world.Eval[float64](tb, `document.documentElement.scrollWidth`); wide > float64(width) {
			t.Errorf("%d px wide, the page takes %v: %s", width, wide, world.Eval[string](tb, tooWide))
		}
		violatesNone(t, tb, width)
	}

	click := func(link string) {
		t.Helper()
		tb.Run(fmt.Sprintf(`[...document.querySelectorAll("a, button")].find(e => e.textContent.includes(%q)).click()`, link))
	}
	const jobs = `document.querySelector("#jobs .pages").textContent`
	click("failed")
	tb.Until("the failed jobs", jobs+`.startsWith("2500 jobs, page 1")`)
	click("the model timed out")
	tb.Until("those of one reason", jobs+`.startsWith("834 jobs, page 1")`)
	click("earlier changed")
	tb.Until("more of them", `document.readyState === "complete" && `+jobs+`.includes("page 2")`)

	// What another operator does shows without a reload, in the place where this one reads.
	tb.Run(`window.same = true; document.querySelector("#jobs a").focus()`)
	_, js := w.Connect()
	if _, err := js.Publish(t.Context(), "$KV.CONTROL.generation.whitby-tea", []byte("off")); err != nil {
		t.Fatal(err)
	}
	tb.Until("a shop is stopped", `document.querySelector("#shops").textContent.includes("stopped")`)
	if !world.Eval[bool](tb, `window.same && document.querySelector("#jobs").contains(document.activeElement)`) {
		t.Error("the page was reloaded, or the focus was lost")
	}

	// A form sends the operator back to the jobs that were shown.
	click("Drop")
	tb.Until("a dead letter less", `document.querySelectorAll("#letters tbody tr").length == 1`)
	tb.Until("the same jobs", jobs+`.includes("834 jobs, page 2")`)
	click("Replay")
	tb.Until("the generator has made its page", `document.querySelector("#letters").textContent.includes("There are none")`)
	tb.Visit(address + "job?store=magic-wands&shopper=dead-0")
	tb.Until("its trail", `["replayed", "stored"].every(step => document.querySelector(".trail")?.textContent.includes(step))`)
}
