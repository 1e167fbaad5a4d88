package design

// Report counts what of a design or answer was not used as given.
type Report struct {
	DroppedSections int  `json:"droppedSections"` // of an unknown type, over the limit, or with nothing left to render
	DroppedProducts int  `json:"droppedProducts"` // not in the catalogue, repeated, not accepted by the type, or over the limit
	DroppedFields   int  `json:"droppedFields"`   // unknown, of the wrong type, or not one of the choices
	DroppedClaims   int  `json:"droppedClaims"`   // sentences that named prices, discounts or addresses, or what the shopper did
	TruncatedFields int  `json:"truncatedFields"` // longer than their limit
	Salvaged        bool `json:"salvaged"`        // made from HTML or from an incomplete answer
}
