package console

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/pagekey"
)

// pauseFor is how long a member is paused. A pause ends by itself, so that a member that was
// forgotten serves again.
const pauseFor = time.Hour

// Action is something that an operator does: one NATS request.
type Action struct {
	// Do is the action's name: stop, resume, pause, unpause, replay or drop.
	Do string
	// On is what it is done to: a shop's slug or "" for all shops, a member's name, or a dead
	// letter's sequence.
	On string
	// Subject and Payload are the request.
	Subject, Payload string
}

// errAction: there is no such action, or nothing that it could be done to.
var errAction = errors.New("no such action")

// newAction returns the action of that name. What it is done to is checked, because it
// becomes part of a subject. The error is errAction.
func newAction(do, on string, now time.Time) (Action, error) {
	a := Action{Do: do, On: on}
	switch do {
	case "stop", "resume":
		key := wandnats.KeyGeneration
		if on != "" {
			if !pagekey.ValidShop(on) {
				return Action{}, fmt.Errorf("%w: %s: not a shop", errAction, do)
			}
			key = wandnats.GenerationKey(on)
		}
		a.Subject, a.Payload = "$KV."+wandnats.BucketControl+"."+key, map[string]string{"stop": "off", "resume": "on"}[do]
	case "pause", "unpause":
		if !wandnats.IsMember(on) {
			return Action{}, fmt.Errorf("%w: %s: not a member", errAction, do)
		}
		// Without a time the server ends the pause.
		a.Subject, a.Payload = "$JS.API.CONSUMER.PAUSE."+wandnats.StreamGeneration+"."+on, "{}"
		if do == "pause" {
			a.Payload = fmt.Sprintf(`{"pause_until":%q}`, now.Add(pauseFor).UTC().Format(time.RFC3339))
		}
	case "replay", "drop":
		sequence, err := strconv.ParseUint(on, 10, 64)
		if err != nil || sequence == 0 {
			return Action{}, fmt.Errorf("%w: %s: not a dead letter's sequence", errAction, do)
		}
		a.Subject, a.Payload = wandnats.SubjectReplay, fmt.Sprintf(`{"sequence":%d}`, sequence)
		if do == "drop" {
			a.Subject, a.Payload = "$JS.API.STREAM.MSG.DELETE."+wandnats.StreamDead, fmt.Sprintf(`{"seq":%d}`, sequence)
		}
	default:
		return Action{}, errAction
	}
	return a, nil
}

// Command is the command that makes the same request.
func (a Action) Command() string { return "nats req " + quote(a.Subject) + " " + quote(a.Payload) }

// quote quotes a word for a shell, if it needs to be. No subject or payload of an action has
// a single quote in it.
func quote(word string) string {
	if strings.ContainsAny(word, `${}"*> `) {
		return "'" + word + "'"
	}
	return word
}

// run makes the request. The error is ctx's, the client's, or what the answer says.
func (a Action) run(ctx context.Context, nc *nats.Conn) error {
	answer, err := nc.RequestWithContext(ctx, a.Subject, []byte(a.Payload))
	if err != nil {
		return err
	}
	// A micro service says what went wrong in headers (ADR-32), JetStream in the body.
	if code := answer.Header.Get(micro.ErrorCodeHeader); code != "" {
		return errors.New(cmp.Or(answer.Header.Get(micro.ErrorHeader), code))
	}
	var body struct {
		Error *struct {
			Description string `json:"description"`
		} `json:"error"`
	}
	if err := json.Unmarshal(answer.Data, &body); err != nil {
		return fmt.Errorf("the answer: %w", err)
	}
	if body.Error != nil {
		return errors.New(body.Error.Description)
	}
	return nil
}
