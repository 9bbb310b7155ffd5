package benchmarks_test

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gopassport/passport"
)

// All cases share this harness, and each group has a case "bare": what the harness costs
// by itself. The command ratios takes it off ("net"), so that ratios between cases of one
// run mean something.

type user struct{ Name string }

const (
	userKey = "4711"
	secret  = "0123456789abcdef0123456789abcdef" // of floors and peers
)

// people stands for the application's database.
type people map[string]*user

func newPeople() people { return people{userKey: {"ada"}} }

func (p people) load(_ context.Context, key string) (*user, error) {
	if u, ok := p[key]; ok {
		return u, nil
	}
	return nil, passport.ErrNoUser
}

// newRegistry makes a registry with logins, as applications have it: nothing is turned off.
func newRegistry(sessions passport.SessionStore) *passport.Registry {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	return passport.New(passport.Config{
		Keys:     [][]byte{key},
		Sessions: sessions,
		Users:    passport.Users[*user]{Key: func(*user) string { return userKey }, Load: newPeople().load},
	})
}

// discard is a ResponseWriter that costs next to nothing.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

// measure gives a handler the same request again and again. Beside the time it reports
// that of the processor, in all threads: what else the machine does moves it less, and the
// garbage collector does not work for nothing on another core.
func measure(b *testing.B, h http.Handler, r *http.Request) {
	b.Helper()
	w := discard{http.Header{}}
	b.ReportAllocs()
	before := processor()
	for b.Loop() {
		clear(w.header)
		h.ServeHTTP(w, r)
	}
	b.ReportMetric(float64(processor()-before)/float64(b.N), "cpu-ns/op")
}

// fresh is for gorilla's sessions, which write into the request, and must not find there
// what they left in it the last time. The copy costs as little as the harness.
func fresh(h http.HandlerFunc) http.HandlerFunc {
	again := new(http.Request)
	return func(w http.ResponseWriter, r *http.Request) {
		*again = *r
		h(w, again)
	}
}

// visit is a person's navigation within the application, with the headers of a browser.
func visit(cookies ...*http.Cookie) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "https://app.example/page", nil)
	for name, value := range map[string]string{
		"User-Agent":      "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
		"Accept":          "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
		"Accept-Language": "en-GB,en;q=0.9",
		"Accept-Encoding": "gzip, deflate, br, zstd",
		"Sec-Fetch-Site":  "same-origin",
		"Sec-Fetch-Mode":  "navigate",
		"Sec-Fetch-Dest":  "document",
		"Sec-Fetch-User":  "?1",
		"Cookie":          "theme=dark; lang=en",
	} {
		r.Header.Set(name, value)
	}
	for _, c := range cookies {
		r.AddCookie(c)
	}
	return r
}

func done(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }

func bare(b *testing.B) { measure(b, http.HandlerFunc(done), visit()) }
