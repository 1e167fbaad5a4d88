package edge

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/wandstore/wandstore/pkg/pagestore"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

// While generation is not allowed no job is asked for, pages that there are are served,
// and X-Generation says so; with the next visit after it, the job is.
func TestGenerationNotAllowed(t *testing.T) {
	t.Parallel()
	old := func(p *wandstorev1.Page) {
		p.GeneratedAt = timestamppb.New(time.Now().Add(-25 * time.Hour))
		p.RequestedAt = p.GetGeneratedAt()
	}
	for name, tt := range map[string]struct {
		desk                func(*desk)
		cache, off, allowed string // X-Cache; X-Generation while it is not allowed, and after
		target              string
		triggeredAfter      int
	}{
		"no page":        {target: front, cache: "MISS", off: "off", allowed: "triggered", triggeredAfter: 1},
		"an old page":    {desk: func(d *desk) { d.has(pagestore.TierMinIO, old) }, target: front, cache: "HIT", off: "off", allowed: "triggered", triggeredAfter: 1},
		"a page of now":  {desk: func(d *desk) { d.has(pagestore.TierMinIO) }, target: front, cache: "HIT", off: "ready", allowed: "ready"},
		"nobody's visit": {target: "/s/magic-wands", cache: "MISS", off: "off", allowed: "off"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			if tt.desk != nil {
				tt.desk(d)
			}
			for _, step := range []struct {
				off  bool
				want string
				jobs int
			}{{true, tt.off, 0}, {false, tt.allowed, tt.triggeredAfter}} {
				d.off = step.off
				r := d.ask("GET", tt.target, "")
				if r.StatusCode != 200 || r.Header.Get("X-Cache") != tt.cache || r.Header.Get("X-Generation") != step.want {
					t.Errorf("off %t: %d, X-Cache %q, X-Generation %q, want 200, %q, %q",
						step.off, r.StatusCode, r.Header.Get("X-Cache"), r.Header.Get("X-Generation"), tt.cache, step.want)
				}
				if len(d.triggered) != step.jobs {
					t.Errorf("off %t: %d jobs asked for, want %d", step.off, len(d.triggered), step.jobs)
				}
			}
		})
	}
}

// A switch that cannot be understood is shown to whoever asks how the edge is.
func TestHealthTellsOfSwitches(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	if r := d.ask("GET", "/health", ""); !strings.Contains(r.body, `"status":"ok"`) {
		t.Errorf("health: %s", r.body)
	}
	d.switchFaults = map[string]string{"CONTROL/generation": "neither on nor off; counts as off"}
	r := d.ask("GET", "/health", "")
	for _, part := range []string{`"status":"degraded"`, `"switch CONTROL/generation":"neither on nor off`} {
		if r.StatusCode != 200 || !strings.Contains(r.body, part) {
			t.Errorf("health: %d %s, want %s", r.StatusCode, r.body, part)
		}
	}
}
