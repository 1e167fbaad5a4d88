package kimisim

import (
	"encoding/json"
	"strings"
	"testing"
)

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

func TestAnAnswerDependsOnTheConversationAndTheSeed(t *testing.T) {
	ask := func(seed uint64, messages ...Message) string {
		text, err := answer(Request{Messages: messages}, seed, false)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	system := Message{Role: "system", Content: "You sell brooms."}
	one := ask(1, system, Message{Role: "user", Content: "for a"})
	if again := ask(1, system, Message{Role: "user", Content: "for a"}); again != one {
		t.Error("the answer changed")
	}
	if other := ask(1, system, Message{Role: "user", Content: "for b"}); other == one {
		t.Error("another message got the same answer")
	}
	if other := ask(2, system, Message{Role: "user", Content: "for a"}); other == one {
		t.Error("another seed gave the same answer")
	}
}

func TestHostileAnswersWithoutASchema(t *testing.T) {
	text, err := answer(Request{Messages: []Message{{Content: "x"}}}, 1, true)
	if err != nil || !strings.Contains(text, "<script>") {
		t.Errorf("%s, %v", text, err)
	}
}
