package design

import (
	"fmt"
	"strings"
)

// Report counts the parts of a design or answer that were removed or changed.
type Report struct {
	DroppedSections int  `json:"droppedSections"` // for one of the reasons of SectionDrops
	DroppedProducts int  `json:"droppedProducts"` // not in the catalogue, repeated, not accepted by the type, or over the limit
	DroppedFields   int  `json:"droppedFields"`   // unknown, of the wrong type, or with a value that is not allowed
	DroppedClaims   int  `json:"droppedClaims"`   // sentences that named a price, discount, stock or address, or what the shopper did, and texts with what the shop never says
	TruncatedFields int  `json:"truncatedFields"` // longer than their limit
	Salvaged        bool `json:"salvaged"`        // read from HTML or from an incomplete answer
	Cut             bool `json:"cut"`             // the answer ends too early, or cannot be read further; Salvaged too
	Unclosed        bool `json:"unclosed"`        // only the last brackets were missing; Repaired too
	Repaired        bool `json:"repaired"`        // it was not the JSON that was asked for, but meant it
	// Why is the reasons of DroppedSections.
	Why SectionDrops `json:"-"`
}

// DropSection counts a section that was dropped for the reason.
func (r *Report) DropSection(why DropReason) {
	r.DroppedSections++
	r.Why[why]++
}

// DropReason is why a section was dropped.
type DropReason int

// The reasons, in the order in which a section is checked.
const (
	DropIncomplete  DropReason = iota // it is no object, or the answer ends in it
	DropUnknownType                   // there is no such type
	DropUnwanted                      // the merchant does not want the type
	DropUnsupported                   // the shop has too little for the type
	DropProducts                      // it has too few products that the type takes
	DropWords                         // it has no words where its type needs them
	DropLimit                         // there are too many sections before it
	dropReasons
)

var dropWords = [dropReasons]string{"incomplete", "unknown type", "not wanted", "the shop has too little", "too few products", "no words", "over the limit"}

// String is the reason in words.
func (r DropReason) String() string { return dropWords[r] }

// SectionDrops counts dropped sections by reason.
type SectionDrops [dropReasons]int

// Counts is the reasons that there were, with their counts.
func (d SectionDrops) Counts() map[string]int {
	counts := map[string]int{}
	for why, n := range d {
		if n > 0 {
			counts[DropReason(why).String()] = n
		}
	}
	return counts
}

// String is the reasons that there were, such as "unknown type 2".
func (d SectionDrops) String() string {
	var words []string
	for why, n := range d {
		if n > 0 {
			words = append(words, fmt.Sprint(DropReason(why), " ", n))
		}
	}
	return strings.Join(words, ", ")
}
