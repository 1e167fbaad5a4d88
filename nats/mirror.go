package wandnats

import (
	"maps"
	"sync"

	"github.com/nats-io/nats.go/jetstream"
)

// Mirror keeps in memory what the keys of a [Watch] hold. When the watch begins anew,
// the mirror goes on with what it has until all that the bucket holds was delivered
// again, so an outage makes it old but never empty. It is safe for concurrent use.
type Mirror[T any] struct {
	// Decode reads the value of an entry. It is called once for each value.
	Decode func(entry jetstream.KeyValueEntry) T

	mu   sync.RWMutex
	held map[string]T
	// next is what was delivered since the watch began; nil once that is all.
	next map[string]T
}

// Watch is a watch of the bucket's keys that fills the mirror. Where a [Watcher] runs
// it, the Watcher's Begin has to call the mirror's.
func (m *Mirror[T]) Watch(bucket jetstream.KeyValue, keys string) Watch {
	m.Begin()
	return Watch{Bucket: bucket, Keys: keys, Entry: m.Put, Current: m.current}
}

// Begin says that the watch begins anew.
func (m *Mirror[T]) Begin() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.next = map[string]T{}
}

// Get is the value of a key; false if it has none.
func (m *Mirror[T]) Get(key string) (T, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	v, ok := m.held[key]
	return v, ok
}

// All is a copy of the values, by key.
func (m *Mirror[T]) All() map[string]T {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return maps.Clone(m.held)
}

// Put is told what a key holds now: by the mirror's watch, or by who has read it elsewhere
// after all that the bucket holds was delivered.
func (m *Mirror[T]) Put(entry jetstream.KeyValueEntry) {
	m.mu.Lock()
	defer m.mu.Unlock()
	into := m.held
	if m.next != nil {
		into = m.next
	}
	if entry.Operation() == jetstream.KeyValuePut {
		into[entry.Key()] = m.Decode(entry)
	} else {
		delete(into, entry.Key())
	}
}

func (m *Mirror[T]) current() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.held, m.next = m.next, nil
}
