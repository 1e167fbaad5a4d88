package kimisim

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"sync"
)

// How many requests Requests remembers, and how many of their bytes.
const (
	keptRequests = 100
	keptBytes    = 32 << 20
)

// gateQueue is how many arrivals a gate keeps for a test that receives them later.
const gateQueue = 1024

// Stats is what a server has done since it was made.
type Stats struct {
	// Requests counts chat completions that were well-formed.
	Requests int `json:"requests"`
	// Refused counts those that exceeded a limit of the account.
	Refused int `json:"refused"`
	// Faults counts those that got a fault, by its name.
	Faults map[string]int `json:"faults"`
	// InFlight is how many are being answered, PeakInFlight the most there were
	// at a time.
	InFlight     int `json:"inFlight"`
	PeakInFlight int `json:"peakInFlight"`
	// LongestAnswer is the most completion tokens that one answer had.
	LongestAnswer int `json:"longestAnswer"`
	// PromptTokens is the tokens of all prompts that were answered, CachedTokens those of
	// them that the prompt cache served.
	PromptTokens int `json:"promptTokens"`
	CachedTokens int `json:"cachedTokens"`
}

// record counts requests and keeps the recent ones.
type record struct {
	mu     sync.Mutex
	stats  Stats
	recent []Request
	bytes  int
}

func newRecord() *record {
	return &record{stats: Stats{Faults: map[string]int{}}}
}

// begin notes a request, which ends by the function returned.
func (r *record) begin(req Request, fault string) (end func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stats.Requests++
	if fault != "" {
		r.stats.Faults[fault]++
	}
	r.stats.InFlight++
	r.stats.PeakInFlight = max(r.stats.PeakInFlight, r.stats.InFlight)

	r.recent = append(r.recent, req)
	r.bytes += len(req.Body)
	for len(r.recent) > keptRequests || r.bytes > keptBytes {
		r.bytes -= len(r.recent[0].Body)
		r.recent = slices.Delete(r.recent, 0, 1)
	}
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.stats.InFlight--
	}
}

// refused notes that a request exceeded a limit.
func (r *record) refused() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stats.Refused++
}

// answered notes the tokens of an answer.
func (r *record) answered(u usage) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stats.LongestAnswer = max(r.stats.LongestAnswer, u.Completion)
	r.stats.PromptTokens += u.Prompt
	r.stats.CachedTokens += u.Cached
}

// SetFault puts a fault in force for the requests that come, and replaces any
// other. A fault in a request's header wins over it. The error wraps ErrUnknownFault,
// or says which number is out of its bounds.
func (s *Server) SetFault(f Fault) error {
	if err := f.validate(); err != nil {
		return err
	}
	s.faults.set(f)
	return nil
}

// ClearFaults ends the fault in force.
func (s *Server) ClearFaults() { s.faults.set(Fault{}) }

// Requests returns the recent chat completions, oldest first: at most 100 and
// 32 MB.
func (s *Server) Requests() []Request {
	s.record.mu.Lock()
	defer s.record.mu.Unlock()
	return slices.Clone(s.record.recent)
}

// Stats returns the counts so far.
func (s *Server) Stats() Stats {
	s.record.mu.Lock()
	defer s.record.mu.Unlock()
	stats := s.record.stats
	stats.Faults = maps.Clone(stats.Faults)
	return stats
}

// SetAnswer has fn say what the model answers, instead of an invented answer; nil
// ends that. Faults still apply. fn is called by many requests at a time.
func (s *Server) SetAnswer(fn func(Request) string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = fn
}

// scripted is what SetAnswer says about a request.
func (s *Server) scripted(req Request) (string, bool) {
	s.mu.Lock()
	fn := s.script
	s.mu.Unlock()
	if fn == nil {
		return "", false
	}
	return fn(req), true
}

// Gate holds requests back, so that a test can check what holds while the model is
// thinking.
type Gate struct {
	after   int // tokens
	arrived chan struct{}
	open    chan struct{}
	once    sync.Once
}

// Arrived gives one value for each request that has come to the gate.
func (g *Gate) Arrived() <-chan struct{} { return g.arrived }

// Open lets all requests pass: those that wait and those that come later. It may be
// called more than once.
func (g *Gate) Open() { g.once.Do(func() { close(g.open) }) }

// Gate has every chat completion that comes from now on wait before its first
// byte, until the gate is opened, the client goes away or the server is closed.
// An earlier gate is opened.
func (s *Server) Gate() *Gate { return s.GateAfter(0) }

// GateAfter is a Gate in the midst of answers: each that is streamed waits once it has
// sent so many tokens, thoughts among them, rounded up to a chunk. A shorter one and one in
// a single body do not come to it. What follows is paced as if there had been no wait.
func (s *Server) GateAfter(tokens int) *Gate {
	g := &Gate{after: tokens, arrived: make(chan struct{}, gateQueue), open: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gate != nil {
		s.gate.Open()
	}
	s.gate = g
	return g
}

// pass waits at the gate, if it is after more than one number of tokens and at most the
// other; false means the request is over.
func (s *Server) pass(r *http.Request, from, to int) bool {
	s.mu.Lock()
	g := s.gate
	s.mu.Unlock()
	if g == nil || g.after <= from || g.after > to {
		return true
	}
	select {
	case g.arrived <- struct{}{}:
	default: // the queue is full: nobody receives
	}
	select {
	case <-g.open:
		return true
	case <-r.Context().Done():
		return false
	case <-s.closed:
		return false
	}
}

func (s *Server) getFaults(w http.ResponseWriter, _ *http.Request) {
	writeBody(w, http.StatusOK, s.faults.get())
}

// readControl decodes the body of a control request, or answers that it is not what is
// asked for.
func readControl(w http.ResponseWriter, r *http.Request, what string, into any) bool {
	body, ok := readBody(w, r, maxControlBody)
	if !ok {
		return false
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	// A misspelt "count" would otherwise break the model for good.
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		writeError(w, http.StatusBadRequest, "invalid_request_error", "The body is not "+what+": "+err.Error())
		return false
	}
	return true
}

func (s *Server) putFaults(w http.ResponseWriter, r *http.Request) {
	var f Fault
	if !readControl(w, r, "a fault", &f) {
		return
	}
	if err := s.SetFault(f); err != nil {
		writeError(w, http.StatusBadRequest, "invalid_request_error", err.Error())
		return
	}
	s.log.InfoContext(r.Context(), "fault set", "fault", f.Name, "count", f.Count)
	writeBody(w, http.StatusOK, f)
}

func (s *Server) deleteFaults(w http.ResponseWriter, r *http.Request) {
	s.ClearFaults()
	s.log.InfoContext(r.Context(), "faults cleared")
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) getStats(w http.ResponseWriter, _ *http.Request) {
	writeBody(w, http.StatusOK, s.Stats())
}
