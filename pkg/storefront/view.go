package storefront

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/wandstore/wandstore/pkg/persona"
)

// head is what every document begins with.
type head struct {
	Lang, Title, Description, CSP string
	Theme                         Theme
	Persona                       string
	Live                          bool
	Store                         *Store
	Robots                        string // what search engines are asked for; "" for nothing
	Searched                      string // what stands in the search field
	InCart                        int
	Data                          attributes
}

type pageView struct {
	head
	// Masthead says that the page's first heading is not a section's.
	Masthead bool
	Sections []sectionView
	Shelves  []shelfView
	Pictures []picture
	Why      string
	// Design is kept in the page of somebody, to draw it from again; nil in
	// everybody's.
	Design *Design
}

// sectionView is a section with all that its template needs; nothing is looked up
// or decided in a template.
type sectionView struct {
	ID, Type, Variant       string
	First                   bool // it holds the page's h1
	Eyebrow, Headline       string
	Paragraphs              []string
	ActionLabel, ActionHref string
	Items                   []Item
	Cards                   []cardView
	Shelves                 []shelfView
	Rows                    []rowView
	Groups                  []groupView
	Bars                    []barView
	Figures                 []figureView
	Measure                 string  // the attribute that Bars and Groups go by
	Sum                     sumView // of a bundle
	QuotedBy                string
	SearchHref              string
	Chips                   []linkView
}

// linkView is a word that leads somewhere.
type linkView struct{ Label, Href string }

// sumView is what several products cost together.
type sumView struct {
	Price, Was, Saved string // Was and Saved are empty without a sale
}

// Lead is the first product's card; nil without products.
func (s sectionView) Lead() *cardView {
	if len(s.Cards) == 0 {
		return nil
	}
	return &s.Cards[0]
}

// Rest are the cards after the first.
func (s sectionView) Rest() []cardView { return s.Cards[min(1, len(s.Cards)):] }

// cardView is a product as it is written on a page.
type cardView struct {
	ID, Name, Description, Alt string
	Image                      string // instead of the drawing; "" for the drawing
	Href, CartHref             string
	Facts                      string // the first attributes in a line
	Attributes                 []Attribute
	Price, Was, Saved          string // Was and Saved are empty without a sale
	Percent                    int    // saved
	Rating                     string
	Reviews                    int
	SoldOut, New               bool
	Left                       int // of a product that is nearly gone; else 0
	Added                      string
	Bar                        string // the rating as SVG path data, of 100
	Verdict                    string // in a comparison
}

// shelfView is a collection with its products.
type shelfView struct {
	Collection
	Href  string
	From  string // lowest price
	Count string
	Face  cardView
	Cards []cardView
}

// rowView is one line of a comparison: a property, and each product's.
type rowView struct {
	Name   string
	Values []string
}

// nearlyGone is the stock from which a product's card counts what is left.
const nearlyGone = 4

func (s *Store) card(p *Product) cardView {
	c := cardView{
		ID:          p.ID,
		Href:        s.ProductPath(p.ID),
		CartHref:    s.CartPath(),
		Name:        p.Name,
		Image:       p.Image,
		Description: p.Description,
		Attributes:  make([]Attribute, len(p.Attributes)),
		Price:       s.Money(p.NowCents()),
		SoldOut:     p.SoldOut(),
		New:         s.isNew(p),
		Added:       p.AddedAt.day.Format("2 January 2006"),
		Reviews:     p.Reviews,
	}
	for i, a := range p.Attributes {
		c.Attributes[i] = Attribute{Name: a.Name, Value: unbroken(a.Value)}
	}
	values := make([]string, 0, 3)
	for _, a := range c.Attributes[:min(3, len(c.Attributes))] {
		values = append(values, a.Value)
	}
	// A line ends after a dot, not before it.
	c.Facts = strings.Join(values, "\u00a0· ")
	c.Alt = p.Name
	if p.Image == "" {
		c.Alt = "Drawing of " + p.Name
	}
	if len(values) > 0 {
		c.Alt += ": " + strings.ToLower(strings.Join(values, ", "))
	}
	if p.OnSale() {
		c.Was = s.Money(p.PriceCents)
		c.Saved = s.Money(p.SavedCents())
		// Rounded down: a page promises no more than there is.
		c.Percent = p.SavedCents() * 100 / p.PriceCents
	}
	if p.Rating > 0 {
		c.Rating = fmt.Sprintf("%.1f", p.Rating)
		c.Bar = bar(p.Rating / 5)
	}
	if !p.SoldOut() && p.Stock <= nearlyGone {
		c.Left = p.Stock
	}
	return c
}

// unbroken is a property's value that a line does not end within if it is a number
// with its unit, as "14¼ in" is.
func unbroken(value string) string {
	if _, ok := leadingNumber(value); ok && len(value) <= 12 {
		return strings.ReplaceAll(value, " ", "\u00a0")
	}
	return value
}

func (s *Store) shelves() []shelfView {
	shelves := make([]shelfView, len(s.Collections))
	for i, col := range s.Collections {
		sh := shelfView{Collection: col, Href: s.ShelfPath(col.ID)}
		onShelf := func(p *Product) bool { return p.Collection == col.ID }
		lowest := 0
		for _, id := range s.pick(len(s.Products), onShelf, asListed) {
			p, _ := s.Product(id)
			sh.Cards = append(sh.Cards, s.card(p))
			if lowest == 0 || p.NowCents() < lowest {
				lowest = p.NowCents()
			}
		}
		sh.From = s.Money(lowest)
		sh.Count = s.count(len(sh.Cards))
		sh.Face = sh.Cards[0]
		shelves[i] = sh
	}
	return shelves
}

func newPageView(in PageInput) *pageView {
	st := in.Store
	d := in.Design.fit(st, &Report{})
	v := &pageView{
		head:    st.head(viewHome, 0),
		Shelves: st.shelves(),
		Why:     why[in.Persona],
	}
	v.Title = st.Name + " · " + st.Tagline
	v.Description = firstSentence(st.About)
	v.Theme, v.Live = d.Theme, in.Live
	if v.Why != "" {
		v.Persona = in.Persona
	}
	if in.Persona != "" {
		own := in.Design.own(st)
		v.Design = &own
	}
	v.Masthead = len(d.Sections) == 0 || !slices.Contains([]string{"hero", "thanks", "search"}, d.Sections[0].Type)
	for i, s := range d.Sections {
		v.Sections = append(v.Sections, st.section(s, i, v))
	}
	v.aim()
	for i := range st.Products {
		v.Pictures = append(v.Pictures, st.pictures[st.Products[i].ID])
	}
	return v
}

func (s *Store) section(sec Section, i int, page *pageView) sectionView {
	v := sectionView{
		ID:          fmt.Sprintf("s%d", i+1),
		Type:        sec.Type,
		Variant:     sec.Variant,
		First:       i == 0 && !page.Masthead,
		Eyebrow:     sec.Eyebrow,
		Headline:    sec.Headline,
		ActionLabel: sec.ActionLabel,
		Items:       sec.Items,
	}
	if sec.Body != "" {
		v.Paragraphs = strings.Split(sec.Body, "\n\n")
	}
	ids := sec.ProductIDs
	if kind, ok := kindOf(sec.Type); ok && kind.products == 0 && kind.own != nil {
		ids = kind.own(s)
	}
	var ps []*Product
	for _, id := range ids {
		if p, ok := s.Product(id); ok {
			ps = append(ps, p)
			v.Cards = append(v.Cards, s.card(p))
		}
	}
	s.work(&v, sec, ps, page)
	return v
}

// work gives the section what its type works out of the catalogue.
func (s *Store) work(v *sectionView, sec Section, ps []*Product, page *pageView) {
	switch sec.Type {
	case "collections":
		v.Shelves = page.Shelves
	case "compare":
		if sec.Variant == "verdict" {
			said := verdicts(ps)
			for i := range v.Cards {
				v.Cards[i].Verdict = said[v.Cards[i].ID]
			}
		} else {
			v.Rows = compared(v.Cards)
		}
	case "finder":
		v.Groups = map[string]func() []groupView{"budget": s.byBudget, "traits": s.byTrait, "shelves": s.byShelf}[sec.Variant]()
	case "bundle":
		v.Sum = s.sum(ps)
	case "reviews":
		v.Figures = s.figures()[2:]
	case "craft":
		if sec.Variant == "materials" {
			v.Groups = s.materials()
		} else {
			v.Groups = s.kinds()
		}
	case "measure":
		v.Measure = s.measure()
		switch sec.Variant {
		case "groups":
			v.Groups = s.bySize()
		case "table":
			v.Bars = s.bars(10)
		default:
			v.Bars = s.bars(7)
		}
	case "ladder":
		for i, rung := range []string{"To begin with", "In the middle", "Top of the shop"} {
			v.Cards[i].Verdict = rung
		}
	case "search":
		v.SearchHref = s.searchPath(Query{})
		switch sec.Variant {
		case "shelves":
			for _, c := range s.Collections {
				v.Chips = append(v.Chips, linkView{c.Name, s.ShelfPath(c.ID)})
			}
		case "words":
			for _, word := range s.commonTags(8) {
				v.Chips = append(v.Chips, linkView{word, s.searchPath(Query{Words: word})})
			}
		}
	case "promises":
		v.Items = s.Assurances
	case "figures":
		v.Figures = s.figures()
	case "quote":
		// Whose words they are is the store's to say.
		for _, q := range s.Quotes {
			if q.Text == sec.Body {
				v.QuotedBy = q.By
			}
		}
	}
}

// sum is what the products cost together.
func (s *Store) sum(ps []*Product) sumView {
	now, was := 0, 0
	for _, p := range ps {
		now += p.NowCents()
		was += p.PriceCents
	}
	v := sumView{Price: s.Money(now)}
	if was > now {
		v.Was, v.Saved = s.Money(was), s.Money(was-now)
	}
	return v
}

// aim gives every button a place to lead to: a spotlight's product, or the next
// section with products, or the shelves at the end.
func (v *pageView) aim() {
	next := "#range"
	for i, s := range slices.Backward(v.Sections) {
		target := next
		if s.Type == "spotlight" && len(s.Cards) > 0 {
			target = s.Cards[0].Href
		}
		v.Sections[i].ActionHref = target
		if len(s.Cards) > 0 && s.Type != "hero" && s.Type != "story" {
			next = "#" + s.ID
		}
	}
}

// compared are the properties that at least one of the products has, in the order
// in which they come.
func compared(cards []cardView) []rowView {
	var rows []rowView
	for i, c := range cards {
		for _, a := range c.Attributes {
			at := slices.IndexFunc(rows, func(r rowView) bool { return r.Name == a.Name })
			if at < 0 {
				at = len(rows)
				rows = append(rows, rowView{Name: a.Name, Values: make([]string, len(cards))})
			}
			rows[at].Values[i] = a.Value
		}
	}
	return rows
}

// why says to a shopper how their page came about.
var why = map[string]string{
	persona.Minimalist: "It begins with the search and is kept short, for shopping that knows what it wants.",
	persona.Explorer:   "It puts the unusual and the far shelves first, for shopping that likes to look around.",
	persona.Dealhunter: "It puts what is on sale first, for shopping that compares.",
	persona.Loyalist:   "It puts what is new first, for shopping that has been here before.",
}

type errorView struct {
	head
	Status         int
	Heading, Words string
	Stores         []*Store // the shops there are, where none is meant
}

func newErrorView(in ErrorInput) *errorView {
	v := &errorView{
		head: head{
			Lang:  "en",
			Theme: Theme{Palette: "porcelain", Typeface: "classic", Density: "regular", Corner: "soft", Motion: "still"},
			Store: in.Store, Robots: "noindex",
		},
		Status:  in.Status,
		Stores:  in.Stores,
		Heading: in.Title,
		Words:   in.Message,
	}
	if in.Store != nil {
		v.Lang, v.Theme = in.Store.Locale, in.Store.Theme
	}
	usual, ok := errorWords[in.Status]
	if !ok {
		usual = Item{Title: http.StatusText(in.Status), Body: "Something did not go as it should."}
	}
	if v.Heading == "" {
		v.Heading = usual.Title
	}
	if v.Heading == "" {
		v.Heading = "Something went wrong"
	}
	if v.Words == "" {
		v.Words = usual.Body
	}
	v.Title = v.Heading
	if in.Store != nil {
		v.Title += " · " + in.Store.Name
	}
	v.Description = v.Words
	return v
}

var errorWords = map[int]Item{
	http.StatusBadRequest:          {Title: "That address is not quite right", Body: "Part of the link you followed is missing or mistyped. Check it, or start again from the shop's front page."},
	http.StatusNotFound:            {Title: "There is no such door here", Body: "The page you asked for does not exist, or no longer does. Nothing you did is lost."},
	http.StatusInternalServerError: {Title: "Something broke on our side", Body: "It was not you. We have been told about it; please try again in a moment."},
	http.StatusServiceUnavailable:  {Title: "We will be right back", Body: "The shop is catching its breath. Please try again in a minute."},
}
