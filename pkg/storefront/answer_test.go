package storefront_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/wandstore/wandstore/pkg/storefront"
	"github.com/wandstore/wandstore/pkg/storefront/answertest"
)

func TestParseAnswer(t *testing.T) {
	if len(answertest.All) < 60 {
		t.Errorf("%d answers, want at least 60", len(answertest.All))
	}
	st := store(t, "magic-wands")
	r := renderer(t)
	style, script := constants(t, r, st)
	for _, tt := range answertest.All {
		t.Run(tt.Name, func(t *testing.T) {
			d, rep, err := storefront.ParseAnswer([]byte(tt.Answer), st)
			if tt.Types == "" {
				if !errors.Is(err, storefront.ErrNoDesign) {
					t.Fatalf("design %+v, error %v, want one that wraps ErrNoDesign", d, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var types []string
			for _, s := range d.Sections {
				types = append(types, s.Type)
			}
			if got := strings.Join(types, " "); got != tt.Types {
				t.Errorf("sections are %q, want %q", got, tt.Types)
			}
			if rep != tt.Report {
				t.Errorf("report %+v, want %+v", rep, tt.Report)
			}
			page := draw(t, r, storefront.PageInput{Store: st, Design: d})
			checkSafe(t, page, style, script)
			text := words(parse(t, page))
			if !strings.Contains(text, tt.Sees) {
				t.Errorf("the page does not say %q", tt.Sees)
			}
			if tt.Says(text) {
				t.Errorf("the page says %q", tt.Never)
			}
		})
	}
}

// A model is asked again with the error: it must say what to do and not repeat
// what it was given.
func TestErrorsAreFitForTheModel(t *testing.T) {
	st := store(t, "magic-wands")
	for _, answer := range []string{"SECRET", "<p>SECRET", `{"sections":["SECRET"]}`, `{"SECRET":1}`} {
		_, _, err := storefront.ParseAnswer([]byte(answer), st)
		if err == nil || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%s: error %v", answer, err)
		}
	}
}

func TestOneStoresProductsAreUnknownToAnother(t *testing.T) {
	tea := store(t, "whitby-tea")
	d, rep, err := storefront.ParseAnswer([]byte(answertest.Good), tea)
	if err != nil {
		t.Fatal(err)
	}
	foreign := func(id string) bool {
		_, ok := tea.Product(id)
		return !ok
	}
	if rep.DroppedProducts != 4 || slices.ContainsFunc(d.Sections, func(s storefront.Section) bool { return slices.ContainsFunc(s.ProductIDs, foreign) }) {
		t.Errorf("design %+v, report %+v: wands in a tea room", d, rep)
	}
}

func FuzzParseAnswer(f *testing.F) {
	for _, a := range answertest.All {
		if len(a.Answer) < 4096 {
			f.Add([]byte(a.Answer))
		}
	}
	st := store(f, "magic-wands")
	r := renderer(f)
	style, script := constants(f, r, st)
	f.Fuzz(func(t *testing.T, answer []byte) {
		d, _, err := storefront.ParseAnswer(answer, st)
		if err != nil {
			if !errors.Is(err, storefront.ErrNoDesign) {
				t.Fatalf("error %v does not wrap ErrNoDesign", err)
			}
			return
		}
		if len(d.Sections) == 0 || len(d.Sections) > 25 {
			t.Fatalf("%d sections", len(d.Sections))
		}
		checkSafe(t, draw(t, r, storefront.PageInput{Store: st, Design: d, Live: true}), style, script)
	})
}
