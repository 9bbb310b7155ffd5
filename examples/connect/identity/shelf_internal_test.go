package identity

import (
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// ticking is a clock that moves a second whenever it is read.
func ticking() func() time.Time {
	now := time.Unix(0, 0)
	return func() time.Time {
		now = now.Add(time.Second)
		return now
	}
}

func TestShelfForgetsTheOldestWhereThereIsNoRoom(t *testing.T) {
	s := newShelf[int](3, time.Hour, ticking())
	for i := range 50 {
		s.put(strconv.Itoa(i), i)
		require.LessOrEqual(t, len(s.byKey), 3)
	}
	for i, want := range map[int]bool{46: false, 47: true, 48: true, 49: true} {
		v, ok := s.get(strconv.Itoa(i))
		require.Equal(t, want, ok)
		require.Equal(t, want, v == i)
	}
}

func TestShelfForgetsAtTheEndOfALife(t *testing.T) {
	now := time.Unix(0, 0)
	s := newShelf[int](2, time.Minute, func() time.Time { return now })
	s.put("a", 1)
	now = now.Add(30 * time.Second)
	s.put("b", 2)
	now = now.Add(30 * time.Second)
	_, ok := s.get("a")
	require.False(t, ok)
	_, ok = s.take("a")
	require.False(t, ok)
	s.put("c", 3)
	_, ok = s.get("b")
	require.True(t, ok, "what expired makes room, not the oldest of the others")
}

func TestShelfReplacesAValueAndItsTime(t *testing.T) {
	now := time.Unix(0, 0)
	s := newShelf[int](1, time.Minute, func() time.Time { return now })
	s.put("a", 1)
	now = now.Add(30 * time.Second)
	s.put("a", 2)
	now = now.Add(45 * time.Second)
	v, ok := s.get("a")
	require.True(t, ok)
	require.Equal(t, 2, v)
}

func TestShelfAddForgetsNothingThatIsAlive(t *testing.T) {
	now := time.Unix(0, 0)
	s := newShelf[int](2, time.Minute, func() time.Time { return now })
	require.True(t, s.add("a", 1))
	require.False(t, s.add("a", 2))
	require.True(t, s.add("b", 3))
	require.False(t, s.add("c", 4))
	v, _ := s.get("a")
	require.Equal(t, 1, v)
	now = now.Add(time.Minute)
	require.True(t, s.add("a", 5))
	require.True(t, s.add("c", 6))
}

func TestOneOfManyTakesTheValue(t *testing.T) {
	s := newShelf[int](2, time.Minute, time.Now)
	s.put("a", 1)
	var winners atomic.Int32
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if _, ok := s.take("a"); ok {
				winners.Add(1)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, winners.Load())
}
