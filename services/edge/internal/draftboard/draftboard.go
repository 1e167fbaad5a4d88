// Package draftboard holds the beginnings of pages that are being written, for as long as
// somebody waits for them at this edge. It follows the drafts of the keys that are awaited,
// and no others.
package draftboard

import (
	"maps"
	"slices"
	"sync"

	"github.com/wandstore/wandstore/pkg/pagedraft"
	"github.com/wandstore/wandstore/pkg/pagekey"
)

// Board holds drafts. It is safe for concurrent use.
type Board struct {
	follow func(key pagekey.Key) (stop func())

	mu      sync.Mutex
	waiting map[pagekey.Key]*followed
}

// followed is who waits for the drafts of a key.
type followed struct {
	listeners map[*Listener]struct{}
	stop      func()
}

// New returns an empty board. follow is called when a key gets its first listener, and stop
// when the last one leaves; in between the changes of the key's draft have to come to Set.
// Neither may call the board.
func New(follow func(key pagekey.Key) (stop func())) *Board {
	return &Board{follow: follow, waiting: map[pagekey.Key]*followed{}}
}

// Listener waits for the drafts of its keys.
type Listener struct {
	// Changed receives after a change. Several changes may come as one.
	Changed chan struct{}

	board *Board
	keys  []pagekey.Key
	draft pagedraft.Draft
}

// Listen registers a listener. Leave unregisters it.
func (b *Board) Listen(keys ...pagekey.Key) *Listener {
	l := &Listener{Changed: make(chan struct{}, 1), board: b, keys: keys}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, key := range keys {
		if b.waiting[key] == nil {
			b.waiting[key] = &followed{map[*Listener]struct{}{}, b.follow(key)}
		}
		b.waiting[key].listeners[l] = struct{}{}
	}
	return l
}

// Leave unregisters the listener.
func (l *Listener) Leave() {
	l.board.mu.Lock()
	defer l.board.mu.Unlock()
	for _, key := range l.keys {
		f := l.board.waiting[key]
		if f == nil {
			continue // it has left
		}
		if delete(f.listeners, l); len(f.listeners) == 0 {
			f.stop()
			delete(l.board.waiting, key)
		}
	}
}

// Draft is the newest draft since the listener began. It is empty if there is none.
func (l *Listener) Draft() pagedraft.Draft {
	l.board.mu.Lock()
	defer l.board.mu.Unlock()
	return l.draft
}

// Awaited is the keys whose drafts somebody waits for.
func (b *Board) Awaited() []pagekey.Key {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Collect(maps.Keys(b.waiting))
}

// Set gives a draft to the key's listeners and wakes them. A draft that is older than the
// one they have is ignored.
func (b *Board) Set(key pagekey.Key, draft pagedraft.Draft) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.waiting[key]
	if f == nil {
		return // who waited has left
	}
	for l := range f.listeners {
		if draft.Revision <= l.draft.Revision {
			continue
		}
		l.draft = draft
		select {
		case l.Changed <- struct{}{}:
		default:
		}
	}
}
