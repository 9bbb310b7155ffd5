package passport_test

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/sessions"

	"github.com/gopassport/passport"
)

// The benchmarks of a request's cost. All share one harness, so that "net" (a case less
// Harness) and the ratios between cases mean something in one run:
//
//	go test -run '^$' -bench 'Anonymous|Restored' -benchmem -count 6 .
//
// Restored/floor is what a login costs at least: the cookie found by hand, base64, one
// pooled HMAC-SHA256 compared, the clock, a map look-up, one request with a context value.

type benchUser struct{ Name string }

var benchUsers = map[string]*benchUser{"4711": {"ada"}}

func benchRegistry(b *testing.B) *passport.Registry {
	b.Helper()
	key := make([]byte, 32)
	rand.Read(key)
	auth := passport.New(passport.Config{
		Keys: [][]byte{key},
		Users: passport.Users[*benchUser]{
			Key: func(*benchUser) string { return "4711" },
			Load: func(_ context.Context, key string) (*benchUser, error) {
				if u, ok := benchUsers[key]; ok {
					return u, nil
				}
				return nil, passport.ErrNoUser
			},
		},
		Observe: func(context.Context, passport.Event) {},
	})
	auth.Use("provider", benchProvider{})
	return auth
}

// discard is a ResponseWriter that costs benchNext.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

func measure(b *testing.B, h http.Handler, r *http.Request) {
	b.Helper()
	w := discard{http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.header)
		h.ServeHTTP(w, r)
	}
}

func visit(cookies ...*http.Cookie) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "https://app.example/page", nil)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "document")
	r.Header.Add("Cookie", "theme=dark; lang=en")
	for _, c := range cookies {
		r.AddCookie(c)
	}
	return r
}

var benchNext = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })

func BenchmarkAnonymous(b *testing.B) {
	b.Run("harness", func(b *testing.B) { measure(b, benchNext, visit()) })
	b.Run("Session", func(b *testing.B) { measure(b, benchRegistry(b).Session(benchNext), visit()) })
}

func BenchmarkRestored(b *testing.B) {
	b.Run("harness", func(b *testing.B) { measure(b, benchNext, visit()) })
	b.Run("floor", func(b *testing.B) {
		f := newFloor()
		measure(b, f.middleware(benchNext), visit(f.cookie("4711")))
	})
	b.Run("Session", func(b *testing.B) {
		auth := benchRegistry(b)
		w := httptest.NewRecorder()
		if err := auth.Login(w, visit(), benchUsers["4711"]); err != nil {
			b.Fatal(err)
		}
		user := auth.Session(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, ok := passport.UserFrom[*benchUser](r.Context()); !ok {
				b.Fatal("the login was not restored")
			}
			benchNext(w, r)
		}))
		measure(b, user, visit(w.Result().Cookies()...))
	})
	b.Run("gorilla", func(b *testing.B) {
		store := sessions.NewCookieStore([]byte("0123456789abcdef0123456789abcdef"))
		w, r := httptest.NewRecorder(), visit()
		s, _ := store.New(r, "session")
		s.Values["user"] = "4711"
		if err := s.Save(r, w); err != nil {
			b.Fatal(err)
		}
		measure(b, gorillaGet(b, store), visit(w.Result().Cookies()...))
	})
}

// gorillaGet is what an application writes by hand on a stock store.
func gorillaGet(b *testing.B, store sessions.Store) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = r.WithContext(r.Context()) // Get writes into the request
		s, err := store.Get(r, "session")
		if err != nil {
			b.Fatal(err)
		}
		key, _ := s.Values["user"].(string)
		if benchUsers[key] == nil {
			b.Fatal("the login was not restored")
		}
		benchNext(w, r)
	})
}

// floor restores a signed cookie by hand.
type floor struct{ scratch sync.Pool }

type floorKey struct{}

// floorScratch keeps off the heap what one request needs.
type floorScratch struct {
	mac       hash.Hash
	text, raw [256]byte
	sum       [sha256.Size]byte
}

func newFloor() *floor {
	secret := []byte("0123456789abcdef0123456789abcdef")
	return &floor{scratch: sync.Pool{New: func() any { return &floorScratch{mac: hmac.New(sha256.New, secret)} }}}
}

const floorName = "session"

func (s *floorScratch) sign(payload []byte) []byte {
	s.mac.Reset()
	s.mac.Write(payload)
	return s.mac.Sum(s.sum[:0])
}

func (f *floor) cookie(key string) *http.Cookie {
	payload := binary.BigEndian.AppendUint64(nil, uint64(time.Now().Unix()))
	payload = append(payload, key...)
	value := append(f.scratch.Get().(*floorScratch).sign(payload), payload...)
	return &http.Cookie{Name: floorName, Value: base64.RawURLEncoding.EncodeToString(value)}
}

func (f *floor) middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user := f.user(r)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), floorKey{}, user)))
	})
}

func (f *floor) user(r *http.Request) *benchUser {
	s := f.scratch.Get().(*floorScratch)
	defer f.scratch.Put(s)
	_, value, _ := strings.Cut(r.Header["Cookie"][0], floorName+"=")
	n, err := base64.RawURLEncoding.Decode(s.raw[:], s.text[:copy(s.text[:], value)])
	if err != nil || n < sha256.Size+8 {
		return nil
	}
	payload := s.raw[sha256.Size:n]
	if !hmac.Equal(s.sign(payload), s.raw[:sha256.Size]) {
		return nil
	}
	if at := time.Unix(int64(binary.BigEndian.Uint64(payload)), 0); time.Since(at) > 14*24*time.Hour {
		return nil
	}
	return benchUsers[string(payload[8:])]
}

// benchProvider is a provider in process: it says who it is without a network.
type benchProvider struct{}

func (benchProvider) Authenticate(r *http.Request, a *passport.Attempt) (passport.Result, error) {
	if r.URL.RawQuery == "" {
		const state = "c3RhdGUgc3RhdGUgc3RhdGUgc3RhdGUgc3RhdGUgc3Q"
		return passport.Redirect{URL: "https://provider.example/authorize?state=" + state}, a.Save(state, "verifier")
	}
	var verifier string
	if err := a.Take(r.URL.Query().Get("state"), &verifier); err != nil {
		return nil, err
	}
	return passport.Success{Value: benchUsers["4711"]}, nil
}

func BenchmarkBegin(b *testing.B) {
	b.Run("Authorize", func(b *testing.B) { measure(b, benchRegistry(b).Authorize("provider")(benchNext), visit()) })
}

func BenchmarkCallback(b *testing.B) {
	auth := benchRegistry(b)
	w := httptest.NewRecorder()
	auth.Authorize("provider")(benchNext).ServeHTTP(w, visit())
	r := visit(w.Result().Cookies()...)
	_, query, _ := strings.Cut(w.Header().Get("Location"), "?")
	r.URL.RawQuery, r.RequestURI = "code=c&"+query, "/page?code=c&"+query
	connected := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, ok := passport.AccountFrom[*benchUser](r.Context()); !ok {
			b.Fatal("no account")
		}
		benchNext(w, r)
	})
	b.Run("Authorize", func(b *testing.B) { measure(b, auth.Authorize("provider")(connected), r) })
}
