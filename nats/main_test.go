package wandnats_test

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// A nats-server whose mirror asks for a consumer, or for the end of one, waits up to half a
	// minute for the answer, whether it is stopped or not.
	const stream = "github.com/nats-io/nats-server/v2/server.(*stream)."
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction(stream+"setupMirrorConsumer.func3"), goleak.IgnoreTopFunction(stream+"tryDeleteSourcingConsumer.func1"))
}
