package ratelimit

import (
	"maps"
	"sync"
)

// Held counts what is held at the same time, such as connections, by key. The zero Held
// holds nothing. It is safe for concurrent use, and forgets keys of which nothing is held.
type Held struct {
	mu sync.Mutex
	n  map[string]int
}

// Hold takes a place under each key of which fewer than most are held; release gives them
// back. False, and nothing is taken, if one of them has no place left.
func (h *Held) Hold(most map[string]int) (release func(), ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for key, limit := range most {
		if h.n[key] >= limit {
			return nil, false
		}
	}
	if h.n == nil {
		h.n = map[string]int{}
	}
	for key := range most {
		h.n[key]++
	}
	return sync.OnceFunc(func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		for key := range maps.Keys(most) {
			if h.n[key]--; h.n[key] == 0 {
				delete(h.n, key)
			}
		}
	}), true
}
