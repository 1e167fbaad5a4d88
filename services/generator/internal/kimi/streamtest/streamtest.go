// Package streamtest is a table of recorded answers, byte for byte as models and gateways
// send them over HTTP, with what must come of each. They are the files of testdata:
//
//	# What sends it, and what is odd about it.
//	want: hero product-grid quote
//	tries: 1
//
//	=== 200 text/event-stream
//	data: {"choices":[{"delta":{"content":"{\"theme\":…
//
// want is the types of the design's sections, "none" where the template has to serve. tries
// is how often the model is asked; it is answered by one "===" after the other, the last one
// for all that follow. breaker is the state of the breaker after it, "closed" unless said;
// shops is "stopped" if the model is not asked for another shop after it.
//
// A line of === has the status and the content type, "-" for none, and may have words: cr or
// crlf for the ends of lines, gzip, and reset or hold for the end of the connection.
package streamtest

import (
	"bytes"
	"compress/gzip"
	"embed"
	"fmt"
	"net"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
)

//go:embed testdata
var files embed.FS

// Recording is one file.
type Recording struct {
	Name    string
	Want    string
	Tries   int
	Breaker string
	Stopped bool
	Answers []Answer
}

// Answer is one answer to a request.
type Answer struct {
	Status int
	Type   string // content type; "-" is none
	Body   []byte
	Words  []string
}

// All reads the recordings.
func All() ([]Recording, error) {
	entries, err := files.ReadDir("testdata")
	if err != nil {
		return nil, err
	}
	all := make([]Recording, 0, len(entries))
	for _, e := range entries {
		r, err := read(e.Name())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.Name(), err)
		}
		all = append(all, r)
	}
	return all, nil
}

func read(name string) (Recording, error) {
	r := Recording{Name: strings.TrimSuffix(name, path.Ext(name)), Tries: 1, Breaker: "closed"}
	b, err := files.ReadFile("testdata/" + name)
	if err != nil {
		return r, err
	}
	head, rest, _ := strings.Cut(string(b), "\n=== ")
	for line := range strings.Lines(head) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if strings.HasPrefix(line, "#") || !ok {
			continue
		}
		switch key {
		case "want":
			r.Want = strings.TrimPrefix(value, "none")
		case "tries":
			if r.Tries, err = strconv.Atoi(value); err != nil {
				return r, err
			}
		case "breaker":
			r.Breaker = value
		case "shops":
			r.Stopped = value == "stopped"
		default:
			return r, fmt.Errorf("unknown %s", key)
		}
	}
	for part := range strings.SplitSeq(rest, "\n=== ") {
		line, body, _ := strings.Cut(part, "\n")
		words := strings.Fields(line)
		a := Answer{Type: words[1], Body: []byte(body), Words: words[2:]}
		if a.Status, err = strconv.Atoi(words[0]); err != nil {
			return r, err
		}
		r.Answers = append(r.Answers, a)
	}
	return r, nil
}

// Has reports whether the answer has the word.
func (a Answer) Has(word string) bool {
	return slices.Contains(a.Words, word)
}

// Bytes is the body as it is sent.
func (a Answer) Bytes() []byte {
	b := a.Body
	switch {
	case a.Has("cr"):
		b = bytes.ReplaceAll(b, []byte("\n"), []byte("\r"))
	case a.Has("crlf"):
		b = bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n"))
	}
	if !a.Has("gzip") {
		return b
	}
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	// A buffer takes everything.
	_, _ = z.Write(b)
	_ = z.Close()
	return out.Bytes()
}

// Handler answers with the recording, and counts the requests in asked.
func (r Recording) Handler(asked *atomic.Int64) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		n := int(asked.Add(1))
		a := r.Answers[min(n, len(r.Answers))-1]
		w.Header().Set("Content-Type", a.Type)
		if a.Type == "-" {
			w.Header()["Content-Type"] = nil
		}
		if a.Has("gzip") {
			w.Header().Set("Content-Encoding", "gzip")
		}
		w.WriteHeader(a.Status)
		rc := http.NewResponseController(w)
		_, _ = w.Write(a.Bytes())
		_ = rc.Flush()
		if a.Has("hold") {
			<-req.Context().Done()
		}
		if a.Has("reset") {
			if conn, _, err := rc.Hijack(); err == nil {
				if tcp, ok := conn.(*net.TCPConn); ok {
					_ = tcp.SetLinger(0)
				}
				_ = conn.Close()
			}
		}
	})
}
