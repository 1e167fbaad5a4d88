package session

import "regexp"

var (
	mailAddress = regexp.MustCompile(`\S@\S+\.\S`)
	// longNumber is seven digits or more, with what people write between them: a telephone
	// number, an order, a card.
	longNumber = regexp.MustCompile(`\p{Nd}(?:[\s.,/()+-]*\p{Nd}){6}`)
)

// Private reports whether words hold an e-mail address or a long number, as people paste
// into search fields by mistake. They are not kept, and not told to a model.
func Private(words string) bool {
	return mailAddress.MatchString(words) || longNumber.MatchString(words)
}
