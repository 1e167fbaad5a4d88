// Command capacity prints what WandStore needs for so many shoppers a day, and what of it
// breaks first, as Markdown. What a page costs was measured; a test measures it again.
package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

// measured is what one page, job or machine was found to take.
type measured struct {
	what  string
	value float64
	where string
}

const (
	ofTest = "`TestCapacityPageCountsRight`, which fails where it is no longer so"
	ofEval = "`task eval`, [ADR 0016](adr/0016-a-shops-prompts-begin-alike.md)"
)

// What was measured.
var (
	callsAPage    = measured{"calls of the model a page", 1, ofTest}
	writesAPage   = measured{"writes a page, all streams", 25, ofTest}
	writesOfLane  = measured{"writes a page, `GENERATION_QUEUE`", 10, ofTest}
	recordsAPage  = measured{"job records a page", 4.4, ofTest}
	bytesARecord  = measured{"bytes of a job record", 420, ofTest}
	bytesStored   = measured{"bytes a page, object store", 34000, ofTest}
	bytesCached   = measured{"bytes a page, `UI_CACHE`", 36600, ofTest}
	bytesSent     = measured{"bytes a page, compressed", 7300, ofTest}
	bytesOfTrail  = measured{"bytes a job, `GENERATION_QUEUE`", 3900, ofTest}
	bytesAHold    = measured{"bytes a reservation in the day's record, `SPEND`", 94, ofTest}
	dollarsAPage  = measured{"US dollars a page", 0.0034, ofEval + ", at the default prices and 92.5 % of the prompt cached"}
	bytesSession  = measured{"bytes a shopper, `SHOPPER_SESSIONS`", 2048, "[nats/README.md](../nats/README.md#limits): 6 GiB for three million"}
	laneASecond   = measured{"writes a second of one stream", 1400, "one client, `sync_interval: always`, two cores, 0.6 ms a sync; 64 clients write 2,200"}
	hitsASecond   = measured{"pages from memory a second, two cores", 20000, "`BenchmarkHitFromMemory`'s edge, whose client had the same two cores"}
	secondsAModel = measured{"seconds of the model a page", 100, "the model that the defaults are made for; kimisim is faster"}
	all           = []measured{callsAPage, writesAPage, writesOfLane, recordsAPage, bytesARecord, bytesStored, bytesCached, bytesSent, bytesOfTrail, bytesAHold, dollarsAPage, bytesSession, laneASecond, hitsASecond, secondsAModel}
)

// What is assumed of shoppers. Other shops have others: change it and run `task generate`.
const (
	viewsADay   = 5.0  // pages that a shopper opens
	eventsADay  = 5.0  // events that their browser reports
	pagesADay   = 1.0  // pages that are made for them
	peakHour    = 0.12 // the part of a day that is in its busiest hour
	keptDays    = 30.0 // PAGE_TTL and GUEST_TTL of deploy/
	heartbeat   = 5.0  // seconds between two writes of a record while its job runs: a third of the ack wait in nats/consumers
	waitedHours = 5.0  // JOB_MAX_WAIT and the hour that records outlive it
	newShoppers = 0.5  // of a day's shoppers, the part that was not there on another of the days kept
)

// need is what so many shoppers a day need.
type need struct {
	shoppers, jobs, calls, dollars, writes, lane, records, views, running, cached, trail, sessions, stored, edges float64
}

func needs(shoppers float64) need {
	jobs := shoppers * pagesADay
	second := peakHour / 3600 // of a day's sum, in a second of the busiest hour
	// The model of the test is done before the first.
	beats := secondsAModel.value / heartbeat
	n := need{
		shoppers: shoppers, jobs: jobs, calls: jobs * callsAPage.value, dollars: jobs * dollarsAPage.value,
		writes:  (jobs*(writesAPage.value+beats) + shoppers*eventsADay) * second,
		lane:    jobs * (writesOfLane.value + beats) * second,
		records: jobs * (recordsAPage.value + beats) * second,
		views:   shoppers * viewsADay * second,
		// Little's law: what arrives in a second, for as long as it takes.
		running:  math.Ceil(jobs * second * secondsAModel.value),
		cached:   jobs * peakHour * bytesCached.value,
		trail:    math.Min(jobs*peakHour*waitedHours, jobs) * bytesOfTrail.value * (1 + beats/writesOfLane.value),
		sessions: shoppers * (1 + newShoppers*(keptDays-1)) * bytesSession.value,
		stored:   shoppers * (1 + newShoppers*(keptDays-1)) * bytesStored.value,
	}
	// Half of what was measured, and two because one may be lost.
	n.edges = math.Max(2, math.Ceil(n.views/(hitsASecond.value/2)))
	return n
}

const (
	gib = 1 << 30
	// maxPayload is that of nats/server.
	maxPayload = 1_000_000
)

// besidePage is what an edge counts for a page in memory beside its compressed document.
const besidePage = 2 << 10

// limit is a bound of the defaults, what a need has of it, and the setting that moves it.
type limit struct {
	name    string
	part    func(n need) float64
	setting string
}

var limits = []limit{
	{"jobs at a time: 10 members of one each", func(n need) float64 { return n.running / 10 },
		"`POOL_CONCURRENCY`, in the hundreds in one process; the model's account has to allow it (`KIMI_MAX_CONCURRENCY`, `KIMI_RPM`)"},
	{"`UI_CACHE`, 2 GiB", func(n need) float64 { return n.cached / (2 * gib) },
		"`CACHE_TTL_SECONDS` down, since the object store has the pages; or `nats stream edit KV_UI_CACHE --max-bytes`"},
	{"`GENERATION_QUEUE`, 1 GiB", func(n need) float64 { return n.trail / gib },
		"`JOB_MAX_WAIT` down, once the queue is fast; or `nats stream edit KV_GENERATION_QUEUE --max-bytes`"},
	{"`SHOPPER_SESSIONS`, 6 GiB", func(n need) float64 { return n.sessions / (6 * gib) },
		"`GUEST_TTL` down; or `nats stream edit KV_SHOPPER_SESSIONS --max-bytes`"},
	{"writes of `GENERATION_QUEUE`, 1,400 a second", func(n need) float64 { return n.lane / laneASecond.value },
		"a disk that syncs faster; three nodes, which need not sync each write (`nats/server/cluster.conf`); `PAGE_SCOPE=auto`, by which fewer pages are made"},
	{"the day's record of `SPEND`, a message of 1 MB", func(n need) float64 { return n.running * bytesAHold.value / maxPayload },
		"`max_payload` of nats-server, up to 8 MB; an account of NATS for a large tenant, who has a record of their own"},
	{"pages a second of two edges of two cores", func(n need) float64 { return n.views / hitsASecond.value },
		"more edges: they share nothing but NATS and the object store"},
}

func main() { fmt.Print(page()) }

func page() string {
	var b strings.Builder
	b.WriteString(`# Capacity

Made by ` + "`task generate`" + ` from [` + "`internal/capacity`" + `](internal/capacity/main.go). What WandStore needs for so many shoppers a day, and what of the defaults breaks first.

`)
	sizes := []need{needs(1e3), needs(1e5), needs(1e7)}
	row := func(name string, of func(n need) string) {
		b.WriteString("| " + name + " |")
		for _, n := range sizes {
			b.WriteString(" " + of(n) + " |")
		}
		b.WriteString("\n")
	}
	row("shoppers a day", func(n need) string { return number(n.shoppers) })
	b.WriteString("| --- | ---: | ---: | ---: |\n")
	row("jobs a day", func(n need) string { return number(n.jobs) })
	row("calls of the model a day", func(n need) string { return number(n.calls) })
	row("US dollars a day", func(n need) string { return number(n.dollars) })
	row("jobs at a time, in the busiest hour", func(n need) string { return number(n.running) })
	row("writes a second on NATS, in the busiest hour", func(n need) string { return number(n.writes) })
	row("of them in `GENERATION_QUEUE`", func(n need) string { return number(n.lane) })
	row("job records a second that each edge is told of, in the busiest hour", func(n need) string { return number(n.records) })
	row("their bytes a second", func(n need) string { return size(n.records * bytesARecord.value) })
	row("pages a second, in the busiest hour", func(n need) string { return number(n.views) })
	row("NATS's disk, one replica", func(n need) string { return size(n.cached + n.trail + n.sessions) })
	row("object store", func(n need) string { return size(n.stored) })
	row("memory of an edge for the pages of the busiest hour (`CACHE_MEMORY_BYTES`)", func(n need) string { return size(n.jobs * peakHour * (bytesSent.value + besidePage) / n.edges) })
	row("edges of two cores", func(n need) string { return number(n.edges) })
	row("generators, at 200 jobs at a time each", func(n need) string { return number(math.Max(2, math.Ceil(n.running/200))) })
	row("NATS nodes", func(n need) string {
		if n.shoppers < 1e5 {
			return "1"
		}
		return "3"
	})
	b.WriteString("\n## What breaks first\n\nThe part of each default that is used up in the busiest hour; above 1 it is broken, and the largest number of a column breaks first. No shopper gets an error by any of them: they get the fallback, or a page for their kind of visitor.\n\n| default |")
	for _, n := range sizes {
		b.WriteString(" " + number(n.shoppers) + " |")
	}
	b.WriteString(" what moves it |\n| --- | ---: | ---: | ---: | --- |\n")
	largest := sizes[len(sizes)-1]
	sorted := slices.SortedStableFunc(slices.Values(limits), func(x, y limit) int { return cmp.Compare(y.part(largest), x.part(largest)) })
	for _, l := range sorted {
		row(l.name, func(n need) string { return part(l.part(n)) })
		// The setting is the row's last cell.
		text := strings.TrimSuffix(b.String(), "\n")
		b.Reset()
		b.WriteString(text + " " + l.setting + " |\n")
	}
	b.WriteString("\n## What it is computed from\n\n| measured | | where |\n| --- | ---: | --- |\n")
	for _, m := range all {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", m.what, strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.4f", m.value), "0"), "."), m.where)
	}
	fmt.Fprintf(&b, `
A record is written anew each %g s while its job runs, which the test's model is too fast for. A job that waits writes its record once more, and again when what it waits for changes: the numbers of writes and records are between those of an idle and of a busy machine.

Assumed of a shopper's day: %g pages opened, %g events, %g page made; %g %% of a day's traffic in its busiest hour; %g %% of a day's shoppers were not there on another of the %g days that pages and sessions are kept. Other shops differ: change the constants and generate the page again.
`, heartbeat, viewsADay, eventsADay, pagesADay, peakHour*100, newShoppers*100, keptDays)
	return b.String()
}

// number is a number for people: two digits that count below ten, thousands apart.
func number(x float64) string {
	if x < 10 && x != math.Trunc(x) {
		return strings.TrimSuffix(fmt.Sprintf("%.1f", x), ".0")
	}
	digits := fmt.Sprintf("%.0f", x)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

func size(bytes float64) string {
	switch {
	case bytes >= 1024*gib:
		return number(bytes/(1024*gib)) + " TiB"
	case bytes >= gib:
		return number(bytes/gib) + " GiB"
	case bytes >= 1<<20:
		return number(bytes/(1<<20)) + " MiB"
	default:
		return number(math.Max(1, bytes/(1<<10))) + " KiB"
	}
}

func part(x float64) string {
	switch {
	case x < 0.01:
		return "0.01"
	case x < 10:
		return fmt.Sprintf("%.2f", x)
	default:
		return number(x)
	}
}
