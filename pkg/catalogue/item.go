package catalogue

// Limits of a shop's texts, in characters, and of its lists. A page's sections have room
// for as much, so page designs have the same limits.
const (
	MaxHeadline = 90
	MaxBody     = 600
	MaxItemBody = 240
	MaxItems    = 6 // of one list
)

// Item is a title with a text, such as a step of a guide, or a question and its answer.
type Item struct {
	Title string `json:"title" jsonschema:"maxLength=90"`
	Body  string `json:"body" jsonschema:"maxLength=240"`
}
