package design

import "github.com/wandstore/wandstore/pkg/catalogue"

// Limits of a design. The counts follow what Shopify allows a page template; the
// lengths, in characters, are what the sections can hold on a phone.
const (
	MaxSections = 25
	MaxProducts = 12                 // of one section
	MaxItems    = catalogue.MaxItems // of one section
	MaxEyebrow  = 40
	MaxHeadline = catalogue.MaxHeadline
	MaxBody     = catalogue.MaxBody
	MaxAction   = 28
	MaxItemBody = catalogue.MaxItemBody
)

// Design is a page as a model, or the shop itself, wants it: its theme, and its
// sections from top to bottom. It holds no prices, no links and no markup.
type Design struct {
	Theme    catalogue.Theme `json:"theme"`
	Sections []Section       `json:"sections" jsonschema:"minItems=1,maxItems=25,description=From top to bottom. Four to eight make a good page."`
}

// Section is one band of a page. Type and Variant decide how it is rendered and which
// of the other fields are used. In Body a blank line separates paragraphs.
type Section struct {
	Type        string           `json:"type"`
	Variant     string           `json:"variant,omitempty"`
	Eyebrow     string           `json:"eyebrow,omitempty" jsonschema:"maxLength=40,description=A few words above the headline."`
	Headline    string           `json:"headline,omitempty" jsonschema:"maxLength=90"`
	Body        string           `json:"body,omitempty" jsonschema:"maxLength=600,description=Plain text. Never prices\\, discounts\\, links or markup."`
	ActionLabel string           `json:"actionLabel,omitempty" jsonschema:"maxLength=28,description=Words of the button; the shop decides where it leads."`
	ProductIDs  []string         `json:"productIds,omitempty" jsonschema:"maxItems=12"`
	Items       []catalogue.Item `json:"items,omitempty" jsonschema:"maxItems=6,description=Advice or steps of a guide; questions and answers of a faq."`
}
