package pagemaker

import (
	"context"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/design"
	"github.com/wandstore/wandstore/pkg/persona"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// Designer designs pages.
type Designer interface {
	// Design returns a design that has passed package gate. If an error has a method
	// ErrorType() string, the error is counted under that type, a word of a small set.
	// With an error, Designed still names the model and the prompt that were used, if any,
	// and what they cost.
	Design(ctx context.Context, b Brief) (Designed, error)
}

// Brief is what a Designer works from.
type Brief struct {
	Shop        *catalogue.Shop
	Visitor     persona.Visitor
	Signals     *wandstorev1.StoreSignals
	Preferences map[string]string
	// Note writes a breadcrumb to the debug trail, Problem one to the error trail.
	Note    func(step, detail string)
	Problem func(step string, err error)
	// Draft is told of the beginning of a design that has passed package gate, whenever
	// a section has been added. It grows while answer is the same. A higher answer begins
	// anew. Draft may take a second, and is not called after Design has returned.
	Draft func(answer int, beginning design.Design)
}

// Designed is a design with its origin.
type Designed struct {
	Design design.Design
	// Model is the name of the model that answered, and PromptVersion the version of its
	// prompt. Both are "" if there was no model.
	Model, PromptVersion string
	// Cost is what the model cost, failed tries too, in millionths of a US dollar.
	Cost int64
}

// Ready is a Designer that returns a design that exists already.
type Ready design.Design

// Design returns the design.
func (r Ready) Design(context.Context, Brief) (Designed, error) {
	return Designed{Design: design.Design(r)}, nil
}
