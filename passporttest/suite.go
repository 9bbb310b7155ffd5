package passporttest

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gopassport/passport"
)

// The suites go through handlers, as the library's users do: a small application, and
// visitors with cookies.

// suiteUser is who logs in.
type suiteUser struct{ id string }

// suiteKey is one for Config.Keys.
func suiteKey() []byte {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails: without random bits the program ends
	return key
}

// suiteSite is an application:
//
//	/as/{id}                  Authenticate, with no questions asked
//	/logout  /me              log out; who is there
//	/login/op[/callback]      Authenticate with a provider
//	/connect/op[/callback]    Authorize with it
//	/session                  what act does with the session
type suiteSite struct {
	*passport.Registry

	handler   http.Handler
	store     passport.SessionStore
	act       func(passport.Session, http.ResponseWriter, *http.Request)
	exchanged atomic.Int64 // callbacks that got as far as a call to the provider
}

// newSuiteSite makes the application with a configuration. wrap is middleware around all; nil for none.
func newSuiteSite(config passport.Config, wrap func(http.Handler) http.Handler) *suiteSite {
	s := &suiteSite{store: config.Sessions}
	config.Users = passport.Users[*suiteUser]{
		Key:  func(u *suiteUser) string { return u.id },
		Load: func(_ context.Context, key string) (*suiteUser, error) { return &suiteUser{key}, nil },
	}
	config.Observe = func(context.Context, passport.Event) {}
	config.OnError = func(w http.ResponseWriter, _ *http.Request, err error) { suiteRefuse(w, err) }
	s.Registry = passport.New(config)
	s.Use("name", passport.StrategyFunc(func(r *http.Request, _ *passport.Attempt) (passport.Result, error) {
		return passport.Success{Value: &suiteUser{r.PathValue("id")}}, nil
	}))
	s.Use("op", passport.StrategyFunc(s.provider))
	s.handler = s.Session(s.routes())
	if wrap != nil {
		s.handler = wrap(s.handler)
	}
	return s
}

func (s *suiteSite) routes() http.Handler {
	mux := http.NewServeMux()
	show := http.HandlerFunc(suiteShow)
	mux.Handle("/me", show)
	mux.Handle("/as/{id}", s.Authenticate("name")(show))
	for path, wrap := range map[string]func(http.Handler) http.Handler{"/login/op": s.Authenticate("op"), "/connect/op": s.Authorize("op")} {
		mux.Handle(path, wrap(show))
		mux.Handle(path+"/callback", wrap(show))
	}
	mux.HandleFunc("/logout", func(w http.ResponseWriter, r *http.Request) {
		if err := s.Logout(w, r); err != nil {
			suiteRefuse(w, err)
		}
	})
	mux.HandleFunc("/session", func(w http.ResponseWriter, r *http.Request) {
		session, err := s.store.Load(r)
		if err != nil {
			suiteRefuse(w, err)
			return
		}
		s.act(session, w, r)
	})
	return mux
}

// provider is a strategy whose provider sends everybody back. The code is the user's key.
func (s *suiteSite) provider(r *http.Request, a *passport.Attempt) (passport.Result, error) {
	q := r.URL.Query()
	if !q.Has("code") {
		state := rand.Text()
		if err := a.Save(state, "verifier"); err != nil {
			return nil, err
		}
		return passport.Redirect{URL: "https://provider.example/?state=" + state}, nil
	}
	var verifier string
	if err := a.Take(q.Get("state"), &verifier); err != nil {
		return nil, err
	}
	s.exchanged.Add(1)
	return passport.Success{Value: &suiteUser{q.Get("code")}}, nil
}

// suiteShow says who is there, "-" for nobody.
func suiteShow(w http.ResponseWriter, r *http.Request) {
	who := "-"
	if u, ok := passport.UserFrom[*suiteUser](r.Context()); ok {
		who = u.id
	}
	_, _ = fmt.Fprint(w, who)
}

// suiteRefuse answers with the error's status and code.
func suiteRefuse(w http.ResponseWriter, err error) {
	var e *passport.Error
	if !errors.As(err, &e) {
		e = &passport.Error{Code: passport.CodeSessionStore, Status: http.StatusServiceUnavailable} // what the registry makes of a store's error
	}
	w.WriteHeader(e.Status)
	_, _ = fmt.Fprint(w, e.Code)
}

// suiteVisitor is a browser that keeps cookies until they are removed.
type suiteVisitor struct {
	t       *testing.T
	handler http.Handler
	jar     []*http.Cookie
}

func (s *suiteSite) visitor(t *testing.T, jar ...*http.Cookie) *suiteVisitor {
	return &suiteVisitor{t, s.handler, jar}
}

// thief has a copy of the visitor's cookies.
func (v *suiteVisitor) thief() *suiteVisitor {
	return &suiteVisitor{v.t, v.handler, slices.Clone(v.jar)}
}

// at is the same browser at another machine.
func (v *suiteVisitor) at(s *suiteSite) *suiteVisitor {
	return &suiteVisitor{v.t, s.handler, slices.Clone(v.jar)}
}

type suiteReply struct {
	status  int
	body    string
	header  http.Header
	cookies []*http.Cookie
}

func (v *suiteVisitor) get(path string) *suiteReply {
	var cookies []string
	for _, c := range v.jar {
		cookies = append(cookies, c.Name+"="+c.Value)
	}
	return v.send(path, strings.Join(cookies, "; "))
}

// send is get with a Cookie header of one's own. What the answer sets is kept.
func (v *suiteVisitor) send(path, cookies string) *suiteReply {
	r := httptest.NewRequestWithContext(v.t.Context(), http.MethodGet, path, nil)
	r.Host, r.TLS = "app.example", &tls.ConnectionState{}
	for name, value := range map[string]string{"Cookie": cookies, "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"} {
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	w := httptest.NewRecorder()
	v.handler.ServeHTTP(w, r)
	reply := &suiteReply{w.Code, w.Body.String(), w.Header(), w.Result().Cookies()}
	for _, c := range reply.cookies {
		v.keep(c)
	}
	return reply
}

// keep puts a cookie into the jar, or takes it out.
func (v *suiteVisitor) keep(c *http.Cookie) {
	v.jar = slices.DeleteFunc(slices.Clone(v.jar), func(old *http.Cookie) bool { return old.Name == c.Name })
	if c.MaxAge >= 0 && (c.Expires.IsZero() || c.Expires.After(time.Now())) {
		v.jar = append(v.jar, c)
	}
}

// as logs somebody in.
func (v *suiteVisitor) as(id string) *suiteVisitor {
	v.t.Helper()
	v.wants("/as/"+id, http.StatusOK, id)
	return v
}

// me is who the application takes the visitor for.
func (v *suiteVisitor) me() string {
	v.t.Helper()
	reply := v.get("/me")
	if reply.status != http.StatusOK {
		v.t.Errorf("/me answers %d %q", reply.status, reply.body)
	}
	return reply.body
}

// wants compares the answer of an address.
func (v *suiteVisitor) wants(path string, status int, body string) *suiteReply {
	v.t.Helper()
	reply := v.get(path)
	if reply.status != status || reply.body != body {
		v.t.Errorf("%s answers %d %q, want %d %q", path, reply.status, reply.body, status, body)
	}
	return reply
}

// begin starts a flow and gives the address of its callback.
func (v *suiteVisitor) begin(path, code string) (callback string) {
	v.t.Helper()
	reply := v.get(path)
	u, err := url.Parse(reply.header.Get("Location"))
	if err != nil || u.Query().Get("state") == "" {
		v.t.Fatalf("%s begins no flow: %d %q", path, reply.status, reply.body)
	}
	return path + "/callback?" + url.Values{"state": {u.Query().Get("state")}, "code": {code}}.Encode()
}

func suiteEqual[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// suiteEventually asks until the answer is yes, or too late.
func suiteEventually(t *testing.T, what string, within time.Duration, yes func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(within); !yes(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, within)
		}
	}
}
