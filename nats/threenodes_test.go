package wandnats_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
)

// The page three-nodes.md is typed as it is written: nothing is lost on the way, neither of the
// services' own account nor of a tenant's.
func TestOneNodeBecomesThree(t *testing.T) {
	one := configuredIn(t, oneNode(t), "single.conf")
	one.SyncAlways, one.JetStreamMaxStore = false, 2*one.JetStreamMaxStore
	old := start(t, one)
	_, cluster := startClusterIn(t, tenantFolder(t, "42GB"))
	for _, tenant := range []string{"", acme} {
		becomesThree(t, old.url, cluster, tenant)
	}
}

// oneNode is the folder of the configurations of a node that has a tenant's account.
func oneNode(t *testing.T) string {
	t.Helper()
	t.Setenv("NATS_STORE_DIR", storeDir(t))
	setPasswords(t)
	return tenantFolder(t, "14GB")
}

// becomesThree moves the streams of an account.
func becomesThree(t *testing.T, old, urls, tenant string) {
	t.Helper()
	_, oldJS := connect(t, old, as(tenant+"operator"))
	settings := defaults()
	settings.PoolSize = 2
	must(t, "provision", wandnats.Ensure(within(t), oldJS, settings))
	leave(t, oldJS)
	before := states(t, oldJS)

	_, js := connect(t, urls, as(tenant+"operator"))
	eventually(t, "the cluster has a leader", func() error {
		_, err := js.AccountInfo(attempt(t))
		return err
	})
	typeThreeNodes(t, old, urls, tenant+"operator")

	_, provision := connect(t, urls, as(tenant+"provision"))
	settings.Replicas = 3
	eventually(t, "the rest is made", func() error { return wandnats.Provision(attempt(t), provision, settings) })
	// A server lists the streams of the others that have answered it in time.
	var after map[string]string
	eventually(t, "all streams hold what they held", func() error {
		after = states(t, js)
		for name, was := range before {
			if is := after[name]; is != was {
				return fmt.Errorf("%s was %s, and is %s", name, was, is)
			}
		}
		return nil
	})
	for name := range after {
		stream, err := js.Stream(within(t), name)
		must(t, name, err)
		if n := stream.CachedInfo().Config.Replicas; n != 3 {
			t.Errorf("%s has %d replicas", name, n)
		}
	}

	// What waits is delivered, also what a worker had who is gone.
	pool, err := js.Consumer(within(t), wandnats.StreamGeneration, "pool-0")
	must(t, "consumer", err)
	var delivered []string
	for range 2 {
		batch, err := pool.Fetch(1, jetstream.FetchMaxWait(patience))
		must(t, "fetch", err)
		for m := range batch.Messages() {
			delivered = append(delivered, string(m.Data()))
			must(t, "ack", m.DoubleAck(within(t)))
		}
	}
	if slices.Sort(delivered); !slices.Equal(delivered, []string{"first", "second"}) {
		t.Errorf("delivered %q", delivered)
	}
	sessions := bucket(t, js, wandnats.BucketSessions)
	entry, err := sessions.Get(within(t), "session.kept")
	if err != nil || string(entry.Value()) != "2" {
		t.Fatalf("the session: %v, %v", entry, err)
	}
	_, err = sessions.Update(within(t), "session.kept", []byte("3"), entry.Revision())
	must(t, "a later write", err)
}

// leave has the services' work leave something in streams and buckets.
func leave(t *testing.T, js jetstream.JetStream) {
	t.Helper()
	for _, job := range []string{"first", "second"} {
		_, err := js.Publish(within(t), wandnats.GenerateSubject("pool-0"), []byte(job), jetstream.WithMsgID(job))
		must(t, "publish", err)
	}
	_, err := js.Publish(within(t), "wandstore.dead.pool-1", []byte("letter"))
	must(t, "publish", err)
	pool, err := js.Consumer(within(t), wandnats.StreamGeneration, "pool-0")
	must(t, "consumer", err)
	batch, err := pool.Fetch(1)
	must(t, "fetch", err)
	for m := range batch.Messages() {
		must(t, "hand back later", m.NakWithDelay(2*time.Second))
	}
	for name, key := range map[string]string{
		wandnats.BucketSessions: "session.kept", wandnats.BucketPages: "ui.magic-wands.kept", wandnats.BucketJobs: "job.magic-wands.kept",
		wandnats.BucketForgotten: "gone", wandnats.BucketSpend: "day.2026-11-26", wandnats.BucketControl: "generation",
	} {
		kv := bucket(t, js, name)
		for _, value := range []string{"1", "2"} {
			_, err := kv.PutString(within(t), key, value)
			must(t, name, err)
		}
	}
}

// states are what the streams on disk hold.
func states(t *testing.T, js jetstream.JetStream) map[string]string {
	t.Helper()
	all := map[string]string{}
	list := js.ListStreams(within(t))
	for info := range list.Info() {
		if info.Config.Storage == jetstream.FileStorage {
			all[info.Config.Name] = fmt.Sprintf("%d messages to %d", info.State.Msgs, info.State.LastSeq)
		}
	}
	must(t, "list", list.Err())
	return all
}

// typeThreeNodes types the commands of three-nodes.md as an operator.
func typeThreeNodes(t *testing.T, old, cluster, user string) {
	t.Helper()
	page, err := os.ReadFile("three-nodes.md")
	must(t, "page", err)
	_, block, _ := strings.Cut(string(page), "```sh\n")
	block, _, _ = strings.Cut(block, "```")
	shell := exec.CommandContext(within(t), "bash", "-euo", "pipefail", "-c", block)
	shell.Dir = t.TempDir()
	shell.Env = append(os.Environ(), "NATS_TIMEOUT=1m", "OLD="+old, "NEW="+cluster, "NATS_USER="+user, "NATS_PASSWORD="+passwords["operator"],
		"XDG_CONFIG_HOME="+shell.Dir, "PATH="+filepath.Join(root(t), ".bin")+":"+os.Getenv("PATH"))
	if out, err := shell.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
