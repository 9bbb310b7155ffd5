package authserver

import (
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// at is a clock that the test moves.
type at struct{ time.Time }

func (c *at) now() time.Time       { return c.Time }
func (c *at) pass(d time.Duration) { c.Time = c.Add(d) }
func newClock() *at                { return &at{time.Unix(0, 0)} }

// holds tells whether a shelf gives just these values, for the keys a, b and so on; -1 is
// for none.
func holds(t *testing.T, s *Shelf[int], want ...int) {
	t.Helper()
	for i, w := range want {
		key := string(rune('a' + i))
		if v, ok := s.Get(key); ok != (w >= 0) || ok && v != w {
			t.Errorf("%s is %d, %t; want %d", key, v, ok, w)
		}
	}
}

func TestAShelfForgetsTheOldestWhereThereIsNoRoom(t *testing.T) {
	clock := newClock()
	s := NewShelf[int](3, time.Hour, clock.now)
	for i := range 50 {
		clock.pass(time.Second)
		s.Put(strconv.Itoa(i), i)
		if len(s.byKey) > 3 || len(s.order) > 3 {
			t.Fatalf("%d values in %d places", len(s.byKey), len(s.order))
		}
	}
	for i, want := range map[int]bool{46: false, 47: true, 48: true, 49: true} {
		if v, ok := s.Get(strconv.Itoa(i)); ok != want || ok && v != i {
			t.Errorf("%d is %d, %t", i, v, ok)
		}
	}
}

func TestAShelfForgetsAtTheEndOfALife(t *testing.T) {
	clock := newClock()
	s := NewShelf[int](2, time.Minute, clock.now)
	s.Put("a", 1)
	clock.pass(30 * time.Second)
	s.Put("b", 2)
	clock.pass(30 * time.Second)
	holds(t, s, -1, 2)
	if _, ok := s.Take("a"); ok {
		t.Error("a is taken after its end")
	}
	s.Put("c", 3)
	holds(t, s, -1, 2, 3) // what expired makes room, not the oldest of the others
}

func TestAShelfReplacesAValueAndItsTime(t *testing.T) {
	clock := newClock()
	s := NewShelf[int](2, time.Minute, clock.now)
	s.Put("a", 1)
	clock.pass(30 * time.Second)
	s.Put("b", 2)
	s.Put("a", 3)
	holds(t, s, 3, 2)
	clock.pass(45 * time.Second)
	holds(t, s, 3, 2)
	s.Put("c", 4)
	holds(t, s, 3, -1, 4)
}

func TestAShelfAddsNothingInThePlaceOfWhatIsAlive(t *testing.T) {
	clock := newClock()
	s := NewShelf[int](2, time.Minute, clock.now)
	for _, c := range []struct {
		key  string
		want bool
	}{{"a", true}, {"a", false}, {"b", true}, {"c", false}} {
		if got := s.Add(c.key, 1); got != c.want {
			t.Errorf("%s: %t", c.key, got)
		}
	}
	clock.pass(time.Minute)
	if !s.Add("a", 5) || !s.Add("c", 6) {
		t.Error("what expired makes no room")
	}
	holds(t, s, 5, -1, 6)
}

// What is put and taken at once leaves nothing behind for longer than its life.
func TestAShelfKeepsNoPlacesForWhatIsGone(t *testing.T) {
	clock := newClock()
	s := NewShelf[int](0, time.Minute, clock.now)
	for i := range 10_000 {
		clock.pass(time.Second)
		s.Put(strconv.Itoa(i), i)
		s.Take(strconv.Itoa(i))
	}
	if len(s.byKey) != 0 || len(s.order) > 60 {
		t.Errorf("%d values in %d places", len(s.byKey), len(s.order))
	}
}

func TestOneOfManyTakesAValue(t *testing.T) {
	s := NewShelf[int](2, time.Minute, time.Now)
	s.Put("a", 1)
	var winners atomic.Int32
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if _, ok := s.Take("a"); ok {
				winners.Add(1)
			}
		})
	}
	all.Wait()
	if winners.Load() != 1 {
		t.Errorf("%d take it", winners.Load())
	}
}
