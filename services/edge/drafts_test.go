package edge

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/wandstore/wandstore/pkg/design/gate/answertest"
	"github.com/wandstore/wandstore/pkg/pagedraft"
	"github.com/wandstore/wandstore/pkg/pagekey"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
	"github.com/wandstore/wandstore/services/edge/internal/draftboard"
)

// A stream brings the sections of the live job's draft, once each. Whatever the bus brings,
// no markup of it reaches a page.
func TestStreamsBringSections(t *testing.T) {
	t.Parallel()
	hostile := strings.Replace(answertest.Good, "A quiet shelf", `<script>steal()</script>A quiet shelf <img src=x onerror=steal()>`, 1)
	for name, tt := range map[string]struct {
		job, design string
		indexes     string // of the sections that come
	}{
		"of the live job":  {job: "job-2", design: answertest.Good, indexes: "01"},
		"of another job":   {job: "job-1", design: answertest.Good},
		"hostile":          {job: "job-2", design: hostile, indexes: "01"},
		"not a design":     {job: "job-2", design: `{"sections":{"html":"<b>x</b>"}}`},
		"unknown sections": {job: "job-2", design: `{"sections":[{"type":"iframe","headline":"x"}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			key, err := pagekey.New(slug, "ada")
			if err != nil {
				t.Fatal(err)
			}
			d.board.Set(key, &wandstorev1.JobRecord{
				JobId: "job-2", State: wandstorev1.JobState_JOB_STATE_RUNNING, PoolMember: "pool-3",
				RequestedAt: timestamppb.Now(), Deadline: timestamppb.New(time.Now().Add(time.Minute)),
			})
			draft := &wandstorev1.PageDraft{JobId: tt.job, Answer: "1.1", Design: &structpb.Struct{}}
			if err := protojson.Unmarshal([]byte(tt.design), draft.GetDesign()); err != nil {
				t.Fatal(err)
			}
			d.drafted["ada"] = pagedraft.Draft{PageDraft: draft, Revision: 7}
			// The stream ends after what there is.
			close(d.edge.draining)
			res := d.ask("GET", "/api/generation/events?store=magic-wands&shopper=ada", "")
			var indexes strings.Builder
			for _, s := range res.sections() {
				indexes.WriteString(strconv.Itoa(s.Index))
				if !strings.Contains(s.HTML, "<section class=") || strings.Contains(s.HTML, "steal") || (s.Theme != nil) != (s.Index == 0) {
					t.Errorf("section %d: theme %v, %s", s.Index, s.Theme, s.HTML)
				}
			}
			if indexes.String() != tt.indexes {
				t.Errorf("sections %q, want %q, in:\n%s", indexes.String(), tt.indexes, res.body)
			}
		})
	}
}

// sections is the sections that a stream brought.
func (r reply) sections() (sections []section) {
	for _, data := range r.events("section") {
		var s section
		if json.Unmarshal([]byte(data), &s) == nil {
			sections = append(sections, s)
		}
	}
	return sections
}

// events is the data of a stream's events of this name.
func (r reply) events(name string) (data []string) {
	for event := range strings.SplitSeq(r.body, "\n\n") {
		if d, ok := strings.CutPrefix(event, "event: "+name+"\ndata: "); ok {
			data = append(data, d)
		}
	}
	return data
}

// Of two drafts the newer one counts, in whatever order they come.
func TestListenersHaveTheNewestDraft(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	key, err := pagekey.New(slug, "ada")
	if err != nil {
		t.Fatal(err)
	}
	l := d.drafts.Listen(key)
	for _, revision := range []uint64{3, 2, 4} {
		d.drafts.Set(key, pagedraft.Draft{PageDraft: &wandstorev1.PageDraft{}, Revision: revision})
	}
	if got := l.Draft().Revision; got != 4 || len(l.Changed) != 1 {
		t.Errorf("revision %d, want 4", got)
	}
	l.Leave()
	if awaited := d.drafts.Awaited(); len(awaited) > 0 {
		t.Errorf("nobody waits any more: %v", awaited)
	}
}

// However many wait for a page, its drafts are followed once, and for as long as anybody waits.
func TestDraftsAreFollowedWhileTheyAreAwaited(t *testing.T) {
	t.Parallel()
	followed := map[string]int{}
	board := draftboard.New(func(key pagekey.Key) func() {
		followed[key.Shopper()]++
		return func() { followed[key.Shopper()]-- }
	})
	ada, err := pagekey.New(slug, "ada")
	if err != nil {
		t.Fatal(err)
	}
	bob, err := pagekey.New(slug, "bob")
	if err != nil {
		t.Fatal(err)
	}
	first, second := board.Listen(ada), board.Listen(ada, bob)
	if followed["ada"] != 1 || followed["bob"] != 1 {
		t.Errorf("two listeners: followed %v", followed)
	}
	first.Leave()
	if followed["ada"] != 1 {
		t.Error("one still waits")
	}
	second.Leave()
	second.Leave()
	if followed["ada"] != 0 || followed["bob"] != 0 {
		t.Errorf("nobody waits: followed %v", followed)
	}
	board.Set(ada, pagedraft.Draft{PageDraft: &wandstorev1.PageDraft{}, Revision: 1}) // on its way when they left
	board.Listen(ada)
	if followed["ada"] != 1 {
		t.Error("who comes later waits for nothing")
	}
}
