package kimisim

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
)

func TestControl(t *testing.T) {
	s, url := serve(t, instant)
	control := url + "/control/faults"
	if res := do(t, "PUT", control, `{"fault":"server-error","count":2}`, "Authorization", ""); res.StatusCode != 200 {
		t.Fatalf("put: %d", res.StatusCode)
	}
	var got []int
	for range 3 {
		got = append(got, ask(t, url, hello).StatusCode)
	}
	if got[0] != 500 || got[1] != 500 || got[2] != 200 {
		t.Errorf("statuses %v, want two faults and an answer", got)
	}
	for _, bad := range []string{`{"fault":"sneeze"}`, `{"fault":"hang","cuont":1}`, `{"fault":"hang","count":-1}`, `{"fault":"hang","probability":2}`, `x`} {
		if res := do(t, "PUT", control, bad); res.StatusCode != 400 {
			t.Errorf("%s: %d", bad, res.StatusCode)
		}
	}
	if res := do(t, "PUT", control, `"`+strings.Repeat("x", maxControlBody)+`"`); res.StatusCode != 413 {
		t.Errorf("large body: %d", res.StatusCode)
	}

	if err := s.SetFault(Fault{Name: ServerError, Probability: 0.5}); err != nil {
		t.Fatal(err)
	}
	failed := 0
	for range 40 {
		if ask(t, url, hello).StatusCode == 500 {
			failed++
		}
	}
	if failed < 5 || failed > 35 {
		t.Errorf("%d of 40 failed at a probability of one half", failed)
	}
	var f Fault
	if err := json.Unmarshal([]byte(body(t, do(t, "GET", control, ""))), &f); err != nil || f.Name != ServerError {
		t.Errorf("in force: %+v, %v", f, err)
	}
	if res := do(t, "DELETE", control, ""); res.StatusCode != http.StatusNoContent {
		t.Errorf("delete: %d", res.StatusCode)
	}
	if got := ask(t, url, hello).StatusCode; got != 200 {
		t.Errorf("after clearing: %d", got)
	}
	var stats Stats
	if err := json.Unmarshal([]byte(body(t, do(t, "GET", url+"/control/stats", ""))), &stats); err != nil {
		t.Fatal(err)
	}
	if stats.Requests != 44 || stats.Faults[ServerError] != 2+failed {
		t.Errorf("stats %+v", stats)
	}
	if err := s.SetFault(Fault{Name: "sneeze"}); !errors.Is(err, ErrUnknownFault) {
		t.Errorf("unknown fault: %v", err)
	}
}

func TestGate(t *testing.T) {
	s, url := serve(t, instant)
	gate := s.Gate()
	answers := make(chan int, 3)
	for range 3 {
		go func() {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/v1/chat/completions", strings.NewReader(hello))
			if err != nil {
				answers <- 0
				return
			}
			req.Header.Set("Authorization", "Bearer any")
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				answers <- 0
				return
			}
			_ = res.Body.Close()
			answers <- res.StatusCode
		}()
	}
	for range 3 {
		<-gate.Arrived()
	}
	if got := s.Stats(); got.InFlight != 3 || got.PeakInFlight != 3 {
		t.Errorf("stats %+v", got)
	}
	select {
	case got := <-answers:
		t.Fatalf("answered %d through a closed gate", got)
	default:
	}
	gate.Open()
	gate.Open()
	for range 3 {
		if got := <-answers; got != 200 {
			t.Errorf("status %d", got)
		}
	}
}

func TestGateInTheMidstOfAnAnswer(t *testing.T) {
	s, url := serve(t, instant)
	want := strings.Repeat("word", 100)
	s.SetAnswer(func(Request) string { return want })
	gate := s.GateAfter(instantChunk + 1)
	answers := make(chan heard, 2)
	for range cap(answers) {
		res := ask(t, url, strings.Replace(helloStream, "kimi-k2.6", "a-model-that-does-not-think", 1))
		<-gate.Arrived()
		go func() { answers <- listen(res) }()
	}
	if got := s.Stats(); got.InFlight != 2 {
		t.Errorf("stats %+v", got)
	}
	select {
	case got := <-answers:
		t.Fatalf("%d chunks came through a closed gate", got.chunks)
	default:
	}
	gate.Open()
	for range cap(answers) {
		if got := <-answers; got.text != want || !got.done {
			t.Errorf("after the gate: %+v", got)
		}
	}
}

func TestRequestsAreRememberedWithinBounds(t *testing.T) {
	s, url := serve(t, instant)
	s.SetAnswer(func(r Request) string { return "to " + string(r.Messages[0].Content) })
	if got := listen(ask(t, url, helloStream)).text; got != "to hello" {
		t.Errorf("answer %q", got)
	}
	s.SetAnswer(nil)
	if got := listen(ask(t, url, helloStream)).text; got == "to hello" {
		t.Error("the explicit answer stayed")
	}
	for range keptRequests {
		_ = body(t, ask(t, url, hello))
	}
	kept := s.Requests()
	if len(kept) != keptRequests || !bytes.Equal(kept[0].Body, []byte(hello)) || kept[0].Model != "kimi-k2.6" {
		t.Errorf("%d kept, the oldest %s", len(kept), kept[0].Body)
	}
}
