package invent

import (
	"bytes"
	"hash/fnv"
	"io"
	"iter"
	"math/rand/v2"
	"regexp"
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
	var names []string
	for found := range instructions(conversation, "begins", beginning) {
		names = strings.Split(found[1], ", ")
	}
	return names
}

// instructions are the matches of a pattern in the lines of a conversation that have a word, in
// any case, and the groups of each. All of a prompt would take the pattern some milliseconds.
func instructions(conversation, word string, pattern *regexp.Regexp) iter.Seq[[]string] {
	return func(yield func([]string) bool) {
		for line := range strings.Lines(conversation) {
			if !strings.Contains(strings.ToLower(line), word) {
				continue
			}
			for _, found := range pattern.FindAllStringSubmatch(line, -1) {
				if !yield(found) {
					return
				}
			}
		}
	}
}

var numerals = map[string]int{"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10}

// counts is the first instruction of a conversation that says how many of something a list has,
// such as "three sections" or "three to five sections", for each list, by what it lists.
func counts(conversation string) map[string][2]int {
	asked := map[string][2]int{}
	for line := range strings.Lines(strings.ToLower(conversation)) {
		words := strings.Fields(line)
		for i := range max(len(words)-1, 0) {
			to, what := numeral(words[i]), beforeMark(words[i+1])
			if to == 0 || what == "" || between(what) {
				continue
			}
			from := to
			if i >= 2 && between(words[i-1]) && numeral(words[i-2]) > 0 {
				from = numeral(words[i-2])
			}
			if _, known := asked[what]; !known && from <= to {
				asked[what] = [2]int{from, to}
			}
		}
	}
	return asked
}

// between reports whether a word stands between the least and the most.
func between(word string) bool { return word == "to" || word == "or" }

func notLetter(r rune) bool { return r < 'a' || r > 'z' }

// numeral is the number that a word is, also after a mark as in "(three"; 0 if it is none.
func numeral(word string) int { return numerals[strings.TrimLeftFunc(word, notLetter)] }

// beforeMark is a word without the mark after it, as in "sections,".
func beforeMark(word string) string {
	if end := strings.IndexFunc(word, notLetter); end >= 0 {
		return word[:end]
	}
	return word
}

// limit is an instruction that says how long an answer may be.
var limit = regexp.MustCompile(`(?i)\bunder (\d{2,4}) words\b`)

// wordLimit is the last such instruction of a conversation, in words; 0 if there is none.
func wordLimit(conversation string) int {
	n := 0
	for found := range instructions(conversation, "under", limit) {
		n, _ = strconv.Atoi(found[1]) // digits
	}
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
