package kimisim

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// pageSchema is a page design of the kind a shop asks for. Nothing in the
// package knows it.
const pageSchema = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "required": ["theme", "sections"],
  "additionalProperties": false,
  "properties": {
    "theme": {"$ref": "#/$defs/theme"},
    "sections": {"type": "array", "minItems": 2, "maxItems": 12, "items": {"$ref": "#/$defs/section"}}
  },
  "$defs": {
    "productId": {"type": "string", "enum": ["w1","w2","w3","w4","w5","w6","w7","w8","w9","w10","w11","w12"]},
    "theme": {
      "type": "object", "required": ["palette", "density", "contrast"],
      "properties": {
        "palette": {"enum": ["moonlit", "forest", "ember", "paper"]},
        "density": {"type": "integer", "minimum": 1, "maximum": 5},
        "contrast": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
        "motion": {"type": "boolean"},
        "version": {"const": 2}
      }
    },
    "section": {
      "oneOf": [
        {"$ref": "#/$defs/hero"},
        {"type": "object", "required": ["type", "title", "products"], "properties": {
          "type": {"const": "product-grid"}, "title": {"type": "string", "maxLength": 48},
          "products": {"type": "array", "minItems": 3, "maxItems": 8, "items": {"$ref": "#/$defs/productId"}}}},
        {"type": "object", "required": ["type", "quote", "author"], "properties": {
          "type": {"const": "quote"}, "quote": {"type": "string", "maxLength": 120}, "author": {"type": ["null", "string"], "maxLength": 30}}}
      ]
    },
    "hero": {
      "type": "object", "required": ["type", "headline", "body", "actionLabel", "tint"],
      "properties": {
        "type": {"const": "hero"}, "eyebrow": {"type": "string", "maxLength": 24},
        "headline": {"type": "string", "minLength": 8, "maxLength": 60}, "body": {"type": "string", "maxLength": 240},
        "actionLabel": {"type": "string", "maxLength": 24}, "tint": {"type": "string", "maxLength": 16},
        "feature": {"$ref": "#/$defs/productId"}
      }
    }
  }
}`

type page struct {
	Theme struct {
		Palette  string
		Density  int
		Contrast float64
		Motion   *bool
		Version  int
	}
	Sections []struct {
		Type                                              string
		Eyebrow, Headline, Body, Title, Quote, Tint, Text string
		ActionLabel                                       string
		Author                                            *string
		Products                                          []string
		Feature                                           *string
	}
}

func designFor(t *testing.T, seed uint64, shopper string) (string, page) {
	t.Helper()
	req := Request{Messages: []Message{
		{Role: "system", Content: Text("Answer JSON by the schema between <schema> and </schema>.\n<schema>" + pageSchema + "</schema>")},
		{Role: "user", Content: Text("Design the wand shop for " + shopper)},
	}}
	text, err := answer(req, seed, false)
	if err != nil {
		t.Fatal(err)
	}
	var p page
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return text, p
}

func TestDesignsFollowTheirSchema(t *testing.T) {
	within := func(s string, least, most int) bool {
		n := utf8.RuneCountInString(s)
		return n >= least && n <= most
	}
	for i := range 200 {
		text, p := designFor(t, 1, fmt.Sprint("shopper ", i))
		if !slices.Contains([]string{"moonlit", "forest", "ember", "paper"}, p.Theme.Palette) ||
			p.Theme.Density < 1 || p.Theme.Density > 5 || p.Theme.Contrast <= 0 || p.Theme.Contrast > 1 {
			t.Fatalf("theme of %s", text)
		}
		if n := len(p.Sections); n < 4 || n > 8 {
			t.Fatalf("%d sections in %s", n, text)
		}
		if p.Sections[0].Type != "hero" {
			t.Fatalf("it does not open with what the schema lists first: %s", text)
		}
		for j, s := range p.Sections {
			if j > 0 && s.Type == p.Sections[j-1].Type {
				t.Fatalf("%s twice in a row in %s", s.Type, text)
			}
			switch s.Type {
			case "hero":
				if !within(s.Headline, 8, 60) || !within(s.Body, 1, 240) || !within(s.ActionLabel, 1, 24) ||
					!within(s.Tint, 1, 16) || !within(s.Eyebrow, 0, 24) {
					t.Fatalf("hero %+v", s)
				}
			case "product-grid":
				if n := len(s.Products); n < 3 || n > 8 {
					t.Fatalf("%d products", n)
				}
				if slices.Sort(s.Products); len(slices.Compact(s.Products)) != len(s.Products) {
					t.Fatalf("a product twice in %v", s.Products)
				}
				if !within(s.Title, 1, 48) {
					t.Fatalf("title %q", s.Title)
				}
			case "quote":
				if !within(s.Quote, 1, 120) || s.Author == nil || !within(*s.Author, 1, 30) {
					t.Fatalf("quote %+v", s)
				}
			default:
				t.Fatalf("section type %q", s.Type)
			}
		}
		if strings.Contains(text, "{one}") || strings.Contains(text, "{many}") || strings.Contains(text, "{made}") {
			t.Fatalf("unfilled copy: %s", text)
		}
	}
}

func TestTheSameRequestGetsTheSameAnswer(t *testing.T) {
	one, _ := designFor(t, 1, "a")
	if again, _ := designFor(t, 1, "a"); again != one {
		t.Error("the answer changed")
	}
	if other, _ := designFor(t, 1, "b"); other == one {
		t.Error("another shopper got the same page")
	}
	if other, _ := designFor(t, 2, "a"); other == one {
		t.Error("another seed gave the same page")
	}
}

func TestHeadlinesVary(t *testing.T) {
	seen := map[string]bool{}
	for i := range 2000 {
		w := newCopywriter(rand.New(rand.NewPCG(1, uint64(i))), "wands")
		seen[w.write("headline", 0, 60)] = true
	}
	if len(seen) < 400 {
		t.Errorf("%d distinct headlines in 2000", len(seen))
	}
}

func TestCopyFollowsTheConversation(t *testing.T) {
	text := func(about string) string {
		w := newCopywriter(rand.New(rand.NewPCG(1, 1)), about)
		var b strings.Builder
		for range 60 {
			b.WriteString(w.write("headline", 0, 80) + " " + w.write("body", 0, 400) + "\n")
		}
		return b.String()
	}
	got := text("a shop of brooms for an explorer: broom on sale, broom on sale, broom on sale")
	if !strings.Contains(got, "broom") || strings.Contains(got, "wand") {
		t.Errorf("not about brooms:\n%s", got)
	}
	for _, tone := range tones {
		spoken := slices.ContainsFunc(tone.leads, func(lead string) bool { return strings.Contains(got, lead) })
		if want := tone.persona == "explorer"; spoken != want {
			t.Errorf("%s tone for an explorer: %v", tone.name, spoken)
		}
	}
}

func TestCopyFits(t *testing.T) {
	w := newCopywriter(rand.New(rand.NewPCG(1, 1)), "")
	for _, name := range []string{"headline", "sub_title", "body", "eyebrow", "actionLabel", "quote", "author", "caption", "summary", "label", "href", "frobnication"} {
		for most := range 80 {
			if got := w.write(name, 0, most); utf8.RuneCountInString(got) > most {
				t.Fatalf("%s: %q is longer than %d", name, got, most)
			}
		}
		if got := w.write(name, 300, 320); utf8.RuneCountInString(got) > 320 || utf8.RuneCountInString(got) < 150 {
			t.Errorf("%s: %d characters of 300 to 320", name, utf8.RuneCountInString(got))
		}
	}
}

func TestInstances(t *testing.T) {
	for name, c := range map[string]struct {
		schema string
		ok     func(v any) bool
	}{
		"const":             {`{"const":{"a":[1,2]}}`, func(v any) bool { return fmt.Sprint(v) == "map[a:[1 2]]" }},
		"enum of mixed":     {`{"enum":[null]}`, func(v any) bool { return v == nil }},
		"integer":           {`{"type":"integer","minimum":3,"maximum":3}`, func(v any) bool { return v == 3.0 }},
		"exclusive integer": {`{"type":"integer","exclusiveMinimum":3,"exclusiveMaximum":5}`, func(v any) bool { return v == 4.0 }},
		"maximum alone":     {`{"type":"integer","maximum":-7}`, func(v any) bool { return v.(float64) <= -7 }},
		"narrow number":     {`{"type":"number","minimum":0.001,"maximum":0.002}`, func(v any) bool { return v.(float64) >= 0.001 && v.(float64) <= 0.002 }},
		"null":              {`{"type":"null"}`, func(v any) bool { return v == nil }},
		"anything":          {`true`, func(v any) bool { _, ok := v.(string); return ok }},
		"untyped object":    {`{"properties":{"a":{"const":1}},"required":["a"]}`, func(v any) bool { return fmt.Sprint(v) == "map[a:1]" }},
		"untyped array":     {`{"items":{"type":"boolean"},"maxItems":1,"minItems":1}`, func(v any) bool { return len(v.([]any)) == 1 }},
		"free array":        {`{"type":"array"}`, func(v any) bool { return len(v.([]any)) >= 3 && len(v.([]any)) <= 8 }},
		"no items":          {`{"type":"array","maxItems":0,"items":{"enum":[1]}}`, func(v any) bool { return len(v.([]any)) == 0 }},
		"small enum":        {`{"type":"array","items":{"enum":[1,2]}}`, func(v any) bool { return len(v.([]any)) == 2 }},
		"enum repeated":     {`{"type":"array","minItems":4,"items":{"enum":[1,2]}}`, func(v any) bool { return len(v.([]any)) == 4 }},
		"many items":        {`{"type":"array","minItems":30,"items":{"type":"integer"}}`, func(v any) bool { return len(v.([]any)) == 30 }},
		"anyOf beside": {`{"type":"object","properties":{"a":{"const":1}},"required":["a"],"anyOf":[{"properties":{"b":{"const":2}},"required":["b"]}]}`,
			func(v any) bool { return fmt.Sprint(v) == "map[a:1 b:2]" }},
		"allOf": {`{"allOf":[{"properties":{"a":{"const":1}},"required":["a"]},{"$ref":"#/definitions/b"}],"definitions":{"b":{"properties":{"b":{"const":2}},"required":["b"]}}}`,
			func(v any) bool { return fmt.Sprint(v) == "map[a:1 b:2]" }},
		"ref narrowed": {`{"$ref":"#/$defs/s","const":"x","$defs":{"s":{"type":"string"}}}`, func(v any) bool { return v == "x" }},
		"recursive":    {`{"type":"object","properties":{"child":{"$ref":"#"},"name":{"type":"string"}},"required":["name"]}`, func(v any) bool { return v.(map[string]any)["name"] != "" }},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(20) {
				text, err := answer(Request{Format: formatOf(c.schema), Messages: []Message{{Content: "x"}}}, seed, false)
				if err != nil {
					t.Fatal(err)
				}
				var v any
				if err := json.Unmarshal([]byte(text), &v); err != nil || !c.ok(v) {
					t.Fatalf("%s, %v", text, err)
				}
			}
		})
	}
}

func TestSchemasWithoutInstances(t *testing.T) {
	for name, s := range map[string]string{
		"false":          `{"type":"object","properties":{"a":false}}`,
		"unknown type":   `{"type":"thing"}`,
		"dangling":       `{"$ref":"#/$defs/nothing"}`,
		"circular":       `{"$ref":"#"}`,
		"circular item":  `{"type":"array","items":{"$ref":"#/$defs/a"},"$defs":{"a":{"$ref":"#/$defs/a"}}}`,
		"circular allOf": `{"allOf":[{"$ref":"#"},{"$ref":"#"}]}`,
		"circular anyOf": `{"anyOf":[{"$ref":"#"}],"required":["a"]}`,
		"endless":        `{"type":"object","required":["a"],"properties":{"a":{"$ref":"#"}}}`,
		"too many":       `{"type":"array","minItems":1000000000,"items":{"type":"integer"}}`,
		"too many ids":   `{"type":"array","minItems":1000000000,"items":{"enum":["a","b"]}}`,
		"no integer":     `{"type":"integer","minimum":1.2,"maximum":1.8}`,
		"no number":      `{"type":"number","minimum":2,"maximum":1}`,
		"properties":     `{"properties":[]}`,
	} {
		if _, err := answer(Request{Format: formatOf(s), Messages: []Message{{Content: "x"}}}, 1, false); !errors.Is(err, errSchema) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func formatOf(schema string) ResponseFormat {
	f := ResponseFormat{Type: "json_schema"}
	f.JSONSchema.Schema = json.RawMessage(schema)
	return f
}

func TestWhichSchemaIsUsed(t *testing.T) {
	inMessage := Message{Content: `Follow <schema>. <schema>{"const":1}</schema> no: <schema>{"const":2}</schema>`}
	text, err := answer(Request{Messages: []Message{inMessage}}, 1, false)
	if err != nil || text != "2" {
		t.Errorf("of two in a message: %s, %v", text, err)
	}
	text, err = answer(Request{Messages: []Message{inMessage}, Format: formatOf(`{"const":3}`)}, 1, false)
	if err != nil || text != "3" {
		t.Errorf("response_format beside: %s, %v", text, err)
	}
	text, err = answer(Request{Messages: []Message{{Content: "x"}}, Format: ResponseFormat{Type: "json_object"}}, 1, false)
	if err != nil || !json.Valid([]byte(text)) {
		t.Errorf("json_object without a schema: %s, %v", text, err)
	}
}

func TestMembersKeepTheSchemasOrder(t *testing.T) {
	text, err := answer(Request{Messages: []Message{{Content: "x"}}, Format: formatOf(
		`{"required":["z","a","m"],"properties":{"z":{"const":1},"a":{"const":2},"m":{"const":3}}}`)}, 1, false)
	if err != nil || text != `{"z":1,"a":2,"m":3}` {
		t.Errorf("%s, %v", text, err)
	}
}

func TestHostileKeepsTheShape(t *testing.T) {
	var all strings.Builder
	for i := range 50 {
		text, err := answer(Request{Format: formatOf(pageSchema), Messages: []Message{{Content: Text(strconv.Itoa(i))}}}, 1, true)
		if err != nil {
			t.Fatal(err)
		}
		var p page
		if err := json.Unmarshal([]byte(text), &p); err != nil || len(p.Sections) < 4 || p.Theme.Palette == "" {
			t.Fatalf("%v in %s", err, text)
		}
		for _, s := range p.Sections {
			all.WriteString(s.Headline + s.Body + s.Quote + strings.Join(s.Products, " "))
		}
	}
	for _, want := range []string{"<script>", "javascript:", "$0.01", "\u202e", "wand-of-nowhere", "onerror="} {
		if !strings.Contains(all.String(), want) {
			t.Errorf("nothing hostile like %q", want)
		}
	}
}

// FuzzAnswer: whatever schema a request holds, the answer is JSON or an error.
func FuzzAnswer(f *testing.F) {
	f.Add(pageSchema)
	f.Add(`{"$ref":"#"}`)
	f.Add(`{"anyOf":[{"enum":[1]},{"allOf":[{"type":"array","items":true}]}]}`)
	f.Fuzz(func(t *testing.T, schema string) {
		if !json.Valid([]byte(schema)) {
			return
		}
		text, err := answer(Request{Format: formatOf(schema), Messages: []Message{{Content: "x"}}}, 1, false)
		if err == nil && !json.Valid([]byte(text)) {
			t.Errorf("%s answers %s", schema, text)
		}
	})
}
