package pagestore_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/wandstore/wandstore/pkg/miniotest"
	"github.com/wandstore/wandstore/pkg/natstest"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/pagestore/pagestoretest"
	"github.com/wandstore/wandstore/pkg/wire"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// keysOf are keys made of the letters, one each.
func keysOf(t *testing.T, letters string) pagestore.Keys {
	t.Helper()
	var all []string
	for _, letter := range letters {
		all = append(all, base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{byte(letter)}, 32)))
	}
	keys, err := pagestore.KeyConfig{PageKeys: strings.Join(all, ", ")}.Keys()
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func TestPageKeysAreValidated(t *testing.T) {
	t.Parallel()
	good := base64.StdEncoding.EncodeToString(make([]byte, 32))
	for text, valid := range map[string]bool{
		"": true, good: true, good + "," + good: true, "secret": false, good[:40]: false, good + ",x": false,
		base64.StdEncoding.EncodeToString(make([]byte, 16)): false,
	} {
		err := pagestore.KeyConfig{PageKeys: text}.Validate()
		if (err == nil) != valid || err != nil && (!strings.HasPrefix(err.Error(), "PAGE_KEYS ") || strings.Contains(err.Error(), "secret")) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// tampering changes a stored page as somebody could who writes to the store without a key.
var tampering = map[string]func(*wandstorev1.Page){
	"html":              func(m *wandstorev1.Page) { m.Html += "<script>" },
	"persona":           func(m *wandstorev1.Page) { m.Persona = "loyalist" },
	"source":            func(m *wandstorev1.Page) { m.Source = "webhook" },
	"job":               func(m *wandstorev1.Page) { m.JobId = "other" },
	"model":             func(m *wandstorev1.Page) { m.Model = "kimi-k3" },
	"prompt version":    func(m *wandstorev1.Page) { m.PromptVersion = "p2" },
	"catalogue version": func(m *wandstorev1.Page) { m.CatalogueVersion = "c2" },
	"a shifted boundary": func(m *wandstorev1.Page) {
		m.PromptVersion, m.CatalogueVersion = m.GetPromptVersion()+m.GetCatalogueVersion()[:1], m.GetCatalogueVersion()[1:]
	},
	"requested later":     func(m *wandstorev1.Page) { m.RequestedAt = timestamppb.New(m.GetRequestedAt().AsTime().Add(1 << 60)) },
	"generated later":     func(m *wandstorev1.Page) { m.GeneratedAt = timestamppb.New(m.GetGeneratedAt().AsTime().Add(1)) },
	"another shopper's":   func(m *wandstorev1.Page) { m.ShopperId = "abc124" },
	"another shop's":      func(m *wandstorev1.Page) { m.StoreSlug = "whitby-tea" },
	"no MAC":              func(m *wandstorev1.Page) { m.Mac = nil },
	"a MAC that is short": func(m *wandstorev1.Page) { m.Mac = m.GetMac()[:31] },
}

func TestTamperedPagesInKV(t *testing.T) {
	t.Parallel()
	_, js := natstest.Start(t).Connect(t)
	bucket := newBucket(t, js, "UI_CACHE")
	store := pagestore.NewKV(bucket, keysOf(t, "a"))
	for name, tamper := range tampering {
		page := pagestoretest.Page(t, "job", 0)
		put(t, store, page)
		entry, err := bucket.Get(t.Context(), kvKey)
		if err != nil {
			t.Fatal(err)
		}
		var msg wandstorev1.Page
		if err := wire.Unmarshal(entry.Value(), &msg); err != nil {
			t.Fatal(err)
		}
		tamper(&msg)
		value, err := wire.Marshal(&msg)
		if err != nil {
			t.Fatal(err)
		}
		// Moved to the key that it names now, it is no more valid there.
		moved := "ui." + msg.GetStoreSlug() + "." + msg.GetShopperId()
		if _, err := bucket.Put(t.Context(), moved, value); err != nil {
			t.Fatal(err)
		}
		changed := pagestoretest.Make(t, &msg)
		if got, err := store.Get(t.Context(), changed.Key()); !errors.Is(err, pagestore.ErrCorrupt) {
			t.Errorf("%s: got %v, %v, want ErrCorrupt", name, got, err)
		}
		// A put replaces it, whatever its times say.
		mine := pagestoretest.Message("mine", 1)
		mine.StoreSlug, mine.ShopperId = msg.GetStoreSlug(), msg.GetShopperId()
		put(t, store, pagestoretest.Make(t, mine))
		if got, err := store.Get(t.Context(), changed.Key()); err != nil || got.JobID() != "mine" {
			t.Errorf("%s: after a put: got %v, %v", name, got, err)
		}
		if err := store.Delete(t.Context(), page.Key()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTamperedPagesInS3(t *testing.T) {
	t.Parallel()
	server := miniotest.Start(t)
	bucket := server.Bucket(t)
	store, plain := newS3(t, server.Addr(), bucket, keysOf(t, "a")), newS3(t, server.Addr(), bucket)
	raw := rawClient(t, server.Addr())
	for name, tamper := range tampering {
		page := pagestoretest.Page(t, "job", 0)
		put(t, store, page)
		info, err := raw.StatObject(t.Context(), bucket, object, minio.StatObjectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		mac := info.UserMetadata["Mac"]
		msg := page.Message()
		if msg.Mac, err = base64.RawURLEncoding.DecodeString(mac); err != nil || len(msg.GetMac()) != 32 {
			t.Fatalf("MAC %q of %v: %v", mac, info.UserMetadata, err)
		}
		tamper(msg)
		changed := pagestoretest.Make(t, msg)
		// The store without keys writes the metadata, and the MAC is put beside it.
		if err := errors.Join(plain.Delete(t.Context(), page.Key()), plain.Put(t.Context(), changed)); err != nil {
			t.Fatal(err)
		}
		moved := "generated/" + msg.GetStoreSlug() + ":" + msg.GetShopperId() + ".html"
		if info, err = raw.StatObject(t.Context(), bucket, moved, minio.StatObjectOptions{}); err != nil {
			t.Fatal(err)
		}
		meta := maps.Clone(map[string]string(info.UserMetadata))
		if len(msg.GetMac()) > 0 {
			meta["Mac"] = base64.RawURLEncoding.EncodeToString(msg.GetMac())
		}
		if _, err := raw.PutObject(t.Context(), bucket, moved, strings.NewReader(msg.GetHtml()), int64(len(msg.GetHtml())),
			minio.PutObjectOptions{UserMetadata: meta}); err != nil {
			t.Fatal(err)
		}
		if got, err := store.Get(t.Context(), changed.Key()); !errors.Is(err, pagestore.ErrCorrupt) {
			t.Errorf("%s: got %v, %v, want ErrCorrupt", name, got, err)
		}
		mine := pagestoretest.Message("mine", 1)
		mine.StoreSlug, mine.ShopperId = msg.GetStoreSlug(), msg.GetShopperId()
		put(t, store, pagestoretest.Make(t, mine))
		if got, err := store.Get(t.Context(), changed.Key()); err != nil || got.JobID() != "mine" {
			t.Errorf("%s: after a put: got %v, %v", name, got, err)
		}
		if err := errors.Join(store.Delete(t.Context(), page.Key()), store.Delete(t.Context(), changed.Key())); err != nil {
			t.Fatal(err)
		}
	}
}

// Keys are rotated: a new one first verifies everywhere, then signs, and the old one goes
// when all pages that it signed are gone.
func TestPageKeysAreRotated(t *testing.T) {
	t.Parallel()
	_, js := natstest.Start(t).Connect(t)
	bucket := newBucket(t, js, "UI_CACHE")
	for _, tt := range []struct {
		signs, reads string
		ok           bool
	}{
		{"a", "a", true}, {"a", "ba", true}, {"ba", "ab", true}, {"ba", "b", true}, {"ba", "a", false}, {"", "a", false}, {"a", "", true},
	} {
		page := pagestoretest.Page(t, "job", 0)
		writer := pagestore.NewKV(bucket, keysOf(t, tt.signs))
		if err := writer.Delete(t.Context(), page.Key()); err != nil {
			t.Fatal(err)
		}
		put(t, writer, page)
		if _, err := pagestore.NewKV(bucket, keysOf(t, tt.reads)).Get(t.Context(), page.Key()); (err == nil) != tt.ok {
			t.Errorf("signed by %q, read by %q: %v", tt.signs, tt.reads, err)
		}
	}
}
