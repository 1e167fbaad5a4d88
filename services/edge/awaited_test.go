package edge

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/wandstore/wandstore/pkg/design/gate/answertest"
	"github.com/wandstore/wandstore/pkg/pagedraft"
	"github.com/wandstore/wandstore/pkg/pagekey"
	"github.com/wandstore/wandstore/pkg/pagestore"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// keyed is the key of a shopper or cohort of the shop.
func keyed(t testing.TB, name string) pagekey.Key {
	t.Helper()
	key, err := pagekey.Parse(slug, name)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// makes has the page of a shopper or cohort be made.
func (d *desk) makes(name string) {
	d.board.Set(keyed(d.t, name), &wandstorev1.JobRecord{
		JobId: "job-of-" + name, State: wandstorev1.JobState_JOB_STATE_RUNNING, PoolMember: "pool-3",
		RequestedAt: timestamppb.Now(), Deadline: timestamppb.New(time.Now().Add(time.Minute)),
	})
}

// hasMade ends the job.
func (d *desk) hasMade(name string) {
	d.board.Set(keyed(d.t, name), &wandstorev1.JobRecord{JobId: "job-of-" + name, State: wandstorev1.JobState_JOB_STATE_READY, PoolMember: "pool-3", UpdatedAt: timestamppb.Now()})
}

// looked is what is known of a shopper who has looked at a collection.
func looked() *wandstorev1.StoreSignals {
	return &wandstorev1.StoreSignals{
		Views: 2, LastEventAt: timestamppb.Now(), RecentProducts: []string{"nightjar"}, Categories: map[string]uint32{"moonlit": 2},
	}
}

// told is the states that a stream brought, and "cohort" with those of a cohort's page.
func (r reply) told() string {
	var told []string
	for _, data := range r.events("status") {
		var s generationStatus
		if err := json.Unmarshal([]byte(data), &s); err != nil {
			return err.Error()
		}
		told = append(told, strings.TrimSpace(s.State+" "+s.Rung))
	}
	return strings.Join(told, ", ")
}

// A stream tells of the shopper's own page. If none is made, it tells of their cohort's.
func TestStreamsTellOfTheCohortsPage(t *testing.T) {
	t.Parallel()
	template := func(p *wandstorev1.Page) { p.Source = pagestore.SourceTemplate }
	for name, tt := range map[string]struct {
		scope Scope
		desk  func(*desk)
		told  string // at once
	}{
		"nothing":                   {scope: ScopeAuto},
		"nothing, every shopper":    {scope: ScopeShopper, told: "none"},
		"is made":                   {scope: ScopeCohort, desk: func(d *desk) { d.makes("cohort=explorer") }, told: "running cohort"},
		"is made, every shopper":    {scope: ScopeShopper, desk: func(d *desk) { d.makes("cohort=explorer") }, told: "none"},
		"another's is made":         {scope: ScopeCohort, desk: func(d *desk) { d.makes("cohort=loyalist") }},
		"is there":                  {scope: ScopeCohort, desk: func(d *desk) { d.hasCohort("cohort=explorer") }, told: "ready cohort"},
		"is a template":             {scope: ScopeCohort, desk: func(d *desk) { d.hasCohort("cohort=explorer", template) }},
		"of the interest, is made":  {scope: ScopeCohort, desk: func(d *desk) { d.remembers(looked()); d.makes("cohort=explorer=moonlit") }, told: "running cohort"},
		"of the interest, is there": {scope: ScopeCohort, desk: func(d *desk) { d.remembers(looked()); d.hasCohort("cohort=explorer=moonlit") }, told: "ready cohort"},
		"without the interest, is there": {
			scope: ScopeCohort, desk: func(d *desk) {
				d.remembers(looked())
				d.makes("cohort=explorer=moonlit")
				d.hasCohort("cohort=explorer")
			}, told: "ready cohort",
		},
		"the own is made": {scope: ScopeAuto, desk: func(d *desk) { d.makes("ada"); d.makes("cohort=explorer") }, told: "running"},
		"the own is made, the cohort's is there": {
			scope: ScopeAuto, desk: func(d *desk) { d.makes("ada"); d.hasCohort("cohort=explorer") }, told: "running",
		},
		"the own is there": {scope: ScopeAuto, desk: func(d *desk) { d.has(pagestore.TierKV); d.makes("cohort=explorer") }, told: "ready"},
		"the own failed": {
			scope: ScopeAuto, desk: func(d *desk) {
				d.record = &wandstorev1.JobRecord{State: wandstorev1.JobState_JOB_STATE_FAILED}
				d.hasCohort("cohort=explorer")
			}, told: "ready cohort",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, inScope(tt.scope))
			if tt.desk != nil {
				tt.desk(d)
			}
			close(d.edge.draining) // the stream ends after what there is
			if told := d.ask("GET", "/api/generation/events?store=magic-wands&shopper=ada", "").told(); told != tt.told {
				t.Errorf("told %q, want %q", told, tt.told)
			}
			var s generationStatus
			asked := d.ask("GET", "/api/generation/status?store=magic-wands&shopper=ada", "")
			if err := json.Unmarshal([]byte(asked.body), &s); err != nil || tt.told != "" && strings.TrimSpace(s.State+" "+s.Rung) != tt.told {
				t.Errorf("asked, it is %s, want %q", asked.body, tt.told)
			}
		})
	}
}

// A cohort's page is waited for before it is asked for, while it is made, and until it is
// there. If it does not come, the page is told so, and says nothing any more.
func TestStreamsWaitForTheCohortsPage(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		ends  func(*desk)
		state string
	}{
		"made":     {func(d *desk) { d.hasCohort("cohort=explorer") }, stateReady},
		"not made": {func(*desk) {}, ""},
		"a template": {func(d *desk) {
			d.hasCohort("cohort=explorer", func(p *wandstorev1.Page) { p.Source = pagestore.SourceTemplate })
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, inScope(ScopeAuto))
			a := &awaited{own: prospect{edge: d.edge, keys: []pagekey.Key{keyed(t, "ada")}}, cohort: prospect{edge: d.edge, keys: []pagekey.Key{keyed(t, "cohort=explorer")}}}
			a.listen(t.Context(), nil)
			defer a.leave()
			if a.next() != nil || a.givenUp().State != stateNone {
				t.Errorf("before: %v", a.next())
			}
			changed := func() *prospect {
				select {
				case <-a.cohort.job.Changed:
				default:
					t.Error("the stream was not woken")
				}
				a.cohort.update(t.Context())
				return a.next()
			}
			d.makes("cohort=explorer")
			if p := changed(); p != &a.cohort || p.status.State != stateRunning {
				t.Errorf("while it is made: %v", p)
			}
			tt.ends(d)
			d.hasMade("cohort=explorer")
			switch p := changed(); {
			case tt.state == "" && (p != nil || a.givenUp().State != stateFailed):
				t.Errorf("after: %v, at last %v", p, a.givenUp())
			case tt.state != "" && (p != &a.cohort || p.status.State != tt.state):
				t.Errorf("after: %v, want %s", p, tt.state)
			}
		})
	}
}

// While a cohort's page is written, its sections come to those into whose page nothing of
// their own is put.
func TestStreamsBringTheCohortsSections(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		knows *wandstorev1.StoreSignals
		want  int
	}{
		"first visit": {want: 2},
		"has looked":  {knows: looked()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, inScope(ScopeAuto))
			if tt.knows != nil {
				d.remembers(tt.knows)
			}
			for _, cohort := range []string{"cohort=explorer", "cohort=explorer=moonlit"} {
				d.makes(cohort)
				draft := &wandstorev1.PageDraft{JobId: "job-of-" + cohort, Answer: "1.1", Design: &structpb.Struct{}}
				if err := protojson.Unmarshal([]byte(answertest.Good), draft.GetDesign()); err != nil {
					t.Fatal(err)
				}
				d.drafted[cohort] = pagedraft.Draft{PageDraft: draft, Revision: 7}
			}
			close(d.edge.draining)
			res := d.ask("GET", "/api/generation/events?store=magic-wands&shopper=ada", "")
			if got := len(res.sections()); got != tt.want || res.told() != "running cohort" {
				t.Errorf("%d sections, want %d; told %s", got, tt.want, res.told())
			}
		})
	}
}
