package catalogue

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// index finds products by their words and by the values of facets. It is a list of
// segments, each of which does not change: a changed product gets a new slot, in a new
// segment, and its old slot is empty. Segments of like sizes are merged, so there are few.
//
// An index that belongs to a shop does not change, and is safe for concurrent use. What is
// added is added to its clone.
type index struct {
	stems    *stemmer
	silent   map[string]bool // words that fit every product, such as the shop's noun
	named    map[string]string
	segments []*segment
	slots    []*Product // by number; nil for a slot that is no product's any more
	values   []facetValue
	numbers  map[facetValue]uint32 // of values
}

// facetValue is a value of a facet, such as "White" of the option "Colour", by the form
// field of the facet.
type facetValue struct{ field, value string }

// segment is the words of some products.
type segment struct {
	words    []string   // sorted
	postings [][]uint32 // of each word: the slots that have it, each with its weight, ascending
	products int
}

// A posting is a slot and, in its lowest bits, the weight of the word there.
const (
	weightBits = 5
	weightMask = 1<<weightBits - 1
)

// The weight of a word, by the field that holds it.
const (
	inName        = 16
	inCollection  = 8
	inAttribute   = 6
	inTag         = 6
	inDescription = 2
)

// stemMark begins the entry of a stem in a segment. No word begins with it.
const stemMark = "~"

func newIndex(s *Shop) *index {
	x := &index{stems: s.stemmer(), silent: map[string]bool{}, named: map[string]string{}, numbers: map[facetValue]uint32{}}
	for _, w := range append(wordsOf(s.Noun.One+" "+s.Noun.Many), "a", "an", "and", "for", "in", "of", "or", "the", "to", "with") {
		x.silent[w] = true
	}
	for _, c := range s.declared {
		x.named[c.ID] = c.Name
	}
	return x
}

func (x *index) clone() *index {
	next := *x
	next.slots = slices.Clone(x.slots)
	next.segments = slices.Clone(x.segments)
	next.values = slices.Clip(x.values)
	next.numbers = maps.Clone(x.numbers)
	return &next
}

// add gives each product a slot and indexes its words.
func (x *index) add(products []*Product) {
	for _, p := range products {
		p.slot = uint32(len(x.slots))
		x.slots = append(x.slots, p)
		x.facetsOf(p)
	}
	for _, seg := range inParts(products, x.segmentOf) {
		x.segments = append(x.segments, seg)
		for n := len(x.segments); n > 1 && 2*x.segments[n-1].products >= x.segments[n-2].products; n-- {
			x.segments = append(x.segments[:n-2], x.merge(x.segments[n-2], x.segments[n-1]))
		}
	}
}

// segmentOf is the words of products that have slots. It is safe for concurrent use.
func (x *index) segmentOf(products []*Product) *segment {
	words := make(map[string][]uint32)
	scratch := make(map[string]uint32)
	for _, p := range products {
		clear(scratch)
		x.wordsOf(p, scratch)
		for w, weight := range scratch {
			words[w] = append(words[w], p.slot<<weightBits|weight)
		}
	}
	seg := &segment{words: slices.Sorted(maps.Keys(words)), products: len(products)}
	seg.postings = make([][]uint32, len(seg.words))
	for i, w := range seg.words {
		seg.postings[i] = slices.Clip(words[w])
	}
	return seg
}

// place empties the slots of all but these products. If most slots are empty, it numbers
// them anew.
func (x *index) place(products []*Product) {
	clear(x.slots)
	for _, p := range products {
		x.slots[p.slot] = p
	}
	if len(x.slots) > 4*len(products)+1024 {
		fresh := make([]*Product, 0, len(products))
		x.segments, x.slots, x.values, x.numbers = nil, fresh, nil, map[facetValue]uint32{}
		for i, p := range products {
			copied := *p // the old slot is that of earlier states of the shop
			products[i] = &copied
		}
		x.add(products)
	}
}

// merge joins two segments, of which a has the lower slots, without the words of slots
// that are empty.
func (x *index) merge(a, b *segment) *segment {
	out := &segment{
		words: make([]string, 0, len(a.words)+len(b.words)/2), postings: make([][]uint32, 0, len(a.words)+len(b.words)/2),
		products: a.products + b.products,
	}
	put := func(word string, lists ...[]uint32) {
		n := 0
		for _, l := range lists {
			n += len(l)
		}
		all := make([]uint32, 0, n)
		for _, l := range lists {
			for _, p := range l {
				if x.slots[p>>weightBits] != nil {
					all = append(all, p)
				}
			}
		}
		if len(all) > 0 {
			out.words, out.postings = append(out.words, word), append(out.postings, all)
		}
	}
	i, j := 0, 0
	for i < len(a.words) || j < len(b.words) {
		switch order := compareAt(a.words, i, b.words, j); {
		case order < 0:
			put(a.words[i], a.postings[i])
			i++
		case order > 0:
			put(b.words[j], b.postings[j])
			j++
		default:
			put(a.words[i], a.postings[i], b.postings[j])
			i++
			j++
		}
	}
	return out
}

// compareAt compares two words of two lists, where the end of a list comes last.
func compareAt(a []string, i int, b []string, j int) int {
	switch {
	case i == len(a):
		return 1
	case j == len(b):
		return -1
	default:
		return cmp.Compare(a[i], b[j])
	}
}

// wordsOf adds the product's words to into, each with its weight, and its stems.
func (x *index) wordsOf(p *Product, into map[string]uint32) {
	add := func(text string, weight uint32) {
		for _, raw := range rawWords(text) {
			for _, part := range split(raw) {
				word := fold(part)
				into[word] = max(into[word], weight)
				if st := x.stems.of(part); !st.silent && st.text != word {
					into[stemMark+st.text] = max(into[stemMark+st.text], weight)
				}
			}
		}
	}
	add(p.Name, inName)
	add(x.named[p.Collection], inCollection)
	add(p.Type, inCollection)
	add(p.Vendor, inCollection)
	for _, a := range p.Attributes {
		add(a.Value, inAttribute)
	}
	for _, tag := range p.Tags {
		add(tag, inTag)
	}
	for i := range p.Variants {
		v := &p.Variants[i]
		for _, value := range v.Options {
			add(value, inAttribute)
		}
		add(v.SKU, inName)
		add(v.Barcode, inName)
	}
	if p.DescriptionHTML == "" {
		add(p.Description, inDescription)
	} else {
		add(PlainText(p.DescriptionHTML, maxIndexedText), inDescription)
	}
}

// maxIndexedText is how many bytes of a description's text are searched.
const maxIndexedText = 8 << 10

// facetsOf numbers the values of the product's facets: of its options, those that can be
// bought.
func (x *index) facetsOf(p *Product) {
	p.facets = nil
	add := func(field, value string) {
		if value == "" {
			return
		}
		v := facetValue{field, value}
		n, known := x.numbers[v]
		if !known {
			n = uint32(len(x.values))
			x.values = append(x.values, v)
			x.numbers[v] = n
		}
		if !slices.Contains(p.facets, n) {
			p.facets = append(p.facets, n)
		}
	}
	add(FacetVendor, p.Vendor)
	add(FacetType, p.Type)
	for _, tag := range p.Tags {
		add(fieldTag, tag)
	}
	for i := range p.Variants {
		if p.Variants[i].SoldOut() {
			continue
		}
		for j, value := range p.Variants[i].Options {
			add(FacetOption+p.Options[j].Name, value)
		}
	}
}

// queryWords is the distinct words of typed that tell products apart.
func (x *index) queryWords(typed string) []queryWord {
	var words []queryWord
	for _, raw := range rawWords(typed) {
		for _, part := range split(raw) {
			word, st := fold(part), x.stems.of(part)
			if st.silent || x.silent[word] || len(words) == maxQueryWords || slices.ContainsFunc(words, func(q queryWord) bool { return q.word == word }) {
				continue
			}
			words = append(words, queryWord{word: word, stem: st.text, sale: word == "sale" || word == "deal" || word == "reduced"})
		}
	}
	return words
}

// rawWords splits a text into words in lower case.
func rawWords(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) && r != '\u200c' && r != '\u200d'
	})
}

// fold is a word in lower case without accents and other marks.
func fold(word string) string {
	if isASCII(word) {
		return word
	}
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFKD.String(word))
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// wordsOf splits a text into words in lower case, without accents.
func wordsOf(text string) []string {
	words := rawWords(text)
	for i, w := range words {
		words[i] = fold(w)
	}
	return words
}
