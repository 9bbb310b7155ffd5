package passport_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/gorilla/sessions"

	"github.com/gopassport/passport"
)

// Passport's initialize has no counterpart: there is nothing to initialize. What its tests
// ask for, Session has to do.
func TestPassportInitialize(t *testing.T) {
	t.Run("INI-2 without sessions everything but logins works", func(t *testing.T) {
		p := passport.New(passport.Config{Observe: func(context.Context, passport.Event) {}})
		p.Use("alice", alice)
		mux := http.NewServeMux()
		mux.HandleFunc("/me", show)
		mux.Handle("/api", p.Authenticate("alice", passport.NoSession())(http.HandlerFunc(show)))
		b := newBrowser(t, p.Session(mux))
		b.get("/api").wants(http.StatusOK, "user alice, account -")
		b.get("/me").wants(http.StatusOK, "user -, account -")
		equal(t, "cookies", len(b.jar), 0)
	})
	row(t, "INI-3 a session without a login is not written", func(t *testing.T, shelf shelf) {
		s := newSite(t, shelf.option)
		b := newBrowser(t, s)
		if s.cartOn(shelf) {
			b.get("/cart/fill")
		}
		before := fmt.Sprint(b.jar)
		res := b.get("/me").wants(http.StatusOK, "user -, account -")
		equal(t, "cookies set", len(res.cookies), 0)
		equal(t, "the jar", fmt.Sprint(b.jar), before)
	})
	row(t, "INI-4 a session with a login is kept as it is", func(t *testing.T, shelf shelf) {
		s := newSite(t, shelf.option)
		b := newBrowser(t, s).as("alice")
		has := s.cartOn(shelf)
		if has {
			b.get("/cart/fill")
		}
		before := fmt.Sprint(b.jar)
		res := b.get("/me").wants(http.StatusOK, "user alice, account -")
		equal(t, "cookies set", len(res.cookies), 0)
		equal(t, "the jar", fmt.Sprint(b.jar), before)
		if has {
			equal(t, "the cart", b.get("/cart").body, "book7")
		}
	})
	row(t, "INI-5 the application chooses the session's name, and keeps what else is in it", func(t *testing.T, shelf shelf) {
		if shelf.values == nil {
			t.Skip("a sealed cookie is named by the registry")
		}
		s := newSite(t, func(c *passport.Config) { c.Sessions = passport.GorillaSessions(shelf.values, "authentication") })
		s.mux.HandleFunc("/set", func(w http.ResponseWriter, r *http.Request) {
			session, _ := shelf.values.Get(r, "authentication")
			session.Values["user"], session.Values["passport"] = "the application's", 5
			s.by(w, session.Save(r, w))
		})
		s.mux.HandleFunc("/get", func(w http.ResponseWriter, r *http.Request) {
			session, _ := shelf.values.Get(r, "authentication")
			_, _ = fmt.Fprint(w, session.Values["user"], session.Values["passport"])
		})
		b := newBrowser(t, s).as("alice")
		b.get("/set")
		equal(t, "the person", b.me(), "alice")
		equal(t, "the application's values", b.get("/get").body, "the application's5")
		equal(t, "cookies of that name", b.cookie("authentication") != "", true)
	})
}

func TestPassportSessionStrategy(t *testing.T) {
	t.Run("SES-1 restoring is no strategy, so its name is free", func(t *testing.T) {
		p := newRegistry(t)
		panicking{"session", func() { p.Authenticate("session") }, `Authenticate("session"): no such strategy`}.check(t)
		p.Use("session", alice)
		equal(t, "after somebody registered it", sentence(func() { p.Authenticate("session") }), "")
	})
	row(t, "SES-2 a session without a login", func(t *testing.T, shelf shelf) {
		s := newSite(t, shelf.option)
		b := newBrowser(t, s)
		has := s.cartOn(shelf)
		if has {
			b.get("/cart/fill")
		}
		equal(t, "the person", b.me(), "-")
		if has {
			equal(t, "the cart", b.get("/cart").body, "book7")
		}
	})
	for _, c := range []struct{ name, id string }{
		{"SES-3 a login is restored, and kept", "123456"},
		{"SES-4 a user called 0 is a user", "0"},
	} {
		row(t, c.name, func(t *testing.T, shelf shelf) {
			b := newBrowser(t, newSite(t, shelf.option)).as(c.id)
			before := fmt.Sprint(b.jar)
			res := b.get("/me").wants(http.StatusOK, "user "+c.id+", account -")
			equal(t, "cookies set", len(res.cookies), 0)
			equal(t, "the jar", fmt.Sprint(b.jar), before)
		})
	}
	row(t, "SES-5 the session of a user who is gone ends", func(t *testing.T, shelf shelf) {
		s := newSite(t, shelf.option)
		b := newBrowser(t, s).as("alice")
		has := s.cartOn(shelf)
		if has {
			b.get("/cart/fill")
		}
		s.remove("alice")
		equal(t, "the person", b.me(), "-")
		equal(t, "the login", shelf.login(b), nil)
		if has {
			equal(t, "the cart, which was the user's", b.get("/cart").body, "<nil> <nil>")
		}
		equal(t, "somebody else", b.as("bob").me(), "bob")
	})
	row(t, "SES-6 a user is found by type", func(t *testing.T, shelf shelf) {
		s := newSite(t, shelf.option)
		var isUser, isAdmin, isText bool
		s.mux.HandleFunc("/types", func(_ http.ResponseWriter, r *http.Request) {
			_, isUser = passport.UserFrom[*user](r.Context())
			_, isAdmin = passport.UserFrom[*admin](r.Context())
			_, isText = passport.UserFrom[string](r.Context())
		})
		newBrowser(t, s).as("alice").get("/types")
		equal(t, "user, admin, text", fmt.Sprint(isUser, isAdmin, isText), "true false false")
	})
	row(t, "SES-7 an error is no logout", func(t *testing.T, shelf shelf) {
		s := newSite(t, shelf.option)
		b := newBrowser(t, s).as("alice")
		before := fmt.Sprint(b.jar)
		s.fail(errDown)
		res := b.get("/me").fails(http.StatusServiceUnavailable, passport.CodeUserLoad)
		equal(t, "cookies set", len(res.cookies), 0)
		equal(t, "the jar", fmt.Sprint(b.jar), before)
		s.fail(nil)
		equal(t, "the person, when the database is back", b.me(), "alice")
	})
	row(t, "SES-8 a route restores by itself where Session was forgotten", func(t *testing.T, shelf shelf) {
		s := newSite(t, shelf.option)
		s.mount("/private", s.RequireUser("/login"))
		b := newBrowser(t, s).as("alice")
		b.handler = s.mux
		b.get("/private").wants(http.StatusOK, "user alice, account -")
		newBrowser(t, s.mux).get("/private").sent(http.StatusFound, "/login")
		stateless := passport.New(passport.Config{})
		stateless.Use("alice", alice)
		panicking{"no sessions at all", func() { stateless.Authenticate("alice") }, "there is no Config.Users to keep the login with"}.check(t)
	})
}

func TestPassportIsAuthenticated(t *testing.T) {
	row(t, "ISA-1 who is logged in is found", func(t *testing.T, shelf shelf) {
		s := newSite(t, shelf.option)
		s.mount("/private", s.RequireUser(""))
		newBrowser(t, s).as("alice").get("/private").wants(http.StatusOK, "user alice, account -")
	})
	row(t, "ISA-2 users of two kinds are found by type", func(t *testing.T, shelf shelf) {
		b := newBrowser(t, twoRegistries(t, shelf.option))
		b.get("/users/1")
		equal(t, "a user", b.get("/").body, "user 1, admin -")
	})
	row(t, "ISA-3 a visitor is nobody", func(t *testing.T, shelf shelf) {
		s := newSite(t, shelf.option)
		s.mount("/private", s.RequireUser(""))
		b := newBrowser(t, s)
		b.get("/private").fails(http.StatusUnauthorized, passport.CodeUnauthenticated)
		equal(t, "the person", b.me(), "-")
	})
	row(t, "ISA-4 a nil user is never logged in", func(t *testing.T, shelf shelf) {
		for name, value := range map[string]any{"nil": nil, "a nil pointer": (*user)(nil)} {
			s, b := newRoute(t, shelf, always(passport.Success{Value: value}))
			b.get("/in").fails(http.StatusInternalServerError, passport.CodeStrategy)
			equal(t, name+": the person", b.me(), "-")
			equal(t, name+": handlers that ran", s.ran.Load(), 0)
		}
	})
}

// idOf is the identity of a session on a server; "" where the cookie is the session.
func idOf(t *testing.T, shelf shelf, b *browser) string {
	t.Helper()
	store, ok := shelf.values.(*sessions.FilesystemStore)
	if !ok {
		return ""
	}
	return identity(t, store, b.cookie("session"))
}
