package passporttest

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime/debug"
	"sync"
	"testing"

	"github.com/gopassport/passport"
)

// Attempt calls one strategy alone, as a registry would, and shows what the strategy
// itself returned: for authors of strategies. It keeps the cookies of flows, so what a
// strategy saves in one call it can take in the next: use one host in all requests, because
// cookies are kept by host. It is safe for concurrent use.
type Attempt struct {
	route http.Handler
	jar   jar
}

// attemptName is what the strategy of an Attempt is called.
const attemptName = "strategy"

// NewAttempt makes a registry for the strategy alone, under the name "strategy". opts are
// those of the route, such as [passport.Param]; the route is one of Authorize. It panics
// where Authorize does: on a parameter that the strategy does not take, say.
func NewAttempt(tb testing.TB, s passport.Strategy, opts ...passport.Option) *Attempt {
	tb.Helper()
	auth := passport.New(passport.Config{Keys: [][]byte{randomKey()}, Observe: func(context.Context, passport.Event) {}})
	auth.Use(attemptName, watched{s})
	return &Attempt{route: auth.Authorize(attemptName, opts...)(http.NotFoundHandler())}
}

// Do calls the strategy with a request. One that says nothing about where it comes from
// (no Fetch Metadata, Origin, Referer) is taken for a person's who followed a link of the
// application, so that a flow may begin with it. Flows end at the host where they began: a
// request to another one has none. A strategy that panics gives a [Panic].
func (a *Attempt) Do(r *http.Request) (passport.Result, error) {
	v := &watch{}
	r = r.Clone(context.WithValue(r.Context(), watchKey{}, v))
	at := &url.URL{Scheme: "https", Host: r.Host, Path: "/"} // which the registry takes every host for, but this machine
	if len(r.Header["Sec-Fetch-Site"])+len(r.Header["Origin"])+len(r.Header["Referer"]) == 0 {
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.Header.Set("Sec-Fetch-Mode", "navigate")
		r.Header.Set("Sec-Fetch-Dest", "document")
	}
	for _, c := range a.jar.send(at, false, true) {
		r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
	}
	w := httptest.NewRecorder()
	a.route.ServeHTTP(w, r)
	a.jar.store(at, w.Result().Cookies())
	return v.get()
}

// Panic is the error of [Attempt.Do] for a strategy that panicked.
type Panic struct {
	Value any
	Stack []byte
}

// Error shows the value and the stack.
func (p *Panic) Error() string { return fmt.Sprintf("panic: %v\n%s", p.Value, p.Stack) }

// watched passes what a strategy returned to who asked, besides the registry.
type watched struct{ passport.Strategy }

type watchKey struct{}

// watch is what the strategy returned; nothing where the registry did not get to ask it.
type watch struct {
	mu sync.Mutex
	verdict
}

func (v *watch) set(result passport.Result, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.verdict = verdict{result, err}
}

func (v *watch) get() (passport.Result, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.result, v.err
}

// Authenticate implements [passport.Strategy].
func (s watched) Authenticate(r *http.Request, a *passport.Attempt) (result passport.Result, err error) {
	v, ok := r.Context().Value(watchKey{}).(*watch)
	if !ok {
		v = &watch{}
	}
	defer func() {
		if value := recover(); value != nil {
			result, err = nil, &Panic{value, debug.Stack()}
		}
		v.set(result, err)
	}()
	return s.Strategy.Authenticate(r, a)
}

// CheckParam asks the strategy, where it checks the parameters of its routes.
func (s watched) CheckParam(key, value string) error {
	if checker, ok := s.Strategy.(interface{ CheckParam(key, value string) error }); ok {
		return checker.CheckParam(key, value)
	}
	return nil
}

func randomKey() []byte {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails: without random bits the program ends
	return key
}
