package generator

import (
	"context"
	"slices"
	"time"
)

// memberState is the state of a member, for operators.
type memberState struct {
	Member  string `json:"member"`
	State   string `json:"state"` // warm or cold
	Running int    `json:"running"`
	Waiting int    `json:"waiting"` // of those that run, for the model's account
	// WaitingForStore is how many of those that run wait for a store to answer.
	WaitingForStore int       `json:"waitingForStore"`
	Done            int64     `json:"done"`
	Dead            int64     `json:"dead"`
	LastActive      time.Time `json:"lastActive"`
}

// stateOf returns the state of a member. The member is cold if it has had no job for the
// inactivity time.
func stateOf(m Member, inactivity time.Duration) memberState {
	s := m.Status()
	state := memberState{
		Member: m.Member(), State: "warm", Running: s.Running, Waiting: s.Waiting, WaitingForStore: s.WaitingForStore, Done: s.Done, Dead: s.Dead, LastActive: s.LastActive.UTC(),
	}
	if s.Running == 0 && time.Since(s.LastActive) > inactivity {
		state.State = "cold"
	}
	return state
}

// waitIdle returns when every member is cold and no call of POST /generate is running.
func (g *Generator) waitIdle(ctx context.Context) error {
	inactivity := g.cfg.inactivity()
	tick := time.NewTicker(min(inactivity/4+time.Millisecond, time.Second))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		p := g.deps.Pool()
		if p == nil {
			continue
		}
		warm := slices.ContainsFunc(p.Members, func(m Member) bool { return stateOf(m, inactivity).State == "warm" })
		if !warm && g.direct.idle() {
			g.log.Info("all members are cold, leaving")
			return nil
		}
	}
}
