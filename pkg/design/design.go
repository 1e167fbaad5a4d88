package design

import "github.com/wandstore/wandstore/pkg/catalogue"

// Limits of a design. The counts are those of a page template of Shopify. The lengths, in
// characters, are what the sections have room for on a phone.
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

// Design is a page before it is rendered: its theme, and its sections from top to bottom.
// It holds no prices, no links and no markup.
type Design struct {
	Theme    catalogue.Theme `json:"theme"`
	Sections []Section       `json:"sections" jsonschema:"minItems=1,maxItems=25,description=From top to bottom."`
}

// Section is one part of a page, as wide as the page. Type and Variant decide how it is
// rendered and which of the other fields are used. In Body a blank line separates
// paragraphs.
type Section struct {
	Type        string           `json:"type"`
	Variant     string           `json:"variant,omitempty"`
	Eyebrow     string           `json:"eyebrow,omitempty" jsonschema:"maxLength=40,description=A few words above the headline."`
	Headline    string           `json:"headline,omitempty" jsonschema:"maxLength=90"`
	Body        string           `json:"body,omitempty" jsonschema:"maxLength=600,description=Plain text. Never prices\\, discounts\\, links or markup."`
	ActionLabel string           `json:"actionLabel,omitempty" jsonschema:"maxLength=28,description=Words of the button; the shop decides where it leads."`
	ProductIDs  []string         `json:"productIds,omitempty" jsonschema:"maxItems=12"`
	Items       []catalogue.Item `json:"items,omitempty" jsonschema:"maxItems=6,description=Advice or steps of a guide; questions and answers of a faq."`
	// Campaign is the id of the merchant's campaign that the section is of; "" for all others.
	Campaign string `json:"-"`
}
