package storefront

import (
	"net/http"

	"github.com/wandstore/wandstore/pkg/catalogue"
)

type errorView struct {
	head
	Status         int
	Heading, Words string
	Shops          []*catalogue.Shop // links to shops, if the page is of no shop
}

func newErrorView(in ErrorInput) *errorView {
	v := &errorView{
		head: head{
			Lang:  "en",
			Theme: catalogue.Theme{Palette: "porcelain", Typeface: "classic", Density: "regular", Corner: "soft", Motion: "still"},
			Shop:  in.Shop, Robots: "noindex",
		},
		Status:  in.Status,
		Shops:   in.Shops,
		Heading: in.Title,
		Words:   in.Message,
	}
	if in.Shop != nil {
		v.Lang, v.Dir, v.Theme = in.Shop.Locale, direction(in.Shop), in.Shop.Theme
	}
	text, ok := errorTexts[in.Status]
	if !ok {
		text = catalogue.Item{Title: http.StatusText(in.Status), Body: "Something did not go as it should."}
	}
	if v.Heading == "" {
		v.Heading = text.Title
	}
	if v.Heading == "" {
		v.Heading = "Something went wrong"
	}
	if v.Words == "" {
		v.Words = text.Body
	}
	v.Title = v.Heading
	if in.Shop != nil {
		v.Title += " · " + in.Shop.Name
	}
	v.Description = v.Words
	return v
}

// errorTexts is the heading and text of an error page, by HTTP status.
var errorTexts = map[int]catalogue.Item{
	http.StatusBadRequest:          {Title: "That address is not quite right", Body: "Part of the link you followed is missing or mistyped. Check it, or start again from the shop's front page."},
	http.StatusNotFound:            {Title: "There is no such door here", Body: "The page you asked for does not exist, or no longer does. Nothing you did is lost."},
	http.StatusInternalServerError: {Title: "Something broke on our side", Body: "It was not you. We have been told about it; please try again in a moment."},
	http.StatusServiceUnavailable:  {Title: "We will be right back", Body: "The shop is catching its breath. Please try again in a minute."},
}
