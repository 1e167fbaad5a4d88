package designer

import (
	"github.com/wandstore/wandstore/pkg/design/gate"
	"github.com/wandstore/wandstore/pkg/pagemaker"
)

// listener reads the model's answers while they come, and tells the brief of the sections
// that are complete.
type listener struct {
	brief pagemaker.Brief
	// answer counts the answers that were begun: each retry of the client is a new one, and
	// so is the one to a correction.
	answer    int
	beginning gate.Beginning
}

// restart begins another answer: nothing of the one before belongs to it.
func (l *listener) restart() {
	l.answer++
	l.beginning = gate.Beginning{Shop: l.brief.Shop}
}

func (l *listener) add(piece string) {
	if l.brief.Draft == nil {
		return
	}
	if d, ok := l.beginning.Add(piece); ok {
		l.brief.Draft(l.answer, d)
	}
}
