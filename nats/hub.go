package wandnats

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// readAtPoPs are the streams that a PoP has mirrors of: what an edge needs to serve. What it takes
// to have a page made is at the hub.
var readAtPoPs = []string{"KV_" + BucketPages, "KV_" + BucketStores, "KV_" + BucketCatalogue}

var domainName = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// AtHub are the settings for the hub's own streams.
func (s Settings) AtHub() Settings {
	s.HubDomain = ""
	return s
}

// Hub is the JetStream of the hub: that of HubDomain, or js where there is none.
func (s Settings) Hub(js jetstream.JetStream) (jetstream.JetStream, error) {
	if s.HubDomain == "" {
		return js, nil
	}
	hub, err := jetstream.NewWithDomain(js.Conn(), s.HubDomain,
		jetstream.WithDefaultTimeout(requestTimeout), jetstream.WithPublishAsyncTimeout(requestTimeout))
	if err != nil {
		return nil, fmt.Errorf("JetStream of the hub: %w", err)
	}
	return hub, nil
}

// KeySubject is the subject that puts a value by js, which is a publish (ADR-8 of
// nats-architecture-and-design). To another domain it leads by the prefix of its API.
func KeySubject(js jetstream.JetStream, bucket, key string) string {
	subject := "$KV." + bucket + "." + key
	if domain := js.Options().Domain; domain != "" {
		return apiOf(domain) + "." + subject
	}
	return subject
}

func apiOf(domain string) string { return "$JS." + domain + ".API" }

func mirrored(stream string) bool { return slices.Contains(readAtPoPs, stream) }

// mirrorOf is the definition of a stream's mirror at a PoP. The client's bucket on it reads
// the mirror and writes to the hub.
func mirrorOf(c jetstream.StreamConfig, domain string) jetstream.StreamConfig {
	c.Subjects = nil
	c.Mirror = &jetstream.StreamSource{Name: c.Name, External: &jetstream.ExternalStream{APIPrefix: apiOf(domain)}}
	// A mirror that refused what is new would stop following.
	c.Discard = jetstream.DiscardOld
	return c
}

// metaOrigin is the key of a mirror's metadata that says when its stream at the hub was made.
// Of one made anew, as after the loss of its disk, an old mirror would see nothing until the
// new stream's sequence has reached its own.
const metaOrigin = "wandstore.origin"

// originOf is when the stream at the hub was made that it is the mirror of.
func originOf(mirror jetstream.Stream) time.Time {
	at, err := time.Parse(time.RFC3339Nano, mirror.CachedInfo().Config.Metadata[metaOrigin])
	if err != nil {
		return time.Time{}
	}
	return at
}

// readOrigins asks the hub when the mirrors' streams were made.
func readOrigins(ctx context.Context, js jetstream.JetStream, s Settings) (map[string]time.Time, error) {
	hub, err := s.Hub(js)
	if err != nil {
		return nil, err
	}
	made := make([]time.Time, len(readAtPoPs))
	if err := atOnce(len(readAtPoPs), func(i int) error {
		stream, err := hub.Stream(ctx, readAtPoPs[i])
		if err != nil {
			return fmt.Errorf("stream %s of the hub: %w", readAtPoPs[i], err)
		}
		made[i] = stream.CachedInfo().Created
		return nil
	}); err != nil {
		return nil, err
	}
	origins := make(map[string]time.Time, len(readAtPoPs))
	for i, name := range readAtPoPs {
		origins[name] = made[i]
	}
	return origins, nil
}

// provisionMirrors creates and updates a PoP's mirrors, and makes those anew whose stream was.
// While the hub is not reached, those that there are stay as they are.
func provisionMirrors(ctx context.Context, js jetstream.JetStream, s Settings) error {
	origins, err := readOrigins(ctx, js, s)
	if err != nil {
		if checkStreams(ctx, js, s) == nil {
			return nil
		}
		return err
	}
	configs, err := Streams(s)
	if err != nil {
		return err
	}
	for _, want := range configs {
		want.Metadata = map[string]string{metaOrigin: origins[want.Name].UTC().Format(time.RFC3339Nano)}
		if mirror, err := js.Stream(ctx, want.Name); err == nil && !originOf(mirror).Equal(origins[want.Name]) {
			if err := js.DeleteStream(ctx, want.Name); err != nil {
				return fmt.Errorf("remove mirror %s: %w", want.Name, err)
			}
		}
		if err := ensureStream(ctx, js, want); err != nil {
			return fmt.Errorf("ensure mirror %s: %w", want.Name, err)
		}
	}
	return nil
}

// Lag tells whether the mirror of a PoP is behind. Its zero value is not usable.
type Lag struct {
	// Mirror is JetStream at the PoP, Hub that of the hub.
	Mirror, Hub jetstream.JetStream
	// Stream is the name of both.
	Stream string
}

// lagPatience is how long a mirror may take for what the hub has told of already.
const lagPatience = 500 * time.Millisecond

// Measure asks the hub for its newest message, and then whether the mirror has it, for half a
// second. The error is that of the hub, which was not reached.
func (l Lag) Measure(ctx context.Context) (behind bool, err error) {
	origin, err := l.Hub.Stream(ctx, l.Stream)
	if err != nil {
		return true, fmt.Errorf("stream %s of the hub: %w", l.Stream, err)
	}
	ctx, cancel := context.WithTimeout(ctx, lagPatience)
	defer cancel()
	for {
		mirror, err := l.Mirror.Stream(ctx, l.Stream)
		switch {
		case err != nil || !originOf(mirror).Equal(origin.CachedInfo().Created):
			return true, nil
		case mirror.CachedInfo().State.LastSeq >= origin.CachedInfo().State.LastSeq:
			return false, nil
		}
		select {
		case <-time.After(lagPatience / 10):
		case <-ctx.Done():
			return true, nil
		}
	}
}
