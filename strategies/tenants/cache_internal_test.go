package tenants

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/gopassport/passport"
)

// Held is how many strategies are held, for the tests outside.
func Held(s *Strategy) int {
	s.cache.mu.Lock()
	defer s.cache.mu.Unlock()
	n := 0
	s.cache.held.Range(func(any, any) bool { n++; return true })
	if n != len(s.cache.clock) {
		panic(fmt.Sprintf("%d are held, and %d in the clock", n, len(s.cache.clock)))
	}
	return n
}

func always(context.Context, string) (Tenant, error) {
	return Tenant{Strategy: func() (passport.Strategy, error) {
		return passport.StrategyFunc(func(*http.Request, *passport.Attempt) (passport.Result, error) { return passport.Pass{}, nil }), nil
	}}, nil
}

func hold(tb testing.TB, c *cache, names ...string) {
	tb.Helper()
	for _, name := range names {
		if _, err := c.get(context.Background(), name); err != nil {
			tb.Fatal(err)
		}
	}
}

func TestWhatIsInUseStaysWhenThereIsNoMoreRoom(t *testing.T) {
	asked := 0
	c := newCache(func(ctx context.Context, tenant string) (Tenant, error) {
		if tenant == "busy" {
			asked++
		}
		return always(ctx, tenant)
	}, time.Minute, 10)
	for i := range 1000 {
		hold(t, c, "busy", fmt.Sprint("once-", i))
	}
	if asked != 1 || Held(&Strategy{cache: c}) != 10 {
		t.Errorf("the one in use was looked up %d times; %d are held", asked, len(c.clock))
	}
	for i := range c.clock {
		if c.clock[i].slot != i {
			t.Errorf("slot %d has the entry of slot %d", i, c.clock[i].slot)
		}
	}
}

func TestForgettingAndHoldingKeepTheClockWhole(t *testing.T) {
	c := newCache(always, time.Minute, 7)
	for i := range 10_000 {
		hold(t, c, fmt.Sprint(i*31%23))
		if i%3 == 0 {
			c.forget(fmt.Sprint(i * 17 % 23))
		}
		if n := Held(&Strategy{cache: c}); n > 7 {
			t.Fatalf("%d are held", n)
		}
	}
}

// Whoever guesses names fills no memory.
func TestUnknownTenantsAreNotHeld(t *testing.T) {
	c := newCache(func(context.Context, string) (Tenant, error) { return Tenant{}, ErrUnknown }, time.Minute, 10)
	for i := range 100_000 {
		if _, err := c.get(t.Context(), fmt.Sprint(i)); !errors.Is(err, ErrUnknown) {
			t.Fatal(err)
		}
	}
	if len(c.calls)+len(c.clock)+Held(&Strategy{cache: c}) > 0 {
		t.Errorf("%d look-ups and %d tenants are held", len(c.calls), len(c.clock))
	}
}

// The path of every request: one of many tenants, all of them held.
func BenchmarkHit(b *testing.B) {
	const all = 10_000
	c := newCache(always, time.Hour, all)
	names := make([]string, all)
	for i := range names {
		names[i] = fmt.Sprintf("tenant-%05d", i)
	}
	hold(b, c, names...)
	ctx := context.Background()
	b.Run("one", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if e, err := c.get(ctx, names[i*7919%all]); err != nil || e == nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for i := 0; pb.Next(); i++ {
				if e, err := c.get(ctx, names[i*7919%all]); err != nil || e == nil {
					b.Error(err)
				}
			}
		})
	})
}

func BenchmarkMiss(b *testing.B) {
	c := newCache(always, time.Hour, 1000)
	ctx := context.Background()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := c.get(ctx, fmt.Sprint(i)); err != nil {
			b.Fatal(err)
		}
	}
}
