// Package designtest decodes the schema of page designs for tests.
package designtest

import (
	"encoding/json"
	"testing"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/design"
)

// Node is a part of a JSON schema, with the keywords that tests check.
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

// Kinds is the branches of a design's schema, one for each section type.
func (n *Node) Kinds() []*Node { return n.Properties["sections"].Items.OneOf }

// Kind is the section type of a branch.
func (n *Node) Kind() string { return n.Properties["type"].Const }

// Schema is the schema of a design of the given products, decoded and
// as JSON. It fails the test on an error.
func Schema(t testing.TB, products []*catalogue.Product) (root *Node, raw string) {
	t.Helper()
	b, err := design.Schema(products, &catalogue.Rules{})
	if err != nil {
		t.Fatal(err)
	}
	root = &Node{}
	if err := json.Unmarshal(b, root); err != nil {
		t.Fatalf("the schema is not JSON: %v", err)
	}
	return root, string(b)
}
