package kimi

import (
	"errors"
	"io"
	"strings"
	"time"

	"github.com/wandstore/wandstore/pkg/account"
	"github.com/wandstore/wandstore/pkg/spend"
	"github.com/wandstore/wandstore/pkg/thinking"
)

// answerStream is the answer read so far.
type answerStream struct {
	req   Request
	limit int64 // of the text, in bytes
	on    hooks

	thoughts  thinking.Filter
	joiner    joiner
	raw       strings.Builder // the content as it came
	text      strings.Builder // the answer: without thoughts, of whole characters
	untold    strings.Builder // what of text Request.OnText was not called with yet
	reasoning strings.Builder
	arguments strings.Builder // of a call of a tool
	bare      strings.Builder // a value that is no part of an answer, and may be the answer itself
	choice    count           // the choice that is read
	chosen    bool
	model     string
	finish    string
	ending    ending
	tokens    spend.Tokens
	received  int      // bytes of content, reasoning and arguments
	problem   *failure // that the stream tells of
	done      bool     // it said that nothing follows
	any       bool     // it had a chunk
	damaged   bool     // a value could not be read
}

// hooks are called while an answer is read: at the first token, of content or of
// reasoning; at each sign of life; and once the model has said why it stopped.
type hooks struct{ token, sign, ending func() }

func (h hooks) orNone() hooks {
	none := func() {}
	for _, f := range []*func(){&h.token, &h.sign, &h.ending} {
		if *f == nil {
			*f = none
		}
	}
	return h
}

// readAnswer reads an answer up to [DONE], what else says that nothing follows, or the end.
// limit bounds its text, in bytes. The error is r's, or a *failure if the answer is too
// large; what came until then is in the result, which tells how it ended.
func readAnswer(r io.Reader, req Request, limit int64, h hooks) (*answerStream, error) {
	a := &answerStream{req: req, limit: limit, on: h.orNone()}
	defer a.tell()
	defer a.close()
	values := newPayloads(beforeReads{r, a.tell}, limit*wireFactor, a.on.sign)
	for !a.done {
		value, event, err := values.next()
		switch {
		case errors.Is(err, io.EOF):
			return a, nil
		case err != nil:
			if errors.Is(err, ErrAnswerTooLarge) {
				a.received += maxPayload // what the value held is not known
			}
			return a, err
		case string(value) == done:
			a.done = true
		default:
			a.read(value, event)
		}
		if int64(a.raw.Len()) > limit {
			return a, tooLarge()
		}
	}
	return a, nil
}

// read takes one value of the stream.
func (a *answerStream) read(value []byte, event string) {
	c, ok := parseChunk(value)
	if !ok {
		a.damaged = true
		return
	}
	_, told := c.inner()
	switch {
	case told, event == "error", !c.speaks() && c.bare():
		a.fail(c.problem, value)
	case !c.speaks() && a.raw.Len() == 0 && len(value) > a.bare.Len():
		a.bare.Reset()
		keep(&a.bare, string(value), a.limit)
	}
	a.any = true
	a.add(c)
}

// fail notes an error that the stream tells of. body is the object that holds it.
func (a *answerStream) fail(p problem, body []byte) {
	a.problem = p.read().decide(statusOK)
	if errors.Is(a.problem, ErrRateLimited) {
		a.problem.refusal = account.ReadRefusal(nil, body, time.Now())
	}
}

// add adds a chunk.
func (a *answerStream) add(c chunk) {
	before := a.received
	if id := identifier(c.Model); id != "" {
		a.model = id
	}
	for i, choice := range c.Choices {
		if a.chosen && choice.Index != a.choice || i > 0 && equal(choice, c.Choices[i-1]) {
			continue // another answer, or the same chunk again
		}
		a.choice, a.chosen = choice.Index, true
		// Some servers say it in several places.
		switch {
		case choice.Delta.speaks(), !choice.Message.speaks() && !choice.Text.speaks():
			a.hear(choice.Delta)
		case choice.Message.speaks():
			a.hear(choice.Message)
		default:
			a.hear(choice.Text)
		}
		a.end(string(choice.FinishReason))
		a.count(choice.Usage)
		if p := (problem{Error: choice.Error}); a.problem == nil {
			if _, told := p.inner(); told {
				a.fail(p, append(append([]byte(`{"error":`), choice.Error...), '}'))
			}
		}
	}
	if strings.Contains(string(c.Type), "reasoning") {
		c.Delta = said{reasoning: c.Delta.content}
	}
	for _, s := range []said{c.Message.said, {content: string(c.Response)}, c.Delta, c.Content} {
		a.hear(s)
	}
	a.count(c.Message.usage)
	a.end(firstOf(string(c.DoneReason), string(c.StopReason)))
	a.count(c.Usage)
	a.count(&usage{PromptTokens: c.PromptEvalCount, CompletionTokens: c.EvalCount})
	a.done = a.done || c.Done || c.Type == "message_stop" || c.Type == "response.completed"
	if before == 0 && a.received > 0 {
		a.on.token()
	}
}

func equal(a, b choice) bool {
	return a.Index == b.Index && a.Delta == b.Delta && a.Message == b.Message && a.Text == b.Text
}

// hear adds what was said.
func (a *answerStream) hear(s said) {
	if s.speaks() {
		a.received += len(s.content) + len(s.reasoning) + len(s.arguments)
		a.on.sign() // before the ending that the same chunk may tell of
	}
	// Thoughts and arguments are only kept where they may turn out to be the answer.
	if a.raw.Len() == 0 {
		keep(&a.reasoning, s.reasoning, a.limit)
	}
	keep(&a.arguments, s.arguments, a.limit)
	a.end(s.stop)
	content := s.content
	if content == "" {
		return
	}
	// Some servers repeat all that was said: at last, or in every piece. JSON does not begin
	// twice in this way, and other text hardly.
	const sure = len("```")
	if raw := a.raw.String(); (len(raw) >= sure || strings.HasPrefix(raw, "{")) && strings.HasPrefix(content, raw) {
		content = content[len(raw):]
	}
	a.raw.WriteString(content)
	a.think(a.joiner.write(content))
}

func keep(b *strings.Builder, s string, limit int64) {
	if int64(b.Len()+len(s)) <= limit {
		b.WriteString(s)
	}
}

// think passes whole characters through the filter of thoughts.
func (a *answerStream) think(piece string) {
	said, void := a.thoughts.Write(piece)
	if void {
		a.restart()
	}
	a.say(said)
}

// say adds a piece of the answer.
func (a *answerStream) say(piece string) {
	a.text.WriteString(piece)
	a.untold.WriteString(piece)
}

// tell tells of what was said since the last time. It is called before the stream is waited
// for, so that what has come together is one piece.
func (a *answerStream) tell() {
	if a.untold.Len() > 0 {
		a.req.said(a.untold.String())
		a.untold.Reset()
	}
}

func (a *answerStream) restart() {
	a.text.Reset()
	a.untold.Reset()
	a.req.restart()
}

// beforeReads calls do before each read, which may have to wait.
type beforeReads struct {
	io.Reader

	do func()
}

func (r beforeReads) Read(p []byte) (int, error) {
	r.do()
	return r.Reader.Read(p)
}

// end notes why the model stopped, if it says so.
func (a *answerStream) end(reason string) {
	if e := endingOf(reason); e != unsaid {
		a.finish, a.ending = typeName(reason), e
		// Some servers say so with each piece, from the first thought on.
		if a.raw.Len() > 0 || a.arguments.Len() > 0 {
			a.on.ending()
		}
	}
}

// count notes the counts, which may come several times and grow.
func (a *answerStream) count(u *usage) {
	if u == nil {
		return
	}
	t := &a.tokens
	t.Prompt = max(t.Prompt, int(u.PromptTokens), int(u.InputTokens))
	t.Cached = min(max(t.Cached, int(u.CachedTokens), int(u.PromptDetails.CachedTokens)), t.Prompt)
	t.Written = min(max(t.Written, int(u.PromptDetails.WrittenTokens)), t.Prompt-t.Cached)
	t.Completion = max(t.Completion, int(u.CompletionTokens), int(u.OutputTokens))
}

// close adds the rest. Where there is no answer, it is looked for in its wrong places: some
// servers take the whole answer for thoughts, give it as the arguments of a tool, or without
// anything around it.
func (a *answerStream) close() {
	a.say(a.thoughts.Close())
	if arguments := a.whole(&a.arguments); arguments != "" && !strings.Contains(a.text.String(), "{") {
		a.restart()
		a.say(arguments)
	}
	if !a.silent() {
		return
	}
	if reasoning := strings.TrimSpace(thinking.Answer(a.whole(&a.reasoning))); beginsData(reasoning) {
		a.say(reasoning)
		return
	}
	places := []string{a.whole(&a.bare)}
	if a.ending == finished {
		// Thoughts that the model did not close, and that end with the answer.
		places = append(places, conclusion(a.whole(&a.raw)), conclusion(a.whole(&a.reasoning)))
	}
	for _, text := range places {
		if text != "" && a.req.Whole != nil && a.req.Whole(text) {
			a.say(text)
			return
		}
	}
}

const fence = "```"

func beginsData(text string) bool {
	return strings.HasPrefix(text, "{") || strings.HasPrefix(text, fence)
}

// conclusion is the data that a text ends with: an object or a fence that begins a line.
func conclusion(text string) string {
	text = strings.TrimSpace(text)
	begins, ends := "\n{", "}"
	if strings.HasSuffix(text, fence) {
		begins, ends = "\n"+fence, fence
	}
	at := strings.LastIndex(strings.TrimSuffix(text, ends), begins)
	if at < 0 || !strings.HasSuffix(text, ends) {
		return ""
	}
	return text[at:]
}

// whole is the whole characters of what was kept.
func (a *answerStream) whole(b *strings.Builder) string {
	var j joiner
	return j.write(b.String())
}

// silent reports whether there is no answer.
func (a *answerStream) silent() bool { return strings.TrimSpace(a.text.String()) == "" }

// outcome is the failure of an answer that was read to its end, nil if it is one. cut says
// that it may have ended too early.
func (a *answerStream) outcome() (cut bool, f *failure) {
	switch {
	case a.ending == filtered:
		return false, &failure{decision: ErrBadRequest, kind: "content_filter", detail: "its content is filtered"}
	case a.problem != nil:
		return true, a.problem
	case a.ending == failed:
		return true, &failure{decision: ErrUnavailable, kind: "in_stream", detail: "it failed while answering"}
	case a.damaged:
		return true, unreadable()
	case !a.silent():
		return a.ending != finished, nil
	case !a.any && !a.done:
		return false, unreadable()
	case a.ending == short:
		return false, &failure{decision: ErrEmpty, kind: "length", detail: "it reached its token limit before it answered"}
	default:
		return false, &failure{decision: ErrEmpty, kind: "empty"}
	}
}

func unreadable() *failure { return &failure{decision: ErrUnreadable, kind: "protocol"} }
func tooLarge() *failure   { return &failure{decision: ErrAnswerTooLarge, kind: "too_large"} }
