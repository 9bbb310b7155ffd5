package passport_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gopassport/passport"
)

// newPrivate is a site all of whose other pages are for users: who is not sends /login
// to /private.
func newPrivate(t *testing.T, opts ...option) *site {
	t.Helper()
	s := newSite(t, opts...)
	for _, name := range []string{"password", "github"} {
		s.login(name, passport.SuccessReturnToOrRedirect("/default"))
	}
	s.connect("google", passport.SuccessReturnToOrRedirect("/default"))
	s.mux.Handle("/", s.RequireUser("/login")(http.HandlerFunc(show)))
	return s
}

func TestWhoMustLogInFirst(t *testing.T) {
	const login, none = "/login", ""
	for _, c := range []struct {
		name    string
		method  string
		request with
		to      string // where the person is sent; "" for 401
		target  string // where a login leads afterwards
	}{
		{"a page", "GET", from("none"), login, "/private?tab=1"},
		{"a link elsewhere", "GET", from("cross-site"), login, "/private?tab=1"},
		{"HEAD, which a page's check sends", "HEAD", from("none"), login, "/private?tab=1"},
		{"an old browser", "GET", plain, login, "/private?tab=1"},
		{"a form", "POST", from("same-origin"), none, "/default"},
		{"a form of an old browser", "POST", plain, none, "/default"},
		{"PUT", "PUT", from("same-origin"), none, "/default"},
		{"DELETE", "DELETE", plain, none, "/default"},
		{"a method of one's own", "PROPFIND", plain, none, "/default"},
		{"a script", "GET", fetch, none, "/default"},
		{"a script that wants a page", "GET", both(fetch, header("Accept", "text/html")), none, "/default"},
		{"a script's HEAD", "HEAD", fetch, none, "/default"},
		{"a frame", "GET", header("Sec-Fetch-Dest", "iframe"), none, "/default"},
		{"an image", "GET", both(header("Sec-Fetch-Mode", "no-cors"), header("Sec-Fetch-Dest", "image")), none, "/default"},
		{"a guess of the browser", "GET", header("Sec-Purpose", "prefetch;prerender"), none, "/default"},
		{"an old guess of the browser", "GET", both(plain, header("X-Moz", "prefetch")), none, "/default"},
		{"a program", "GET", both(plain, header("Accept", "*/*")), none, "/default"},
		{"a program without Accept", "GET", both(plain, header("Accept")), none, "/default"},
		{"an old script", "GET", both(plain, header("X-Requested-With", "XMLHttpRequest")), none, "/default"},
		{"a program that takes JSON", "GET", both(plain, header("Accept", "application/json")), none, "/default"},
	} {
		s := newPrivate(t)
		b := newBrowser(t, s)
		res := b.get("/private?tab=1", method(c.method), c.request)
		if c.to != "" {
			equal(t, c.name+": status", res.status, http.StatusFound)
			equal(t, c.name+": Cache-Control", res.header.Get("Cache-Control"), "no-store")
			equal(t, c.name+": cookies set", len(res.cookies), 1)
		} else {
			equal(t, c.name+": status", res.status, http.StatusUnauthorized)
			equal(t, c.name+": cookies set", len(res.cookies), 0)
		}
		equal(t, c.name+": sent to", res.location, c.to)
		equal(t, c.name+": a login leads", b.post("/login/password", sesame("alice")).location, c.target)
		equal(t, c.name+": the handler then", b.get("/private").body, "user alice, account -")
	}
}

func TestWhatAScriptIsTold(t *testing.T) {
	res := newBrowser(t, newPrivate(t)).get("/private?CANARY", fetch).refused(http.StatusUnauthorized, passport.CodeUnauthenticated)
	equal(t, "Content-Type", res.header.Get("Content-Type"), "application/problem+json")
	var problem map[string]any
	if err := json.Unmarshal([]byte(res.body), &problem); err != nil || problem["status"] != 401.0 || problem["code"] != "login_required" || strings.Contains(res.body, "CANARY") {
		t.Errorf("the body is %s (%v)", res.body, err)
	}
}

func TestWithoutALoginPageEverybodyGets401(t *testing.T) {
	s := newSite(t)
	s.mux.Handle("/api", s.RequireUser("")(http.HandlerFunc(show)))
	b := newBrowser(t, s)
	res := b.get("/api").refused(http.StatusUnauthorized, passport.CodeUnauthenticated)
	equal(t, "cookies set", len(res.cookies), 0)
	b.as("alice").get("/api").wants(http.StatusOK, "user alice, account -")
}

func TestRequireUserBesideSession(t *testing.T) {
	s := newPrivate(t)
	b := newBrowser(t, s).as("alice")
	b.handler = s.mux
	b.get("/private").wants(http.StatusOK, "user alice, account -")
	equal(t, "nobody", newBrowser(t, s.mux).get("/private").location, "/login")
}

func TestARefusalOfRequireUserGoesToOnError(t *testing.T) {
	s := newPrivate(t, func(c *passport.Config) {
		c.OnError = func(w http.ResponseWriter, _ *http.Request, err error) { http.Error(w, err.Error(), http.StatusTeapot) }
	})
	res := newBrowser(t, s).get("/private", fetch)
	if res.status != http.StatusTeapot || !strings.HasPrefix(res.body, `passport: login_required: "Please log in first.": nobody is logged in`) {
		t.Errorf("%d %q", res.status, res.body)
	}
}

func TestWhereSomebodyWantedToGo(t *testing.T) {
	for _, c := range []struct{ name, asked, target string }{
		{"a path", "/a/b", "/a/b"},
		{"a path with a query", "/a?b=c&d=%2F%2Fevil.test", "/a?b=c&d=%2F%2Fevil.test"},
		{"a query with an address in it", "/a?u=https://evil.test/", "/a?u=https://evil.test/"},
		{"a path with a space", "/a%20b", "/a%20b"},
		{"the front page", "/", "/"},
		{"an address instead of a path, as to a proxy", "https://evil.test/x", "/x"},
		{"an address with two slashes", "https://evil.test//evil.test/x", "/default"},
		{"two slashes", "//evil.test/x", "/default"},
		{"three slashes", "///evil.test/x", "/default"},
		{"two slashes further on", "/a//evil.test", "/default"},
		{"a backslash", `/\evil.test/x`, "/default"},
		{"a backslash further on", `/a/..\evil.test`, "/default"},
		{"a hidden backslash", "/%5Cevil.test", "/default"},
		{"a hidden slash", "/%2Fevil.test", "/default"},
		{"a hidden tab", "/%09/evil.test", "/default"},
		{"a hidden line", "/a%0d%0aSet-Cookie:x", "/default"},
		{"dots", "/a/../b", "/default"},
		{"hidden dots", "/%2e%2e/b", "/default"},
		{"two layers", "/%255Cevil.test", "/default"},
		{"the longest", "/" + strings.Repeat("a", 2047), "/" + strings.Repeat("a", 2047)},
		{"one that is longer", "/" + strings.Repeat("a", 2048), "/default"},
		{"one that is far longer", "/" + strings.Repeat("a", 1<<20), "/default"},
	} {
		s := newPrivate(t)
		b := newBrowser(t, s.RequireUser("/login")(http.HandlerFunc(show))) // no mux: it cleans paths
		equal(t, c.name+": sent to", b.get(c.asked).location, "/login")
		equal(t, c.name+": noted", len(b.jar) == 1, c.target != "/default")
		b.handler = s
		equal(t, c.name+": a login leads", b.post("/login/password", sesame("alice")).location, c.target)
	}
}

func TestNeitherRefererNorHostSaysWhereToGo(t *testing.T) {
	s := newPrivate(t)
	b := newBrowser(t, s)
	b.get("/private", header("Referer", "https://evil.test/x"), header("X-Original-URL", "/evil"), header("X-Forwarded-Host", "evil.test"))
	equal(t, "a login leads", b.post("/login/password", sesame("alice"), header("Referer", "https://evil.test/x")).location, "/private")
	equal(t, "parameters", b.post("/login/password?returnTo=/evil&next=/evil", url.Values{"user": {"alice"}, "password": {"sesame"}, "returnTo": {"/evil"}}).location, "/default")
}

func TestTheNotedPathIsTheOneTheBrowserAskedFor(t *testing.T) {
	s := newPrivate(t)
	s.mux.Handle("/app/", http.StripPrefix("/app", s.RequireUser("/login")(http.HandlerFunc(show))))
	b := newBrowser(t, s)
	b.get("/app/settings?tab=2")
	equal(t, "a login leads", b.post("/login/password", sesame("alice")).location, "/app/settings?tab=2")
}

func TestALoginForgetsWhereSomebodyWantedToGo(t *testing.T) {
	onEachShelf(t, func(t *testing.T, shelf shelf) {
		s := newPrivate(t, shelf.option)
		b := newBrowser(t, s)
		b.get("/one")
		b.get("/two")
		b.post("/login/password", nil)
		equal(t, "a login leads to the page wanted last", b.post("/login/password", sesame("alice")).location, "/two")
		equal(t, "cookies", len(b.jar), 1)
		equal(t, "the next login", b.post("/login/password", sesame("alice")).location, "/default")
	})
}

func TestEveryLoginForgetsWhereSomebodyWantedToGo(t *testing.T) {
	s := newPrivate(t)
	s.Use("alice", alice)
	s.mount("/login/elsewhere", s.Authenticate("alice", passport.SuccessRedirect("/elsewhere")))
	b := newBrowser(t, s)
	b.get("/private")
	equal(t, "a login that leads elsewhere", b.get("/login/elsewhere").location, "/elsewhere")
	equal(t, "the next login", b.post("/login/password", sesame("alice")).location, "/default")
}

func TestALoginThroughAProviderLeadsBack(t *testing.T) {
	onEachShelf(t, func(t *testing.T, shelf shelf) {
		s := newPrivate(t, shelf.option)
		for _, c := range []struct {
			tab  int
			want string
		}{{0, "/one"}, {1, "/two"}} {
			b := newBrowser(t, s)
			var states []string
			for _, page := range []string{"/one", "/two"} {
				b.get(page)
				states = append(states, b.begin("/login/github"))
			}
			equal(t, "the tab that wanted "+c.want, b.back("/login/github", states[c.tab], "alice").location, c.want)
			equal(t, "the next login", b.post("/login/password", sesame("alice")).location, "/default")
		}
	})
}

func TestConnectingForgetsNothing(t *testing.T) {
	s := newPrivate(t)
	b := newBrowser(t, s)
	b.get("/private")
	kept := b.notes()
	equal(t, "connecting leads", b.providerSays("/connect/google", "1").location, "/private")
	equal(t, "the notes are", b.notes(), kept)
	equal(t, "a login leads", b.post("/login/password", sesame("alice")).location, "/private")
}

func TestRequireUserAsksSubject(t *testing.T) {
	auth := passport.New(passport.Config{
		Keys:    [][]byte{newKey()},
		Observe: func(context.Context, passport.Event) {},
		Subject: func(r *http.Request) (string, bool) { id := r.Header.Get("X-Test-User"); return id, id != "" },
	})
	h := auth.RequireUser("/login")(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	equal(t, "nobody", newBrowser(t, h).get("/").location, "/login")
	equal(t, "somebody, by the application's own login", newBrowser(t, h).get("/", header("X-Test-User", "alice")).status, http.StatusNoContent)
}

func TestIdentityInHeadersIsNone(t *testing.T) {
	s := newPrivate(t)
	for name, value := range map[string]string{
		"X-Forwarded-User": "admin", "Remote-User": "admin", "X-Remote-User": "admin", "Authorization": "Basic YWRtaW46YWRtaW4=", "User-Agent": "GoogleHC/1.0",
	} {
		r := httptest.NewRequest("GET", "/private", nil)
		r.Header.Set(name, value)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		equal(t, name, w.Code, http.StatusUnauthorized)
	}
}
