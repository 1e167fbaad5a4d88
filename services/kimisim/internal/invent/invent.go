package invent

import (
	"bytes"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Inventor makes up one answer. It is not safe for use by several goroutines.
type Inventor struct {
	// Hostile has strings and ids be those of an attacker.
	Hostile bool

	rng  *rand.Rand
	copy *copywriter
	// values counts what one instance holds, which is bounded.
	values int
	decks  map[*schema]*deck
	// first names the alternatives of which one comes first, if there are such.
	first []string
	// counts is how many items the conversation asks for in a list, by its name.
	counts map[string][2]int
	// inParts says that an item of such a list is being made.
	inParts bool
}

// New returns the Inventor of the answer to a conversation.
func New(seed uint64, conversation string) *Inventor {
	h := fnv.New64a()
	_, _ = io.WriteString(h, conversation) // a hash never fails
	rng := rand.New(rand.NewPCG(seed, h.Sum64()))
	return &Inventor{rng: rng, copy: newCopywriter(rng, conversation), decks: map[*schema]*deck{}, first: firstNames(conversation), counts: counts(conversation)}
}

// beginning is the instruction that names what a list begins with.
var beginning = regexp.MustCompile(`(?i)\bbegins\b[^.:\n]*: ([a-z0-9-]+(?:, [a-z0-9-]+)*)`)

// firstNames is what the last instruction of a conversation has a list begin with.
func firstNames(conversation string) []string {
	found := beginning.FindAllStringSubmatch(conversation, -1)
	if found == nil {
		return nil
	}
	return strings.Split(found[len(found)-1][1], ", ")
}

// counting is an instruction that says how many of something a list has.
var counting = regexp.MustCompile(`(?i)\b(?:(one|two|three|four|five|six|seven|eight|nine) (?:to|or) )?(one|two|three|four|five|six|seven|eight|nine|ten) ([a-z]+)\b`)

var numerals = []string{"", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"}

// counts is the first such instruction of a conversation for each list, by what it lists.
func counts(conversation string) map[string][2]int {
	asked := map[string][2]int{}
	for _, found := range counting.FindAllStringSubmatch(strings.ToLower(conversation), -1) {
		to := slices.Index(numerals, found[2])
		from := to
		if found[1] != "" {
			from = slices.Index(numerals, found[1])
		}
		if _, known := asked[found[3]]; !known && from <= to {
			asked[found[3]] = [2]int{from, to}
		}
	}
	return asked
}

// limit is an instruction that says how long an answer may be.
var limit = regexp.MustCompile(`(?i)\bunder (\d{2,4}) words\b`)

// wordLimit is the last such instruction of a conversation, in words; 0 if there is none.
func wordLimit(conversation string) int {
	found := limit.FindAllStringSubmatch(conversation, -1)
	if found == nil {
		return 0
	}
	n, _ := strconv.Atoi(found[len(found)-1][1]) // digits
	return n
}

// Prose returns two or three sentences of shop copy, at most most characters, or
// everything an attacker says.
func (inv *Inventor) Prose(most int) string {
	if inv.Hostile {
		return strings.Join(hostileTexts, "\n")
	}
	return inv.copy.write("body", 0, most)
}

// JSON returns an instance of a JSON Schema. Errors wrap ErrSchema.
func (inv *Inventor) JSON(jsonSchema []byte) ([]byte, error) {
	root, err := parseSchema(jsonSchema)
	if err != nil {
		return nil, err
	}
	inv.values = 0
	var out bytes.Buffer
	if err := inv.value(&out, root, ""); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
