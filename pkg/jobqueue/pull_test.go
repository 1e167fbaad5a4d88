package jobqueue_test

import (
	"bytes"
	"log/slog"
	"testing"

	"github.com/nats-io/nats.go"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/faulttest"
)

// What an idle worker has asked for is forgotten while it is not connected. It asks again as soon
// as it is, and does not wait until it misses the server's heartbeats, which its log would tell.
func TestAnIdleWorkerAsksAgainWhenItIsConnectedAgain(t *testing.T) {
	t.Parallel()
	p := newPool(t, one())
	asked := make(chan *nats.Msg, 100)
	sub, err := p.nc.ChanSubscribe("$JS.API.CONSUMER.MSG.NEXT."+wandnats.StreamGeneration+"."+member, asked)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	proxy := faulttest.NewProxy(t, p.account.Addr())
	far := p.by(p.account.URLVia(proxy.Addr()))

	var log bytes.Buffer
	far.log = slog.New(slog.NewTextHandler(&log, nil))
	w := far.work()
	eventually.Receive(t, asked, "a request for a message")
	proxy.Cut()
	eventually.True(t, "the server forgets the request", func() bool { return p.consumer().NumWaiting == 0 })
	proxy.Restore()
	eventually.Receive(t, asked, "another request")
	p.trigger("abc123")
	w.next().answer <- nil
	p.reaches("abc123", ready)
	w.stop()
	w.ends()
	if log.Len() > 0 {
		t.Errorf("the worker complains: %s", log.String())
	}
}
