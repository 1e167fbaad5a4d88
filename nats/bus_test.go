package wandnats_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
)

func TestOpen(t *testing.T) {
	nc, js := connect(t, startPlain(t).url)
	// It creates nothing.
	if _, err := wandnats.Open(within(t), js); !errors.Is(err, jetstream.ErrBucketNotFound) || !strings.Contains(err.Error(), wandnats.BucketPages) {
		t.Errorf("on an empty server: got %v, want ErrBucketNotFound and the bucket's name", err)
	}
	if err := wandnats.EnsureStreams(within(t), js, defaults()); err != nil {
		t.Fatal(err)
	}
	bus, err := wandnats.Open(within(t), js)
	if err != nil {
		t.Fatal(err)
	}
	if bus.Conn != nc || bus.JetStream != js {
		t.Error("the bus has another connection")
	}
	for want, kv := range map[string]jetstream.KeyValue{
		"UI_CACHE": bus.Pages, "GENERATION_QUEUE": bus.Jobs, "SHOPPER_SESSIONS": bus.Sessions, "STORES": bus.Shops,
	} {
		if kv.Bucket() != want {
			t.Errorf("%s is bound where %s belongs", kv.Bucket(), want)
		}
	}
}
