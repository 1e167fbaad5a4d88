package gate_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/wandstore/wandstore/pkg/catalogue/cataloguetest"
	"github.com/wandstore/wandstore/pkg/design"
	"github.com/wandstore/wandstore/pkg/design/gate"
	"github.com/wandstore/wandstore/pkg/design/gate/answertest"
)

func TestParse(t *testing.T) {
	if len(answertest.All) < 60 {
		t.Errorf("%d answers, want at least 60", len(answertest.All))
	}
	shop := cataloguetest.Shop(t, "magic-wands")
	for _, tt := range answertest.All {
		t.Run(tt.Name, func(t *testing.T) {
			d, rep, err := gate.Parse([]byte(tt.Answer), shop)
			if tt.Types == "" {
				if !errors.Is(err, gate.ErrNoDesign) {
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
			why := 0
			for _, n := range rep.Why {
				why += n
			}
			if why != rep.DroppedSections {
				t.Errorf("%d sections are dropped, with reasons for %v", rep.DroppedSections, rep.Why)
			}
			rep.Why = design.SectionDrops{}
			if rep != tt.Report {
				t.Errorf("report %+v, want %+v", rep, tt.Report)
			}
		})
	}
}

// The error is sent to the model with the next try, so it must not quote the answer.
func TestErrorsAreFitForTheModel(t *testing.T) {
	shop := cataloguetest.Shop(t, "magic-wands")
	for _, answer := range []string{"SECRET", "<p>SECRET", `{"sections":["SECRET"]}`, `{"SECRET":1}`} {
		_, _, err := gate.Parse([]byte(answer), shop)
		if err == nil || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%s: error %v", answer, err)
		}
	}
}

func TestOneShopsProductsAreUnknownToAnother(t *testing.T) {
	tea := cataloguetest.Shop(t, "whitby-tea")
	d, rep, err := gate.Parse([]byte(answertest.Good), tea)
	if err != nil {
		t.Fatal(err)
	}
	foreign := func(id string) bool {
		_, ok := tea.Product(id)
		return !ok
	}
	if rep.DroppedProducts != 4 || slices.ContainsFunc(d.Sections, func(s design.Section) bool { return slices.ContainsFunc(s.ProductIDs, foreign) }) {
		t.Errorf("design %+v, report %+v: wands in a tea room", d, rep)
	}
}

func FuzzParse(f *testing.F) {
	for _, a := range answertest.All {
		if len(a.Answer) < 4096 {
			f.Add([]byte(a.Answer))
		}
	}
	shop := cataloguetest.Shop(f, "magic-wands")
	f.Fuzz(func(t *testing.T, answer []byte) {
		d, _, err := gate.Parse(answer, shop)
		if err != nil {
			if !errors.Is(err, gate.ErrNoDesign) {
				t.Fatalf("error %v does not wrap ErrNoDesign", err)
			}
			return
		}
		if len(d.Sections) == 0 || len(d.Sections) > design.MaxSections {
			t.Fatalf("%d sections", len(d.Sections))
		}
		// What has passed the gate passes it again unchanged.
		b, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		again, rep, err := gate.Parse(b, shop)
		if err != nil || rep != (design.Report{}) || !reflect.DeepEqual(again, d) {
			t.Fatalf("%s passes as %+v, report %+v, error %v", b, again, rep, err)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	shop := cataloguetest.Shop(b, "magic-wands")
	answer, err := json.Marshal(design.Default(shop))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(answer)))
	for b.Loop() {
		if _, _, err := gate.Parse(answer, shop); err != nil {
			b.Fatal(err)
		}
	}
}
