package jobqueue_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/eventually"
	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/wire"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// letter is a dead letter with its sequence.
type letter struct {
	*wandstorev1.DeadLetter
	seq    uint64
	header nats.Header
}

// letters are all dead letters, oldest first.
func (p *pool) letters() []letter {
	p.t.Helper()
	stream, info := p.stream(wandnats.StreamDead)
	var all []letter
	for seq := info.State.FirstSeq; seq <= info.State.LastSeq && seq > 0; seq++ {
		m, err := stream.GetMsg(p.t.Context(), seq)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			p.t.Fatal(err)
		}
		l := letter{&wandstorev1.DeadLetter{}, seq, m.Header}
		if err := wire.Unmarshal(m.Data, l.DeadLetter); err != nil {
			p.t.Fatal(err)
		}
		all = append(all, l)
	}
	return all
}

// dies waits for the first dead letter.
func (p *pool) dies() letter {
	p.t.Helper()
	var all []letter
	eventually.NoError(p.t, func() error {
		if all = p.letters(); len(all) == 0 {
			return errors.New("no dead letter")
		}
		return nil
	})
	return all[0]
}

// complains waits for a breadcrumb of that step in a shopper's error trail.
func (p *pool) complains(shopper, step string) *wandstorev1.Breadcrumb {
	p.t.Helper()
	var found *wandstorev1.Breadcrumb
	eventually.NoError(p.t, func() error {
		_, problems, err := jobqueue.ReadTrail(p.t.Context(), p.jobs, key(p.t, shopper))
		if err != nil {
			return err
		}
		for _, c := range problems {
			if c.GetStep() == step {
				found = c
				return nil
			}
		}
		return fmt.Errorf("no breadcrumb %q in the error trail %v", step, problems)
	})
	return found
}

// call is a handler's call, which waits for its answer.
type call struct {
	job    *jobqueue.Job
	ctx    context.Context
	answer chan<- error
}
