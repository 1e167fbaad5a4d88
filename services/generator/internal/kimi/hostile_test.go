package kimi

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
	"go.opentelemetry.io/otel"

	"github.com/wandstore/wandstore/pkg/account"
	"github.com/wandstore/wandstore/pkg/spend"
)

// An answer is read in time and within bounds, whatever is sent: a good one is still read in
// it, anything else ends as an error.
func TestHostileStreams(t *testing.T) {
	trickles := func(w http.ResponseWriter, r *http.Request) {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for r.Context().Err() == nil {
			<-tick.C
			_, _ = io.WriteString(w, "d")
			_ = http.NewResponseController(w).Flush()
		}
	}
	floods := func(piece string) step {
		return func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, piece); err != nil {
					return
				}
			}
		}
	}
	after := func(first, then step) step {
		return func(w http.ResponseWriter, r *http.Request) {
			first(w, r)
			then(w, r)
		}
	}
	const whole = "a fine answer"
	// It depends on the machine which bound is reached first.
	endless := []error{ErrAnswerTooLarge, ErrStalled}
	for name, c := range map[string]struct {
		step step
		want []error // one of them; none is a fine answer
	}{
		"bytes one by one":   {trickles, []error{ErrStalled}},
		"a body without end": {floods(strings.Repeat("x", 1<<10)), endless},
		"lines without end":  {floods("data: {\"type\":\"ping\"}\n\n"), endless},
		"text without end":   {floods(`data: {"choices":[{"delta":{"content":"` + strings.Repeat("x", 1<<10) + `"}}]}` + "\n\n"), endless},
		"a line of ten megabytes": {after(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "data: {\""+strings.Repeat("x", 10<<20))
		}, fine), endless},
		"a hundred thousand comments": {after(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, strings.Repeat(": no\n", 100_000))
		}, fine), nil},
		"brackets":                 {floods("[{"), endless},
		"a flood after the answer": {after(says(whole, "stop"), floods(": no\n\n")), nil},
		"pings after the answer":   {after(says(whole, "stop"), floods("data: {\"type\":\"ping\"}\n\n")), nil},
		"a bomb":                   {bomb, endless},
	} {
		read := func(t *testing.T, m *model, network ...Option) {
			t.Helper()
			req := ask
			req.Whole = func(text string) bool { return text == whole }
			client := newClient(t, Config{BaseURL: m.URL, AnswerLimit: 8 << 10}, network...)
			answer, err := client.Complete(t.Context(), req)
			expected := err == nil && c.want == nil && answer.Text == whole
			for _, want := range c.want {
				expected = expected || errors.Is(err, want)
			}
			if !expected {
				t.Errorf("%q, %v, want %v", answer.Text[:min(len(answer.Text), 100)], err, c.want)
			}
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == "bytes one by one" { // which takes as long as the client waits
				inBubble(t, []step{c.step}, read)
				return
			}
			read(t, newModel(t, c.step))
		})
	}
}

// bomb sends 8 KB that are 8 MB, on one line.
func bomb(w http.ResponseWriter, _ *http.Request) {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	piece := bytes.Repeat([]byte(" "), 1<<20)
	for range 8 {
		_, _ = z.Write(piece)
	}
	_ = z.Close()
	w.Header().Set("Content-Encoding", "gzip")
	_, _ = w.Write(out.Bytes())
}

// What a gateway encodes although nobody asked is decoded, and what it only calls encoded is
// read as it is.
func TestEncodings(t *testing.T) {
	const stream = "data: {\"choices\":[{\"delta\":{\"content\":\"a fine answer\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"
	deflate := func(w io.Writer) io.WriteCloser { z, _ := flate.NewWriter(w, flate.BestSpeed); return z }
	zstandard := func(w io.Writer) io.WriteCloser { z, _ := zstd.NewWriter(w); return z }
	for name, c := range map[string]struct {
		header string
		with   []func(io.Writer) io.WriteCloser
	}{
		"gzip":                {"gzip", []func(io.Writer) io.WriteCloser{func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }}},
		"gzip, not named":     {"", []func(io.Writer) io.WriteCloser{func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }}},
		"deflate":             {"deflate", []func(io.Writer) io.WriteCloser{func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) }}},
		"deflate, bare":       {"Deflate", []func(io.Writer) io.WriteCloser{deflate}},
		"br":                  {"br", []func(io.Writer) io.WriteCloser{func(w io.Writer) io.WriteCloser { return brotli.NewWriter(w) }}},
		"zstd":                {"zstd", []func(io.Writer) io.WriteCloser{zstandard}},
		"two":                 {"br, gzip", []func(io.Writer) io.WriteCloser{func(w io.Writer) io.WriteCloser { return brotli.NewWriter(w) }, func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }}},
		"named only":          {"br", nil},
		"named only, deflate": {"deflate", nil},
		"unknown":             {"identity", nil},
	} {
		t.Run(name, func(t *testing.T) {
			body := []byte(stream)
			for _, with := range c.with {
				var out bytes.Buffer
				z := with(&out)
				_, _ = z.Write(body)
				_ = z.Close()
				body = out.Bytes()
			}
			asked := ""
			m := newModel(t, func(w http.ResponseWriter, r *http.Request) {
				asked = r.Header.Get("Accept-Encoding")
				if c.header != "" {
					w.Header().Set("Content-Encoding", c.header)
				}
				_, _ = w.Write(body)
			})
			a, err := newClient(t, Config{BaseURL: m.URL}).Complete(t.Context(), ask)
			if err != nil || a.Text != "a fine answer" || asked != "identity" {
				t.Errorf("%q, %v; asked for %q", a.Text, err, asked)
			}
		})
	}
}

// What is told of tokens neither hides what a call costs nor books more than it can cost.
func TestLiesAboutTokens(t *testing.T) {
	const most = 100
	for name, c := range map[string]struct {
		usage      string
		completion int
		prompt     func(bytes int) int
	}{
		"nothing":          {`{}`, 13, func(n int) int { return n }},
		"less than none":   {`{"prompt_tokens":-1,"completion_tokens":-1}`, 13, func(n int) int { return n }},
		"no prompt":        {`{"prompt_tokens":0,"completion_tokens":7}`, 7, func(n int) int { return n }},
		"no answer":        {`{"prompt_tokens":60,"completion_tokens":0}`, 13, func(int) int { return 60 }},
		"too many":         {`{"prompt_tokens":1e18,"completion_tokens":1e18}`, most, func(n int) int { return n }},
		"beyond numbers":   {`{"prompt_tokens":1e999,"completion_tokens":9999999999999999999999}`, most, func(n int) int { return n }},
		"halves":           {`{"prompt_tokens":60.5,"completion_tokens":"12.5"}`, 12, func(int) int { return 60 }},
		"too few":          {`{"prompt_tokens":1,"completion_tokens":7}`, 7, func(n int) int { return n / longestToken }},
		"all of it cached": {`{"prompt_tokens":60,"completion_tokens":7,"cached_tokens":1e18}`, 7, func(int) int { return 60 }},
		"no numbers":       {`{"prompt_tokens":"many","completion_tokens":[7]}`, 13, func(n int) int { return n }},
	} {
		t.Run(name, func(t *testing.T) {
			m := newModel(t, says("a fine answer", "stop", `{"choices":[],"usage":`+c.usage+`}`, "[DONE]"))
			metered := &meter{permits: -1}
			if _, err := newClient(t, Config{BaseURL: m.URL, Meter: metered, MaxCompletionTokens: most}).Complete(t.Context(), ask); err != nil {
				t.Fatal(err)
			}
			got := metered.used[0]
			if want := c.prompt(metered.most[0].Prompt); got.Prompt != want || got.Completion != c.completion || got.Cached > got.Prompt {
				t.Errorf("booked %+v, want %d and %d", got, want, c.completion)
			}
			prices := spend.Prices{Input: 0.95, Cached: 0.16, Output: 4}
			if prices.Cost(got) > prices.Most(metered.most[0]) {
				t.Errorf("booked more than was reserved: %+v", got)
			}
		})
	}
}

// Nothing of the prompt or the key gets into errors and spans, wherever a provider says it,
// and no other host is sent it.
func TestNothingIsEchoed(t *testing.T) {
	other := newModel(t, fine)
	echo := fmt.Sprintf(`"type":%q,"code":%q,"status":%q,"message":"%s %s"`, key, key, key, prompt, key)
	control := "\x1b[31m" + key
	for name, s := range map[string]step{
		"a status": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", key)
			w.Header().Set("X-RateLimit-Limit", control)
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = io.WriteString(w, `{"error":{`+echo+`}}`)
		},
		"a bare error": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `{`+echo+`,"detail":"`+prompt+`"}`)
		},
		"a stream": says("", "", `{"model":"`+key+`","error":{`+echo+`}}`),
		"a model":  says("a fine answer", key, `{"model":"kimi/`+key+`","choices":[]}`, "[DONE]"),
		"text":     func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, prompt+" "+key) },
		"another host": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL+"/?key="+key, http.StatusTemporaryRedirect)
		},
		"another scheme": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "ftp://"+key+"/", http.StatusPermanentRedirect)
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := newModel(t, s)
			ctx, parent := otel.Tracer("test").Start(t.Context(), "job")
			a, err := newClient(t, Config{BaseURL: m.URL}).Complete(ctx, ask)
			parent.End()
			told := []any{err, a.Model, a.FinishReason}
			for _, s := range spans.Ended() {
				if s.SpanContext().TraceID() == parent.SpanContext().TraceID() {
					told = append(told, s.Attributes(), s.Status(), s.Events())
				}
			}
			for _, secret := range []string{key, prompt, "\x1b"} {
				if all := fmt.Sprint(told...); strings.Contains(all, secret) {
					t.Errorf("%q is told: %s", secret, all)
				}
			}
		})
	}
	if n := other.asked.Load(); n != 0 {
		t.Errorf("another host was asked %d times", n)
	}
}

// A provider that begins to answer and then refuses for rate is paid each time, so it is not
// asked for ever.
func TestRefusedWhileAnswering(t *testing.T) {
	m := newModel(t, says("half", "", `{"error":{"type":"rate_limit_reached_error","message":"try again after 0.001 seconds"}}`))
	shared := account.New(account.Config{Minute: time.Second})
	defer shared.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, err := newClient(t, Config{BaseURL: m.URL, Account: shared, Timeout: patience / 3}).Complete(ctx, ask)
	if asked := m.asked.Load(); !errors.Is(err, ErrRateLimited) || asked != maxTries {
		t.Errorf("asked %d times: %v", asked, err)
	}
}

// The calls of other shops need not wait until a probe's last token has come, and one shop's
// broken streams stop only its own.
func TestAProbeIsOverWithItsFirstToken(t *testing.T) {
	b := breakers{shops: map[string]*circuit{}} // they cool down at once
	end, err := b.begin("a")
	if err != nil {
		t.Fatal(err)
	}
	end(&failure{decision: ErrRefused, everybody: true})
	probed, err := b.begin("a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.begin("b"); !errors.Is(err, errOpen) {
		t.Errorf("beside a probe: %v", err)
	}
	b.answers("a")
	if _, err := b.begin("b"); err != nil || b.state() != "closed" {
		t.Errorf("once it is answered: %v, %s", err, b.state())
	}
	probed(nil)

	m := newModel(t, resets)
	c := newClient(t, Config{BaseURL: m.URL})
	mine := ask
	mine.Call.Shop = "a"
	for range 2 {
		if _, err := c.Complete(t.Context(), mine); !errors.Is(err, ErrUnavailable) {
			t.Fatal(err)
		}
	}
	before := m.asked.Load()
	others := ask
	others.Call.Shop = "b"
	if _, err := c.Complete(t.Context(), others); m.asked.Load() == before {
		t.Errorf("for another shop: %v", err)
	}
}
