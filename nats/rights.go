package wandnats

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/nats-io/nats.go/jetstream"
)

// ErrNotProvisioned: a stream, bucket or consumer is missing, and this user may not
// create it. It is there once the provisioning user has called [Provision].
var ErrNotProvisioned = errors.New("not provisioned")

// ErrMayNotProvision: the user may not create and change streams.
var ErrMayNotProvision = errors.New("this NATS user may not create or change streams")

// mayProvision tells whether js's user may create and change streams. A server that
// does not say so is taken to allow it: the requests themselves then fail. What is in
// another domain is provisioned there.
func mayProvision(ctx context.Context, js jetstream.JetStream) bool {
	if js.Options().Domain != "" {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	answer, err := js.Conn().RequestWithContext(ctx, "$SYS.REQ.USER.INFO", nil)
	if err != nil {
		return true
	}
	var info struct {
		Data struct {
			Permissions struct {
				Publish *struct {
					Allow []string `json:"allow"`
					Deny  []string `json:"deny"`
				} `json:"publish"`
			} `json:"permissions"`
		} `json:"data"`
	}
	if err := json.Unmarshal(answer.Data, &info); err != nil {
		return true
	}
	publish := info.Data.Permissions.Publish
	if publish == nil {
		return true
	}
	covered := func(patterns []string) bool {
		return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, "$JS.API.STREAM.CREATE."+StreamGeneration) })
	}
	return (len(publish.Allow) == 0 || covered(publish.Allow)) && !covered(publish.Deny)
}

// matches tells whether pattern, which may have wildcards, covers the subject.
func matches(pattern, subject string) bool {
	tokens := strings.Split(subject, ".")
	patterns := strings.Split(pattern, ".")
	for i, p := range patterns {
		if p == ">" {
			return i < len(tokens)
		}
		if i == len(tokens) || p != "*" && p != tokens[i] {
			return false
		}
	}
	return len(patterns) == len(tokens)
}

// checkStreams is ErrNotProvisioned, with a name, if a stream or bucket is missing.
func checkStreams(ctx context.Context, js jetstream.JetStream, s Settings) error {
	configs, err := Streams(s)
	if err != nil {
		return err
	}
	return atOnce(len(configs), func(i int) error {
		want := configs[i]
		stream, err := js.Stream(ctx, want.Name)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			return missing("stream " + want.Name)
		}
		if err != nil {
			return fmt.Errorf("stream %s: %w", want.Name, err)
		}
		if want.Name != StreamGeneration {
			return nil
		}
		// Without its subject, a shard's jobs would reach no stream.
		for _, subject := range want.Subjects {
			if !slices.Contains(stream.CachedInfo().Config.Subjects, subject) {
				return fmt.Errorf("%w: stream %s has not the subject %s, and this user may not change it", ErrNotProvisioned, want.Name, subject)
			}
		}
		return nil
	})
}

// atOnce calls do for 0 to n-1 concurrently, since each of many requests may have a long way
// to go, and returns the first's error of those that failed.
func atOnce(n int, do func(i int) error) error {
	failed := make([]error, n)
	var asked sync.WaitGroup
	for i := range n {
		asked.Go(func() { failed[i] = do(i) })
	}
	asked.Wait()
	return cmp.Or(failed...)
}

// checkConsumers is ErrNotProvisioned, with a name, if a member's consumer is missing.
func checkConsumers(ctx context.Context, js jetstream.JetStream, s Settings) error {
	stream, err := js.Stream(ctx, StreamGeneration)
	if err != nil {
		return fmt.Errorf("stream %s: %w", StreamGeneration, err)
	}
	gone, err := missingMembers(ctx, stream, s.Members())
	if err != nil {
		return err
	}
	if len(gone) > 0 {
		return missing("consumer " + gone[0])
	}
	return nil
}

func missing(what string) error {
	return fmt.Errorf("%w: %s is missing, and this user may not create it", ErrNotProvisioned, what)
}
