package kimi

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/wandstore/wandstore/pkg/spend"
	"github.com/wandstore/wandstore/pkg/thinking"
)

const (
	// maxEvent bounds one server-sent event, in bytes. A chunk of a few tokens has about
	// 300. A gateway that does not stream may send the whole answer in one event.
	maxEvent = 256 << 10
	// wireFactor is how many bytes of the stream are allowed for each byte of the answer. A
	// token of four characters arrives in about 300 bytes of JSON.
	wireFactor = 80
)

// answerStream is the answer read so far.
type answerStream struct {
	req      Request
	thoughts thinking.Filter
	text     strings.Builder // without the thoughts
	model    string
	finish   string
	tokens   spend.Tokens
	received int // bytes of content and of reasoning
	done     bool
}

// chunk holds the fields of OpenAI's chat.completion.chunk that are used here.
type chunk struct {
	Model   string `json:"model"`
	Choices []struct {
		Delta struct {
			Content   string `json:"content"`
			Reasoning string `json:"reasoning_content"`
		} `json:"delta"`
		FinishReason string `json:"finish_reason"`
		// Moonshot also sends the usage here, in the last choice.
		Usage *usage `json:"usage"`
	} `json:"choices"`
	Usage *usage          `json:"usage"`
	Error json.RawMessage `json:"error"`
}

// usage is the provider's counts. Moonshot tells the cached tokens beside the others,
// OpenAI in the details of the prompt's; the written ones are told by gateways only.
type usage struct {
	PromptTokens     int `json:"prompt_tokens"`
	CompletionTokens int `json:"completion_tokens"`
	CachedTokens     int `json:"cached_tokens"`
	PromptDetails    struct {
		CachedTokens  int `json:"cached_tokens"`
		WrittenTokens int `json:"cache_write_tokens"`
	} `json:"prompt_tokens_details"`
}

// readAnswer reads a stream of chunks up to [DONE]. limit bounds the answer's text, in
// bytes. onToken is called at the first token, of content or of reasoning. Errors are
// *failure, or r's; with an error, the stream is what came until then.
func readAnswer(r io.Reader, req Request, limit int64, onToken func()) (*answerStream, error) {
	var (
		a      = answerStream{req: req}
		first  = true
		events = newEventReader(r, limit*wireFactor)
	)
	for !a.done {
		data, err := events.next()
		if errors.Is(err, io.EOF) {
			return &a, &failure{decision: ErrTruncated, kind: "truncated", detail: "the stream ended early"}
		} else if err != nil {
			if errors.Is(err, ErrAnswerTooLarge) {
				a.received += maxEvent // what the event held is not known
			}
			return &a, err
		}
		if string(data) == "[DONE]" {
			a.done = true
			a.say(a.thoughts.Close())
			break
		}
		var c chunk
		if err := json.Unmarshal(data, &c); err != nil {
			return &a, &failure{decision: ErrUnavailable, kind: "protocol", detail: "its stream is not one of completions"}
		}
		if len(c.Error) > 0 && string(c.Error) != "null" {
			return &a, &failure{decision: ErrUnavailable, kind: "in_stream", detail: "it failed while answering" + errorType(data)}
		}
		said := a.add(c)
		if int64(a.text.Len()) > limit {
			return &a, tooLarge()
		}
		if said && first {
			first = false
			onToken()
		}
	}
	return &a, a.check()
}

// add adds a chunk and reports whether it held a token.
func (a *answerStream) add(c chunk) bool {
	if id := identifier(c.Model); id != "" {
		a.model = id
	}
	said := false
	for _, choice := range c.Choices {
		piece, void := a.thoughts.Write(choice.Delta.Content)
		if void {
			a.text.Reset()
			a.req.restart()
		}
		a.say(piece)
		a.received += len(choice.Delta.Content) + len(choice.Delta.Reasoning)
		said = said || choice.Delta.Content != "" || choice.Delta.Reasoning != ""
		if choice.FinishReason != "" {
			a.finish = identifier(choice.FinishReason)
		}
		a.count(choice.Usage)
	}
	a.count(c.Usage)
	return said
}

// say adds a piece of the answer and tells of it.
func (a *answerStream) say(piece string) {
	a.text.WriteString(piece)
	a.req.said(piece)
}

func (a *answerStream) count(u *usage) {
	if u == nil {
		return
	}
	prompt := max(u.PromptTokens, 0)
	cached := min(max(u.CachedTokens, u.PromptDetails.CachedTokens, 0), prompt)
	a.tokens = spend.Tokens{
		Prompt: prompt, Cached: cached, Written: min(max(u.PromptDetails.WrittenTokens, 0), prompt-cached),
		Completion: max(u.CompletionTokens, 0),
	}
}

// check returns an error if the stream is not a complete answer.
func (a *answerStream) check() error {
	switch {
	case a.finish == "":
		return &failure{decision: ErrTruncated, kind: "truncated", detail: "the stream ended without a reason"}
	case a.finish == "length":
		return &failure{decision: ErrTruncated, kind: "length", detail: "it reached its token limit"}
	case a.finish == "content_filter":
		return &failure{decision: ErrBadRequest, kind: "content_filter", detail: "its content is filtered"}
	case strings.TrimSpace(a.text.String()) == "":
		return &failure{decision: ErrEmpty, kind: "empty"}
	}
	return nil
}

func tooLarge() *failure { return &failure{decision: ErrAnswerTooLarge, kind: "too_large"} }

// eventReader reads the data of server-sent events (WHATWG HTML, 9.2). Lines end in LF or CR
// LF. The standard also allows a lone CR as the end of a line, which is not supported
// because no provider sends it.
type eventReader struct {
	in   *bufio.Reader
	data []byte
	left int64 // bytes that may still come
}

// newEventReader returns a reader of at most limit bytes of events, plus at most one line.
func newEventReader(r io.Reader, limit int64) *eventReader {
	return &eventReader{in: bufio.NewReaderSize(r, maxEvent), left: limit}
}

// next returns the next event's data, which is valid until the next call. It skips comments
// and events without data. At the end of the stream it returns io.EOF. An event that the
// stream breaks off is dropped, as in the standard, unless its last line is complete. next
// returns ErrAnswerTooLarge if an event is larger than maxEvent or the stream is larger than
// its limit.
func (e *eventReader) next() ([]byte, error) {
	e.data = e.data[:0]
	filled := false
	for {
		line, err := e.in.ReadSlice('\n')
		e.left -= int64(len(line))
		switch {
		case errors.Is(err, bufio.ErrBufferFull) || e.left < 0:
			return nil, tooLarge()
		case errors.Is(err, io.EOF) && filled:
			return e.data, nil
		case err != nil:
			return nil, err
		}
		line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
		if len(line) == 0 {
			if filled {
				return e.data, nil
			}
			continue
		}
		value, ok := bytes.CutPrefix(line, []byte("data"))
		if !ok || len(value) > 0 && value[0] != ':' {
			continue // a comment, or another field
		}
		value = bytes.TrimPrefix(bytes.TrimPrefix(value, []byte(":")), []byte(" "))
		if filled {
			e.data = append(e.data, '\n')
		}
		if len(e.data)+len(value) > maxEvent {
			return nil, tooLarge()
		}
		e.data, filled = append(e.data, value...), true
	}
}
