package catalogue

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/wandstore/wandstore/pkg/persona"
)

// Rules is what a merchant decides of every page, whatever a model says.
type Rules struct {
	// Voice is how the shop speaks. The model is told it.
	Voice string `json:"voice,omitempty"`
	// NeverSay is words and claims that no page has, however they are written; one that ends
	// in * stands for all words that begin so. Names are left as they are.
	NeverSay []string `json:"neverSay,omitempty"`
	// Products says where products stand, or that they do not. Of two rules for a product
	// the later one counts.
	Products []ProductRule `json:"products,omitempty"`
	// Campaigns is sections of the merchant's own.
	Campaigns []Campaign `json:"campaigns,omitempty"`
	// Sections is the types of sections that pages may have; empty for all.
	Sections []string `json:"sections,omitempty"`
	// NoSections is the types of sections that no page has.
	NoSections []string `json:"noSections,omitempty"`
}

// What a rule does with products.
const (
	Pin     = "pin"     // on every front page, before others in each list
	Promote = "promote" // before others in each list
	Demote  = "demote"  // after all others in each list, and never the only one of a section
	Exclude = "exclude" // on no page; if not for certain personas, not in the shop at all
)

// ProductRule is about one product, or all of a collection or with a tag.
type ProductRule struct {
	Product    string `json:"product,omitempty"`
	Collection string `json:"collection,omitempty"`
	Tag        string `json:"tag,omitempty"`
	Do         string `json:"do"` // one of Pin, Promote, Demote and Exclude
	When
}

// Campaign is a section of the merchant's own, which stands high on pages while it lasts.
type Campaign struct {
	ID       string   `json:"id"`
	Headline string   `json:"headline"`
	Body     string   `json:"body,omitempty"`
	Products []string `json:"products,omitempty"`
	// Collection gives the products, unless they are named.
	Collection string `json:"collection,omitempty"`
	When
}

// When says for whom and on which days something holds.
type When struct {
	// Personas is for whom; empty for everybody.
	Personas []string `json:"personas,omitempty"`
	// From is the first day, UTC, and Until the last; zero for no bound.
	From  Date `json:"from,omitzero"`
	Until Date `json:"until,omitzero"`
}

// Holds reports whether it is for the persona, at that time. A persona of "" is that of a
// page for everybody.
func (w When) Holds(personaName string, at time.Time) bool {
	return (len(w.Personas) == 0 || slices.Contains(w.Personas, personaName)) && w.inTime(at)
}

// inTime reports whether it is for the day of at.
func (w When) inTime(at time.Time) bool {
	today := DateOf(at).day
	return (w.From.IsZero() || !today.Before(w.From.day)) && (w.Until.IsZero() || !today.After(w.Until.day))
}

// Concerns reports whether the rule is about the product.
func (r ProductRule) Concerns(p *Product) bool {
	return r.Product == p.ID || r.Collection != "" && p.In(r.Collection) || r.Tag != "" && p.Tagged(r.Tag)
}

// CampaignsNow is the campaigns that are shown to the persona, at that time.
func (r *Rules) CampaignsNow(personaName string, at time.Time) []Campaign {
	return slices.DeleteFunc(slices.Clone(r.Campaigns), func(c Campaign) bool { return !c.Holds(personaName, at) })
}

// Wants reports whether pages may have sections of the type.
func (r *Rules) Wants(section string) bool {
	return (len(r.Sections) == 0 || slices.Contains(r.Sections, section)) && !slices.Contains(r.NoSections, section)
}

const (
	maxNeverSay     = 200
	maxProductRules = 500
	maxCampaigns    = 20
	maxSections     = 40
)

var sectionType = regexp.MustCompile(`^[a-z][a-z-]{0,39}$`)

func (c *checker) merchantRules(r *Rules, collections []Collection) {
	c.optional("rules.voice", r.Voice, MaxBody)
	c.most("rules.neverSay", len(r.NeverSay), maxNeverSay)
	for i, words := range r.NeverSay {
		path := fmt.Sprintf("rules.neverSay[%d]", i)
		c.text(path, words, MaxHeadline)
		if strings.TrimSpace(words) != "" && reduce(words, false).letters == "" {
			c.fault(path, "is %s, must have a letter or a digit", quoted(words))
		}
	}
	known := func(path, id string) {
		if id != "" && !slices.ContainsFunc(collections, func(col Collection) bool { return col.ID == id }) {
			c.fault(path, "is %s, which the store does not have", quoted(id))
		}
	}
	c.most("rules.products", len(r.Products), maxProductRules)
	for i, rule := range r.Products {
		path := fmt.Sprintf("rules.products[%d]", i)
		c.oneOf(path+".do", rule.Do, []string{Pin, Promote, Demote, Exclude})
		known(path+".collection", rule.Collection)
		named := 0
		for _, s := range []string{rule.Product, rule.Collection, rule.Tag} {
			if s != "" {
				named++
			}
		}
		if named != 1 {
			c.fault(path, "must name one of product, collection and tag")
		}
		c.when(path, rule.When)
	}
	c.most("rules.campaigns", len(r.Campaigns), maxCampaigns)
	seen := map[string]bool{}
	for i, campaign := range r.Campaigns {
		path := fmt.Sprintf("rules.campaigns[%d]", i)
		if !productID.MatchString(campaign.ID) || seen[campaign.ID] {
			c.fault(path+".id", "is %s, must be lower-case letters, digits and dashes, and used once", quoted(campaign.ID))
		}
		seen[campaign.ID] = true
		c.text(path+".headline", campaign.Headline, MaxHeadline)
		c.optional(path+".body", campaign.Body, MaxBody)
		c.most(path+".products", len(campaign.Products), maxSections)
		known(path+".collection", campaign.Collection)
		c.when(path, campaign.When)
	}
	for name, types := range map[string][]string{"rules.sections": r.Sections, "rules.noSections": r.NoSections} {
		c.most(name, len(types), maxSections)
		for i, t := range types {
			if !sectionType.MatchString(t) {
				c.fault(fmt.Sprintf("%s[%d]", name, i), "is %s, must be a type of sections such as deals", quoted(t))
			}
		}
	}
}

func (c *checker) when(path string, w When) {
	for i, name := range w.Personas {
		c.oneOf(fmt.Sprintf("%s.personas[%d]", path, i), name, persona.All())
	}
	if !w.From.IsZero() && !w.Until.IsZero() && w.Until.day.Before(w.From.day) {
		c.fault(path+".until", "is before from")
	}
}
