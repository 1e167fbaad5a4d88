package natstest_test

import (
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/wandstore/wandstore/pkg/natstest"
)

func TestClusterReplicates(t *testing.T) {
	cluster := natstest.StartCluster(t)
	_, js := cluster.Connect(t, 0)
	bucket, err := js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "REPLICATED", Replicas: 3})
	if err != nil {
		t.Fatal(err)
	}
	revision, err := bucket.PutString(t.Context(), "key", "value")
	if err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		nc, js := cluster.Connect(t, n)
		kv, err := js.KeyValue(t.Context(), "REPLICATED")
		if err != nil {
			t.Fatal(err)
		}
		// A conflict is answered by the stream's leader, whichever node that is.
		if _, err := kv.Update(t.Context(), "key", nil, revision+1); err == nil {
			t.Errorf("%s accepts an update of a revision that is not there", nc.ConnectedServerName())
		}
	}
}
