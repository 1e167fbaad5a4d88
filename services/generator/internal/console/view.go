package console

import (
	"cmp"
	"fmt"
	"html/template"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/wandstore/wandstore/pkg/pagekey"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// perPage is how many jobs are shown at a time.
const perPage = 50

// maxChoices bounds the choices of one kind, the most frequent.
const maxChoices = 20

// functions are what the templates call.
var functions = template.FuncMap{
	"age":    age,
	"ago":    func(at, t time.Time) string { return age(at.Sub(t)) },
	"usd":    func(dollars float64) string { return fmt.Sprintf("$%.4f", dollars) },
	"share":  func(part float64) string { return fmt.Sprintf("%.0f %%", 100*part) },
	"clock":  func(t time.Time) string { return t.UTC().Format("15:04:05") },
	"stamp":  func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	"action": newAction,
	"button": func(label string, a Action, f filter) button { return button{label, a, f} },
}

// button is a form of one button, with the jobs that are shown after it.
type button struct {
	Label  string
	Action Action
	Filter filter
}

// age writes a duration for people: "4 s", "12 min", "3 h".
func age(d time.Duration) string {
	switch {
	case d < 0:
		return "0 s"
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	default:
		return fmt.Sprintf("%.0f h", d.Hours())
	}
}

// filter chooses jobs. Its zero value chooses all.
type filter struct {
	State, Shop, Reason string
	Page                int
}

func readFilter(q url.Values) filter {
	page, err := strconv.Atoi(q.Get("page"))
	if err != nil {
		page = 1
	}
	return filter{State: q.Get("state"), Shop: q.Get("shop"), Reason: q.Get("reason"), Page: max(page, 1)}
}

// query is the filter as a query, without what chooses nothing.
func (f filter) query() url.Values {
	q := url.Values{}
	for name, value := range map[string]string{"state": f.State, "shop": f.Shop, "reason": f.Reason} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if f.Page > 1 {
		q.Set("page", strconv.Itoa(f.Page))
	}
	return q
}

// Fields are the parts of the query, in a fixed order, for a form.
func (f filter) Fields() []field {
	q := f.query()
	fields := make([]field, 0, len(q))
	for _, name := range slices.Sorted(maps.Keys(q)) {
		fields = append(fields, field{name, q.Get(name)})
	}
	return fields
}

type field struct{ Name, Value string }

// chooses reports whether the job is one of those to show.
func (f filter) chooses(j job) bool {
	return (f.State == "" || f.State == j.State) && (f.Shop == "" || f.Shop == j.Key.Shop()) && (f.Reason == "" || f.Reason == j.Reason)
}

// page is what page.html draws.
type page struct {
	*state
	Filter filter
	// Err is why the state is not the newest.
	Err error
	// Choices are the kinds of jobs that there are.
	Choices []choices
	// Chosen is the jobs that are shown, of Count that were chosen.
	Chosen         []job
	Count          int
	Earlier, Later string // links to other pages, or ""
	Waiting        uint64 // in all members
	Running        uint64
	LimitShare     float64 // what was spent and is reserved, of the day's limit
	Stop, Resume   Action
}

// choices are the values of one property of the jobs.
type choices struct {
	Name string
	All  []choice
}

// choice is one value, with a link that chooses it, or that lets go of it.
type choice struct {
	Value, Link string
	Jobs        int
	Chosen      bool
}

func newPage(s *state, f filter, err error) page {
	p := page{state: s, Filter: f, Err: err}
	p.Stop, _ = newAction("stop", "", s.At)
	p.Resume, _ = newAction("resume", "", s.At)
	for _, m := range s.Members {
		p.Waiting += m.Waiting
		p.Running += m.Running
	}
	var chosen []job
	for _, j := range s.Jobs {
		if f.chooses(j) {
			chosen = append(chosen, j)
		}
	}
	p.Count = len(chosen)
	last := max(1, (p.Count+perPage-1)/perPage)
	p.Filter.Page = min(f.Page, last)
	begin := (p.Filter.Page - 1) * perPage
	p.Chosen = chosen[begin:min(begin+perPage, p.Count)]
	if p.Filter.Page > 1 {
		p.Earlier = p.Filter.turn(-1)
	}
	if p.Filter.Page < last {
		p.Later = p.Filter.turn(1)
	}
	p.Choices = []choices{
		p.choose("state", s.Jobs, func(j job) string { return j.State }, func(f *filter) *string { return &f.State }),
		p.choose("shop", s.Jobs, func(j job) string { return j.Key.Shop() }, func(f *filter) *string { return &f.Shop }),
		p.choose("reason", s.Jobs, func(j job) string { return j.Reason }, func(f *filter) *string { return &f.Reason }),
	}
	if s.Spend.LimitUSD > 0 {
		p.LimitShare = min(1, (s.Spend.USD+s.Spend.ReservedUSD)/s.Spend.LimitUSD)
	}
	return p
}

// turn links to another page.
func (f filter) turn(by int) string {
	f.Page += by
	return f.link()
}

func (f filter) link() string {
	return (&url.URL{Path: Path, RawQuery: f.query().Encode(), Fragment: "jobs"}).String()
}

// choose counts the values of a property, the most frequent first.
func (p *page) choose(name string, jobs []job, value func(job) string, in func(*filter) *string) choices {
	counts := map[string]int{}
	for _, j := range jobs {
		counts[value(j)]++
	}
	delete(counts, "")
	out := choices{Name: name}
	for _, v := range slices.Sorted(maps.Keys(counts)) {
		f := p.Filter
		f.Page = 1
		now := *in(&f)
		*in(&f) = v
		if now == v {
			*in(&f) = ""
		}
		out.All = append(out.All, choice{Value: v, Jobs: counts[v], Chosen: now == v, Link: f.link()})
	}
	slices.SortStableFunc(out.All, func(a, b choice) int { return cmp.Compare(b.Jobs, a.Jobs) })
	out.All = out.All[:min(len(out.All), maxChoices)]
	return out
}

// Link is where the job's trail is.
func (j job) Link() string { return trail(j.Key) }

// Link is where the trail of the letter's job is, or "".
func (l letter) Link() string {
	if l.Key == (pagekey.Key{}) {
		return ""
	}
	return trail(l.Key)
}

func trail(key pagekey.Key) string {
	q := url.Values{"store": {key.Shop()}, "shopper": {key.Shopper()}}
	return (&url.URL{Path: Path + "job", RawQuery: q.Encode()}).String()
}

// jobPage is what job.html draws.
type jobPage struct {
	At    time.Time
	Key   pagekey.Key
	Job   *job // nil: there is no record any more
	Steps []step
	// Commands are those that show the same.
	Commands []string
}

// step is a breadcrumb.
type step struct {
	*wandstorev1.Breadcrumb
	// After is the time since the step before it.
	After time.Duration
	Wrong bool
}

func newJobPage(s *state, key pagekey.Key, steps, problems []*wandstorev1.Breadcrumb) jobPage {
	p := jobPage{At: s.At, Key: key}
	for i := range s.Jobs {
		if s.Jobs[i].Key == key {
			p.Job = &s.Jobs[i]
		}
	}
	for _, c := range steps {
		p.Steps = append(p.Steps, step{Breadcrumb: c})
	}
	for _, c := range problems {
		p.Steps = append(p.Steps, step{Breadcrumb: c, Wrong: true})
	}
	slices.SortStableFunc(p.Steps, func(a, b step) int { return a.GetAt().AsTime().Compare(b.GetAt().AsTime()) })
	for i := 1; i < len(p.Steps); i++ {
		p.Steps[i].After = p.Steps[i].GetAt().AsTime().Sub(p.Steps[i-1].GetAt().AsTime())
	}
	of := key.Shop() + "." + key.Shopper()
	p.Commands = []string{
		"nats kv get GENERATION_QUEUE job." + of + " --raw",
		"nats kv history GENERATION_QUEUE debug." + of,
		"nats kv history GENERATION_QUEUE error." + of,
	}
	return p
}
