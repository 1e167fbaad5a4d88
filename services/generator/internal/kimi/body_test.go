package kimi

import (
	"encoding/json"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// What is sent is what json.Marshal makes of the texts, however it is read, and each time.
func FuzzBody(f *testing.F) {
	f.Add("You design a page.", `A "shop" of <wands>`)
	f.Add("", "\xff\xfe\x00\n\u2028")
	for shift := range 4 {
		f.Add(strings.Repeat("a", maxPiece-shift)+"🪄 and more", strings.Repeat("é🪄", maxPiece)+"\xf0\x9f")
	}
	f.Add(strings.Repeat("\x80", 2*maxPiece), strings.Repeat("a", maxPiece-5)+"\xf0\x9f\xaa\x84\x80\x80\x80")
	c := &Client{cfg: Config{Model: "kimi-test"}}
	f.Fuzz(func(t *testing.T, system, user string) {
		b, err := c.body(Request{System: system, User: user, Turns: []Turn{{user, system}}})
		if err != nil {
			t.Fatal(err)
		}
		type sent struct {
			Role    string `json:"role"`
			Content string `json:"content"`
		}
		messages, err := json.Marshal([]sent{{"system", system}, {"user", user}, {"assistant", user}, {"user", system}})
		if err != nil {
			t.Fatal(err)
		}
		want := `{"messages":` + string(messages) + "," + b.settings
		for _, opened := range []io.Reader{b.open(), iotest.OneByteReader(b.open())} {
			got, err := io.ReadAll(opened)
			if err != nil || string(got) != want || int64(len(got)) != b.size {
				t.Fatalf("%d bytes, %v: got %.300q, want %.300q", b.size, err, got, want)
			}
		}
		if !json.Valid([]byte(want)) {
			t.Errorf("no JSON: %.300q", want)
		}
	})
}
