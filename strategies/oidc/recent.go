package oidc

import (
	"sync"
	"time"
)

const (
	maxID       = 255    // bytes of a jti
	maxRemember = 10_000 // ids in a generation

	// remember is how long an id must be remembered: while a token with it is good, by any
	// clock within the skew.
	remember = (maxLogout + 2*skew) * time.Second
)

// recent knows the ids of tokens that came lately. It keeps two generations, so an id is
// remembered for at least remember, or while ten thousand newer ones come. The zero recent
// is ready, and safe for concurrent use.
type recent struct {
	mu         sync.Mutex
	young, old map[string]struct{}
	since      time.Time // when young began
}

// add remembers an id. It is false where the id is known.
func (r *recent) add(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := time.Now(); r.young == nil || len(r.young) >= maxRemember || now.Sub(r.since) > remember {
		r.old, r.young, r.since = r.young, map[string]struct{}{}, now
	}
	_, inYoung := r.young[id]
	_, inOld := r.old[id]
	if inYoung || inOld {
		return false
	}
	r.young[id] = struct{}{}
	return true
}

// forget makes an id new again.
func (r *recent) forget(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.young, id)
	delete(r.old, id)
}
