package identity

import (
	"sync"
	"time"
)

// shelf keeps values for a while: at most size of them, each for life.
type shelf[T any] struct {
	size int
	life time.Duration
	now  func() time.Time

	mu    sync.Mutex
	byKey map[string]kept[T]
}

type kept[T any] struct {
	value T
	until time.Time
}

func newShelf[T any](size int, life time.Duration, now func() time.Time) *shelf[T] {
	return &shelf[T]{size: size, life: life, now: now, byKey: map[string]kept[T]{}}
}

// put keeps a value under a key; where there is no room, the oldest goes.
func (s *shelf[T]) put(key string, value T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.byKey, key)
	if s.full() {
		delete(s.byKey, s.oldest())
	}
	s.keep(key, value)
}

// add keeps a value under a new key. It reports false, and keeps nothing,
// where the key is known or there is no room: a nonce must not be forgotten
// to make room for another.
func (s *shelf[T]) add(key string, value T) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.alive(s.byKey[key]) || s.full() {
		return false
	}
	s.keep(key, value)
	return true
}

// get returns the value and leaves it.
func (s *shelf[T]) get(key string) (value T, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.byKey[key]; s.alive(k) {
		return k.value, true
	}
	return value, false
}

// take returns the value and removes it: of two callers, one gets it.
func (s *shelf[T]) take(key string) (value T, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.byKey[key]
	delete(s.byKey, key)
	if s.alive(k) {
		return k.value, true
	}
	return value, false
}

func (s *shelf[T]) keep(key string, value T) {
	s.byKey[key] = kept[T]{value, s.now().Add(s.life)}
}

// alive is false for the zero kept, too.
func (s *shelf[T]) alive(k kept[T]) bool { return s.now().Before(k.until) }

// full tells whether there is no room even after what has expired was thrown
// away.
func (s *shelf[T]) full() bool {
	if len(s.byKey) < s.size {
		return false
	}
	for key, k := range s.byKey {
		if !s.alive(k) {
			delete(s.byKey, key)
		}
	}
	return len(s.byKey) >= s.size
}

func (s *shelf[T]) oldest() (key string) {
	var until time.Time
	for candidate, k := range s.byKey {
		if until.IsZero() || k.until.Before(until) {
			key, until = candidate, k.until
		}
	}
	return key
}
