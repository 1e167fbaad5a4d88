// Command nack writes the streams, buckets and consumers of package nats as resources
// of NACK (github.com/nats-io/nack), for a cluster in which it manages JetStream.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nack/pkg/jetstream/apis/jetstream/v1beta2"
	"github.com/nats-io/nats.go/jetstream"
	"sigs.k8s.io/yaml"

	wandnats "github.com/wandstore/wandstore/nats"
	"github.com/wandstore/wandstore/pkg/lifecycle"
)

const head = "# Made by `task generate` from the definitions in nats/.\n"

// account is the Account by which NACK signs in.
const account = "wandstore"

func main() {
	text, err := resources()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Print(text)
}

// resources are all of them as one file.
func resources() (string, error) {
	// As the services have them when nothing is set.
	var s wandnats.Settings
	if err := lifecycle.Load(nil, &s); err != nil {
		return "", err
	}
	var out bytes.Buffer
	out.WriteString(head)
	streams, err := wandnats.Streams(s)
	if err != nil {
		return "", err
	}
	for _, c := range streams {
		spec, err := stream(c)
		if err != nil {
			return "", err
		}
		if err := write(&out, "Stream", c.Name, spec); err != nil {
			return "", err
		}
	}
	for n := range s.PoolSize {
		c, err := wandnats.Consumer(n, s.Concurrency)
		if err != nil {
			return "", err
		}
		spec, err := consumer(c)
		if err != nil {
			return "", err
		}
		if err := write(&out, "Consumer", c.Durable, spec); err != nil {
			return "", err
		}
	}
	return out.String(), nil
}

// write appends a resource; what nobody has set of its spec is left out.
func write(out *bytes.Buffer, kind, name string, spec any) error {
	text, err := yaml.Marshal(map[string]any{
		"apiVersion": v1beta2.SchemeGroupVersion.String(),
		"kind":       kind,
		// RFC 1123: no capitals, no underscores.
		"metadata": map[string]any{"name": strings.ToLower(strings.ReplaceAll(name, "_", "-"))},
		"spec":     spec,
	})
	if err != nil {
		return fmt.Errorf("%s %s: %w", kind, name, err)
	}
	out.WriteString("---\n")
	out.Write(text)
	return nil
}

// keep is what every resource has: NACK signs in as the account, and removing a
// resource from the cluster removes no jobs and no sessions.
var keep = v1beta2.BaseStreamConfig{PreventDelete: true, ConnectionOpts: v1beta2.ConnectionOpts{Account: account}}

// stream is a definition as NACK's; what NACK has no name for is an error.
func stream(c jetstream.StreamConfig) (v1beta2.StreamSpec, error) {
	retention, err := word(c.Retention)
	if err != nil {
		return v1beta2.StreamSpec{}, err
	}
	storage, err := word(c.Storage)
	if err != nil {
		return v1beta2.StreamSpec{}, err
	}
	discard, err := word(c.Discard)
	if err != nil {
		return v1beta2.StreamSpec{}, err
	}
	return v1beta2.StreamSpec{
		Name: c.Name, Description: c.Description, Subjects: c.Subjects,
		Retention: retention, Storage: storage, Discard: discard, DiscardPerSubject: c.DiscardNewPerSubject,
		MaxMsgsPerSubject: int(c.MaxMsgsPerSubject), MaxConsumers: c.MaxConsumers, MaxMsgs: int(c.MaxMsgs), MaxBytes: int(c.MaxBytes),
		MaxAge: duration(c.MaxAge), MaxMsgSize: int(c.MaxMsgSize), DuplicateWindow: duration(c.Duplicates),
		Replicas: c.Replicas, AllowDirect: c.AllowDirect, AllowRollup: c.AllowRollup, AllowMsgTTL: c.AllowMsgTTL,
		DenyDelete: c.DenyDelete, DenyPurge: c.DenyPurge,
		BaseStreamConfig: keep,
	}, nil
}

// consumer is a member's definition as NACK's.
func consumer(c jetstream.ConsumerConfig) (v1beta2.ConsumerSpec, error) {
	deliver, err := word(c.DeliverPolicy)
	if err != nil {
		return v1beta2.ConsumerSpec{}, err
	}
	ack, err := word(c.AckPolicy)
	if err != nil {
		return v1beta2.ConsumerSpec{}, err
	}
	replay, err := word(c.ReplayPolicy)
	if err != nil {
		return v1beta2.ConsumerSpec{}, err
	}
	return v1beta2.ConsumerSpec{
		StreamName: wandnats.StreamGeneration, DurableName: c.Durable, Description: c.Description, FilterSubject: c.FilterSubject,
		DeliverPolicy: deliver, AckPolicy: ack, ReplayPolicy: replay,
		AckWait: duration(c.AckWait), MaxDeliver: c.MaxDeliver, MaxAckPending: c.MaxAckPending, MaxWaiting: c.MaxWaiting,
		BaseStreamConfig: keep,
	}, nil
}

// word is a policy as the server's API writes it, which is how NACK does.
func word(policy any) (string, error) {
	text, err := json.Marshal(policy)
	if err != nil {
		return "", err
	}
	return strconv.Unquote(string(text))
}

// duration is as NACK reads it; none is "".
func duration(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}
