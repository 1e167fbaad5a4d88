package pagemaker

import (
	"context"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/design"
	"github.com/wandstore/wandstore/pkg/persona"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// Designer designs pages: a model does, or somebody has done so already.
type Designer interface {
	// Design gives a design that has passed package gate. An error that has a method
	// ErrorType() string is counted under that type, a word of a small set. With an
	// error, Designed still names the model and prompt that were used, if any.
	Design(ctx context.Context, b Brief) (Designed, error)
}

// Brief is what a Designer is told.
type Brief struct {
	Shop        *catalogue.Shop
	Visitor     persona.Visitor
	Signals     *wandstorev1.StoreSignals
	Preferences map[string]string
	// Note and Problem leave a breadcrumb in the debug and in the error trail.
	Note    func(step, detail string)
	Problem func(step string, err error)
}

// Designed is a design with its origin.
type Designed struct {
	Design design.Design
	// Model is the model that answered, PromptVersion what it was asked by; empty
	// where there was none.
	Model, PromptVersion string
}

// Ready is a Designer for a design that exists already.
type Ready design.Design

// Design gives the design.
func (r Ready) Design(context.Context, Brief) (Designed, error) {
	return Designed{Design: design.Design(r)}, nil
}
