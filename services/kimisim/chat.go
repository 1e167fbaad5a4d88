package kimisim

import (
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

// FaultHeader names a fault for the one request that carries it.
const FaultHeader = "X-Kimisim-Fault"

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
	if text, ok := s.scripted(req); ok {
		return text, nil
	}
	return answer(req, s.cfg.Seed, fault.Name == Hostile)
}
