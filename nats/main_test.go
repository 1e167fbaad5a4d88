package wandnats_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	status := m.Run()
	if status == 0 {
		if err := left(); err != nil {
			fmt.Fprintln(os.Stderr, "goroutines are left:", err)
			status = 1
		}
	}
	os.Exit(status)
}

// left returns nil once no goroutine is left. What was closed at the end of a test ends a
// moment later, for which goleak by itself waits less than half a second.
func left() error {
	// A nats-server whose mirror asks for a consumer, or for the end of one, waits up to half a
	// minute for the answer, whether it is stopped or not.
	const stream = "github.com/nats-io/nats-server/v2/server.(*stream)."
	for begun := time.Now(); ; {
		err := goleak.Find(goleak.IgnoreTopFunction(stream+"setupMirrorConsumer.func3"), goleak.IgnoreTopFunction(stream+"tryDeleteSourcingConsumer.func1"))
		if err == nil || time.Since(begun) > 20*time.Second {
			return err
		}
	}
}
