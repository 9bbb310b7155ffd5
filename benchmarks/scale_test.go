package benchmarks_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/gopassport/passport"
)

// BenchmarkStrategies looks one strategy up among many, by name and at request time, which
// only Check does; routes have theirs from the beginning.
func BenchmarkStrategies(b *testing.B) {
	for _, n := range []int{1, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			auth := newRegistry(nil)
			always := passport.StrategyFunc(func(*http.Request, *passport.Attempt) (passport.Result, error) {
				return passport.Success{Value: &user{"ada"}}, nil
			})
			for i := range n {
				auth.Use(fmt.Sprintf("tenant-%06d", i), always)
			}
			name, i := make([]string, 64), 0
			for i := range name {
				name[i] = fmt.Sprintf("tenant-%06d", i*n/len(name))
			}
			measure(b, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				i++
				if result, err := auth.Check(w, r, name[i%len(name)]); err != nil {
					b.Fatal(result, err)
				}
				done(w, r)
			}), visit())
		})
	}
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
