package cataloguetest

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/wandstore/wandstore/pkg/catalogue"
	"github.com/wandstore/wandstore/pkg/persona"
)

// SeededRules is the rules of a merchant who decides much: 100 phrases that are never said, 60
// rules about products, some for a persona, and five campaigns.
func SeededRules() catalogue.Rules {
	rules := catalogue.Rules{Voice: "Dry.", NoSections: []string{"last-pieces"}}
	for i := range 100 {
		rules.NeverSay = append(rules.NeverSay, fmt.Sprintf("a claim of number %d", i))
	}
	rules.NeverSay[0] = "wipe clean*" // which each description has
	collections := []string{"shirts", "dresses", "shoes", "lamps", "chairs", "teapots"}
	tags := []string{"summer", "winter", "gift", "organic"}
	dos := []string{catalogue.Pin, catalogue.Promote, catalogue.Demote, catalogue.Exclude}
	for i := range 50 {
		rules.Products = append(rules.Products, catalogue.ProductRule{Product: fmt.Sprintf("linen-lamp-%05d", i), Do: dos[i%4]})
	}
	for i := range 10 {
		rule := catalogue.ProductRule{Collection: collections[i%6], Do: dos[1+i%2]}
		if i%2 == 0 {
			rule = catalogue.ProductRule{Tag: tags[i/2%4], Do: dos[1+i/2%2]}
		}
		if i%3 == 0 {
			rule.Personas = persona.All()[i%4 : i%4+1]
		}
		rules.Products = append(rules.Products, rule)
	}
	for i := range 5 {
		rules.Campaigns = append(rules.Campaigns, catalogue.Campaign{ID: fmt.Sprint("campaign-", i), Headline: "What is new", Collection: collections[i]})
	}
	return rules
}

// SeededDocumentWith is [SeededDocument] with a merchant's rules.
func SeededDocumentWith(t testing.TB, rules catalogue.Rules) []byte {
	t.Helper()
	var document map[string]any
	if err := json.Unmarshal(SeededDocument(t), &document); err != nil {
		t.Fatal(err)
	}
	document["rules"] = rules
	encoded, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}
