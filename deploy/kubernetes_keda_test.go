package deploy_test

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/expr-lang/expr"
	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/checkout"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/lifecycle"
)

// KEDA watches the consumer of every member, and starts and ends the generators.
func TestKubernetesScalesByEveryMember(t *testing.T) {
	c := built(t, "single-node")
	if len(c.scaled) != 1 || *c.scaled[0].Spec.MinReplicaCount != 0 || c.scaled[0].Spec.ScaleTargetRef.Name != "generator" {
		t.Fatalf("scales %+v", c.scaled)
	}
	if f := c.scaled[0].Spec.Fallback; f == nil || f.Replicas < 1 {
		t.Error("nobody works when the scaler fails")
	}
	for _, d := range c.deployments {
		if d.Name == "generator" && d.Spec.Replicas != nil {
			t.Error("the manifest says how many generators there are, and KEDA too")
		}
	}
	var s wandnats.Settings
	if err := lifecycle.Load(nil, &s); err != nil {
		t.Fatal(err)
	}
	if got := watched(t, &c.scaled[0]); !slices.Equal(got, s.Members()) {
		t.Errorf("watches %v, want %v", got, s.Members())
	}
}

// watched is the consumers that a ScaledObject's triggers watch.
func watched(t *testing.T, so *kedav1alpha1.ScaledObject) []string {
	t.Helper()
	var consumers []string
	for _, trigger := range so.Spec.Triggers {
		of := trigger.Metadata
		if trigger.Type != "nats-jetstream" || of["stream"] != wandnats.StreamGeneration || of["account"] != "WANDSTORE" || of["natsServerMonitoringEndpoint"] != "nats.wandstore.svc:8222" {
			t.Errorf("trigger %+v", trigger)
		}
		consumers = append(consumers, of["consumer"])
	}
	return consumers
}

// scaledBy is the ScaledObject of other settings, as the program makes it for operators.
func scaledBy(t *testing.T, program string, settings ...string) *kedav1alpha1.ScaledObject {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Env = append(os.Environ(), settings...)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", settings, err)
	}
	so := strictly[kedav1alpha1.ScaledObject](t, out)
	return &so
}

// replicas is how many generators KEDA has of that many jobs of each consumer: its own formula,
// and what the autoscaler makes of the value and the target.
func replicas(t *testing.T, so *kedav1alpha1.ScaledObject, jobs map[string]int) int {
	t.Helper()
	formula, err := kedav1alpha1.ValidateAndCompileScalingModifiers(so)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, trigger := range so.Spec.Triggers {
		held, ok := jobs[trigger.Metadata["consumer"]]
		if !ok {
			t.Fatalf("the server has no consumer %s", trigger.Metadata["consumer"])
		}
		values[trigger.Name] = float64(held)
	}
	result, err := expr.Run(formula, values)
	if err != nil {
		t.Fatal(err)
	}
	value, ok := result.(float64)
	if !ok {
		t.Fatalf("the formula gives %T", result)
	}
	target, err := strconv.ParseFloat(so.Spec.Advanced.ScalingModifiers.Target, 64)
	if err != nil {
		t.Fatal(err)
	}
	return min(int(math.Ceil(value/target)), int(*so.Spec.MaxReplicaCount))
}

// Generators follow what can run at a time, not what waits: POOL_CONCURRENCY of each member,
// and no more than the account allows. What KEDA asks the server for is there without a
// generator, and leads to none, one and none again.
func TestKEDAFollowsWhatLimits(t *testing.T) {
	t.Parallel()
	srv, js := monitored(t)
	var s wandnats.Settings
	if err := lifecycle.Load([]string{"GENERATION_SHARDS=2", "MAX_QUEUE_DEPTH=1000"}, &s); err != nil {
		t.Fatal(err)
	}
	if err := wandnats.Ensure(t.Context(), js, s); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "keda")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./deploy/internal/keda")
	build.Dir = checkout.Root(t)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	const shards = "GENERATION_SHARDS=2"
	for _, c := range []struct {
		settings []string
		each     int // jobs of each of 20 members
		want     int
	}{
		{[]string{shards}, 0, 0},
		{[]string{shards}, 1, 1},
		{[]string{shards}, 100, 1}, // 20 run
		{[]string{shards, "POOL_CONCURRENCY=50"}, 1, 1},
		{[]string{shards, "POOL_CONCURRENCY=50"}, 10, 2},
		{[]string{shards, "POOL_CONCURRENCY=50"}, 100, 10}, // 1000 run
		{[]string{shards, "POOL_CONCURRENCY=50", "KIMI_MAX_CONCURRENCY=250"}, 100, 3},
		{[]string{shards, "POOL_CONCURRENCY=50", "KIMI_MAX_CONCURRENCY=1"}, 100, 1},
	} {
		so := scaledBy(t, program, c.settings...)
		if got := watched(t, so); !slices.Equal(got, s.Members()) {
			t.Errorf("%v: watches %v", c.settings, got)
		}
		jobs := askedByKEDA(t, srv)
		for member := range jobs {
			jobs[member] += c.each
		}
		if got := replicas(t, so, jobs); got != c.want {
			t.Errorf("%v, %d jobs each: %d generators, want %d", c.settings, c.each, got, c.want)
		}
	}
	follow(t, srv, js, scaledBy(t, program, shards))
}

// follow has one job wait, run and end.
func follow(t *testing.T, srv *server.Server, js jetstream.JetStream, so *kedav1alpha1.ScaledObject) {
	t.Helper()
	follows := func(when string, want int) {
		t.Helper()
		// A consumer counts a job a moment after its publish was acknowledged, and KEDA asks again.
		eventually.NoError(t, func() error {
			if got := replicas(t, so, askedByKEDA(t, srv)); got != want {
				return fmt.Errorf("%s: %d generators, want %d", when, got, want)
			}
			return nil
		})
	}
	follows("nothing waits", 0)
	if _, err := js.Publish(t.Context(), wandnats.GenerateSubject("1-pool-3"), []byte("job")); err != nil {
		t.Fatal(err)
	}
	follows("a job waits", 1)
	consumer, err := js.Consumer(t.Context(), wandnats.StreamGeneration, "1-pool-3")
	if err != nil {
		t.Fatal(err)
	}
	msg, err := consumer.Next(jetstream.FetchMaxWait(patience))
	if err != nil {
		t.Fatal(err)
	}
	follows("it runs", 1)
	if err := msg.DoubleAck(t.Context()); err != nil {
		t.Fatal(err)
	}
	follows("it has ended", 0)
}

// monitored is a nats-server that answers KEDA.
func monitored(t *testing.T) (*server.Server, jetstream.JetStream) {
	t.Helper()
	dir, err := os.MkdirTemp("", "deploy-") //nolint:usetesting // a late flush of the server must not fail its removal
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	// The streams' bounds are reserved of more than a disk may have free.
	srv, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: -1, HTTPHost: "127.0.0.1", HTTPPort: -1, JetStream: true, StoreDir: dir, JetStreamMaxStore: 1 << 44, NoLog: true, NoSigs: true,
		DisableShortFirstPing: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	srv.Start()
	t.Cleanup(func() { srv.Shutdown(); srv.WaitForShutdown() })
	nc, err := nats.Connect("", nats.InProcessServer(srv), nats.Timeout(patience))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(patience))
	if err != nil {
		t.Fatal(err)
	}
	return srv, js
}

// askedByKEDA is the jobs that wait and run of each consumer, by the request of KEDA's scaler.
func askedByKEDA(t *testing.T, srv *server.Server) map[string]int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("http://%s/jsz?acc=$G&consumers=true&config=true", srv.MonitorAddr()), nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	var told struct {
		Accounts []struct {
			Streams []struct {
				Name      string
				Consumers []struct {
					Name       string
					Pending    int `json:"num_pending"`
					AckPending int `json:"num_ack_pending"`
				} `json:"consumer_detail"`
			} `json:"stream_detail"`
		} `json:"account_details"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&told); err != nil {
		t.Fatal(err)
	}
	jobs := map[string]int{}
	for _, a := range told.Accounts {
		for _, s := range a.Streams {
			for _, c := range s.Consumers {
				if s.Name == wandnats.StreamGeneration {
					jobs[c.Name] = c.Pending + c.AckPending
				}
			}
		}
	}
	return jobs
}
