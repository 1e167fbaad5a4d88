package kimisim

import (
	"errors"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

// FaultHeader names a fault for the one request that carries it.
const FaultHeader = "X-Kimisim-Fault"

// reply is one answer, ready to be sent.
type reply struct {
	id    string
	fault Fault
	// thought is the reasoning before the text; empty from a model that does not think.
	thought string
	text    string
	finish  string // finish_reason
	usage   usage
	// withUsage has the stream end with a chunk of token counts.
	withUsage bool
	began     time.Time
}

// usage is OpenAI's token counts, and Moonshot's cached_tokens beside them.
type usage struct {
	Prompt            int               `json:"prompt_tokens"`
	Completion        int               `json:"completion_tokens"`
	Total             int               `json:"total_tokens"`
	Cached            int               `json:"cached_tokens"`
	PromptDetails     promptDetails     `json:"prompt_tokens_details"`
	CompletionDetails completionDetails `json:"completion_tokens_details"`
}

type (
	promptDetails struct {
		Cached int `json:"cached_tokens"`
	}
	completionDetails struct {
		Reasoning int `json:"reasoning_tokens"`
	}
)

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

	end, ok := s.admit(w, req)
	if !ok {
		return
	}
	defer end()
	if !s.pass(r, -1, 0) || s.refuse(w, r, fault) {
		return
	}
	text, err := s.compose(req, fault)
	thinks, refused := req.thinks()
	if err = errors.Join(err, refused); err != nil {
		writeError(w, http.StatusBadRequest, "invalid_request_error", err.Error())
		return
	}
	out := reply{
		id: "chatcmpl-" + Model + "-" + strconv.FormatUint(answered.Add(1), 10), fault: fault,
		text: text, finish: "stop", withUsage: req.StreamOptions.IncludeUsage, began: began,
	}
	if thinks {
		out.thought = think(req, s.cfg.Seed, s.cfg.ThinkingTokens)
	}
	if req.MaxTokens > 0 && tokens(out.thought)+tokens(text) > req.MaxTokens {
		out.thought, _ = firstTokens(out.thought, req.MaxTokens)
		out.text, _ = firstTokens(text, req.MaxTokens-tokens(out.thought))
		out.finish = "length"
	}
	out.usage = s.count(r, req, out)
	s.record.answered(out.usage)

	if fault.Name == Slow {
		w = &slowWriter{ResponseWriter: w, gone: r.Context().Done(), closed: s.closed, step: s.slowStep}
	}
	send := s.whole
	if req.Stream && fault.Name != NoStream {
		send = s.stream
	}
	err = send(w, r, out)
	s.log.DebugContext(r.Context(), "chat completion", "stream", req.Stream, "fault", fault.Name,
		"prompt_tokens", out.usage.Prompt, "cached_tokens", out.usage.Cached, "completion_tokens", out.usage.Completion,
		"finish_reason", out.finish, "duration", time.Since(began), "sent", err == nil)
}

// count is the usage of a reply, by what the prompt cache holds.
func (s *Server) count(r *http.Request, req Request, out reply) usage {
	prompt := req.conversation()
	cached := s.cache.read(r.Header.Get("Authorization"), req.Model, prompt, out.began, out.began.Add(s.cfg.FirstToken))
	u := usage{
		Prompt: tokens(prompt), Cached: cached, PromptDetails: promptDetails{cached},
		Completion: tokens(out.thought) + tokens(out.text), CompletionDetails: completionDetails{tokens(out.thought)},
	}
	u.Total = u.Prompt + u.Completion
	return u
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
		return "", nil // too large to compose: it is written piece by piece
	}
	text, ok := s.scripted(req)
	if !ok {
		var err error
		if text, err = answer(req, s.cfg.Seed, fault.Name == Hostile); err != nil {
			return "", err
		}
	}
	switch fault.Name {
	case RawBreaks:
		return rawBreaks(text), nil
	case Thoughts:
		return "<think>A draft: " + text[:len(text)/2] + " … no, better:</think>\n\n" + text, nil
	}
	return text, nil
}
