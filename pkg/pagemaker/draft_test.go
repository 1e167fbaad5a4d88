package pagemaker_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/wandstore/wandstore/pkg/catalogue/cataloguetest"
	"github.com/wandstore/wandstore/pkg/design"
	"github.com/wandstore/wandstore/pkg/design/gate"
	"github.com/wandstore/wandstore/pkg/pagedraft"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/pagemaker"
	"github.com/wandstore/wandstore/pkg/pagestore"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// drafts remembers each draft that was put, as its answer and its headlines.
type drafts struct {
	w    *workshop
	puts []string
	last *wandstorev1.PageDraft
	// revision is that of the key; forgetting raises it.
	revision uint64
	err      error
	// full is after how many puts the others fail; 0 is never.
	full int
}

func (d *drafts) Put(_ context.Context, _ pagekey.Key, draft *wandstorev1.PageDraft, revision uint64) (uint64, error) {
	if d.full > 0 && len(d.puts) >= d.full {
		return 0, errBroken
	}
	if d.err != nil || revision != 0 && revision != d.revision {
		return 0, fmt.Errorf("%w %w", pagedraft.ErrSuperseded, d.err)
	}
	d.revision++
	d.last = proto.CloneOf(draft)
	headlines := []string{draft.GetAnswer()}
	for _, s := range draft.GetDesign().GetFields()["sections"].GetListValue().GetValues() {
		headlines = append(headlines, s.GetStructValue().GetFields()["headline"].GetStringValue())
	}
	d.puts = append(d.puts, strings.Join(headlines, " "))
	return d.revision, nil
}

func (d *drafts) Remove(_ context.Context, _ pagekey.Key, revision uint64) error {
	if revision == d.revision {
		d.last = nil
	}
	return nil
}

// writer is a designer that tells of sections, each by its headline, "|" beginning another
// answer, and then returns or fails.
type writer struct {
	says string
	err  error
	// told is called after each section.
	told func()
}

func (w writer) Design(_ context.Context, b pagemaker.Brief) (pagemaker.Designed, error) {
	var d design.Design
	for i, answer := range strings.Split(w.says, "|") {
		d = design.Design{}
		for headline := range strings.FieldsSeq(answer) {
			d.Sections = append(d.Sections, design.Section{Type: "story", Variant: "columns", Headline: headline, Body: "Once."})
			b.Draft(i+1, d)
			if w.told != nil {
				w.told()
			}
		}
	}
	return pagemaker.Designed{Design: d}, w.err
}

func TestAPageIsPublishedWhileItIsMade(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		by     writer
		change func(*workshop, *drafts, *pagemaker.Order)
		puts   string
		source string
		begins string // headlines of the page
	}{
		"section by section": {by: writer{says: "A B C"}, puts: "2.1 A,2.1 A B,2.1 A B C", source: pagestore.SourceLLM, begins: "A B C"},
		// What was shown stays until the new answer has something to show.
		"a second answer":          {by: writer{says: "A B|C D"}, puts: "2.1 A,2.1 A B,2.2 C,2.2 C D", source: pagestore.SourceLLM, begins: "C D"},
		"a failure midway":         {by: writer{says: "A B", err: errBroken}, puts: "2.1 A,2.1 A B", source: pagestore.SourcePartial, begins: "A B"},
		"a second that says less":  {by: writer{says: "A B|C", err: errBroken}, puts: "2.1 A,2.1 A B,2.2 C", source: pagestore.SourcePartial, begins: "C"},
		"a second without a word":  {by: writer{says: "A B|", err: errBroken}, puts: "2.1 A,2.1 A B", source: pagestore.SourcePartial, begins: "A B"},
		"a failure before a word":  {by: writer{err: errBroken}, source: pagestore.SourceTemplate},
		"nobody can wait for it":   {by: writer{says: "A B"}, change: func(_ *workshop, _ *drafts, o *pagemaker.Order) { o.Member = "" }, source: pagestore.SourceLLM, begins: "A B"},
		"it cannot be published":   {by: writer{says: "A B"}, change: func(_ *workshop, d *drafts, _ *pagemaker.Order) { d.err = errBroken }, source: pagestore.SourceLLM, begins: "A B"},
		"only its beginning can":   {by: writer{says: "A B C"}, change: func(_ *workshop, d *drafts, _ *pagemaker.Order) { d.full = 1 }, puts: "2.1 A", source: pagestore.SourceLLM, begins: "A B C"},
		"and it fails then":        {by: writer{says: "A B", err: errBroken}, change: func(_ *workshop, d *drafts, _ *pagemaker.Order) { d.err = errBroken }, source: pagestore.SourcePartial, begins: "A B"},
		"somebody else writes now": {by: writer{says: "A B"}, change: func(w *workshop, d *drafts, _ *pagemaker.Order) { d.w = w }, puts: "2.1 A", source: pagestore.SourceLLM, begins: "A B"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, published := newWorkshop(t), &drafts{}
			w.Drafts = published
			o := order(t, tt.by)
			o.Member, o.Attempt = "pool-3", 2
			if tt.change != nil {
				tt.change(w, published, &o)
			}
			if published.w != nil {
				tt.by.told = func() { published.revision++ }
				o.Designer = tt.by
			}
			made, err := w.Make(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(published.puts, ","); got != tt.puts {
				t.Errorf("published %q, want %q", got, tt.puts)
			}
			if published.last != nil && published.w == nil {
				t.Errorf("a draft is left: %v", published.last)
			}
			if made.Page.Source() != tt.source || (w.permanent.pages[o.Key] != nil) != (tt.source == pagestore.SourceLLM) || w.cache.pages[o.Key] == nil {
				t.Errorf("a %s page, for good: %v", made.Page.Source(), w.permanent.pages[o.Key] != nil)
			}
			d, err := gate.ReadStored(made.Page.HTML(), cataloguetest.Shop(t, "magic-wands"))
			if err != nil {
				t.Fatal(err)
			}
			var headlines []string
			for _, s := range d.Sections {
				headlines = append(headlines, s.Headline)
			}
			if got := strings.Join(headlines, " "); !strings.HasPrefix(got, tt.begins) {
				t.Errorf("the page's headlines are %q, want first %q", got, tt.begins)
			}
			if tt.source == pagestore.SourcePartial && len(d.Sections) < 4 {
				t.Errorf("a page of %d sections", len(d.Sections))
			}
		})
	}
}

// Nothing of a shopper's page is published once they are forgotten, whenever that happens.
func TestNothingIsPublishedOfTheForgotten(t *testing.T) {
	t.Parallel()
	for _, after := range []int{0, 1, 2} {
		w, published := newWorkshop(t), &drafts{}
		w.Drafts = published
		said := 0
		forget := func() {
			w.graves.forget()
			published.last = nil
			published.revision++ // as the purge does
		}
		by := writer{says: "A B C D", told: func() {
			if said++; said == after {
				forget()
			}
		}}
		if after == 0 {
			w.hook = func(step string) {
				if step == "session got" {
					forget()
				}
			}
		}
		o := order(t, by)
		o.Member = "pool-3"
		if _, err := w.Make(t.Context(), o); err == nil {
			t.Errorf("forgotten after %d sections: the page was made", after)
		}
		if len(published.puts) > max(after, 1) || published.last != nil {
			t.Errorf("forgotten after %d sections: published %q, left %v", after, published.puts, published.last)
		}
	}
}
