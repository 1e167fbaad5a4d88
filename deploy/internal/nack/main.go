// Command nack prints the streams, buckets and consumers of package wandnats as resources of
// NACK (github.com/nats-io/nack), for a cluster in which NACK manages JetStream.
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

// account is the name of the Account resource with NACK's credentials.
const account = "wandstore"

func main() {
	text, err := resources()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Print(text)
}

// resources returns all resources as one file.
func resources() (string, error) {
	// The services' default settings.
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
	for _, member := range s.Members() {
		c, err := wandnats.Consumer(member, s.Concurrency)
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

// write appends a resource. Unset fields of the spec are left out.
func write(out *bytes.Buffer, kind, name string, spec any) error {
	text, err := yaml.Marshal(map[string]any{
		"apiVersion": v1beta2.SchemeGroupVersion.String(),
		"kind":       kind,
		// Names follow RFC 1123: no capitals and no underscores.
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

// keep is a part of every resource. NACK signs in as the account. If a resource is removed
// from the cluster, NACK keeps the stream, so that no jobs and no sessions are lost.
var keep = v1beta2.BaseStreamConfig{PreventDelete: true, ConnectionOpts: v1beta2.ConnectionOpts{Account: account}}

// stream converts a stream's definition to NACK's form.
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
	var republish *v1beta2.RePublish
	if c.RePublish != nil {
		republish = &v1beta2.RePublish{Source: c.RePublish.Source, Destination: c.RePublish.Destination}
	}
	return v1beta2.StreamSpec{
		Name: c.Name, Description: c.Description, Subjects: c.Subjects,
		Retention: retention, Storage: storage, Discard: discard, DiscardPerSubject: c.DiscardNewPerSubject,
		MaxMsgsPerSubject: int(c.MaxMsgsPerSubject), MaxConsumers: c.MaxConsumers, MaxMsgs: int(c.MaxMsgs), MaxBytes: int(c.MaxBytes),
		MaxAge: duration(c.MaxAge), MaxMsgSize: int(c.MaxMsgSize), DuplicateWindow: duration(c.Duplicates),
		Replicas: c.Replicas, AllowDirect: c.AllowDirect, AllowRollup: c.AllowRollup, AllowMsgTTL: c.AllowMsgTTL, AllowAtomicPublish: c.AllowAtomicPublish, RePublish: republish,
		DenyDelete: c.DenyDelete, DenyPurge: c.DenyPurge,
		BaseStreamConfig: keep,
	}, nil
}

// consumer converts a consumer's definition to NACK's form.
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

// word returns a policy's name in the server's API, which NACK uses too.
func word(policy any) (string, error) {
	text, err := json.Marshal(policy)
	if err != nil {
		return "", err
	}
	return strconv.Unquote(string(text))
}

// duration returns d in the form that NACK reads, or "" for 0.
func duration(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}
