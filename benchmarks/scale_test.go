package benchmarks_test

import (
	"fmt"
	"net/http"
	"runtime"
	"testing"

	"github.com/gopassport/passport"
)

// BenchmarkStrategies looks one strategy up among many, by name and at request time, which
// only Check does; routes have theirs from the beginning. Both registries are in memory in
// both cases: what the garbage collector has to do for 100,000 strategies is none of it.
func BenchmarkStrategies(b *testing.B) {
	registries := map[int]*passport.Registry{1: newRegistry(nil), 100_000: newRegistry(nil)}
	for n, auth := range registries {
		for i := range n {
			auth.Use(tenant(i), passport.StrategyFunc(ada))
		}
	}
	for _, n := range []int{1, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) { check(b, registries[n], n) })
	}
	runtime.KeepAlive(registries)
}

func tenant(i int) string { return fmt.Sprintf("tenant-%06d", i) }

func ada(*http.Request, *passport.Attempt) (passport.Result, error) {
	return passport.Success{Value: &user{"ada"}}, nil
}

// check asks for one strategy after the other of 64 that lie far apart.
func check(b *testing.B, auth *passport.Registry, n int) {
	b.Helper()
	names, i := make([]string, 64), 0
	for i := range names {
		names[i] = tenant(i * n / len(names))
	}
	measure(b, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i++
		if _, err := auth.Check(w, r, names[i%len(names)]); err != nil {
			b.Fatal(err)
		}
		done(w, r)
	}), visit())
}

// BenchmarkCores serves on as many goroutines as there are cores (-cpu 1,2).
func BenchmarkCores(b *testing.B) {
	auth := newRegistry(nil)
	h, r := auth.Session(greet(b, passport.UserFrom[*user])), visit(logIn(b, auth)...)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		w := discard{http.Header{}}
		for pb.Next() {
			clear(w.header)
			h.ServeHTTP(w, r)
		}
	})
}
