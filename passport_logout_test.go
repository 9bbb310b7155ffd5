package passport_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gopassport/passport"
)

func TestPassportLogout(t *testing.T) {
	row(t, "LOU-1 a logout ends login and identity", func(t *testing.T, shelf shelf) {
		s := newSite(t, shelf.option)
		s.mux.HandleFunc("/out", func(w http.ResponseWriter, r *http.Request) {
			s.by(w, s.Logout(w, r))
			show(w, r)
		})
		b := newBrowser(t, s).as("alice")
		copied := b.thief()
		b.get("/out").wants(http.StatusOK, "user -, account -")
		equal(t, "the next request", b.me(), "-")
		equal(t, "the login", shelf.login(b), nil)
		if shelf.revokes {
			equal(t, "a copy of the cookie", copied.me(), "-")
		}
	})
	row(t, "LOU-2 a logout forgets what the session held", func(t *testing.T, shelf shelf) {
		s := newSite(t, shelf.option)
		b := newBrowser(t, s).as("alice")
		has := s.cartOn(shelf)
		if has {
			b.get("/cart/fill")
		}
		b.get("/logout")
		equal(t, "the next request", b.me(), "-")
		if has {
			equal(t, "the cart", b.get("/cart").body, "<nil> <nil>")
		}
	})
	row(t, "LOU-3 what should outlive a logout the application puts back", func(t *testing.T, shelf shelf) {
		s := newSite(t, shelf.option)
		has := s.cartOn(shelf)
		s.mux.HandleFunc("/out", func(w http.ResponseWriter, r *http.Request) {
			if !has {
				s.by(w, s.Logout(w, r))
				return
			}
			session, _ := shelf.values.Get(r, "session")
			cart := session.Values["cart"]
			s.by(w, s.Logout(w, r))
			session.Values["cart"] = cart
			s.by(w, session.Save(r, w))
		})
		b := newBrowser(t, s).as("alice")
		if has {
			b.get("/cart/fill")
		}
		copied := b.thief()
		b.get("/out").wants(http.StatusOK, "")
		equal(t, "the next request", b.me(), "-")
		if has {
			equal(t, "the cart", b.get("/cart").body, "book<nil>")
		}
		if shelf.revokes {
			equal(t, "a copy of the cookie", copied.me(), "-")
		}
	})
	row(t, "LOU-4 a user's logout is none of an admin's", func(t *testing.T, shelf shelf) {
		handler := twoRegistries(t)
		b := newBrowser(t, handler)
		b.get("/users/1")
		b.get("/admins/2")
		equal(t, "the admin's logout", b.get("/admins/logout").body, "user 1, admin -")
		shared := newBrowser(t, twoRegistries(t, shelf.option))
		shared.get("/users/1")
		both := map[bool]string{true: "user 1, admin 2", false: "user -, admin 2"}[shelf.values == nil]
		shared.get("/admins/2")
		equal(t, "a login of somebody else in one session", shared.get("/").body, both)
		shared.get("/users/logout")
		shared.get("/admins/2")
		equal(t, "in one session", shared.get("/admins/logout").body, "user -, admin -")
		equal(t, "in one session, the next request", shared.get("/").body, "user -, admin -")
	})
	for _, c := range []struct {
		name  string
		check func(t *testing.T, s *site, err error)
	}{
		{"LOU-5 a logout beside Session", func(*testing.T, *site, error) {}},
		{"LOU-6 a logout beside Session has no error", func(t *testing.T, s *site, err error) {
			equal(t, "the error", err, nil)
			equal(t, "what Observe hears", s.last().Kind, "logout")
		}},
	} {
		row(t, c.name, func(t *testing.T, shelf shelf) {
			s := newSite(t, shelf.option)
			s.mux.HandleFunc("/out", func(w http.ResponseWriter, r *http.Request) {
				c.check(t, s, s.Logout(w, r))
				show(w, r)
			})
			b := newBrowser(t, s).as("alice")
			b.handler = s.mux
			b.get("/out").wants(http.StatusOK, "user -, account -")
			b.handler = s
			equal(t, "the next request", b.me(), "-")
		})
	}
	brittleRow(t, "LOU-7 where the record cannot be removed, the user is gone all the same", func(t *testing.T, shelf shelf, store *brittle) {
		s := newSite(t, shelf.option)
		s.mux.HandleFunc("/out", func(w http.ResponseWriter, r *http.Request) {
			store.del = errDown
			err := s.Logout(w, r)
			store.del = nil
			equal(t, "the error wraps its cause", errors.Is(err, errDown), true)
			show(w, r)
		})
		b := newBrowser(t, s).as("alice")
		b.get("/out").wants(http.StatusOK, "user -, account -")
		equal(t, "the next request, whose session is still there", b.me(), "alice")
	})
	brittleRow(t, "LOU-8 where the session cannot be renewed, the user is gone all the same", func(t *testing.T, shelf shelf, store *brittle) {
		s := newSite(t, shelf.option)
		b := newBrowser(t, s).as("alice")
		store.get = errDown
		b.handler = s.mux
		if res := b.get("/logout"); res.status != http.StatusInternalServerError || !strings.Contains(res.body, string(passport.CodeSessionStore)) {
			t.Errorf("a store that is down: %d %q", res.status, res.body)
		}

		d := newDrawer()
		s = newSite(t, d.option)
		b = newBrowser(t, s).as("alice")
		d.renew = errDown
		s.mux.HandleFunc("/out", func(w http.ResponseWriter, r *http.Request) {
			equal(t, "the error wraps its cause", errors.Is(s.Logout(w, r), errDown), true)
			show(w, r)
		})
		b.get("/out").wants(http.StatusOK, "user -, account -")
	})
	row(t, "LOU-9 a logout is done when Logout returns", func(t *testing.T, shelf shelf) {
		s := newSite(t, shelf.option)
		s.mux.HandleFunc("/out", func(w http.ResponseWriter, r *http.Request) {
			s.by(w, s.Logout(w, r))
			equal(t, "cookies set by then", len(w.Header()["Set-Cookie"]), 1)
		})
		b := newBrowser(t, s).as("alice")
		b.get("/out")
		equal(t, "the next request", b.me(), "-")
	})
	t.Run("LOU-10 a logout without sessions is an error in a sentence", func(t *testing.T) {
		p := passport.New(passport.Config{})
		w := httptest.NewRecorder()
		err := p.Logout(w, httptest.NewRequest("GET", "/", nil))
		var e *passport.Error
		if !errors.As(err, &e) || e.Code != passport.CodeConfiguration || !strings.Contains(err.Error(), "a logout needs Config.Users") || len(w.Header()) > 0 {
			t.Errorf("the error is %v, the headers %v", err, w.Header())
		}
	})
}
