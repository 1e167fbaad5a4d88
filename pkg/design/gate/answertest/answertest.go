// Package answertest is a table of answers to the request for a page design: good,
// broken, careless and hostile ones, each with the expected result. The tests of the
// gate and of the rendered pages share it.
package answertest

import (
	"encoding/json"
	"strings"

	"github.com/wandstore/wandstore/pkg/design"
)

// Answer is one answer for the shop magic-wands, and the expected result.
type Answer struct {
	Name   string
	Answer string
	Types  string // section types of the design, with spaces between; "" for no design
	Report design.Report
	Sees   string // text that the rendered page must have
	Never  string // text that the page must not have; see Says
}

// Says reports whether a page's text has what it must not have.
func (a Answer) Says(text string) bool {
	// "Never varnish" is the shop's own advice.
	return a.Never != "" && strings.Contains(strings.ReplaceAll(text, "Never varnish", ""), a.Never)
}

// one is a complete answer with the given sections.
func one(section string) string {
	return `{"theme":{"palette":"forest"},"sections":[` + section + `]}`
}

const (
	// Good is an answer that follows the schema.
	Good = `{"theme":{"palette":"midnight","typeface":"modern","density":"airy","corner":"round","motion":"lively"},` +
		`"sections":[{"type":"hero","variant":"banner","headline":"A quiet shelf","body":"Made for slow evenings.","actionLabel":"Look around","productIds":["nightjar"]},` +
		`{"type":"product-grid","headline":"Three to hold","productIds":["halcyon","rosewarden","willowmere"]}]}`
	hero = `{"type":"hero","headline":"A quiet shelf"}`
)

// quoted is the text as a JSON string.
func quoted(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(b)
}

var (
	repaired = design.Report{Repaired: true}
	unclosed = design.Report{Repaired: true, Unclosed: true}
)

// All is the answers, the good one first.
var All = []Answer{
	{Name: "good", Answer: Good, Types: "hero product-grid", Sees: "A quiet shelf"},
	{Name: "fenced", Answer: "```json\n" + Good + "\n```", Types: "hero product-grid"},
	{Name: "fence without language", Answer: "```\n" + Good + "\n```", Types: "hero product-grid"},
	{Name: "fence left open", Answer: "Here it is:\n```json\n" + Good, Types: "hero product-grid"},
	{Name: "prose around", Answer: "Sure! {I hope} this helps.\n" + Good + "\nEnjoy {it}.", Types: "hero product-grid"},
	{Name: "byte order mark", Answer: "\xef\xbb\xbf" + Good, Types: "hero product-grid"},
	{Name: "thinking aloud", Answer: `<think>Maybe {"sections":[{"type":"hero","headline":"never"}]}?</think>` + Good, Types: "hero product-grid", Never: "never"},
	{Name: "thinking aloud without an answer", Answer: "<think>" + Good + "</think>"},
	{Name: "trailing braces", Answer: Good + "}}}]", Types: "hero product-grid"},

	{Name: "empty", Answer: ""},
	{Name: "white space", Answer: " \n\t "},
	{Name: "null", Answer: "null"},
	{Name: "number", Answer: "42"},
	{Name: "string", Answer: `"hero"`},
	{Name: "list", Answer: `[` + hero + `]`, Types: "hero", Report: repaired},
	{Name: "list in a fence", Answer: "The sections:\n```json\n[" + hero + `,{"type":"quote"}` + "]\n```", Types: "hero quote", Report: repaired},
	{Name: "section by section", Answer: `{"theme":{"palette":"forest"}}` + "\n" + hero + "\n\n" + `{"type":"quote"}`, Types: "hero quote", Report: unclosed},
	{Name: "of another name", Answer: `{"page":{"theme":{"palette":"forest"},"layout":[` + hero + `,{"type":"quote"}]}}`, Types: "hero quote", Report: repaired},
	{Name: "empty object", Answer: "{}"},
	{Name: "error object", Answer: `{"error":{"message":"overloaded"}}`},
	{Name: "refusal", Answer: "I'm sorry, I can't help with that."},
	{Name: "no sections", Answer: `{"theme":{"palette":"forest"},"sections":[]}`},
	{Name: "sections null", Answer: `{"sections":null}`},
	{Name: "sections object", Answer: `{"sections":{"hero":` + hero + `,"note":"x","1":{"type":"quote"}}}`, Types: "hero quote", Report: unclosed},
	{Name: "sections string", Answer: `{"sections":"hero"}`},
	{Name: "sections of rubbish", Answer: `{"sections":[null,1,"x",[],true]}`},
	{Name: "binary", Answer: "\x00\x01\xff\xfe{\x00"},
	{Name: "only unknown types", Answer: one(`{"type":"iframe","headline":"x"},{"type":"script"}`)},
	{Name: "too deep", Answer: one(`{"type":"hero","headline":"x","items":` + strings.Repeat("[", 50_000) + strings.Repeat("]", 50_000) + `}`)},
	{Name: "too deep, unclosed", Answer: `{"sections":` + strings.Repeat("[", 100_000)},
	{Name: "too deep objects", Answer: strings.Repeat(`{"a":`, 40_000)},
	{Name: "many braces", Answer: strings.Repeat("{", 7) + strings.Repeat("{} ", 60_000)},
	{Name: "10 MB", Answer: `{"sections":[` + hero + `],"pad":"` + strings.Repeat("x", 10<<20) + `"}`},
	{Name: "deep", Answer: strings.Replace(Good, `"type":"hero"`, `"type":"hero","style":`+strings.Repeat("[", 200)+strings.Repeat("]", 200), 1), Types: "hero product-grid", Report: design.Report{DroppedFields: 1}},
	{Name: "another case", Answer: `{"Sections":[` + hero + `]}`, Types: "hero", Report: repaired},

	{Name: "broken off in a section", Answer: Good[:len(Good)-40], Types: "hero", Report: design.Report{DroppedSections: 1, Salvaged: true, Cut: true}},
	{Name: "broken off after a section", Answer: `{"sections":[` + hero, Types: "hero", Report: unclosed},
	{Name: "last bracket is missing", Answer: Good[:len(Good)-1], Types: "hero product-grid", Report: unclosed},
	{Name: "broken off in the theme", Answer: `{"sections":[` + hero + `],"theme":{"palette":"fo`, Types: "hero", Report: design.Report{Salvaged: true, Cut: true}},

	{Name: "missing comma", Answer: `{"sections":[` + hero + hero + `]}`, Types: "hero hero", Report: repaired},
	{Name: "raw line break in the first section", Answer: strings.Replace(Good, "A quiet shelf", "A quiet\nshelf", 1), Types: "hero product-grid", Report: repaired, Sees: "A quiet shelf"},
	{Name: "raw control characters in the last section", Answer: strings.Replace(Good, "Three to hold", "Three\r\n\tto\x01 hold", 1), Types: "hero product-grid", Report: repaired, Sees: "Three to hold"},
	{Name: "trailing commas", Answer: strings.NewReplacer("}]", "},\n]", `"]`, `",]`, `"}`, `",}`).Replace(Good), Types: "hero product-grid", Report: repaired},
	{Name: "comments", Answer: strings.NewReplacer(`{"type"`, "// the \"next\" one\n{/* what it is */\"type\"").Replace(Good), Types: "hero product-grid", Report: repaired},
	{Name: "typographic quotes", Answer: strings.NewReplacer(`":`, `”:`, `",`, `”,`, `"}`, `”}`, `"]`, `”]`, `"`, `“`).Replace(Good), Types: "hero product-grid", Report: repaired, Sees: "A quiet shelf"},
	{Name: "single quotes", Answer: strings.ReplaceAll(Good, `"`, `'`), Types: "hero product-grid", Report: repaired, Sees: "A quiet shelf"},
	{Name: "quotes in the text", Answer: strings.Replace(Good, "A quiet shelf", `A "quiet" shelf`, 1), Types: "hero product-grid", Report: repaired, Sees: "quiet"},
	{Name: "keys without quotes", Answer: strings.NewReplacer(`"type"`, "type", `"sections"`, "sections").Replace(Good), Types: "hero product-grid", Report: repaired},
	{Name: "quoted words in the text", Answer: strings.Replace(Good, "Made for slow evenings.", `Say "oak", "ash", and "elm, or so", softly.`, 1), Types: "hero product-grid", Report: repaired, Sees: "softly"},
	{Name: "keys without values", Answer: strings.Replace(Good, `"type":"hero","variant":"banner",`, `"type":"hero","variant":,"eyebrow","actionLabel":,`, 1), Types: "hero product-grid", Report: repaired, Sees: "A quiet shelf"},
	{Name: "a last key without a value", Answer: strings.Replace(Good, `["nightjar"]}`, `["nightjar"],"items":}`, 1), Types: "hero product-grid", Report: repaired},
	{Name: "a section that is not closed", Answer: strings.Replace(Good, `["nightjar"]},`, `["nightjar"],`, 1), Types: "hero product-grid", Report: repaired},
	{Name: "a short example and the page, so twice", Answer: `Such as {"sections":[` + hero + `]}. ` + Good + ` Or {"sections":[` + hero + `]}`, Types: "hero product-grid"},
	{Name: "the form before it is filled in", Answer: `The form is {"theme":{...},"sections":[...]}. The page: ` + Good, Types: "hero product-grid"},
	{Name: "a plan in a fence before it", Answer: "```json\n{\"sections\":[\"hero\",\"grid\"]}\n```\nSo:\n```json\n" + Good + "\n```", Types: "hero product-grid"},
	{Name: "a fence in the text", Answer: "```json\n" + strings.Replace(Good, "Three to hold", "Three ```to``` hold", 1) + "\n```", Types: "hero product-grid", Sees: "Three to hold"},
	{Name: "a bracket too many", Answer: strings.Replace(Good, `},{"type"`, `}},{"type"`, 1), Types: "hero product-grid", Report: repaired},
	{Name: "in an object", Answer: `{"design":` + Good + `}`, Types: "hero product-grid"},
	{Name: "in a list", Answer: `[` + Good + `]`, Types: "hero product-grid"},
	{Name: "as a string", Answer: quoted(Good), Types: "hero product-grid"},
	{Name: "as a string with a fence", Answer: quoted("```json\n" + Good + "\n```"), Types: "hero product-grid"},
	{Name: "escaped as in a string", Answer: strings.Trim(quoted(Good), `"`), Types: "hero product-grid"},
	{Name: "escaped as in a string, in a fence", Answer: "Here:\n```json\n" + strings.Trim(quoted(Good), `"`) + "\n```\nEnjoy.", Types: "hero product-grid"},
	{Name: "in an object, as a string", Answer: `{"design":` + quoted(Good) + `}`, Types: "hero product-grid", Report: repaired},
	{Name: "sections as a string", Answer: `{"theme":{"palette":"forest"},"sections":` + quoted(`[`+hero+`,{"type":"quote"}]`) + `}`, Types: "hero quote", Report: repaired},
	{Name: "sections as a string with a fence", Answer: `{"sections":` + quoted("```json\n["+hero+`,{"type":"quote"}]`+"\n```") + `}`, Types: "hero quote", Report: repaired},
	{Name: "in an object, as a string with prose", Answer: `{"answer":` + quoted("Here: "+Good+" Enjoy.") + `}`, Types: "hero product-grid", Report: repaired},
	{Name: "sections as a string that is no JSON", Answer: `{"sections":` + quoted(`[`+hero+`,{"type":"quote",},]`) + `}`, Types: "hero quote", Report: repaired},
	{Name: "each section as a string", Answer: one(quoted(hero) + `,` + quoted(`{"type":"product-grid","headline":"Ours","productIds":"[\"nightjar\"]"}`)), Types: "hero product-grid"},
	{Name: "a string too often", Answer: quoted(quoted(quoted(Good)))},
	{Name: "Kimi's thoughts", Answer: `◁think▷ draft {"sections":[{"type":"hero","headline":"never"}]} ◁/think▷ ` + Good, Types: "hero product-grid", Never: "never"},
	{Name: "a character that was lost", Answer: one(`{"type":"hero","headline":"A quiet shelf \ufffd�"}`), Types: "hero", Sees: "A quiet shelf", Never: "�"},

	{Name: "unknown type", Answer: one(hero + `,{"type":"iframe","headline":"never"}`), Types: "hero", Report: design.Report{DroppedSections: 1}, Never: "never"},
	{Name: "type of wrong type", Answer: one(hero + `,{"type":["hero"],"headline":"never"}`), Types: "hero", Report: design.Report{DroppedSections: 1, DroppedFields: 1}, Never: "never"},
	{Name: "unknown variant", Answer: one(`{"type":"hero","variant":"popup","headline":"A quiet shelf"}`), Types: "hero", Report: design.Report{DroppedFields: 1}},
	{Name: "variant of another type", Answer: one(`{"type":"hero","variant":"table","headline":"A quiet shelf"}`), Types: "hero", Report: design.Report{DroppedFields: 1}},
	{Name: "unknown fields", Answer: `{"version":2,"theme":{"palette":"forest","font":"Comic"},"sections":[{"type":"hero","headline":"A quiet shelf","style":"color:red","onclick":"never()","html":"<b>never</b>"}]}`, Types: "hero", Report: design.Report{DroppedFields: 5}, Never: "never"},
	{Name: "theme out of the choices", Answer: `{"theme":{"palette":"\" onload=never","motion":7},"sections":[` + hero + `]}`, Types: "hero", Report: design.Report{DroppedFields: 2}, Never: "never"},
	{Name: "theme of wrong type", Answer: `{"theme":"dark","sections":[` + hero + `]}`, Types: "hero", Report: design.Report{DroppedFields: 1}},
	{Name: "null fields", Answer: one(`{"type":"hero","variant":null,"headline":"A quiet shelf","body":null,"productIds":null,"items":null}`), Types: "hero"},
	{Name: "wrong types", Answer: one(`{"type":"hero","headline":"A quiet shelf","body":{"text":"never"},"eyebrow":1,"actionLabel":[],"productIds":"nightjar","items":{}}`), Types: "hero", Report: design.Report{DroppedFields: 5}, Never: "never"},
	{Name: "keys twice", Answer: `{"theme":{"palette":"pink"},"theme":{"palette":"forest"},"sections":[{"type":"hero","headline":"never","headline":"A quiet shelf"}]}`, Types: "hero", Sees: "A quiet shelf", Never: "never"},
	{Name: "empty the second time: twice", Answer: `{"theme":{"palette":"forest"},"sections":[` + hero + `],"sections":[],"theme":null}`, Types: "hero", Report: design.Report{DroppedFields: 1}},
	{Name: "sections twice", Answer: `{"sections":[{"type":"hero","headline":"never"}],"sections":[` + hero + `]}`, Types: "hero", Never: "never"},

	{Name: "invented products", Answer: one(`{"type":"product-grid","headline":"Ours","productIds":["elder-wand","halcyon","../../etc/passwd","halcyon",7,null,{"id":"nightjar"}]}`), Types: "product-grid", Report: design.Report{DroppedProducts: 6}, Sees: "Halcyon", Never: "elder-wand"},
	{Name: "only invented products", Answer: one(hero + `,{"type":"spotlight","headline":"never","productIds":["sword-of-ages"]}`), Types: "hero", Report: design.Report{DroppedProducts: 1, DroppedSections: 1}, Never: "sword"},
	{Name: "deals not on sale", Answer: one(`{"type":"deals","headline":"Kinder","productIds":["nightjar","thornbrook"]}`), Types: "deals", Report: design.Report{DroppedProducts: 1}, Sees: "$49"},
	{Name: "too many products", Answer: one(`{"type":"spotlight","headline":"One","productIds":["nightjar","halcyon","rosewarden"]}`), Types: "spotlight", Report: design.Report{DroppedProducts: 2}},
	{Name: "too many sections", Answer: one(hero + strings.Repeat(`,{"type":"collections"}`, 60)), Types: "hero" + strings.Repeat(" collections", 24), Report: design.Report{DroppedSections: 36}},
	{Name: "too many items", Answer: one(`{"type":"guide","headline":"Care","items":[` + strings.Repeat(`{"title":"Oil it","body":"Now and then."},`, 9) + `null]}`), Types: "guide", Report: design.Report{DroppedFields: 4}},
	{Name: "items without titles", Answer: one(hero + `,{"type":"faq","headline":"Ask away","items":[{"body":"Because."},{"title":"<script>"}]}`), Types: "hero faq", Report: design.Report{DroppedFields: 2}, Sees: "Ask away", Never: "Because"},

	{Name: "prices in fields", Answer: one(`{"type":"product-grid","headline":"Ours","price":1,"priceCents":1,"productIds":["nightjar"]}`), Types: "product-grid", Report: design.Report{DroppedFields: 2}, Sees: "$189"},
	{Name: "prices in copy", Answer: one(`{"type":"hero","headline":"Nightjar for $9.99","body":"A fine wand. Today 50% off! It listens.","eyebrow":"Only 3 EUR","actionLabel":"Save 20 now","productIds":["nightjar"]}`), Types: "hero", Report: design.Report{DroppedClaims: 4}, Sees: "A fine wand. It listens.", Never: "9.99"},
	{Name: "stock in copy", Answer: one(`{"type":"hero","headline":"A quiet shelf","body":"Only 7 left. Hurry never was our way."}`), Types: "hero", Report: design.Report{DroppedClaims: 1}, Never: "7 left"},
	{Name: "foreign addresses", Answer: one(`{"type":"hero","headline":"A quiet shelf","body":"Visit https://evil.example/now. Or evil-shop.example too. Write to me@evil.example. Stay a while."}`), Types: "hero", Report: design.Report{DroppedClaims: 3}, Sees: "Stay a while.", Never: "evil"},
	{Name: "script tag", Answer: one(`{"type":"hero","headline":"A quiet shelf<script>never()</script>","body":"<script src=//evil.example></script>Calm."}`), Types: "hero", Sees: "Calm.", Never: "never"},
	{Name: "broken out of script", Answer: one(`{"type":"hero","headline":"A quiet shelf","body":"</script></style><script>never()</script> Calm."}`), Types: "hero", Sees: "Calm.", Never: "never"},
	{Name: "event handler", Answer: one(`{"type":"hero","headline":"A quiet <img src=x onerror=never()> shelf","body":"\" onmouseover=\"alert(1)"}`), Types: "hero", Sees: "A quiet shelf", Never: "never"},
	{Name: "javascript address", Answer: one(`{"type":"hero","headline":"A quiet shelf","actionLabel":"javascript:never()","action":{"href":"javascript:never()"}}`), Types: "hero", Report: design.Report{DroppedFields: 1, DroppedClaims: 1}, Never: "never"},
	{Name: "template actions", Answer: one(`{"type":"hero","headline":"{{.Store.Slug}} A quiet shelf","body":"{{template \"script\"}}"}`), Types: "hero", Sees: "{{.Store.Slug}}"},
	{Name: "escaped markup", Answer: one(`{"type":"hero","headline":"\u003csvg onload=never()\u003eA quiet shelf","body":"&lt;iframe src=//x&gt;never&lt;/iframe&gt; Calm."}`), Types: "hero", Sees: "Calm.", Never: "never"},
	{Name: "bidi overrides", Answer: one(`{"type":"hero","headline":"A \u202equiet\u2066 shelf\u200f"}`), Types: "hero", Sees: "A quiet shelf"},
	{Name: "control characters", Answer: one(`{"type":"hero","headline":"A\u0000 quiet\u001b[31m shelf\u0007"}`), Types: "hero", Sees: "A quiet[31m shelf"},
	{Name: "lone surrogates", Answer: one(`{"type":"hero","headline":"A quiet shelf \ud800"}`), Types: "hero", Sees: "A quiet shelf"},
	{Name: "long copy", Answer: one(`{"type":"hero","headline":"` + strings.Repeat("quiet ", 200) + `","body":"` + strings.Repeat("word ", 5000) + `"}`), Types: "hero", Report: design.Report{TruncatedFields: 2}, Sees: "quiet…"},
	{Name: "one long word", Answer: one(`{"type":"hero","headline":"` + strings.Repeat("x", 5000) + `"}`), Types: "hero", Report: design.Report{TruncatedFields: 1}},
	{Name: "quote without words", Answer: one(`{"type":"quote","body":""},` + hero), Types: "quote hero", Sees: "least sensible"},

	{Name: "HTML document", Answer: `<!doctype html><html><head><title>never</title><style>.never{}</style><script>never()</script></head><body onload="never()">` +
		`<h1>A quiet shelf</h1><p>Made for slow evenings.</p><a href="https://evil.example">evil</a>` +
		`<h2>Three to hold</h2><ul><li>Halcyon for $5</li><li>Nightjar</li></ul>` +
		`<h2>How to care</h2><ol><li>Oil it.</li><li>Let it rest.</li></ol><h2>Our way</h2><p>One branch.</p><blockquote>Nothing here is hurried.</blockquote></body></html>`,
		Types: "hero product-grid guide story", Report: design.Report{Salvaged: true}, Sees: "Nothing here is hurried.", Never: "never"},
	{Name: "HTML's entities", Answer: strings.ReplaceAll(Good, `"`, "&quot;"), Types: "hero product-grid"},
	{Name: "HTML around it", Answer: `<!doctype html><html><body><h1>never</h1><script type="application/json">` + Good + `</script></body></html>`, Types: "hero product-grid", Sees: "A quiet shelf", Never: "never"},
	{Name: "HTML in a fence", Answer: "```html\n<section><h1>A quiet shelf</h1><p>Slow evenings.</p></section>\n```", Types: "hero", Report: design.Report{Salvaged: true}, Sees: "Slow evenings."},
	{Name: "HTML product cards", Answer: `<div><h2>Ours</h2><div data-id="nightjar"><h3>Nightjar</h3><p>never, $3</p></div><div><a href="/p/halcyon"><h3>Halcyon</h3></a><span>$1</span></div></div>`,
		Types: "hero product-grid", Report: design.Report{Salvaged: true}, Sees: "$189", Never: "never"},
	{Name: "HTML without words", Answer: `<html><body><script>never()</script><img src=x onerror=never()></body></html>`},
	{Name: "HTML, deeply nested", Answer: strings.Repeat("<div>", 40_000) + "<h1>A quiet shelf</h1><p>Calm.</p>"},
	{Name: "HTML, mis-nested tables", Answer: "<h1>A quiet shelf</h1>" + strings.Repeat("<table><b><td>", 8_000), Types: "hero", Report: design.Report{Salvaged: true}},
	{Name: "HTML, unclosed comment", Answer: "<h1>A quiet shelf</h1><p>Calm.</p><!-- <h2>never</h2>", Types: "hero", Report: design.Report{Salvaged: true}, Never: "never"},
	{Name: "HTML, unclosed attribute", Answer: `<h1>A quiet shelf</h1><p>Calm.</p><a href="never`, Types: "hero", Report: design.Report{Salvaged: true}, Never: "never"},
	{Name: "HTML, a script in SVG", Answer: `<h1>A quiet shelf</h1><svg><script>never()</script><text>never</text></svg><p>Calm.</p>`, Types: "hero", Report: design.Report{Salvaged: true}, Never: "never"},
}
