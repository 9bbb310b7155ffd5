package passport_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/gopassport/passport"
)

// What Passport's code does and none of its tests asks for.
func TestPassportGaps(t *testing.T) {
	row(t, "GAP-1 the return target survives the login", func(t *testing.T, shelf shelf) {
		s := newSite(t, shelf.option)
		has := s.cartOn(shelf)
		s.mount("/private", s.RequireUser("/login"))
		s.login("password", passport.SuccessReturnToOrRedirect("/default"), passport.FailureRedirect("/login"))
		s.login("github", passport.SuccessReturnToOrRedirect("/default"))
		for _, before := range []string{"a visitor", "a visitor with a session"} {
			b := newBrowser(t, s)
			if has && before != "a visitor" {
				b.get("/cart/fill")
			}
			b.get("/private?tab=1").sent(http.StatusFound, "/login")
			b.post("/login/password", nil).sent(http.StatusSeeOther, "/login")
			b.post("/login/password", sesame("alice")).sent(http.StatusSeeOther, "/private?tab=1")
			equal(t, before, b.me(), "alice")
			b.get("/logout")
			b.get("/private?tab=2").sent(http.StatusFound, "/login")
			b.back("/login/github", b.begin("/login/github"), "bob").sent(http.StatusFound, "/private?tab=2")
			equal(t, before+", by a provider", b.me(), "bob")
		}
	})
	row(t, "GAP-2 messages survive the login", func(t *testing.T, shelf shelf) {
		s := newNotes(t, shelf.option)
		b := newBrowser(t, s).as("bob")
		b.post("/login/password", nil).sent(http.StatusSeeOther, "/login")
		b.post("/login/password", sesame("alice")).sent(http.StatusSeeOther, "/")
		equal(t, "the person", b.me(), "alice")
		equal(t, "messages", b.get("/messages").body, `["Wrong user or password." "Welcome!"]`)
	})
	row(t, "GAP-3 a return target elsewhere is not followed", func(t *testing.T, shelf shelf) {
		s := newSite(t, shelf.option)
		s.Use("alice", alice)
		s.mount("/in", s.Authenticate("alice", passport.SuccessReturnToOrRedirect("/default")))
		for _, path := range []string{"//evil.test/", "/\\evil.test/", "//evil.test//x", "/x/../..//evil.test", "/\tevil.test"} {
			b := newBrowser(t, s.Session(s.RequireUser("/login")(http.HandlerFunc(show))))
			b.get("/", func(r *http.Request) { r.RequestURI = path }).sent(http.StatusFound, "/login")
			b.handler = s
			b.get("/in").sent(http.StatusFound, "/default")
		}
		if shelf.values == nil {
			return
		}
		s.mux.HandleFunc("/plant", func(w http.ResponseWriter, r *http.Request) {
			session, _ := shelf.values.Get(r, "session")
			session.Values["returnTo"] = "https://evil.test/"
			s.by(w, session.Save(r, w))
		})
		b := newBrowser(t, s)
		b.get("/plant")
		b.get("/in").sent(http.StatusFound, "/default")
	})
	for _, c := range []struct {
		name   string
		chain  strategies
		status int
		want   string // of the body or the Location
	}{
		{"GAP-4 a redirect ends a chain", strategies{askBasic, away, alice}, 302, "https://provider.example/"},
		{"GAP-4 a pass ends a chain", strategies{askBasic, passed, alice}, 200, "user -, account -"},
		{"GAP-4 an error ends a chain", strategies{askBasic, broken, alice}, 500, "strategy_fault"},
	} {
		row(t, c.name, func(t *testing.T, shelf shelf) {
			s := newSite(t, shelf.option)
			s.chain(append(strategies{}, c.chain...))
			b := newBrowser(t, s)
			res := b.get("/chain")
			if res.status != c.status || !strings.Contains(res.body+res.location, c.want) {
				t.Errorf("%d %q %q, want %d %q", res.status, res.location, res.body, c.status, c.want)
			}
			equal(t, "challenges of the failure before", res.challenges(), "")
			equal(t, "the person", b.me(), "-")
		})
	}
	row(t, "GAP-5 Check gives a pass and a redirect, too", func(t *testing.T, shelf shelf) {
		s := newSite(t, shelf.option)
		s.Use("passed", passed)
		s.Use("away", away)
		s.mux.Handle("/passed", checking(s, "passed"))
		s.mux.Handle("/away", checking(s, "away"))
		b := newBrowser(t, s)
		b.get("/passed").wants(http.StatusOK, "pass")
		res := b.get("/away")
		equal(t, "the redirect", fmt.Sprint(res.status, " ", res.location), "302 https://provider.example/")
	})
	row(t, "GAP-6 one instance serves many requests at once", func(t *testing.T, shelf shelf) {
		s := newSite(t, shelf.option)
		s.login("password", passport.FailureMessage(""), passport.FailureRedirect("/login"))
		s.connect("github")
		var all sync.WaitGroup
		for i := range 4 {
			all.Go(func() {
				b, who := newBrowser(t, s), fmt.Sprint("user", i)
				for range 5 {
					b.post("/login/password", nil).sent(http.StatusSeeOther, "/login")
					b.post("/login/password", sesame(who))
					b.back("/connect/github", b.begin("/connect/github"), who)
					equal(t, "the person", b.me(), who)
				}
			})
		}
		all.Wait()
	})
	row(t, "GAP-7 options are nobody's but the caller's", func(t *testing.T, shelf shelf) {
		s := newSite(t, shelf.option)
		s.Use("s", always(passport.Success{Value: &user{"alice"}}))
		opts := make([]passport.Option, 1, 9) // with room for whoever appends
		opts[0] = passport.Param("scope", "email")
		s.mount("/account", s.Authorize("s", opts...))
		s.mount("/or", s.Authenticate("password", append(opts, passport.Or("s"))...))
		s.mount("/go", s.Authenticate("s", append(opts, passport.SuccessRedirect("/home"))...))
		s.mount("/in", s.Authenticate("s", opts...))
		b := newBrowser(t, s)
		b.get("/account").wants(http.StatusOK, "user -, account alice")
		b.get("/or").wants(http.StatusOK, "user alice, account -")
		b.get("/in").wants(http.StatusOK, "user alice, account -")
		b.get("/go").sent(http.StatusFound, "/home")
		b.get("/account").wants(http.StatusOK, "user alice, account alice")
	})
	row(t, "GAP-8 Check is for logins, the wrapped handler for accounts", func(t *testing.T, shelf shelf) {
		s := newSite(t, shelf.option)
		h := checking(s, "github")
		s.mux.Handle("/check", h)
		s.mux.Handle("/check/callback", h)
		s.connect("github")
		b := newBrowser(t, s).as("alice")
		res := b.back("/check", b.begin("/connect/github"), "1")
		equal(t, "an account's flow", fmt.Sprint(res.status, " ", res.body), "400 flow_purpose github []")
		b.back("/connect/github", b.begin("/connect/github"), "1").wants(http.StatusOK, "user alice, account 1")
	})
	row(t, "GAP-9 Authorize redirects and leaves messages, and the login alone", func(t *testing.T, shelf shelf) {
		s := newSite(t, shelf.option)
		s.showMessages()
		s.mount("/private", s.RequireUser("/login"))
		s.Use("s", always(passport.Success{Value: &account{"1"}}))
		s.mount("/plain", s.Authorize("s"))
		s.mount("/go", s.Authorize("s", passport.SuccessRedirect("/done"), passport.SuccessMessage("Connected")))
		s.mount("/back", s.Authorize("s", passport.SuccessReturnToOrRedirect("/done")))
		s.Use("alice", alice)
		s.mount("/in", s.Authenticate("alice", passport.SuccessReturnToOrRedirect("/default")))
		b := newBrowser(t, s).as("alice")
		login := shelf.login(b).Value
		b.get("/plain").wants(http.StatusOK, "user alice, account 1")
		b.get("/go").sent(http.StatusFound, "/done")
		equal(t, "messages", b.get("/messages").body, `["Connected"]`)
		b.get("/back").sent(http.StatusFound, "/done")
		equal(t, "the login", shelf.login(b).Value, login)
		equal(t, "handlers that ran", s.ran.Load(), 1)

		visitor := newBrowser(t, s)
		visitor.get("/private")
		visitor.get("/back").sent(http.StatusFound, "/private")
		visitor.get("/in").sent(http.StatusFound, "/private") // connecting did not use it up
		equal(t, "the person", visitor.me(), "alice")
	})
	row(t, "GAP-10 FailureRedirect comes before OnError and status", func(t *testing.T, shelf shelf) {
		s, b := newRoute(t, shelf, locked, passport.FailureRedirect("/login"), passport.OnError(func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, "OnError", http.StatusTeapot)
		}))
		res := b.get("/in").sent(http.StatusFound, "/login")
		equal(t, "challenges", res.challenges(), "")
		b.get("/in", fetch).wants(http.StatusTeapot, "OnError\n") // a script is not sent to a page
		equal(t, "handlers that ran", s.ran.Load(), 0)
	})
	row(t, "GAP-11 an error around a success leaves who was logged in", func(t *testing.T, shelf shelf) {
		failing := func(*http.Request, granted) (any, error) { return nil, errDown }
		_, b := newRoute(t, shelf, transformed(withToken, failing))
		b.as("bob").get("/in").fails(http.StatusInternalServerError, passport.CodeStrategy)
		equal(t, "the person", b.me(), "bob")
	})
	row(t, "GAP-12 a flow ends for the purpose and the person that it began for", func(t *testing.T, shelf shelf) {
		s := newSite(t, shelf.option)
		s.login("github")
		s.connect("github")
		b := newBrowser(t, s).as("alice")
		b.back("/connect/github", b.begin("/login/github"), "1").fails(http.StatusBadRequest, passport.CodeFlowPurpose)
		b.back("/login/github", b.begin("/connect/github"), "1").fails(http.StatusBadRequest, passport.CodeFlowPurpose)
		state := b.begin("/connect/github")
		b.as("bob").back("/connect/github", state, "1").fails(http.StatusForbidden, passport.CodeFlowUser)
		equal(t, "calls to the provider", s.hits(), 0)
		equal(t, "handlers that ran", s.ran.Load(), 0)
		equal(t, "the person", b.me(), "bob")
	})
	row(t, "GAP-13 a logout of nobody ends the session, too", func(t *testing.T, shelf shelf) {
		s := newSite(t, shelf.option)
		b := newBrowser(t, s)
		equal(t, "cookies set without a session", len(b.get("/logout").cookies), 0)
		if s.cartOn(shelf) {
			b.get("/cart/fill")
			copied := b.thief()
			b.get("/logout")
			equal(t, "the cart", b.get("/cart").body, "<nil> <nil>")
			if shelf.revokes {
				equal(t, "the cart under the old identity", copied.get("/cart").body, "<nil> <nil>")
			}
		}
	})
	row(t, "GAP-14 KeepSessionInfo keeps the application's values and not the old login", func(t *testing.T, shelf shelf) {
		s, b := newRoute(t, shelf, alice, passport.KeepSessionInfo())
		has := s.cartOn(shelf)
		b.as("bob")
		if has {
			b.get("/cart/fill")
		}
		b.get("/in").wants(http.StatusOK, "user alice, account -")
		equal(t, "the person", b.me(), "alice")
		if !has {
			return
		}
		equal(t, "the cart", b.get("/cart").body, "book7")
		s.mux.HandleFunc("/values", func(w http.ResponseWriter, r *http.Request) {
			session, _ := shelf.values.Get(r, "session")
			_, _ = fmt.Fprint(w, len(session.Values), strings.Contains(fmt.Sprint(session.Values), "bob"))
		})
		equal(t, "cart, count and one login", b.get("/values").body, "3 false")
	})
	t.Run("GAP-15 a name is given once", func(t *testing.T) {
		p := newRegistry(t)
		p.Use("taken", alice)
		panicking{"again", func() { p.Use("taken", bob) }, `Use("taken"): the name is taken; give this instance another`}.check(t)
		p.Use("another", bob)
		b := newBrowser(t, p.Session(p.Authenticate("taken")(http.HandlerFunc(show))))
		b.get("/").wants(http.StatusOK, "user alice, account -")
	})
	row(t, "GAP-16 other methods, and routes inside each other", func(t *testing.T, shelf shelf) {
		s := newSite(t, shelf.option)
		s.Use("alice", alice)
		s.Use("form", form)
		s.Use("account", always(passport.Success{Value: &account{"1"}}))
		s.login("github", passport.FailureRedirect("/sorry"))
		s.mount("/in", s.Authenticate("alice", passport.SuccessRedirect("/home")))
		s.mount("/fail", s.Authenticate("form", passport.FailureRedirect("/sorry")))
		s.mux.Handle("/both", s.Authenticate("alice")(s.Authorize("account")(http.HandlerFunc(show))))
		s.mux.Handle("/twice", s.Authenticate("alice")(s.Authenticate("password", passport.FailureRedirect("/sorry"))(http.HandlerFunc(show))))
		for _, c := range []struct {
			method, path string
			status       int
			location     string
		}{
			{"HEAD", "/in", 302, "/home"},
			{"PUT", "/in", 303, "/home"},
			{"DELETE", "/in", 303, "/home"},
			{"HEAD", "/fail", 302, "/sorry"},
			{"PATCH", "/fail", 303, "/sorry"},
		} {
			newBrowser(t, s).get(c.path, method(c.method)).sent(c.status, c.location)
		}
		for _, verb := range []string{"HEAD", "PUT", "DELETE"} { // a flow is a person's: it is not redirected either
			newBrowser(t, s).get("/login/github", method(verb)).fails(http.StatusMethodNotAllowed, passport.CodeMethod)
		}
		b := newBrowser(t, s)
		b.get("/both").wants(http.StatusOK, "user alice, account 1")
		equal(t, "the next request", b.me(), "alice")
		b.post("/twice", url.Values{"user": {"bob"}, "password": {"sesame"}}).wants(http.StatusOK, "user bob, account -")
		equal(t, "the inner login counts", b.me(), "bob")
		b.post("/twice", nil).sent(http.StatusSeeOther, "/sorry")
		equal(t, "the outer login, where the inner fails", b.me(), "alice")
	})
}
