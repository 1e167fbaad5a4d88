package gate

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"
)

func TestMend(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ in, want string }{
		"JSON":                              {`{ "a" : [ 1 , -2.5e+3, true , null, "b\n\u00e9" ] , "c":{} }`, `{ "a" : [ 1 , -2.5e+3, true , null, "b\n\u00e9" ] , "c":{} }`},
		"what follows":                      {`{"a":1} and {more}`, `{"a":1}`},
		"a raw line break":                  {"{\"a\":\"b\n\tc\r\n\"}", `{"a":"b\n\tc\r\n"}`},
		"control characters":                {"{\"a\":\"b\x00\x1b[0m\"}", `{"a":"b\u0000\u001b[0m"}`},
		"trailing commas":                   {`{"a":[1,2,],"b":{"c":1,},}`, `{"a":[1,2],"b":{"c":1}}`},
		"commas twice":                      {`{"a":[1,,2],,"b":1}`, `{"a":[1,2],"b":1}`},
		"a comma at first":                  {`{,"a":[,1]}`, `{"a":[1]}`},
		"missing commas":                    {"{\"a\":1\n\"b\":[1 2 ,\"c\" \"d\"{}{}]\n\"e\":\"f\"\n\"g\":1}", "{\"a\":1,\n\"b\":[1, 2 ,\"c\", \"d\",{},{}],\n\"e\":\"f\",\n\"g\":1}"},
		"a missing comma on the line":       {`{"a":"b" "c":"d"}`, `{"a":"b", "c":"d"}`},
		"a missing colon":                   {`{"a" "b", "c" {}}`, `{"a" :"b", "c" :{}}`},
		"line comments":                     {"{\"a\":1, // one, \"two\"\n\"b\":\"c\" // d\n}", "{\"a\":1, \n\"b\":\"c\" \n}"},
		"block comments":                    {`{/* the "page" */"a":/**/1/* one */}`, `{"a":1}`},
		"comments of Python":                {"{\"a\":1, # one\n\"b\":\"c\" # d\n}", "{\"a\":1, \n\"b\":\"c\" \n}"},
		"no comments in strings":            {`{"a":"http://b /* c */ # d"}`, `{"a":"http://b /* c */ # d"}`},
		"typographic quotes":                {`{“a”: “b”, „c“: ‘d’, «e»: «f»}`, `{"a": "b", "c": "d", "e": "f"}`},
		"typographic quotes in the text":    {`{"a":"“b”, c", “d”: “the “e”, f”}`, `{"a":"“b”, c", "d": "the “e”, f"}`},
		"single quotes":                     {`{'a': 'it's "b"', 'c': 'd\'s'}`, `{"a": "it's \"b\"", "c": "d's"}`},
		"quotes in the text":                {`{"a":"the "best" wand","b":"a "c", d","e":["f "g", h", "i"]}`, `{"a":"the \"best\" wand","b":"a \"c\", d","e":["f \"g\", h", "i"]}`},
		"a quote at the end of the text":    {`{"a":"say "b"","c":1}`, `{"a":"say \"b\"","c":1}`},
		"keys without quotes":               {`{a: 1, b_c: "d", e: "f"}`, `{"a": 1, "b_c": "d", "e": "f"}`},
		"words without quotes":              {`{"a": hero, "b": True, "c": None, "d": NaN, "e": undefined}`, `{"a": "hero", "b": true, "c": null, "d": null, "e": null}`},
		"odd numbers":                       {`{"a": +1, "b": .5, "c": 1., "d": 007, "e": 0x10}`, `{"a": 1, "b": 0.5, "c": 1, "d": 7, "e": "0x10"}`},
		"wrong escapes":                     {`{"a":"b\'c\d\x41\u12"}`, `{"a":"b'cdx41u12"}`},
		"a line that continues":             {"{\"a\":\"b\\\nc\"}", `{"a":"b\nc"}`},
		"an ellipsis":                       {`{"a":[1, 2, ...], ...}`, `{"a":[1, 2 ] }`},
		"values that are missing":           {`{"a":,"b","c":{"d":},"e":[{"f"}],"g":}`, `{"a":null,"b":null,"c":{"d":null},"e":[{"f":null}],"g":null}`},
		"an object left open in a list":     {`{"a":[{"b":[1], {"b":2},{"b":3}]}`, `{"a":[{"b":[1] },{"b":2},{"b":3}]}`},
		"quoted words in the text":          {`{"a":"b "c", "d", e","f":'g 'h', 'i'.'}`, `{"a":"b \"c\", \"d\", e","f":"g 'h', 'i'."}`},
		"a bracket too many":                {`{"a":[{"b":1}},{"c":2}]}`, `{"a":[{"b":1},{"c":2}]}`},
		"a bracket too few":                 {`{"a":[{"b":1],"c":2}`, `{"a":[{"b":1}],"c":2}`},
		"the wrong bracket":                 {`{"a":(1),"b":[1)}`, `{"a":1,"b":[1]}`},
		"a mark before":                     {"JSON: {\"a\":1}", `{"a":1}`},
		"wide punctuation":                  {`{"a"："b"，"c"：1}`, `{"a":"b","c":1}`},
		"last brackets are missing":         {`{"a":[{"b":"c"}`, `{"a":[{"b":"c"}]}`},
		"last brackets after a comma":       {"{\"a\":[1,\n", "{\"a\":[1]}"},
		"not UTF-8":                         {"{\"a\":\"\xff\xe2\x82\"}", "{\"a\":\"\xff\xe2\x82\"}"},
		"typographic apostrophes in a text": {`{'a': 'b’s'}`, `{"a": "b’s"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, how := mend([]byte(tt.in))
			missing, cut, mended := how.missing, how.cut, how.mended
			got := string(out) + missing
			if got != tt.want || cut || mended != (string(out) != tt.in && name != "what follows" && name != "a mark before" && missing == "") && missing == "" {
				t.Errorf("got %s, cut %v, mended %v, want %s", got, cut, mended, tt.want)
			}
			if !json.Valid([]byte(got)) {
				t.Errorf("%s is no JSON", got)
			}
			if split := inPieces(tt.in, 1); split != string(out) {
				t.Errorf("byte by byte: %s", split)
			}
		})
	}
}

// What was cut is closed by nobody.
func TestMendTellsWhatIsCut(t *testing.T) {
	t.Parallel()
	for _, in := range []string{``, `[`, `{`, `{"a`, `{"a"`, `{"a":`, `{"a":"b`, `{"a":[`, `{"a":[{"b":tr`, `{"a":1,"b"`, `{"a":1 /* b`, `{{`, `{"a":` + strings.Repeat("[", maxDepth)} {
		if out, how := mend([]byte(in)); !how.cut {
			t.Errorf("%s became %s%s", in, out, how.missing)
		}
	}
}

func inPieces(text string, size int) string {
	var m Mender
	var out []byte
	for len(text) > 0 {
		n := min(size, len(text))
		out = append(out, m.Write([]byte(text[:n]))...)
		text = text[n:]
	}
	rest, _, _ := m.Close()
	return string(append(out, rest...))
}

func TestMendIsLinear(t *testing.T) {
	t.Parallel()
	const size, bound = 16 << 10, 2 * time.Second
	for name, piece := range map[string]string{
		"quotes": `"`, "quotes and spaces": `" `, "quotes and commas": `",`, "backslashes": `\`, "comments": "/*", "comment ends": "*/", "line comments": "#", "spaces": " ",
		"commas": ",", "words": "a", "words and spaces": "a ", "brackets": "{", "closing brackets": "}", "lists": "[]", "keys": `"a":`, "odd": "€", "halves": "\xe2", "apostrophes": "'",
	} {
		for _, opening := range []string{`{`, `{"a":`, `{"a":"`, `{"a":[`, `{'a':'`} {
			took := time.Duration(math.MaxInt64)
			// A machine that is busy elsewhere is slow once, a search that begins anew at
			// each piece every time.
			for range 3 {
				began := time.Now()
				inPieces(opening+strings.Repeat(piece, size/len(piece)), 64)
				if took = min(took, time.Since(began)); took < bound {
					break
				}
			}
			if took >= bound {
				t.Errorf("%s after %s: %v for 16 KB", name, opening, took)
			}
		}
	}
}

// JSON passes unchanged, anything else becomes the beginning of JSON, wherever it is split.
func FuzzMender(f *testing.F) {
	for _, in := range []string{
		`{"a":[1,-2.5e+3,true,null,"b\n\u00e9\"]"],"c":{}}`, "{\"a\":\"b\nc\",}", `{“a”: “b”, 'c': 'it's', d: e} f`, `{"a":"the "best" wand" /* b */ "c" 1`, `{"a":[{"b":1}},{"c":007]`,
	} {
		f.Add(in, 3)
	}
	f.Fuzz(func(t *testing.T, in string, size int) {
		out, how := mend([]byte(in))
		missing, cut, mended := how.missing, how.cut, how.mended
		if split := inPieces(in, 1+size&0xff); split != string(out) {
			t.Errorf("in pieces %q, in one %q", split, out)
		}
		object := strings.TrimRight(in, " \n\t\r")
		if strings.HasPrefix(object, "{") && json.Valid([]byte(object)) && depth([]byte(object)) <= maxDepth && (string(out) != object || cut || mended) {
			t.Errorf("%q became %q", in, out)
		}
		if whole := string(out) + missing; !cut && !json.Valid([]byte(whole)) {
			t.Errorf("%q became %q, which is no JSON", in, whole)
		}
		if len(out) > 8*len(in)+8*maxDepth {
			t.Errorf("%d bytes became %d", len(in), len(out))
		}
	})
}
