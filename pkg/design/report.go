package design

// Report counts the parts of a design or answer that were removed or changed.
type Report struct {
	DroppedSections int  `json:"droppedSections"` // of an unknown type, over the limit, or without content
	DroppedProducts int  `json:"droppedProducts"` // not in the catalogue, repeated, not accepted by the type, or over the limit
	DroppedFields   int  `json:"droppedFields"`   // unknown, of the wrong type, or with a value that is not allowed
	DroppedClaims   int  `json:"droppedClaims"`   // sentences that named a price, discount, stock or address, or what the shopper did
	TruncatedFields int  `json:"truncatedFields"` // longer than their limit
	Salvaged        bool `json:"salvaged"`        // read from HTML or from an incomplete answer
}
