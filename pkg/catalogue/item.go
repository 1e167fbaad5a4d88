package catalogue

// Limits of a shop's words, in characters, and of its lists. They are what a page's
// sections can hold, so a page design has the same.
const (
	MaxHeadline = 90
	MaxBody     = 600
	MaxItemBody = 240
	MaxItems    = 6 // of one list
)

// Item is a titled line of text: a step of a guide, a question with its answer.
type Item struct {
	Title string `json:"title" jsonschema:"maxLength=90"`
	Body  string `json:"body" jsonschema:"maxLength=240"`
}
