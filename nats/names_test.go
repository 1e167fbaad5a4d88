package wandnats_test

import (
	"slices"
	"strings"
	"testing"

	wandnats "github.com/wandstore/wandstore/nats"
)

func TestMembersHaveNumbers(t *testing.T) {
	for _, n := range []int{0, 1, 9, 10, 999} {
		for _, of := range []int{wandnats.Unsharded, 0, 3, 99} {
			name := wandnats.Member(n)
			if of != wandnats.Unsharded {
				name = wandnats.ShardMember(of, n)
			}
			if shard, got, ok := wandnats.ParseMember(name); !ok || shard != of || got != n {
				t.Errorf("ParseMember(%q) = %d, %d, %v", name, shard, got, ok)
			}
			if m := wandnats.MemberOfSubject(wandnats.GenerateSubject(name)); m != name {
				t.Errorf("MemberOfSubject of %s's subject = %q", name, m)
			}
		}
	}
	for _, name := range []string{
		"", "pool", "pool-", "pool-01", "pool--1", "pool-+1", "pool- 1", "pool-1 ", "Pool-1", "pool-1.2", "pool-x",
		"pool-99999999999999999999", "xpool-1", "7", "-pool-1", "01-pool-1", "-1-pool-1", "2-pool-", "2-pool-01", "2.pool-1", "x-pool-1",
		"2-pool-1-pool-1", "99999999999999999999-pool-1",
	} {
		if wandnats.IsMember(name) {
			t.Errorf("%q is a member", name)
		}
	}
	for _, subject := range []string{"", "wandstore.dead.pool-1", "pool-1", "wandstore.member.pool-1.health"} {
		if m := wandnats.MemberOfSubject(subject); m != "" {
			t.Errorf("MemberOfSubject(%q) = %q, want none", subject, m)
		}
	}
}

func TestKeysSplit(t *testing.T) {
	for _, key := range []string{
		wandnats.PageKey("magic-wands", "abc_1-Z"), wandnats.JobKey("magic-wands", "abc_1-Z"),
		wandnats.DebugKey("magic-wands", "abc_1-Z"), wandnats.ErrorKey("magic-wands", "abc_1-Z"),
	} {
		store, shopper, ok := wandnats.SplitKey(key)
		if !ok || store != "magic-wands" || shopper != "abc_1-Z" {
			t.Errorf("SplitKey(%q) = %q, %q, %v", key, store, shopper, ok)
		}
	}
	for _, key := range []string{"", "ui", "ui.magic-wands", wandnats.SessionKey("abc"), "ui.a.b.c"} {
		if store, shopper, ok := wandnats.SplitKey(key); ok {
			t.Errorf("SplitKey(%q) = %q, %q, want none", key, store, shopper)
		}
	}
}

// The names are public: scripts, dashboards and people hold on to them.
func TestNamesStay(t *testing.T) {
	for got, want := range map[string]string{
		wandnats.GenerateSubject(wandnats.Member(3)): "wandstore.generate.pool-3",
		wandnats.GenerateSubject("2-pool-3"):         "wandstore.generate.2.pool-3",
		wandnats.DeadSubject(wandnats.Member(3)):     "wandstore.dead.pool-3",
		wandnats.HealthSubject(wandnats.Member(3)):   "wandstore.member.pool-3.health",
		wandnats.PageKey("magic-wands", "abc123"):    "ui.magic-wands.abc123",
		wandnats.JobKey("magic-wands", "abc123"):     "job.magic-wands.abc123",
		wandnats.DebugKey("magic-wands", "abc123"):   "debug.magic-wands.abc123",
		wandnats.ErrorKey("magic-wands", "abc123"):   "error.magic-wands.abc123",
		wandnats.SessionKey("abc123"):                "session.abc123",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// Members are listed by their shards and numbers, those of before there were shards first.
func TestMembersHaveAnOrder(t *testing.T) {
	names := []string{"10-pool-0", "2-pool-10", "pool-10", "2-pool-9", "pool-9"}
	slices.SortFunc(names, wandnats.CompareMembers)
	if got := strings.Join(names, " "); got != "pool-9 pool-10 2-pool-9 2-pool-10 10-pool-0" {
		t.Errorf("got %s", got)
	}
}
