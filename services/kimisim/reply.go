package kimisim

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// How much of an answer goes into one chunk of the stream. Chunks are larger
// without pacing, so that a load test does not measure this server's writes.
const (
	pacedChunk   = 4  // tokens
	instantChunk = 16 // tokens
)

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
		Role      string  `json:"role,omitempty"`
		Content   *string `json:"content,omitempty"`
		Reasoning string  `json:"reasoning_content,omitempty"`
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
		Choices: []choice{{Message: &content{Role: "assistant", Content: &out.text, Reasoning: out.thought}, FinishReason: &out.finish}},
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
	switch out.fault.Name {
	case Reset, Truncated, StreamError:
		stopAt = out.usage.Completion / 2
	}
	size := pacedChunk
	if s.cfg.TokensPerSecond == 0 {
		size = instantChunk
	}
	sent := 0
	for _, part := range []struct {
		text  string
		delta func(piece string) *content
	}{
		{out.thought, func(piece string) *content { return &content{Reasoning: piece} }},
		{out.text, func(piece string) *content { return &content{Content: &piece} }},
	} {
		for rest := part.text; rest != "" && (stopAt < 0 || sent < stopAt); {
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
			if err := es.chunk(part.delta(piece), nil); err != nil {
				return err
			}
			arrived := time.Now()
			if !s.pass(r, sent-n, sent) {
				return r.Context().Err()
			}
			out.began = out.began.Add(time.Since(arrived))
		}
	}
	switch out.fault.Name {
	case Reset:
		return reset(w)
	case Truncated, NoEnd:
		return nil
	case StreamError:
		return es.send(map[string]any{"error": map[string]any{"code": http.StatusBadGateway, "message": "The provider failed, as asked for."}})
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
