package kimisim

import (
	"errors"
	"strings"

	"github.com/wandstore/wandstore/services/kimisim/internal/invent"
)

// Thinking is Moonshot's thinking.
type Thinking struct {
	// Type is enabled or disabled.
	Type string `json:"type"`
}

// Kimi's models by how they think, as beginnings of their names. Other models do not.
var (
	thinkByDefault = []string{"kimi-k2.5", "kimi-k2.6"}
	alwaysThink    = []string{"kimi-k2.7", "kimi-k2-thinking", "kimi-k3"}
)

var errAlwaysThinks = errors.New("thinking: this model always thinks, and takes type enabled only")

// thinks reports whether the model thinks before it answers. The error is about a request
// that the model refuses.
func (r Request) thinks() (bool, error) {
	// Gateways put the provider's name before the model's.
	name := strings.ToLower(r.Model[strings.LastIndex(r.Model, "/")+1:])
	named := func(beginnings []string) bool {
		for _, beginning := range beginnings {
			if strings.HasPrefix(name, beginning) {
				return true
			}
		}
		return false
	}
	switch {
	case named(alwaysThink):
		if r.Thinking.Type == "disabled" {
			return false, errAlwaysThinks
		}
		return true, nil
	case named(thinkByDefault):
		return r.Thinking.Type != "disabled", nil
	}
	return false, nil
}

// think is n tokens of thought about a conversation.
func think(req Request, seed uint64, n int) string {
	inventor := invent.New(seed, "thinking of\n"+req.conversation())
	var b strings.Builder
	for b.Len() < n*charsPerToken {
		b.WriteString(inventor.Prose(300))
		b.WriteByte(' ')
	}
	thought, _ := firstTokens(b.String(), n)
	return thought
}
