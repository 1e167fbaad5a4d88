package edge

import (
	"github.com/wandstore/wandstore/pkg/control"
	"github.com/wandstore/wandstore/pkg/spend"
)

// Generation says whether pages are generated at this moment.
type Generation interface {
	// Allowed is false while an operator has switched the store's generation off, or the
	// day's budget has no room for it.
	Allowed(store string) bool
}

// generation is what NATS tells of it.
type generation struct {
	control *control.Switch
	spend   *spend.Follower
}

func (g generation) Allowed(store string) bool {
	return g.control.Check(store) == nil && !g.spend.Reached(store)
}
