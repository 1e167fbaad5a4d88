package invent

import (
	"encoding/json"
	"errors"
	"fmt"
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
    "sections": {"type": "array", "minItems": 2, "maxItems": 12, "items": {
      "oneOf": [
        {"type": "object", "required": ["type", "headline", "body", "actionLabel", "tint"], "properties": {
          "type": {"const": "hero"}, "eyebrow": {"type": "string", "maxLength": 24},
          "headline": {"type": "string", "minLength": 8, "maxLength": 60}, "body": {"type": "string", "maxLength": 240},
          "actionLabel": {"type": "string", "maxLength": 24}, "tint": {"type": "string", "maxLength": 16},
          "feature": {"type": "string", "enum": ["w1","w2","w3","w4","w5","w6"]}}},
        {"type": "object", "required": ["type", "title", "products"], "properties": {
          "type": {"const": "product-grid"}, "title": {"type": "string", "maxLength": 48},
          "products": {"type": "array", "minItems": 3, "maxItems": 8, "items":
            {"type": "string", "enum": ["w1","w2","w3","w4","w5","w6","w7","w8","w9","w10","w11","w12"]}}}},
        {"type": "object", "required": ["type", "quote", "author"], "properties": {
          "type": {"const": "quote"}, "quote": {"type": "string", "maxLength": 120}, "author": {"type": ["null", "string"], "maxLength": 30}}}
      ]
    }}
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
	text, err := New(seed, "Design the wand shop for "+shopper).JSON([]byte(pageSchema))
	if err != nil {
		t.Fatal(err)
	}
	var p page
	if err := json.Unmarshal(text, &p); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return string(text), p
}

// A name in an instruction is one of the schema's, which tells capitals apart.
func TestFirstNamesKeepTheirCapitals(t *testing.T) {
	t.Parallel()
	if got := firstNames("The page BEGINS with one of: heroBanner, Quote."); !slices.Equal(got, []string{"heroBanner", "Quote"}) {
		t.Errorf("got %q", got)
	}
}

// A design begins with what the conversation asks for, if the schema has it.
func TestDesignsBeginAsAsked(t *testing.T) {
	for asked, want := range map[string]string{
		"It begins with one of: grid, quote, hero.":                         "quote",
		"It begins, after a hero or without one, with one of: product-grid": "product-grid",
		"It begins with: hero. It begins with one of: quote.":               "quote",
		"It begins with one of: banner.":                                    "hero",
		"Wands: quote":                                                      "hero",
	} {
		for seed := range uint64(5) {
			text, err := New(seed, asked).JSON([]byte(pageSchema))
			if err != nil {
				t.Fatal(err)
			}
			var p page
			if err := json.Unmarshal(text, &p); err != nil || p.Sections[0].Type != want {
				t.Errorf("%q: begins with %s, want %s (%v)", asked, p.Sections[0].Type, want, err)
			}
		}
	}
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

func TestTheSameConversationGetsTheSameAnswer(t *testing.T) {
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
		"null alternative": {`{"anyOf":[null]}`, func(v any) bool { _, ok := v.(string); return ok }},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(20) {
				text, err := New(seed, "x").JSON([]byte(c.schema))
				if err != nil {
					t.Fatal(err)
				}
				var v any
				if err := json.Unmarshal(text, &v); err != nil || !c.ok(v) {
					t.Fatalf("%s, %v", text, err)
				}
			}
		})
	}
}

func TestSchemasWithoutInstances(t *testing.T) {
	for name, s := range map[string]string{
		"false":        `{"type":"object","properties":{"a":false}}`,
		"unknown type": `{"type":"thing"}`,
		"reference":    `{"type":"object","properties":{"a":{"$ref":"#/$defs/a"}},"$defs":{"a":{"const":1}}}`,
		"allOf":        `{"type":"array","items":{"allOf":[{"const":1}]}}`,
		"too many":     `{"type":"array","minItems":1000000000,"items":{"type":"integer"}}`,
		"too many ids": `{"type":"array","minItems":1000000000,"items":{"enum":["a","b"]}}`,
		"no integer":   `{"type":"integer","minimum":1.2,"maximum":1.8}`,
		"no number":    `{"type":"number","minimum":2,"maximum":1}`,
		"properties":   `{"properties":[]}`,
	} {
		if _, err := New(1, "x").JSON([]byte(s)); !errors.Is(err, ErrSchema) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMembersKeepTheSchemasOrder(t *testing.T) {
	text, err := New(1, "x").JSON([]byte(
		`{"required":["z","a","m"],"properties":{"z":{"const":1},"a":{"const":2},"m":{"const":3}}}`))
	if err != nil || string(text) != `{"z":1,"a":2,"m":3}` {
		t.Errorf("%s, %v", text, err)
	}
}

func TestHostileKeepsTheShape(t *testing.T) {
	var all strings.Builder
	for i := range 50 {
		inventor := New(1, strconv.Itoa(i))
		inventor.Hostile = true
		text, err := inventor.JSON([]byte(pageSchema))
		if err != nil {
			t.Fatal(err)
		}
		var p page
		if err := json.Unmarshal(text, &p); err != nil || len(p.Sections) < 4 || p.Theme.Palette == "" {
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

// FuzzJSON: whatever the schema, the answer is JSON or an error.
func FuzzJSON(f *testing.F) {
	f.Add(pageSchema)
	f.Add(`{"$ref":"#"}`)
	f.Add(`{"anyOf":[{"enum":[1]},{"oneOf":[{"type":"array","items":true},null]}]}`)
	f.Fuzz(func(t *testing.T, schema string) {
		if !json.Valid([]byte(schema)) {
			return
		}
		text, err := New(1, "x").JSON([]byte(schema))
		if err == nil && !json.Valid(text) {
			t.Errorf("%s answers %s", schema, text)
		}
	})
}

// A list has as many items as the conversation asks for, within its schema, and one that can
// only be empty is left out.
func TestListsAreAsLongAsAskedFor(t *testing.T) {
	const listed = `{"type":"object","required":["sections"],"properties":{
		"sections":{"type":"array","minItems":1,"maxItems":7,"items":{"type":"object","required":["headline"],"properties":{"headline":{"type":"string"}}}},
		"none":{"type":"array","maxItems":0}}}`
	for conversation, want := range map[string][2]int{
		"Two or three sections, please.":                 {2, 3},
		"Design six to seven sections.":                  {6, 7},
		"Eight to nine sections.":                        {7, 7},
		"Two to three columns.":                          {4, 7},
		"Nine to two sections.":                          {4, 7},
		"One to two sections. No, five or six sections.": {1, 2},
	} {
		for i := range uint64(30) {
			text, err := New(i, conversation).JSON([]byte(listed))
			if err != nil {
				t.Fatal(err)
			}
			var got map[string][]any
			if err := json.Unmarshal(text, &got); err != nil {
				t.Fatal(err)
			}
			if n := len(got["sections"]); n < want[0] || n > want[1] {
				t.Errorf("%q: %d sections", conversation, n)
			}
			if _, there := got["none"]; there {
				t.Errorf("an empty list in %s", text)
			}
		}
	}
}
