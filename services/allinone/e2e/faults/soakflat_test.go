//go:build soak

package faults_test

import (
	"context"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/freeport"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
)

// Nothing grows for ever: while shoppers come at a steady rate, new ones all the time, memory,
// goroutines and open files of the services and the bytes of each stream are as many in the
// last quarter of the soak as in the second. Streams forget after a twelfth of it, so that
// the first quarter fills them.
func TestSoakFlat(t *testing.T) {
	forgets := max(2*time.Minute, *soakFor/12).Round(time.Second)
	if *soakFor < 6*forgets {
		t.Fatalf("-soak %s is too short to tell: 12m at least", *soakFor)
	}
	seconds := strconv.Itoa(int(forgets / time.Second))
	// The model takes its time, and so little of the machine that all rates stay as they are.
	w := world.New(t, world.Paced(time.Second, 1000))
	f := &flat{crowd: newCrowd(t, 1), private: map[string]string{}, samples: map[string][]float64{}}
	start := func(service, address, path string) *world.Process {
		addr, private := freeport.Addr(t), freeport.Addr(t)
		cmd := w.Command(service, address+"="+addr, "PRIVATE_ADDR="+private, "CACHE_TTL_SECONDS="+seconds, "GUEST_TTL="+forgets.String(), "CACHE_MEMORY_BYTES=4194304")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		f.private[service] = "http://" + private + "/metrics"
		awaitOK(t, service, "http://"+addr+path)
		return &world.Process{Base: "http://" + addr}
	}
	start("generator", "GENERATOR_ADDR", "/health")
	e := start("edge", "EDGE_ADDR", "/ready")
	f.edges[0].Store(e)
	_, f.js = w.Connect()
	f.forget(t, forgets)

	stop := f.come(400*time.Millisecond, 100*time.Millisecond)
	stopListeners := world.Every(t, 500*time.Millisecond, func() { f.listen(e.Base, 2*time.Second) })
	every := time.NewTicker(*soakFor / 120)
	defer every.Stop()
	for until := time.Now().Add(*soakFor); time.Now().Before(until); {
		<-every.C
		f.sample(t)
	}
	stopListeners()
	stop()
	f.logWaits()
	t.Logf("%d new shoppers; %d calls of the model", f.came.Load(), w.Sim.Stats().Requests)
	f.judge(t)
}

// flat is what may not grow.
type flat struct {
	*crowd

	js jetstream.JetStream
	// private is where each service tells of itself.
	private map[string]string
	samples map[string][]float64
}

// forget has the streams that keep what was for hours keep it as long only.
func (f *flat) forget(t *testing.T, after time.Duration) {
	t.Helper()
	for _, name := range []string{"KV_" + wandnats.BucketJobs, wandnats.StreamDead} {
		cfg := stream(t, f.js, name).CachedInfo().Config
		cfg.MaxAge, cfg.Duplicates = after, min(cfg.Duplicates, after)
		if _, err := f.js.UpdateStream(t.Context(), cfg); err != nil {
			t.Fatal(err)
		}
	}
}

// listen is a shopper who waits for a page for a moment and goes away.
func (f *flat) listen(edge string, lasts time.Duration) {
	ctx, cancel := context.WithTimeout(f.t.Context(), lasts)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, edge+"/api/generation/events?store=magic-wands&shopper="+shopper(f.came.Load()+1_000_000), nil)
	if err != nil {
		f.t.Error(err)
		return
	}
	res, err := world.Client.Do(req)
	if err != nil {
		return // it went away before the answer
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body) // until it goes away
}

// told are the metrics of a process, and how much of each is no growth.
var told = map[string]float64{"process_resident_memory_bytes": 16 << 20, "go_goroutines": 25, "process_open_fds": 25}

func (f *flat) sample(t *testing.T) {
	t.Helper()
	for service, address := range f.private {
		a, err := send(http.MethodGet, address, "")
		if err != nil {
			t.Errorf("%s: %v", service, err)
			continue
		}
		for line := range strings.Lines(a.Body) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
			if _, ask := told[name]; !ask {
				continue
			}
			n, err := strconv.ParseFloat(value, 64)
			if err != nil {
				t.Errorf("%s: %s: %v", service, name, err)
			}
			f.add(service+" "+name, n)
		}
	}
	for info := range f.js.ListStreams(t.Context()).Info() {
		f.add(info.Config.Name+" bytes", float64(info.State.Bytes))
	}
}

func (f *flat) add(what string, n float64) { f.samples[what] = append(f.samples[what], n) }

// judge compares the last quarter with the second.
func (f *flat) judge(t *testing.T) {
	t.Helper()
	if len(f.samples) < 2*len(told)+5 {
		t.Errorf("only %d things were looked at: %v", len(f.samples), slices.Sorted(maps.Keys(f.samples)))
	}
	for _, what := range slices.Sorted(maps.Keys(f.samples)) {
		all := f.samples[what]
		quarter := func(n int) float64 {
			part := slices.Clone(all[n*len(all)/4 : (n+1)*len(all)/4])
			slices.Sort(part)
			return part[len(part)/2]
		}
		before, after := quarter(1), quarter(3)
		_, name, _ := strings.Cut(what, " ")
		slack, counted := told[name]
		if !counted {
			slack = 1 << 20 // bytes of a stream
		}
		t.Logf("%-45s %14.0f in the second quarter, %14.0f in the last", what, before, after)
		if after > before*1.1+slack {
			t.Errorf("%s grows: %v", what, all)
		}
	}
}
