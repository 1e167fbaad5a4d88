package operate_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/checkout"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/natstest"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
	"github.com/wandstore/wandstore/services/kimisim"
)

// block is a fenced block of commands in an operators' page, and what the page says
// that they print.
type block struct{ section, commands, prints string }

// operatorsPage returns the blocks of a page in their order.
func operatorsPage(t *testing.T, path ...string) []block {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(checkout.Root(t), filepath.Join(path...)))
	if err != nil {
		t.Fatal(err)
	}
	var blocks []block
	for _, part := range strings.Split(string(page), "\n## ")[1:] {
		section, _, _ := strings.Cut(part, "\n")
		for _, m := range regexp.MustCompile("(?s)```sh\n(.*?)\n```(?:\n\n```text\n(.*?)\n```)?").FindAllStringSubmatch(part, -1) {
			blocks = append(blocks, block{section, m[1], m[2]})
		}
	}
	return blocks
}

// run runs the block's commands in bash in a folder like the top of the repository, and
// checks that they print the lines of the page in their order; other lines may be between.
func (b block) run(t *testing.T, url, dir string, env ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), eventually.Patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", b.commands)
	cmd.Dir = dir
	cmd.WaitDelay = time.Minute
	cmd.Env = append(os.Environ(), "NATS_URL="+url, world.CLIPatience, "XDG_CONFIG_HOME="+t.TempDir(),
		"PATH="+filepath.Dir(checkout.Tool(t, "nats"))+":"+filepath.Join(dir, "bin")+":"+os.Getenv("PATH"))
	cmd.Env = append(cmd.Env, env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s\n%s", b.section, err, b.commands, out)
	}
	printed := strings.Split(string(out), "\n")
	for want := range strings.SplitSeq(b.prints, "\n") {
		pattern := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(want), "…", ".*") + "$")
		for {
			if len(printed) == 0 {
				t.Errorf("%s: not printed, or not in this order: %s\n%s", b.section, want, out)
				return
			}
			line := printed[0]
			printed = printed[1:]
			if want == "" || pattern.MatchString(line) {
				break
			}
		}
	}
}

// ofMember returns n shoppers whose jobs go to that member of ten.
func ofMember(member, n int) []string {
	var ids []string
	for i := 0; len(ids) < n; i++ {
		if id := fmt.Sprintf("shopper-%d", i); jobqueue.SelectMember(id, 10) == member {
			ids = append(ids, id)
		}
	}
	return ids
}

// Every command of the operator's page runs as it is written and prints what the
// page says, against a WandStore in the state that the section is for.
func TestOperatorsPage(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	start := func() (*world.Process, *world.Process) {
		return w.StartEdge(), w.StartGenerator()
	}
	e, g := start()
	_, js := w.Connect()
	console := world.OpenConsole(t, w.GeneratorConfig())
	idle := func() {
		eventually.True(t, "no job is left", func() bool { return len(w.Waiting(js)) == 0 })
	}
	track := func(shopper string) {
		if a := world.Post(t, e.Base+"/api/shopper/track", `{"shopper":"`+shopper+`","store":"magic-wands","event":"view"}`); a.Status != 202 {
			t.Fatalf("track: %d %s", a.Status, a.Body)
		}
	}
	third, ninth := ofMember(3, 8), ofMember(9, 2)

	// A shopper with a page, a session and an error in the trail.
	track("abc123")
	track("kept")
	if err := w.Sim.SetFault(kimisim.Fault{Name: kimisim.Malformed, Count: 1}); err != nil {
		t.Fatal(err)
	}
	e.Visit(t, "magic-wands", "abc123")
	e.BecomesHit(t, "magic-wands", "abc123")
	idle()

	// The preparations of each section, and the checks after it.
	before, after := map[string]func(){}, map[string]func(){}
	var gate *kimisim.Gate
	before["The pool"] = func() {
		gate = w.Sim.Gate()
		e.Visit(t, "magic-wands", third[0])
		<-gate.Arrived()
	}
	after["The pool"] = func() { gate.Open(); idle() }
	var stop func()
	before["A shopper's job"] = func() {
		// Shoppers keep coming, so that the watching commands see something: each when the last
		// one has a page, since a queue that grows is all "queued". They come once, since a
		// subscription is told of claims that are refused too.
		n := 0
		stop = world.Every(t, 200*time.Millisecond, func() {
			e.Visit(t, "magic-wands", fmt.Sprintf("passing-%d", n))
			idle()
			n++
		})
	}
	after["A shopper's job"] = func() { stop(); idle() }
	before["Dead letters"] = func() {
		w.LimitDeliveries(js, 1)
		allow := w.RefusePages(js)
		for _, id := range third[1:5] {
			e.Visit(t, "magic-wands", id)
		}
		letters(t, w, 4)
		allow()
	}
	after["Dead letters"] = idle
	before["Empty a member's queue"] = func() {
		w.CLI("consumer", "pause", wandnats.StreamGeneration, "pool-3", "1h", "--force")
		e.Visit(t, "magic-wands", third[5])
		if w.Waiting(js)["wandstore.generate.pool-3"] != 1 {
			t.Errorf("a paused member's job does not wait: %v", w.Waiting(js))
		}
	}
	after["Empty a member's queue"] = func() {
		idle()
		if a := e.Visit(t, "magic-wands", third[5]); a.Header.Get("X-Generation") != "triggered" {
			t.Errorf("a purged job's shopper gets no other: X-Generation %q", a.Header.Get("X-Generation"))
		}
		e.BecomesHit(t, "magic-wands", third[5])
		idle()
	}
	before["Change the pool"] = func() {
		// A job of the removed member is drained by generators of the smaller pool.
		g.Stop()
		e.Visit(t, "magic-wands", ninth[0])
		if w.Waiting(js)["wandstore.generate.pool-9"] != 1 {
			t.Fatalf("no job for pool-9: %v", w.Waiting(js))
		}
		e.Stop()
		w.Pool.PoolSize = 9
		sharded := w.Pool
		sharded.Shards = 2
		if err := wandnats.Ensure(t.Context(), js, sharded); err != nil {
			t.Fatal(err)
		}
		e, g = start()
		idle()
	}
	after["Change the pool"] = func() {
		queue, err := js.Stream(t.Context(), wandnats.StreamGeneration)
		if err != nil {
			t.Fatal(err)
		}
		if info := queue.CachedInfo(); len(info.Config.Subjects) != 1 || info.State.Consumers != 9 {
			t.Errorf("after the shards were removed: subjects %v, %d consumers", info.Config.Subjects, info.State.Consumers)
		}
		e.Visit(t, "magic-wands", ninth[1])
		e.BecomesHit(t, "magic-wands", ninth[1])
		idle()
		g.Stop()
		e.Stop()
		w.Pool.PoolSize = 10
		e, g = start()
		e.Visit(t, "magic-wands", "after-growth")
		e.BecomesHit(t, "magic-wands", "after-growth")
		if _, err := js.Consumer(t.Context(), wandnats.StreamGeneration, "pool-9"); err != nil {
			t.Errorf("a larger pool has no pool-9: %v", err)
		}
		idle()
	}
	var kept map[string]uint64
	before["Back up and restore"] = func() {
		// The restart has restored the consumers' deliveries.
		w.LimitDeliveries(js, 1)
		allow := w.RefusePages(js)
		e.Visit(t, "magic-wands", third[6])
		letters(t, w, 1)
		allow()
		idle()
		g.Stop()
		e.Stop()
		kept = sequences(t, js)
	}
	after["Back up and restore"] = func() {
		if restored := sequences(t, js); !maps.Equal(restored, kept) {
			t.Errorf("restored: %v, want %v", restored, kept)
		}
		e, g = start()
	}

	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{
		"nats":          filepath.Join(checkout.Root(t), "nats"),
		"deploy":        filepath.Join(checkout.Root(t), "deploy"),
		"bin/edge":      world.Binary(t, "edge"),
		"bin/generator": world.Binary(t, "generator"),
	} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	blocks := operatorsPage(t, "nats", "README.md")
	for i, b := range blocks {
		first, last := i == 0 || blocks[i-1].section != b.section, i == len(blocks)-1 || blocks[i+1].section != b.section
		if f := before[b.section]; first && f != nil {
			f()
			delete(before, b.section)
		}
		b.commands = strings.ReplaceAll(b.commands, "http://127.0.0.1:9464", console)
		url := w.NATS.URL()
		if b.section == "Set a server up by hand" {
			url = natstest.Start(t).URL()
		}
		b.run(t, url, dir)
		if f := after[b.section]; last && f != nil {
			f()
			delete(after, b.section)
		}
	}
	if len(before)+len(after) != 0 {
		t.Errorf("prepared for sections that the page does not have: %d, %d", len(before), len(after))
	}
}

// sequences is the last sequence of every stream and bucket, which a restore keeps.
func sequences(t *testing.T, js jetstream.JetStream) map[string]uint64 {
	t.Helper()
	last := map[string]uint64{}
	streams := js.ListStreams(t.Context())
	for info := range streams.Info() {
		last[info.Config.Name] = info.State.LastSeq
	}
	if err := streams.Err(); err != nil {
		t.Fatal(err)
	}
	return last
}

// letters waits until there are n dead letters.
func letters(t *testing.T, w *world.World, n uint64) {
	t.Helper()
	_, js := w.Connect()
	dead, err := js.Stream(t.Context(), wandnats.StreamDead)
	if err != nil {
		t.Fatal(err)
	}
	eventually.True(t, fmt.Sprintf("%d dead letters", n), func() bool {
		info, err := dead.Info(t.Context())
		return err == nil && info.State.Msgs == n
	})
}
