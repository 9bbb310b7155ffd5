package passport_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gopassport/passport"
)

func TestPassportLogin(t *testing.T) {
	row(t, "LIN-1 a login without a session is for one request", func(t *testing.T, shelf shelf) {
		_, b := newRoute(t, shelf, alice, passport.NoSession())
		res := b.get("/in").wants(http.StatusOK, "user alice, account -")
		equal(t, "cookies set", len(res.cookies), 0)
		equal(t, "the next request", b.me(), "-")
	})
	row(t, "LIN-2 it may be of any type", func(t *testing.T, shelf shelf) {
		s := newSite(t, shelf.option)
		s.Use("admin", always(passport.Success{Value: &admin{"1"}}))
		s.mux.Handle("/api", s.Authenticate("admin", passport.NoSession())(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			a, isAdmin := passport.UserFrom[*admin](r.Context())
			_, isUser := passport.UserFrom[*user](r.Context())
			_, _ = fmt.Fprint(w, a.id, isAdmin, isUser)
		})))
		res := newBrowser(t, s).get("/api").wants(http.StatusOK, "1true false")
		equal(t, "cookies set", len(res.cookies), 0)
	})
	row(t, "LIN-3 Check and the handler's own context keep nothing either", func(t *testing.T, shelf shelf) {
		s := newSite(t, shelf.option)
		s.Use("alice", alice)
		s.mux.Handle("/check", checking(s, "alice", passport.NoSession()))
		b := newBrowser(t, s)
		res := b.get("/check").wants(http.StatusOK, "success alice <nil>, user <nil>")
		equal(t, "cookies set", len(res.cookies), 0)
		equal(t, "the next request", b.me(), "-")
	})
	t.Run("LIN-4 it needs neither Session nor users nor keys", func(t *testing.T) {
		p := passport.New(passport.Config{Observe: func(context.Context, passport.Event) {}})
		p.Use("alice", alice)
		b := newBrowser(t, p.Authenticate("alice", passport.NoSession())(http.HandlerFunc(show)))
		b.get("/").wants(http.StatusOK, "user alice, account -")
		equal(t, "cookies", len(b.jar), 0)
	})
	row(t, "LIN-5 a login renews the identity of the session", func(t *testing.T, shelf shelf) {
		s := newSite(t, shelf.option)
		b := newBrowser(t, s)
		if s.cartOn(shelf) {
			b.get("/cart/fill")
		}
		before, id := b.thief(), ""
		if len(b.jar) > 0 {
			id = idOf(t, shelf, b)
		}
		b.as("alice").get("/me").wants(http.StatusOK, "user alice, account -")
		equal(t, "who has the old identity", before.me(), "-")
		if after := idOf(t, shelf, b); shelf.revokes && (after == id || after == "" || id == "") {
			t.Errorf("the identity was %q and is %q", id, after)
		}
	})
	for _, c := range []struct {
		name string
		opts []passport.Option
		want string
	}{
		{"LIN-6 a login forgets what the session held", nil, "<nil> <nil>"},
		{"LIN-7 KeepSessionInfo keeps it", []passport.Option{passport.KeepSessionInfo()}, "book7"},
	} {
		row(t, c.name, func(t *testing.T, shelf shelf) {
			s, b := newRoute(t, shelf, alice, c.opts...)
			if has := s.cartOn(shelf); has {
				b.get("/cart/fill")
				defer func() { equal(t, "the cart", b.get("/cart").body, c.want) }()
			}
			before := b.thief()
			b.get("/in").wants(http.StatusOK, "user alice, account -")
			equal(t, "the next request", b.me(), "alice")
			if shelf.revokes {
				equal(t, "the cart under the old identity", before.get("/cart").body, "<nil> <nil>")
			}
		})
	}
	row(t, "LIN-8 two kinds of users beside each other", func(t *testing.T, shelf shelf) {
		b := newBrowser(t, twoRegistries(t, shelf.option))
		equal(t, "an admin", b.get("/admins/1").body, "user -, admin 1")
		equal(t, "the next request", b.get("/").body, "user -, admin 1")
	})
	brittleRow(t, "LIN-9 where the old identity does not die, nobody is logged in", func(t *testing.T, shelf shelf, store *brittle) {
		s, b := newRoute(t, shelf, alice, passport.FailureRedirect("/login"))
		b.as("bob")
		before := fmt.Sprint(b.jar)
		store.del = errDown
		if !shelf.revokes { // these stores know no identities: what fails there is the save
			store.put = errDown
		}
		res := b.get("/in").fails(http.StatusServiceUnavailable, passport.CodeSessionStore)
		equal(t, "cookies set", len(res.cookies), 0)
		equal(t, "the jar", fmt.Sprint(b.jar), before)
		store.del, store.put = nil, nil
		equal(t, "who was logged in before still is", b.me(), "bob")
		equal(t, "handlers that ran", s.ran.Load(), 0)
	})
	row(t, "LIN-10 a user who cannot be kept costs nobody the session", func(t *testing.T, shelf shelf) {
		s, b := newRoute(t, shelf, always(passport.Success{Value: &user{""}}), passport.FailureRedirect("/login"))
		b.as("bob")
		before := fmt.Sprint(b.jar)
		b.get("/in").fails(http.StatusInternalServerError, passport.CodeUserKey)
		equal(t, "the jar", fmt.Sprint(b.jar), before)
		equal(t, "who was logged in before still is", b.me(), "bob")
		equal(t, "handlers that ran", s.ran.Load(), 0)
	})
	brittleRow(t, "LIN-11 where the save fails, nobody is logged in", func(t *testing.T, shelf shelf, store *brittle) {
		s := newSite(t, shelf.option)
		s.cart(shelf)
		s.mux.HandleFunc("/in", func(w http.ResponseWriter, r *http.Request) {
			store.put = errDown
			var e *passport.Error
			err := s.Login(w, r, &user{"alice"})
			store.put = nil
			if !errors.As(err, &e) || e.Code != passport.CodeSessionStore || !errors.Is(err, errDown) {
				t.Errorf("the error is %v", err)
			}
			session, _ := shelf.values.Get(r, "session")
			session.Values["cart"] = "pen"
			s.by(w, session.Save(r, w)) // the application's own save must not log alice in
			show(w, r)
		})
		b := newBrowser(t, s)
		b.get("/cart/fill")
		b.get("/in").wants(http.StatusOK, "user -, account -")
		equal(t, "the next request", b.me(), "-")
		equal(t, "the cart", b.get("/cart").body, "pen7")
	})
	row(t, "LIN-12 a login is done when Login returns", func(t *testing.T, shelf shelf) {
		s := newSite(t, shelf.option)
		s.mux.HandleFunc("/in", func(w http.ResponseWriter, r *http.Request) {
			s.by(w, s.Login(w, r, &user{"alice"}))
			equal(t, "cookies set by then", len(w.Header()["Set-Cookie"]), 1)
			show(w, r)
		})
		b := newBrowser(t, s)
		b.get("/in").wants(http.StatusOK, "user alice, account -")
		equal(t, "the next request", b.me(), "alice")
	})
	t.Run("LIN-13 a login without sessions is an error in a sentence", func(t *testing.T) {
		p := passport.New(passport.Config{})
		w := httptest.NewRecorder()
		err := p.Login(w, httptest.NewRequest("GET", "/", nil), &user{"alice"})
		var e *passport.Error
		if !errors.As(err, &e) || e.Code != passport.CodeConfiguration || !strings.Contains(err.Error(), "a login needs Config.Users") || len(w.Header()) > 0 {
			t.Errorf("the error is %v, the headers %v", err, w.Header())
		}
	})
}
