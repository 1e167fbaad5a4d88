package jobqueue

import (
	"context"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/types/known/timestamppb"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/wire"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// deadLetter describes a message that is given up.
type deadLetter struct {
	jobID, member, reason string
	attempts              int
	seq                   uint64
	payload               []byte
	header                nats.Header
}

// maxLetter bounds a letter whose payload is text, in bytes. JSON writes six bytes for a
// control character, so a payload full of them would exceed the stream's limit. Such a
// payload is not a job. It is kept as bytes.
const maxLetter = 192 << 10

// publish puts the letter into GENERATION_DEAD. The message's sequence is part of the
// letter's id, so that two processes that give up the same message leave one letter.
func (l deadLetter) publish(ctx context.Context, js jetstream.JetStream, died time.Time) error {
	letter := &wandstorev1.DeadLetter{
		JobId: l.jobID, PoolMember: l.member, Reason: truncate(l.reason), Attempts: uint32(l.attempts),
		DiedAt: timestamppb.New(died), StreamSeq: l.seq,
		Traceparent: truncate(l.header.Get("traceparent")),
	}
	if utf8.Valid(l.payload) {
		letter.Payload = string(l.payload)
	} else {
		letter.RawPayload = l.payload
	}
	b, err := wire.Marshal(letter)
	if err != nil {
		return err
	}
	if len(b) > maxLetter {
		letter.Payload, letter.RawPayload = "", l.payload
		if b, err = wire.Marshal(letter); err != nil {
			return err
		}
	}
	msg := &nats.Msg{Subject: wandnats.DeadSubject(l.member), Header: nats.Header{}, Data: b}
	if tp := l.header.Get("traceparent"); tp != "" {
		msg.Header.Set("traceparent", tp)
	}
	id := "dead-" + strconv.FormatUint(l.seq, 10) + "-" + l.jobID
	if _, err := js.PublishMsg(ctx, msg, jetstream.WithMsgID(id), jetstream.WithExpectStream(wandnats.StreamDead)); err != nil {
		return fmt.Errorf("publish dead letter: %w", err)
	}
	return nil
}
