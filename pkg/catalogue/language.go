package catalogue

import (
	"cmp"
	"strings"
	"sync"
	"unicode"

	"github.com/blevesearch/bleve/v2/analysis"
	"github.com/blevesearch/bleve/v2/analysis/lang/ar"
	"github.com/blevesearch/bleve/v2/analysis/lang/cjk"
	"github.com/blevesearch/bleve/v2/analysis/lang/ckb"
	"github.com/blevesearch/bleve/v2/analysis/lang/da"
	"github.com/blevesearch/bleve/v2/analysis/lang/de"
	"github.com/blevesearch/bleve/v2/analysis/lang/en"
	"github.com/blevesearch/bleve/v2/analysis/lang/es"
	"github.com/blevesearch/bleve/v2/analysis/lang/fa"
	"github.com/blevesearch/bleve/v2/analysis/lang/fi"
	"github.com/blevesearch/bleve/v2/analysis/lang/fr"
	"github.com/blevesearch/bleve/v2/analysis/lang/hi"
	"github.com/blevesearch/bleve/v2/analysis/lang/hr"
	"github.com/blevesearch/bleve/v2/analysis/lang/hu"
	"github.com/blevesearch/bleve/v2/analysis/lang/it"
	"github.com/blevesearch/bleve/v2/analysis/lang/nl"
	"github.com/blevesearch/bleve/v2/analysis/lang/no"
	"github.com/blevesearch/bleve/v2/analysis/lang/pl"
	"github.com/blevesearch/bleve/v2/analysis/lang/pt"
	"github.com/blevesearch/bleve/v2/analysis/lang/ro"
	"github.com/blevesearch/bleve/v2/analysis/lang/ru"
	"github.com/blevesearch/bleve/v2/analysis/lang/sv"
	"github.com/blevesearch/bleve/v2/analysis/lang/tr"
	"github.com/blevesearch/bleve/v2/registry"
)

// analysers is the name of bleve's analyser of each language. It knows the language's stop
// words and stems.
var analysers = map[string]string{
	"ar": ar.AnalyzerName, "ckb": ckb.AnalyzerName, "da": da.AnalyzerName, "de": de.AnalyzerName,
	"en": en.AnalyzerName, "es": es.AnalyzerName, "fa": fa.AnalyzerName, "fi": fi.AnalyzerName, "fr": fr.AnalyzerName,
	"hi": hi.AnalyzerName, "hr": hr.AnalyzerName, "hu": hu.AnalyzerName, "it": it.AnalyzerName, "nl": nl.AnalyzerName,
	"no": no.AnalyzerName, "nb": no.AnalyzerName, "nn": no.AnalyzerName, "pl": pl.AnalyzerName, "pt": pt.AnalyzerName,
	"ro": ro.AnalyzerName, "ru": ru.AnalyzerName, "sv": sv.AnalyzerName, "tr": tr.AnalyzerName,
	"ja": cjk.AnalyzerName, "ko": cjk.AnalyzerName, "zh": cjk.AnalyzerName,
}

// stemmer reduces words to their stems. It is safe for concurrent use.
type stemmer struct {
	analyser analysis.Analyzer // nil for a language that bleve does not know

	mu    sync.RWMutex
	known map[string]stem
}

// stem is a word's stem. A word that says nothing in its language, such as "the", is silent.
type stem struct {
	text   string
	silent bool
}

// maxStems bounds the stems that a stemmer remembers.
const maxStems = 100_000

// stemmer is one of the language of the shop's products.
func (s *Shop) stemmer() *stemmer {
	tag, _, _ := strings.Cut(strings.ToLower(cmp.Or(s.Language, s.Locale, "en")), "-")
	st := &stemmer{known: map[string]stem{}}
	if name, ok := analysers[tag]; ok {
		analyser, err := registry.NewCache().AnalyzerNamed(name)
		if err == nil { // each is registered by the import of its package
			st.analyser = analyser
		}
	}
	return st
}

// of is the stem of a word, as it is written in the language.
func (st *stemmer) of(word string) stem {
	st.mu.RLock()
	known, ok := st.known[word]
	st.mu.RUnlock()
	if ok {
		return known
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	if len(st.known) >= maxStems {
		clear(st.known)
	}
	result := stem{text: fold(word)}
	if st.analyser != nil {
		switch tokens := st.analyser.Analyze([]byte(word)); len(tokens) {
		case 0:
			result.silent = true
		case 1:
			result.text = fold(string(tokens[0].Term))
		}
	}
	st.known[word] = result
	return result
}

// unspaced reports whether words of the rune's script stand without spaces between them.
func unspaced(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

// split cuts a word of a script without spaces into overlapping pairs of letters, by which
// it is found; any other word stays whole.
func split(word string) []string {
	runes := []rune(word)
	if len(runes) < 3 || !unspaced(runes[0]) {
		return []string{word}
	}
	pairs := make([]string, 0, len(runes)-1)
	for i := range len(runes) - 1 {
		pairs = append(pairs, string(runes[i:i+2]))
	}
	return pairs
}
