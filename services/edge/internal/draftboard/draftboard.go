// Package draftboard holds the beginnings of pages that are being written, for as long as
// somebody waits for them at this edge. The watch of PAGE_DRAFTS feeds it.
package draftboard

import (
	"sync"

	"github.com/wandstore/wandstore/pkg/pagedraft"
	"github.com/wandstore/wandstore/pkg/pagekey"
)

// Board holds drafts. It is safe for concurrent use.
type Board struct {
	mu      sync.Mutex
	waiting map[pagekey.Key]map[*Listener]struct{}
}

// New returns an empty board.
func New() *Board { return &Board{waiting: map[pagekey.Key]map[*Listener]struct{}{}} }

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
			b.waiting[key] = map[*Listener]struct{}{}
		}
		b.waiting[key][l] = struct{}{}
	}
	return l
}

// Leave unregisters the listener.
func (l *Listener) Leave() {
	l.board.mu.Lock()
	defer l.board.mu.Unlock()
	for _, key := range l.keys {
		if delete(l.board.waiting[key], l); len(l.board.waiting[key]) == 0 {
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

// Awaited reports whether anybody waits for drafts of the key.
func (b *Board) Awaited(key pagekey.Key) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.waiting[key]) > 0
}

// Set gives a draft to the key's listeners and wakes them. A draft that is older than the
// one they have is ignored.
func (b *Board) Set(key pagekey.Key, draft pagedraft.Draft) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for l := range b.waiting[key] {
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
