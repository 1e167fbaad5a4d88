package session_test

import (
	"testing"

	"github.com/wandstore/wandstore/pkg/session"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

func TestPrivate(t *testing.T) {
	t.Parallel()
	for words, want := range map[string]bool{
		"oak wand": false, "14 inches": false, "wand 1871": false, "model 123456": false, "a @ b": false, "": false, "3 for 2": false,
		"ada@example.com": true, "mail ada.l+x@mail.example.co.uk please": true, "+44 20 7946 0958": true, "4111-1111-1111-1111": true,
		"order 1234567": true, "٠١٢٣٤٥٦٧": true, "(030) 123 45 67": true,
	} {
		if got := session.Private(words); got != want {
			t.Errorf("%q is private: %t", words, got)
		}
	}
}

// What is private is not kept.
func TestPrivateSearchesAreNotKept(t *testing.T) {
	t.Parallel()
	e := &wandstorev1.TrackEvent{Store: "magic-wands", Shopper: "ada", Event: "search", Query: "ada@example.com"}
	if err := session.Check(e); err != nil || e.GetQuery() != "" {
		t.Errorf("query %q, error %v", e.GetQuery(), err)
	}
}
