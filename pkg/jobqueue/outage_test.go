package jobqueue_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/jobqueue"
)

func TestRestartOfNATSInMidJob(t *testing.T) {
	t.Parallel()
	p := newPoolOnOwnServer(t, one())
	p.tune(time.Minute, 4)
	p.trigger("abc123")
	w := p.work()
	c := w.next()
	p.server.Restart()
	eventually.NoError(t, func() error {
		if !p.nc.IsConnected() {
			return errors.New("not connected")
		}
		return nil
	})
	c.answer <- nil
	p.reaches("abc123", ready)
	p.empties()
	w.idle()
	// The worker pulls again.
	p.trigger("abc124")
	w.next().answer <- nil
	p.reaches("abc124", ready)
}

// The job ends while NATS is unavailable: its page is stored, but the message cannot be
// settled.
func TestJobEndsWhileNATSIsUnavailable(t *testing.T) {
	t.Parallel()
	p := newPoolOnOwnServer(t, one())
	p.tune(2*time.Second, 4)
	p.trigger("abc123")
	// The services connect in the same way: a publish in an outage fails.
	w := p.failingFast().work()
	c := w.next()
	p.server.Stop()
	c.answer <- nil
	eventually.NoError(t, func() error {
		if s := w.Status(); s.Running != 0 {
			return fmt.Errorf("status: %+v", s)
		}
		return nil
	})
	p.server.Restart()
	w.next().answer <- nil
	p.reaches("abc123", ready)
	p.empties()
}

// failingFast is another process, whose publishes fail at once during an outage.
func (p *pool) failingFast() *pool {
	p.t.Helper()
	nc, err := nats.Connect(p.account.URL(), nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond), nats.ReconnectBufSize(-1))
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		p.t.Fatal(err)
	}
	jobs, err := js.KeyValue(p.t.Context(), wandnats.BucketJobs)
	if err != nil {
		p.t.Fatal(err)
	}
	trail := jobqueue.NewTrail(js, "test")
	return &pool{p.t, p.account, p.server, nc, js, jobs, trail, jobqueue.NewQueue(js, jobs, p.settings.PoolSize, trail), p.settings}
}
