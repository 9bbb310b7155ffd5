package authserver

import (
	"iter"
	"sync"
	"time"
)

// Shelf keeps values for a while: at most size of them, each for life. It is safe for
// concurrent use.
type Shelf[T any] struct {
	size int
	life time.Duration
	now  func() time.Time

	mu    sync.Mutex
	byKey map[string]kept[T]
	order []place // the first expire first; some are taken, or kept anew, since
}

type kept[T any] struct {
	value T
	until time.Time
}

// place is a key in the order in which values came.
type place struct {
	key   string
	until time.Time
}

// NewShelf makes a shelf. Size 0 is no limit.
func NewShelf[T any](size int, life time.Duration, now func() time.Time) *Shelf[T] {
	return &Shelf[T]{size: size, life: life, now: now, byKey: map[string]kept[T]{}}
}

// Put keeps a value under a key; where there is no room, the oldest goes.
func (s *Shelf[T]) Put(key string, value T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.byKey, key)
	s.tidy()
	for s.full() {
		s.dropFirst()
	}
	s.keep(key, value)
}

// Add keeps a value under a new key. It reports false, and keeps nothing, where the key is
// known or there is no room: a nonce must not be forgotten to make room for another.
func (s *Shelf[T]) Add(key string, value T) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tidy()
	if s.alive(s.byKey[key]) || s.full() {
		return false
	}
	s.keep(key, value)
	return true
}

// Get returns a value and leaves it.
func (s *Shelf[T]) Get(key string) (value T, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.byKey[key]; s.alive(k) {
		return k.value, true
	}
	return value, false
}

// Take returns a value and removes it: of two callers, one gets it.
func (s *Shelf[T]) Take(key string) (value T, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.byKey[key]
	delete(s.byKey, key)
	if s.alive(k) {
		return k.value, true
	}
	return value, false
}

// All gives the values that are there.
func (s *Shelf[T]) All() iter.Seq[T] {
	return func(yield func(T) bool) {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, k := range s.byKey {
			if s.alive(k) && !yield(k.value) {
				return
			}
		}
	}
}

func (s *Shelf[T]) keep(key string, value T) {
	until := s.now().Add(s.life)
	s.byKey[key] = kept[T]{value, until}
	s.order = append(s.order, place{key, until})
}

// alive is false for the zero kept, too.
func (s *Shelf[T]) alive(k kept[T]) bool { return s.now().Before(k.until) }

func (s *Shelf[T]) full() bool { return s.size > 0 && len(s.byKey) >= s.size }

// tidy throws away what has expired.
func (s *Shelf[T]) tidy() {
	for now := s.now(); len(s.order) > 0 && !now.Before(s.order[0].until); {
		s.dropFirst()
	}
}

func (s *Shelf[T]) dropFirst() {
	first := s.order[0]
	s.order = s.order[1:]
	if s.byKey[first.key].until.Equal(first.until) {
		delete(s.byKey, first.key)
	}
}
