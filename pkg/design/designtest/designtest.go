// Package designtest lets tests look into the schema of page designs.
package designtest

import (
	"encoding/json"
	"testing"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/design"
)

// Node is the part of a JSON schema that tests look at.
type Node struct {
	Type                 string           `json:"type"`
	Enum                 []string         `json:"enum"`
	Properties           map[string]*Node `json:"properties"`
	Items                *Node            `json:"items"`
	MaxItems             *int             `json:"maxItems"`
	MaxLength            *int             `json:"maxLength"`
	AdditionalProperties any              `json:"additionalProperties"`
	Required             []string         `json:"required"`
	Const                string           `json:"const"`
	OneOf                []*Node          `json:"oneOf"`
	MinItems             *int             `json:"minItems"`
}

// Kinds are the section types that a design's schema offers, a branch each.
func (n *Node) Kinds() []*Node { return n.Properties["sections"].Items.OneOf }

// Kind is the section type of a branch.
func (n *Node) Kind() string { return n.Properties["type"].Const }

// Schema is the schema of a design of the given products for nobody in particular,
// read and as it is written.
func Schema(t testing.TB, products []*catalogue.Product) (root *Node, raw string) {
	t.Helper()
	b, err := design.Schema(products, "")
	if err != nil {
		t.Fatal(err)
	}
	root = &Node{}
	if err := json.Unmarshal(b, root); err != nil {
		t.Fatalf("the schema is not JSON: %v", err)
	}
	return root, string(b)
}
