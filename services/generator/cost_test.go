package generator

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/micro"

	"github.com/wandstore/wandstore/pkg/personal"
)

func TestCost(t *testing.T) {
	t.Parallel()
	const today = "today"
	kept := map[string]*personal.ExportOfShop{
		"magic-wands": {Pages: []personal.ExportedPage{
			{Page: json.RawMessage(`{"persona":"explorer","source":"llm","model":"kimi-k2.6","costMicros":"4767","costSoFarMicros":"12567"}`)},
			{Page: json.RawMessage(`{"persona":"explorer","source":"llm","costMicros":"7800","costSoFarMicros":"7800"}`)},
		}},
		"whitby-tea": {Pages: []personal.ExportedPage{{Page: json.RawMessage(`{"source":"template"}`)}}},
	}
	for name, tt := range map[string]struct {
		data               string
		costErr, exportErr error
		sendErr            error
		answer, asked      string
		code               string
	}{
		"today":                  {data: ``, answer: `"usd":1.5,`, asked: today + " "},
		"today, said so":         {data: `{}`, answer: `"usd":1.5,`, asked: today + " "},
		"a day of a shop":        {data: `{"day":"2026-11-25","store":"magic-wands"}`, answer: `"store":"magic-wands"`, asked: "2026-11-25 magic-wands"},
		"a shopper":              {data: `{"shopper":"ada"}`, answer: `{"shopper":"ada","usd":0.012567,"pages":[{"store":"magic-wands","persona":"explorer","source":"llm","model":"kimi-k2.6",`},
		"a shopper in a shop":    {data: `{"shopper":"ada","store":"magic-wands"}`, answer: `"usd":0.004767,"soFarUSD":0.012567`},
		"not JSON":               {data: `today`, code: "400"},
		"no day":                 {data: `{"day":"yesterday"}`, code: "400"},
		"an invalid shop":        {data: `{"store":"a.b"}`, code: "400"},
		"an invalid shopper":     {data: `{"shopper":"a.b"}`, code: "400"},
		"a shopper's day":        {data: `{"shopper":"ada","day":"2026-11-25"}`, code: "400"},
		"the ledger fails":       {data: `{}`, costErr: errBroken, code: "503"},
		"the pages fail":         {data: `{"shopper":"ada"}`, exportErr: errBroken, code: "503"},
		"too much for a message": {data: `{}`, sendErr: micro.ErrRespond, code: "413"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.costErr, b.exportErr, b.kept = tt.costErr, tt.exportErr, kept
			r := &request{data: tt.data, sendErr: tt.sendErr}
			before := time.Now().UTC()
			b.generator.cost(t.Context(), b.generator.deps.Pool(), r)
			if r.code != tt.code || !strings.Contains(r.answer, tt.answer) || tt.code != "" && r.answer != "" {
				t.Errorf("answer %s, code %q; want %s, %q", r.answer, r.code, tt.answer, tt.code)
			}
			// Midnight may pass meanwhile.
			for _, now := range []time.Time{before, time.Now().UTC()} {
				if want := strings.Replace(tt.asked, today, now.Format(time.DateOnly), 1); want == "" || fmt.Sprint(b.asked) == "["+want+"]" {
					return
				}
			}
			t.Errorf("asked for %q, want %q", b.asked, tt.asked)
		})
	}
}
