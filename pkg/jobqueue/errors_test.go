package jobqueue

import (
	"errors"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/wandstore/wandstore/pkg/natstest"
)

// The server's refusals are known by their code and text only: this holds both
// against the pinned server.
func TestFullIsTheServersRefusal(t *testing.T) {
	t.Parallel()
	_, js := natstest.Start(t).Connect(t)
	stream := func(name string, c jetstream.StreamConfig) {
		t.Helper()
		c.Name, c.Subjects, c.Retention, c.Discard = name, []string{name + ".*"}, jetstream.WorkQueuePolicy, jetstream.DiscardNew
		if _, err := js.CreateStream(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	stream("SUBJECT", jetstream.StreamConfig{MaxMsgsPerSubject: 1, DiscardNewPerSubject: true})
	stream("WHOLE", jetstream.StreamConfig{MaxMsgs: 1})
	stream("BYTES", jetstream.StreamConfig{MaxBytes: 200})
	stream("SIZE", jetstream.StreamConfig{MaxMsgSize: 10})
	publish := func(subject string, options ...jetstream.PublishOpt) error {
		_, err := js.Publish(t.Context(), subject, make([]byte, 100), options...)
		return err
	}
	for _, subject := range []string{"SUBJECT.a", "WHOLE.a", "BYTES.a"} {
		if err := publish(subject); err != nil || full(err) {
			t.Fatalf("first publish to %s: %v", subject, err)
		}
	}
	if err := publish("SUBJECT.b"); err != nil {
		t.Errorf("another subject of a full one's stream: %v", err)
	}
	for name, c := range map[string]struct {
		err  error
		full bool
	}{
		"a full subject":      {publish("SUBJECT.a"), true},
		"a full stream":       {publish("WHOLE.b"), true},
		"no room in bytes":    {publish("BYTES.b"), false},
		"too large":           {publish("SIZE.a"), false},
		"another stream":      {publish("SUBJECT.c", jetstream.WithExpectStream("WHOLE")), false},
		"nobody listens":      {publish("nowhere", jetstream.WithRetryAttempts(0)), false},
		"no error of NATS's":  {errors.New("maximum messages exceeded"), false},
		"a code without text": {&jetstream.APIError{ErrorCode: codeMaximumMessages, Description: "disk full"}, false},
	} {
		if c.err == nil || full(c.err) != c.full {
			t.Errorf("%s: full(%v) = %t, want %t", name, c.err, full(c.err), c.full)
		}
	}
	if full(nil) {
		t.Error("full(nil)")
	}
}
