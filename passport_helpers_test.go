package passport_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gorilla/sessions"

	"github.com/gopassport/passport"
)

// The tests of Passport, row by row (docs/passport-rows.md): the name of a case begins with
// the id of its row. Where this library differs on purpose, the case shows what it does
// instead, and docs/from-passport.md says why.

// row runs a case on each store.
func row(t *testing.T, name string, test func(*testing.T, shelf)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { onEachShelf(t, test) })
}

// newRoute is a site with one strategy, for logins at /in; /messages shows and forgets
// the messages.
func newRoute(t *testing.T, shelf shelf, strategy passport.Strategy, opts ...passport.Option) (*site, *browser) {
	t.Helper()
	s := newSite(t, shelf.option)
	s.Use("s", strategy)
	s.mount("/in", s.Authenticate("s", opts...))
	s.showMessages()
	return s, newBrowser(t, s)
}

func (s *site) showMessages() {
	s.mux.HandleFunc("/messages", func(w http.ResponseWriter, r *http.Request) {
		messages, err := s.Messages(w, r)
		s.by(w, err)
		_, _ = fmt.Fprintf(w, "%q", messages)
	})
}

// fails is the status and the code of an answer whose words are free.
func (r *reply) fails(status int, code passport.Code) *reply {
	r.t.Helper()
	if r.status != status || !strings.Contains(r.body, string(code)) || r.location != "" {
		r.t.Errorf("got %d %q (Location %q), want %d and %s in the text", r.status, r.body, r.location, status, code)
	}
	return r
}

// sent is the status and the address of a redirect.
func (r *reply) sent(status int, to string) *reply {
	r.t.Helper()
	if r.status != status || r.location != to || r.body != "" {
		r.t.Errorf("got %d %q (Location %q), want %d and the Location %q", r.status, r.body, r.location, status, to)
	}
	return r
}

// challenges are the lines of WWW-Authenticate, "" for none.
func (r *reply) challenges() string { return strings.Join(r.header["Www-Authenticate"], "|") }

// info tells what the handler sees of Info: "user alice, account -, info 5".
func info(w http.ResponseWriter, r *http.Request) {
	show(w, r)
	if v, ok := passport.InfoFrom[any](r.Context()); ok {
		_, _ = fmt.Fprintf(w, ", info %v", v)
	}
}

// aliceWith is alice, about whose log-in there is more to say.
func aliceWith(info any) passport.StrategyFunc {
	return always(passport.Success{Value: &user{"alice"}, Info: info})
}

// cartOn lets the application keep a cart beside the login, where the store has room for
// it: sealed cookies hold the login and nothing else.
func (s *site) cartOn(shelf shelf) bool {
	if shelf.values == nil {
		return false
	}
	s.cart(shelf)
	return true
}

// brittle is a real store, parts of which fail.
type brittle struct {
	sessions.Store
	get, put, del error
}

var errDown = errors.New("connection refused")

func (b *brittle) Get(r *http.Request, name string) (*sessions.Session, error) {
	return sessions.GetRegistry(r).Get(b, name)
}

// New makes the session one of b's own, so that its Save comes here, too.
func (b *brittle) New(r *http.Request, name string) (*sessions.Session, error) {
	inner, err := b.Store.New(r, name)
	s := sessions.NewSession(b, name)
	s.ID, s.Values, s.Options, s.IsNew = inner.ID, inner.Values, inner.Options, inner.IsNew
	if b.get != nil {
		return s, b.get
	}
	return s, err
}

func (b *brittle) Save(r *http.Request, w http.ResponseWriter, s *sessions.Session) error {
	switch {
	case s.Options.MaxAge < 0 && b.del != nil:
		return b.del
	case s.Options.MaxAge >= 0 && b.put != nil:
		return b.put
	}
	return b.Store.Save(r, w, s)
}

// brittleRow runs a case on each store that can fail. A sealed cookie cannot.
func brittleRow(t *testing.T, name string, test func(*testing.T, shelf, *brittle)) {
	t.Helper()
	row(t, name, func(t *testing.T, shelf shelf) {
		if shelf.values == nil {
			t.Skip("a sealed cookie has no store that could fail")
		}
		b := &brittle{Store: shelf.values}
		shelf.values = b
		shelf.option = func(c *passport.Config) { c.Sessions = passport.GorillaSessions(b, "session") }
		test(t, shelf, b)
	})
}
