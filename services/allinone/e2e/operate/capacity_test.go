package operate_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/checkout"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/spend"
	"github.com/wandstore/wandstore/services/allinone/e2e/world"
)

// What deploy/capacity.md is computed from is what a page costs real servers: the day of a
// thousand shoppers, at a hundredth of the size.
func TestCapacityPageCountsRight(t *testing.T) {
	t.Parallel()
	const shoppers = 10
	w := world.New(t)
	e := w.StartEdge()
	w.StartGenerator()
	_, js := w.Connect()
	// Jobs of a busy machine last for heartbeats, which the page adds by the time of a job.
	w.SetAckWait(js, time.Hour)
	before, _ := written(t, js)
	for n := range shoppers {
		shopper := fmt.Sprint("capacity-", n)
		event := fmt.Sprintf(`{"shopper":%q,"store":"magic-wands","event":"view","product":"nightjar"}`, shopper)
		if a := world.Post(t, e.Base+"/api/shopper/track", event); a.Status != 202 {
			t.Fatalf("track: %d", a.Status)
		}
		e.Visit(t, "magic-wands", shopper)
	}
	for n := range shoppers {
		e.BecomesHit(t, "magic-wands", fmt.Sprint("capacity-", n))
	}
	eventually.True(t, "no job is left", func() bool { return len(w.Waiting(js)) == 0 })
	// The last breadcrumbs are not waited for by who writes them.
	var after, sizes map[string]float64
	eventually.True(t, "nothing is written any more", func() bool {
		last := after
		after, sizes = written(t, js)
		return last != nil && fmt.Sprint(last) == fmt.Sprint(after)
	})
	client, err := minio.New(w.S3.Endpoint, &minio.Options{Creds: credentials.NewStaticV4(w.S3.AccessKey, w.S3.SecretKey, ""), Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	var stored float64
	for object := range client.ListObjects(t.Context(), w.S3.Bucket, minio.ListObjectsOptions{Prefix: "generated/", Recursive: true}) {
		stored += float64(object.Size)
	}
	var sent float64
	for n := range shoppers {
		sent += compressed(t, fmt.Sprint(e.Base, "/s/magic-wands?shopper=capacity-", n))
	}
	all := 0.0
	for name := range after {
		all += after[name] - before[name]
	}
	lane := "KV_" + wandnats.BucketJobs
	records, recorded := jobRecords(t, js)
	for what, got := range map[string]float64{
		"calls of the model a page":                        float64(w.Sim.Stats().Requests) / shoppers,
		"writes a page, all streams":                       all/shoppers - 1, // without its event
		"writes a page, `GENERATION_QUEUE`":                (after[lane] - before[lane]) / shoppers,
		"job records a page":                               records / shoppers,
		"bytes of a job record":                            recorded / records,
		"bytes a page, object store":                       stored / shoppers,
		"bytes a page, `UI_CACHE`":                         sizes["KV_"+wandnats.BucketPages] / shoppers,
		"bytes a page, compressed":                         sent / shoppers,
		"bytes a job, `GENERATION_QUEUE`":                  sizes[lane] / shoppers,
		"bytes a reservation in the day's record, `SPEND`": bytesAReservation(t, js),
	} {
		// Breadcrumbs and sections differ from page to page, and with a retry or two.
		if want := said(t, what); got < want*0.6 || got > want*1.4 {
			t.Errorf("%s: %.1f, and deploy/capacity.md says %.1f", what, got, want)
		}
	}
}

// written is how many messages each stream has been given, and the bytes that it holds.
func written(t *testing.T, js jetstream.JetStream) (messages, bytes map[string]float64) {
	t.Helper()
	messages, bytes = map[string]float64{}, map[string]float64{}
	list := js.ListStreams(t.Context())
	for info := range list.Info() {
		messages[info.Config.Name], bytes[info.Config.Name] = float64(info.State.LastSeq), float64(info.State.Bytes)
	}
	if err := list.Err(); err != nil {
		t.Fatal(err)
	}
	return messages, bytes
}

// jobRecords is how many job records were written, and their bytes: what each edge is told of.
func jobRecords(t *testing.T, js jetstream.JetStream) (n, bytes float64) {
	t.Helper()
	bucket, err := js.KeyValue(t.Context(), wandnats.BucketJobs)
	if err != nil {
		t.Fatal(err)
	}
	err = wandnats.Watch{
		Bucket: bucket, Keys: wandnats.AllJobs, Options: []jetstream.WatchOpt{jetstream.IncludeHistory()},
		Entry: func(entry jetstream.KeyValueEntry) {
			n, bytes = n+1, bytes+float64(len(entry.Key())+len(entry.Value()))
		},
	}.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n, bytes
}

// bytesAReservation is by how many bytes a call of the model that is under way makes the day's
// record longer.
func bytesAReservation(t *testing.T, js jetstream.JetStream) float64 {
	t.Helper()
	const calls = 20
	bucket, err := wandnats.OpenBucket(t.Context(), js, wandnats.BucketSpend)
	if err != nil {
		t.Fatal(err)
	}
	ledger := spend.NewLedger(bucket, spend.Config{ShopShare: 1, Hold: time.Hour}, slog.New(slog.DiscardHandler))
	size := func() float64 {
		if _, err := ledger.Reserve(t.Context(), spend.Call{Shop: "magic-wands"}, 30_000); err != nil {
			t.Fatal(err)
		}
		entry, err := bucket.Get(t.Context(), wandnats.SpendKey(time.Now()))
		if err != nil {
			t.Fatal(err)
		}
		return float64(len(entry.Value()))
	}
	first, last := size(), 0.0
	for range calls {
		last = size()
	}
	return (last - first) / calls
}

// compressed is how many bytes a browser gets for the page.
func compressed(t *testing.T, address string) float64 {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept-Encoding", "gzip")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	n, err := io.Copy(io.Discard, res.Body)
	if err != nil || res.Header.Get("Content-Encoding") != "gzip" {
		t.Fatalf("%s: %v, %v", address, err, res.Header)
	}
	return float64(n)
}

// said is a number of the page's table of what was measured.
func said(t *testing.T, what string) float64 {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(checkout.Root(t), "deploy", "capacity.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^\| ` + regexp.QuoteMeta(what) + ` \| ([0-9.]+) \|`).FindSubmatch(page)
	if found == nil {
		t.Fatalf("deploy/capacity.md says nothing of %s", what)
	}
	n, err := strconv.ParseFloat(string(found[1]), 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
