package jobqueue_test

import (
	"fmt"
	"testing"

	"github.com/wandstore/wandstore/pkg/jobqueue"
)

func TestSelectMember(t *testing.T) {
	t.Parallel()
	// The first is the contract's; all are FNV-1a's published function, so that any
	// implementation sends a shopper to the same member.
	for _, c := range []struct {
		shopper    string
		size, want int
	}{
		{"abc123", 10, 3},
		{"abc123", 1, 0},
		{"", 10, 1},           // the offset basis, 2166136261
		{"a", 10, 0},          // 3826002220
		{"foobar", 1000, 720}, // 3214735720
	} {
		if got := jobqueue.SelectMember(c.shopper, c.size); got != c.want {
			t.Errorf("SelectMember(%q, %d) = %d, want %d", c.shopper, c.size, got, c.want)
		}
	}
}

func TestSelectMemberSpreads(t *testing.T) {
	t.Parallel()
	const shoppers, size = 10_000, 10
	var counts [size]int
	for i := range shoppers {
		counts[jobqueue.SelectMember(fmt.Sprintf("shopper-%d", i), size)]++
	}
	for member, n := range counts {
		if n < shoppers/size*8/10 || n > shoppers/size*12/10 {
			t.Errorf("member %d has %d of %d shoppers, want about %d", member, n, shoppers, shoppers/size)
		}
	}
}

func FuzzSelectMember(f *testing.F) {
	f.Add("abc123", uint16(10))
	f.Add("", uint16(1))
	f.Add("\x00\xff", uint16(65535))
	f.Fuzz(func(t *testing.T, shopper string, size uint16) {
		if size == 0 {
			size = 1
		}
		got := jobqueue.SelectMember(shopper, int(size))
		if got < 0 || got >= int(size) {
			t.Errorf("SelectMember(%q, %d) = %d", shopper, size, got)
		}
		if again := jobqueue.SelectMember(shopper, int(size)); again != got {
			t.Errorf("SelectMember(%q, %d) = %d, then %d", shopper, size, got, again)
		}
	})
}

// A shop's shard is FNV-1a's as well, and many shops fill all shards.
func TestSelectShard(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		shop         string
		shards, want int
	}{{"a", 10, 0}, {"foobar", 100, 20}, {"magic-wands", 1, 0}, {"magic-wands", 0, 0}} {
		if got := jobqueue.SelectShard(c.shop, c.shards); got != c.want {
			t.Errorf("SelectShard(%q, %d) = %d, want %d", c.shop, c.shards, got, c.want)
		}
	}
	counts := map[int]int{}
	for i := range 1000 {
		counts[jobqueue.SelectShard(fmt.Sprintf("shop-%d", i), 4)]++
	}
	for shard, n := range counts {
		if n < 150 || n > 350 {
			t.Errorf("shard %d has %d of 1000 shops", shard, n)
		}
	}
}
