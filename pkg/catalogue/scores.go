package catalogue

import (
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// scores is how well products match the words of a query, by slot.
type scores struct {
	sums    []uint32
	best    []uint32 // of one word
	matched []uint8  // how many of the words, from the first one on
}

// scoresPool keeps scores of searches that have ended. They are as large as the shop, and
// there is one for each search.
var scoresPool = sync.Pool{New: func() any { return new(scores) }}

// newScores is scores of 0 for n slots. The caller releases them.
func newScores(n int) *scores {
	sc, _ := scoresPool.Get().(*scores) // it holds nothing else
	if cap(sc.sums) < n {
		*sc = scores{make([]uint32, n), make([]uint32, n), make([]uint8, n)}
	}
	sc.sums, sc.best, sc.matched = sc.sums[:n], sc.best[:n], sc.matched[:n]
	clear(sc.sums)
	clear(sc.matched)
	return sc
}

func (sc *scores) release() { scoresPool.Put(sc) }

// score adds up, for each slot, the best match of each word. A slot counts that each of
// the words matches. The caller releases the scores.
func (x *index) score(words []queryWord, forgiving bool) *scores {
	sc := newScores(len(x.slots))
	best := sc.best
	for n, w := range words {
		clear(best)
		hit := func(postings []uint32, factor uint32) {
			for _, p := range postings {
				best[p>>weightBits] = max(best[p>>weightBits], p&weightMask*factor)
			}
		}
		for _, seg := range x.segments {
			seg.find(w, forgiving, hit)
		}
		if w.sale {
			for slot, p := range x.slots {
				if p != nil && p.OnSale() {
					best[slot] = max(best[slot], inTag*exactly)
				}
			}
		}
		for slot, b := range best {
			if b > 0 && int(sc.matched[slot]) == n {
				sc.matched[slot]++
				sc.sums[slot] += b
			}
		}
	}
	return sc
}

// How much a match counts, by how near it is.
const (
	exactly     = 4
	byStem      = 3
	byPrefix    = 3
	byOneLetter = 2
)

// queryWord is a word of a query.
type queryWord struct {
	word, stem string
	sale       bool // asks for what is on sale
}

// find calls hit with the postings of each word that matches w.
func (seg *segment) find(w queryWord, forgiving bool, hit func(postings []uint32, factor uint32)) {
	from, _ := slices.BinarySearch(seg.words, w.word)
	for i := from; i < len(seg.words) && strings.HasPrefix(seg.words[i], w.word); i++ {
		switch {
		case len(seg.words[i]) == len(w.word):
			hit(seg.postings[i], exactly)
		case len(w.word) >= 2:
			hit(seg.postings[i], byPrefix)
		}
	}
	for _, stem := range []string{w.stem, stemMark + w.stem} {
		if i, ok := slices.BinarySearch(seg.words, stem); ok && stem != w.word {
			hit(seg.postings[i], byStem)
		}
	}
	if !forgiving {
		return
	}
	most := utf8.UTFMax // a letter may be as long
	if isASCII(w.word) {
		most = 1
	}
	for i, word := range seg.words {
		if digit(word[0]) != digit(w.word[0]) || len(word) > len(w.word)+most || len(word)+most < len(w.word) || strings.HasPrefix(word, stemMark) {
			continue
		}
		if misspells(w.word, word) {
			hit(seg.postings[i], byOneLetter)
		}
	}
}

func digit(b byte) bool { return '0' <= b && b <= '9' }
