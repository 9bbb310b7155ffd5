package passport_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gopassport/passport"
)

// newCareful is a site that lets people connect a Google account only when they logged
// in less than ten minutes ago.
func newCareful(t *testing.T, opts ...option) *site {
	t.Helper()
	s := newSite(t, opts...)
	for _, name := range []string{"password", "github"} {
		s.login(name, passport.SuccessReturnToOrRedirect("/default"))
	}
	recent := s.RequireRecentLogin(10*time.Minute, "/login")
	s.mount("/connect/google", func(next http.Handler) http.Handler { return recent(s.Authorize("google")(next)) })
	s.mux.Handle("POST /disconnect", recent(http.HandlerFunc(show)))
	return s
}

func TestARecentLoginMayConnect(t *testing.T) {
	onEachShelf(t, func(t *testing.T, shelf shelf) {
		synctest.Test(t, func(t *testing.T) {
			b := newBrowser(t, newCareful(t, shelf.option)).as("alice")
			b.post("/disconnect", nil).wants(http.StatusOK, "user alice, account -")
			time.Sleep(10*time.Minute - time.Second)
			b.back("/connect/google", b.begin("/connect/google"), "42").wants(http.StatusOK, "user alice, account 42")
			b.post("/disconnect", nil).wants(http.StatusOK, "user alice, account -")
			time.Sleep(time.Second)
			equal(t, "a form, ten minutes after the log-in", b.post("/disconnect", nil).status, http.StatusUnauthorized)
			equal(t, "who is logged in all the same", b.me(), "alice")
		})
	})
}

func TestAConnectWaitsForALogin(t *testing.T) { // peers.md 52
	synctest.Test(t, func(t *testing.T) {
		s := newCareful(t)
		b := newBrowser(t, s).as("alice")
		time.Sleep(time.Hour)
		equal(t, "begun too late", b.get("/connect/google?from=settings").location, "/login")
		res := b.post("/login/password", map[string][]string{"user": {"alice"}, "password": {"sesame"}})
		equal(t, "after the log-in", res.location, "/connect/google?from=settings")
		b.back("/connect/google", b.begin(res.location), "42").wants(http.StatusOK, "user alice, account 42")
	})
}

func TestAConnectGoesOnAfterALoginAtAnotherSite(t *testing.T) {
	for _, c := range []struct {
		name      string
		asked     with   // where the connect was asked for
		who       string // who logs in
		returning string // where the browser comes back to
		goesOn    bool
	}{
		{"asked for on a page of ours", from("same-origin"), "alice", "/connect/google", true},
		{"asked for by another site", from("cross-site"), "alice", "/connect/google", false},
		{"asked for by somebody else", from("same-origin"), "bob", "/connect/google", false},
		{"asked for with another address", from("same-origin"), "alice", "/connect/google?x=y", false},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newCareful(t)
			b := newBrowser(t, s).as("alice")
			time.Sleep(time.Hour)
			b.get("/connect/google", c.asked)
			res := b.back("/login/github", b.begin("/login/github", from("same-origin")), c.who)
			equal(t, c.name+": after the log-in", res.location, "/connect/google")
			res = b.get(c.returning, from("cross-site"))
			equal(t, c.name+": goes on", res.status == http.StatusFound, c.goesOn)
			equal(t, c.name+": once", b.get(c.returning, from("cross-site")).status, http.StatusForbidden)
		})
	}
}

// The log-in's own redirect looks as if a page of the application had asked.
func TestAConnectThatAnotherSiteAskedForDoesNotGoOnAfterALogin(t *testing.T) {
	for name, guard := range map[string]func(*site) func(http.Handler) http.Handler{
		"RequireRecentLogin": func(s *site) func(http.Handler) http.Handler { return s.RequireRecentLogin(10*time.Minute, "/login") },
		"RequireUser":        func(s *site) func(http.Handler) http.Handler { return s.RequireUser("/login") },
	} {
		for _, who := range []string{"", "alice"} {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t)
				s.login("password", passport.SuccessReturnToOrRedirect("/default"))
				s.mount("/connect/google", func(next http.Handler) http.Handler { return guard(s)(s.Authorize("google")(next)) })
				b := newBrowser(t, s)
				if who != "" {
					b.as(who)
					time.Sleep(time.Hour)
				}
				if name == "RequireUser" && who != "" {
					return // that lets her pass, and Authorize refuses
				}
				equal(t, name+": asked for elsewhere", b.get("/connect/google", from("cross-site")).location, "/login")
				res := b.post("/login/password", sesame("alice"))
				equal(t, name+": the page is found again", res.location, "/connect/google")
				equal(t, name+": begun", b.get(res.location, from("same-origin")).status, http.StatusForbidden)
				equal(t, name+": from her own page, then", b.get(res.location, from("same-origin")).status, http.StatusFound)
			})
		}
	}
}

func TestThePermissionToGoOnIsSpentByGoingOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBrowser(t, newCareful(t)).as("alice")
		time.Sleep(time.Hour)
		b.get("/connect/google", from("same-origin"))
		res := b.post("/login/password", sesame("alice"))
		b.back("/connect/google", b.begin(res.location, from("same-origin")), "42").wants(http.StatusOK, "user alice, account 42")
		time.Sleep(5 * time.Minute)
		equal(t, "another site, five minutes later", b.get("/connect/google", from("cross-site")).status, http.StatusForbidden)
	})
}

func TestAVisitorLogsInBeforeARecentLoginIsAskedFor(t *testing.T) {
	b := newBrowser(t, newCareful(t))
	equal(t, "a visitor", b.get("/connect/google").location, "/login")
	equal(t, "a visitor's form", b.post("/disconnect", nil).status, http.StatusUnauthorized)
}

func TestARecentLoginNeedsADurationAndUsers(t *testing.T) {
	auth := newRegistry(t)
	stateless := passport.New(passport.Config{})
	for _, c := range []panicking{
		{"no duration", func() { auth.RequireRecentLogin(0, "/login") }, "RequireRecentLogin(0s): it needs a positive duration"},
		{"no users", func() { stateless.RequireRecentLogin(time.Hour, "/login") }, "and Config.Users"},
		{"a log-in elsewhere", func() { auth.RequireRecentLogin(time.Hour, "//evil.example") }, `RequireRecentLogin("//evil.example"): it is neither`},
		{"no log-in page", func() { auth.RequireRecentLogin(time.Hour, "") }, ""},
	} {
		c.check(t)
	}
}
