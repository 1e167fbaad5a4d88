package generator

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/nats-io/nats.go/micro"

	"github.com/wandstore/wandstore/pkg/jobqueue"
)

// request is an operator's request and its answer.
type request struct {
	micro.Request

	data   string
	answer string // JSON
	code   string
}

func (r *request) Data() []byte { return []byte(r.data) }

func (r *request) RespondJSON(v any, _ ...micro.RespondOpt) error {
	b, err := json.Marshal(v)
	r.answer = string(b)
	return err
}

func (r *request) Error(code, _ string, _ []byte, _ ...micro.RespondOpt) error {
	r.code = code
	return nil
}

func TestReplay(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		data         string
		err          error
		answer, code string
	}{
		"replayed":        {data: `{"sequence":7}`, answer: `{"jobId":"job-1","poolMember":"pool-3"}`},
		"not JSON":        {data: `seven`, code: "400"},
		"no sequence":     {data: `{}`, code: "400"},
		"no such letter":  {data: `{"sequence":7}`, err: fmt.Errorf("x: %w", jobqueue.ErrNoLetter), code: "404"},
		"not replayable":  {data: `{"sequence":7}`, err: fmt.Errorf("x: %w", jobqueue.ErrTerminal), code: "422"},
		"pool full":       {data: `{"sequence":7}`, err: fmt.Errorf("x: %w", jobqueue.ErrPoolFull), code: "429"},
		"does not answer": {data: `{"sequence":7}`, err: errBroken, code: "503"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.replayed, b.replayErr = jobqueue.Replayed{JobID: "job-1", Member: "pool-3"}, tt.err
			r := &request{data: tt.data}
			b.generator.replay(t.Context(), b.generator.deps.Pool(), r)
			if r.answer != tt.answer || r.code != tt.code {
				t.Errorf("answer %s, code %q; want %s, %q", r.answer, r.code, tt.answer, tt.code)
			}
		})
	}
}

func TestForget(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		data         string
		err          error
		answer, code string
	}{
		"forgotten":     {data: `{"shopper":"ada"}`, answer: `{"forgotten":"ada"}`},
		"not JSON":      {data: `ada`, code: "400"},
		"invalid id":    {data: `{"shopper":"a.b"}`, code: "400"},
		"not all of it": {data: `{"shopper":"ada"}`, err: errBroken, code: "503"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.forgetErr = tt.err
			r := &request{data: tt.data}
			b.generator.forget(t.Context(), b.generator.deps.Pool(), r)
			if r.answer != tt.answer || r.code != tt.code {
				t.Errorf("answer %s, code %q; want %s, %q", r.answer, r.code, tt.answer, tt.code)
			}
			if forgotten := len(b.forgotten) == 1; forgotten != (tt.answer != "") {
				t.Errorf("forgotten: %v", b.forgotten)
			}
		})
	}
}
