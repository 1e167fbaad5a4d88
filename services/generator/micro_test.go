package generator

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/micro"

	"github.com/wandstore/wandstore/pkg/jobqueue"
	"github.com/wandstore/wandstore/pkg/personal"
)

// request is an operator's request and its answer.
type request struct {
	micro.Request

	data   string
	answer string // JSON
	code   string

	sendErr error
}

func (r *request) Data() []byte { return []byte(r.data) }

func (r *request) RespondJSON(v any, _ ...micro.RespondOpt) error {
	if r.sendErr != nil {
		return r.sendErr
	}
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

func TestExport(t *testing.T) {
	t.Parallel()
	one := personal.ExportOptions{Shops: []string{"magic-wands"}}
	for name, tt := range map[string]struct {
		data         string
		err, sendErr error
		wants        *personal.ExportOptions
		code         string
	}{
		"all shops":              {data: `{"shopper":"ada"}`, wants: &personal.ExportOptions{Shops: []string{}, All: true}},
		"one shop":               {data: `{"shopper":"ada","store":"magic-wands"}`, wants: &one},
		"not JSON":               {data: `ada`, code: "400"},
		"invalid id":             {data: `{"shopper":"a.b"}`, code: "400"},
		"invalid shop":           {data: `{"shopper":"ada","store":"a.b"}`, code: "400"},
		"a store fails":          {data: `{"shopper":"ada"}`, err: errBroken, wants: &personal.ExportOptions{All: true}, code: "503"},
		"too much for a message": {data: `{"shopper":"ada"}`, sendErr: micro.ErrRespond, wants: &personal.ExportOptions{All: true}, code: "413"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.exportErr = tt.err
			r := &request{data: tt.data, sendErr: tt.sendErr}
			b.generator.export(t.Context(), b.generator.deps.Pool(), r)
			if r.code != tt.code || (tt.code == "") != strings.Contains(r.answer, `"shopper":"ada"`) {
				t.Errorf("answer %s, code %q, want code %q", r.answer, r.code, tt.code)
			}
			if got, want := fmt.Sprint(b.exported), fmt.Sprint(tt.wants); tt.wants != nil && got != "["+want[1:]+"]" {
				t.Errorf("asked for %s, want %s", got, want)
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
		forgotten    string
	}{
		"forgotten":     {data: `{"shopper":"ada"}`, answer: `{"forgotten":"ada"}`, forgotten: "ada"},
		"in one shop":   {data: `{"shopper":"ada","store":"whitby-tea"}`, answer: `{"forgotten":"ada","store":"whitby-tea"}`, forgotten: "ada in whitby-tea"},
		"not JSON":      {data: `ada`, code: "400"},
		"invalid id":    {data: `{"shopper":"a.b"}`, code: "400"},
		"invalid shop":  {data: `{"shopper":"ada","store":"*"}`, code: "400"},
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
			if got := strings.Join(b.forgotten, ", "); got != tt.forgotten {
				t.Errorf("forgotten %q, want %q", got, tt.forgotten)
			}
		})
	}
}
