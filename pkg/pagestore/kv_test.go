package pagestore_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/wandstore/wandstore/pkg/natstest"
	"github.com/wandstore/wandstore/pkg/pagestore"
	"github.com/wandstore/wandstore/pkg/pagestore/pagestoretest"
	"github.com/wandstore/wandstore/pkg/wire"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

const kvKey = "ui.magic-wands.abc123"

func TestKV(t *testing.T) {
	t.Parallel()
	_, js := natstest.Start(t).Connect(t)
	bucket := newBucket(t, js, "UI_CACHE")
	store := pagestore.NewKV(bucket)
	page := pagestoretest.Page(t, "job", 0)

	t.Run("key and value are the contract's", func(t *testing.T) {
		put(t, store, page)
		entry, err := bucket.Get(t.Context(), kvKey)
		if err != nil {
			t.Fatal(err)
		}
		var got wandstorev1.Page
		if err := wire.Unmarshal(entry.Value(), &got); err != nil || got.GetJobId() != "job" {
			t.Errorf("got %v, %v", &got, err)
		}
	})

	t.Run("a template is kept", func(t *testing.T) {
		msg := pagestoretest.Message("template", 1)
		msg.Source = pagestore.SourceTemplate
		put(t, store, pagestoretest.Make(t, msg))
	})

	t.Run("what does not fit a message is too large", func(t *testing.T) {
		msg := pagestoretest.Message("quotes", 2)
		msg.Html = strings.Repeat(`"`, pagestore.MaxHTML)
		if err := store.Put(t.Context(), pagestoretest.Make(t, msg)); !errors.Is(err, pagestore.ErrTooLarge) {
			t.Errorf("got %v, want ErrTooLarge", err)
		}
	})

	anothers := pagestoretest.Message("job", 0)
	anothers.ShopperId = "abc124"
	value, err := wire.Marshal(anothers)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"not JSON":          "\x00",
		"not a page":        `{"html": 7, "shopperId": "abc123"}`,
		"an empty page":     "{}",
		"nothing":           "",
		"another shopper's": string(value),
	} {
		t.Run("corrupt: "+name, func(t *testing.T) {
			if _, err := bucket.Put(t.Context(), kvKey, []byte(value)); err != nil {
				t.Fatal(err)
			}
			_, err := store.Get(t.Context(), page.Key())
			if !errors.Is(err, pagestore.ErrCorrupt) || errors.Is(err, pagestore.ErrMiss) {
				t.Errorf("Get: got %v, want ErrCorrupt", err)
			}
			if strings.Contains(err.Error(), "abc12") {
				t.Errorf("the error names a shopper: %v", err)
			}
			put(t, store, page)
			if _, err := store.Get(t.Context(), page.Key()); err != nil {
				t.Errorf("Get after Put: %v", err)
			}
		})
	}

	t.Run("a newer service's fields are ignored", func(t *testing.T) {
		value, err := wire.Marshal(page.Message())
		if err != nil {
			t.Fatal(err)
		}
		newer := strings.Replace(string(value), "{", `{"fromTheFuture": {"x": 1}, `, 1)
		if _, err := bucket.Put(t.Context(), kvKey, []byte(newer)); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Get(t.Context(), page.Key()); err != nil {
			t.Errorf("Get: %v", err)
		}
	})
}
