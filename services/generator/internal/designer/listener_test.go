package designer

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/wandstore/wandstore/pkg/catalogue/cataloguetest"
	"github.com/wandstore/wandstore/pkg/design"
	"github.com/wandstore/wandstore/pkg/design/gate/answertest"
	"github.com/wandstore/wandstore/pkg/pagemaker"
	"github.com/wandstore/wandstore/pkg/persona"
	"github.com/wandstore/wandstore/services/generator/internal/kimi"
)

// talker is a model that says its answers in pieces. It breaks off the first try of each.
type talker struct{ answers []string }

func (m *talker) Complete(_ context.Context, req kimi.Request) (kimi.Answer, error) {
	answer := m.answers[0]
	m.answers = m.answers[1:]
	req.OnText(answer[:len(answer)*3/4])
	req.OnRestart()
	for piece := range slices.Chunk([]byte(answer), 5) {
		req.OnText(string(piece))
	}
	return kimi.Answer{Text: answer}, nil
}

// Each section is told of once it is complete, and nothing of one answer is taken for the
// next one's: neither after a retry of the client nor after a correction.
func TestSectionsAreToldOfWhileTheyCome(t *testing.T) {
	t.Parallel()
	var told []string
	d := Designer{Model: &talker{answers: []string{`{"sections":"none yet"}`, answertest.Good}}, Metrics: NewMetrics("kimi-test")}
	_, err := d.Design(t.Context(), pagemaker.Brief{
		Shop: cataloguetest.Shop(t, "magic-wands"), Visitor: persona.Visitor{Persona: persona.Explorer},
		Note: func(string, string) {}, Problem: func(string, error) {},
		Draft: func(answer int, beginning design.Design) {
			told = append(told, fmt.Sprint(answer, " ", len(beginning.Sections), " ", beginning.Sections[0].Headline))
		},
	})
	want := []string{"3 1 A quiet shelf", "4 1 A quiet shelf", "4 2 A quiet shelf"}
	if err != nil || !slices.Equal(slices.Compact(told), want) {
		t.Errorf("told %q, %v, want %q", told, err, want)
	}
}
