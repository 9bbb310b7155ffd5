package oauth1_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/testapp"
	"github.com/gopassport/passport/strategies/oauth1"
)

// account is what the application makes of a Grant.
type account struct{ ID, Name string }

func keep(_ *http.Request, g oauth1.Grant) (*account, error) {
	return &account{g.Subject, g.Reply.Get("screen_name")}, nil
}

// app is an application: /connect/NAME connects an account, /login/NAME logs in.
type app struct{ *testapp.App }

func newApp(tb testing.TB, changes ...func(*passport.Config)) *app {
	tb.Helper()
	users := func(c *passport.Config) {
		c.Users = passport.Users[*account]{Key: func(a *account) string { return a.ID }, Load: func(_ context.Context, id string) (*account, error) { return &account{ID: id}, nil }}
	}
	p := &app{testapp.New(tb, append([]func(*passport.Config){users}, changes...)...)}
	p.Handler, p.Causes = p.Auth.Session(p.Mux), true
	return p
}

// connect registers a strategy and its route.
func (p *app) connect(name string, s passport.Strategy, opts ...passport.Option) {
	p.Auth.Use(name, s)
	p.Mux.Handle("/connect/"+name, p.Auth.Authorize(name, opts...)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, ok := passport.AccountFrom[*account](r.Context())
		fmt.Fprintf(w, "connected %t %+v", ok, *a)
	})))
}

// login registers a strategy and its route.
func (p *app) login(name string, s passport.Strategy, opts ...passport.Option) {
	p.Auth.Use(name, s)
	p.Mux.Handle("/login/"+name, p.Auth.Authenticate(name, opts...)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, ok := passport.UserFrom[*account](r.Context())
		fmt.Fprintf(w, "connected %t %+v", ok, *a)
	})))
}

// world is an application with the strategy "op", and its service.
func world(t *testing.T, change ...func(*oauth1.Config)) (*app, *service) {
	t.Helper()
	p, s := newApp(t), newService(t)
	c := s.config()
	for _, f := range change {
		f(&c)
	}
	p.connect("op", oauth1.New(c, keep))
	return p, s
}

// through runs a whole flow and gives its last answer.
func (p *app) through(s *service, path string) *httptest.ResponseRecorder {
	p.T.Helper()
	b := p.Browser()
	w := b.Get(path, "same-origin")
	if w.Code == http.StatusFound {
		location := w.Header().Get("Location")
		w.Header().Del("Location") // the request token is there, and nowhere else
		p.Secretless("the beginning", w)
		w = b.End(path, s.allow(p.T, location))
	}
	return w
}
