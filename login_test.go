package passport_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gopassport/passport"
)

// sesame is a log-in form that is filled in right.
func sesame(user string) url.Values {
	return url.Values{"user": {user}, "password": {"sesame"}}
}

func TestALoginIsNotPostedByAnotherSite(t *testing.T) {
	headers := func(pairs ...string) with {
		return func(r *http.Request) {
			plain(r)
			for i := 0; i < len(pairs); i += 2 {
				r.Header.Set(pairs[i], pairs[i+1])
			}
		}
	}
	for _, c := range []struct {
		name    string
		method  string
		request with
		refused bool
	}{
		{"a form of the application", "POST", from("same-origin"), false},
		{"a person without a page", "POST", from("none"), false},
		{"another site", "POST", from("cross-site"), true},
		{"a sister site", "POST", from("same-site"), true},
		{"a value nobody knows", "POST", from("weird"), true},
		{"another site, by script", "POST", both(from("cross-site"), fetch), true},
		{"another site, PUT", "PUT", from("cross-site"), true},
		{"another site, DELETE", "DELETE", from("cross-site"), true},
		{"a link elsewhere", "GET", from("cross-site"), false},
		{"an old browser, the application's origin", "POST", headers("Origin", "https://app.example"), false},
		{"an old browser, another origin", "POST", headers("Origin", "https://evil.test"), true},
		{"an old browser, an origin that begins alike", "POST", headers("Origin", "https://app.example.evil.test"), true},
		{"an old browser, no origin at all", "POST", headers("Origin", "null"), true},
		{"a trusted origin of the application", "POST", headers("Origin", "https://www.app.example"), false},
		{"a trusted origin, across sites", "POST", both(headers("Origin", "https://www.app.example"), from("cross-site")), false},
		{"a program, which has no cookies to misuse", "POST", headers(), false},
	} {
		s := newSite(t, func(c *passport.Config) { c.Origins = []string{"https://app.example", "https://www.app.example"} })
		s.login("password")
		s.Use("anybody", alice)
		s.mount("/login/anybody", s.Authenticate("anybody", passport.FailureRedirect("/sorry")))
		s.mount("/api", s.Authenticate("anybody", passport.NoSession()))
		b := newBrowser(t, s).as("victim")
		res := b.post("/login/anybody", url.Values{"user": {"attacker"}}, method(c.method), c.request)
		after := b.get("/me").body
		switch {
		case c.refused && (res.status != 403 && res.status != 303 || res.status == 303 && res.location != "/sorry" || s.ran.Load() != 0 || after != "user victim, account -"):
			t.Errorf("%s: %d %q, then %s; want a refusal", c.name, res.status, res.body, after)
		case !c.refused && (res.status != 200 || after != "user alice, account -"):
			t.Errorf("%s: %d %q, then %s; want alice logged in", c.name, res.status, res.body, after)
		}
		equal(t, c.name+", at an API without a session", b.post("/api", url.Values{}, method(c.method), c.request).body, "user alice, account -")
	}
}

func TestAFormOfAnotherSiteIsRefusedWithItsCode(t *testing.T) {
	s := newSite(t)
	s.login("password")
	s.connect("github")
	b := newBrowser(t, s)
	for _, path := range []string{"/login/password", "/connect/github"} {
		res := b.post(path, sesame("attacker"), from("cross-site")).refused(http.StatusForbidden, passport.CodeCrossSite)
		equal(t, path+": cookies", len(res.cookies), 0)
	}
}

func TestLoginByHand(t *testing.T) {
	s := newSite(t)
	b := newBrowser(t, s.mux)
	b.get("/as/alice").wants(http.StatusOK, "")
	b.handler = s
	equal(t, "a login beside Session", b.me(), "alice")
	e := s.last()
	equal(t, "what Observe hears", fmt.Sprint(e.Kind, " ", e.Purpose, " ", e.User, " ", e.Strategy), "login login alice ")
	b.get("/logout")
	equal(t, "what Observe hears of a logout", s.last().Kind, "logout")
}

func TestALoginByHandIsOnlyForWhoAsked(t *testing.T) {
	s := newSite(t)
	outside := httptest.NewRequest("GET", "/", nil)
	if err := s.Login(httptest.NewRecorder(), outside, &user{"alice"}); err != nil {
		t.Fatal(err)
	}
	if u, ok := passport.UserFrom[*user](outside.Context()); ok {
		t.Errorf("a request outside of Session has the user %v", u)
	}
}

func TestWithoutUsersNobodyIsLoggedInOrOut(t *testing.T) {
	auth := passport.New(passport.Config{})
	for name, call := range map[string]func(http.ResponseWriter, *http.Request) error{
		"Login":    func(w http.ResponseWriter, r *http.Request) error { return auth.Login(w, r, &user{"alice"}) },
		"Logout":   auth.Logout,
		"Messages": func(w http.ResponseWriter, r *http.Request) error { _, err := auth.Messages(w, r); return err },
	} {
		w := httptest.NewRecorder()
		err := call(w, httptest.NewRequest("GET", "/", nil))
		var e *passport.Error
		if !errors.As(err, &e) || e.Code != passport.CodeConfiguration || e.Status != 500 || len(w.Header()) > 0 {
			t.Errorf("%s: %v, headers %v; want %s", name, err, w.Header(), passport.CodeConfiguration)
		}
	}
}

func TestALogoutOfNobodySetsNothing(t *testing.T) {
	onEachShelf(t, func(t *testing.T, shelf shelf) {
		res := newBrowser(t, newSite(t, shelf.option)).get("/logout").wants(http.StatusOK, "")
		equal(t, "cookies set", len(res.cookies), 0)
	})
}

func TestALogoutForgetsNotesAndLeavesNoFlowToSomebodyElse(t *testing.T) {
	s := newSite(t)
	s.connect("github")
	s.mux.Handle("/private", s.RequireUser("/login")(http.HandlerFunc(show)))
	b := newBrowser(t, s)
	b.get("/private")
	b.as("alice")
	state := b.begin("/connect/github")
	equal(t, "cookies before", len(b.jar), 3)
	b.get("/logout")
	equal(t, "notes after a logout", b.notes(), "")
	b.thief().back("/connect/github", state, "1").refused(http.StatusUnauthorized, passport.CodeFlowUser)
	b.as("bob").back("/connect/github", state, "1").refused(http.StatusForbidden, passport.CodeFlowUser)
}

func TestTheSameUserTwiceIsStillOneLogin(t *testing.T) {
	onEachShelf(t, func(t *testing.T, shelf shelf) {
		s := newSite(t, shelf.option)
		b := newBrowser(t, s).as("alice")
		before := shelf.login(b).Value
		equal(t, "the person", b.as("alice").me(), "alice")
		equal(t, "cookies", len(b.jar), 1)
		if shelf.login(b).Value == before {
			t.Error("the identity is not renewed")
		}
	})
}

func TestNoSessionIsForOneRequest(t *testing.T) {
	s := newSite(t)
	s.Use("alice", alice)
	s.mount("/api", s.Authenticate("alice", passport.NoSession()))
	b := newBrowser(t, s).as("bob")
	jar := fmt.Sprint(b.jar)
	res := b.get("/api").wants(http.StatusOK, "user alice, account -")
	equal(t, "cookies set", len(res.cookies), 0)
	equal(t, "the jar", fmt.Sprint(b.jar), jar)
	equal(t, "the next request", b.me(), "bob")
}

func TestAFlowIsBoundToAUserWithoutASession(t *testing.T) {
	s := newSite(t)
	s.Use("header", passport.StrategyFunc(func(r *http.Request, _ *passport.Attempt) (passport.Result, error) {
		return passport.Success{Value: &user{r.Header.Get("X-Test-User")}}, nil
	}))
	h := s.Authenticate("header", passport.NoSession())(s.Authorize("github")(http.HandlerFunc(show)))
	b := newBrowser(t, h)
	as := func(name string) with { return header("X-Test-User", name) }
	state := b.begin("/", as("alice"))
	b.thief().back("", state, "1", as("bob")).refused(http.StatusForbidden, passport.CodeFlowUser)
	b.back("", state, "1", as("alice")).wants(http.StatusOK, "user alice, account 1")
}

func TestAnAPINeedsNoUserStore(t *testing.T) {
	auth := passport.New(passport.Config{Observe: func(context.Context, passport.Event) {}})
	auth.Use("token", passport.StrategyFunc(func(r *http.Request, _ *passport.Attempt) (passport.Result, error) {
		if r.Header.Get("Authorization") != "Bearer good" {
			return passport.Failure{Challenge: "Bearer"}, nil
		}
		return passport.Success{Value: "robot"}, nil
	}))
	h := auth.Authenticate("token", passport.NoSession())(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, ok := passport.UserFrom[string](r.Context())
		_, _ = fmt.Fprint(w, name, ok)
	}))
	b := newBrowser(t, h)
	equal(t, "a good token", b.get("/", fetch, header("Authorization", "Bearer good")).body, "robottrue")
	res := b.get("/", fetch).refused(http.StatusUnauthorized, passport.CodeRejected)
	equal(t, "the challenge", res.header.Get("WWW-Authenticate"), "Bearer")
}

func TestUserFromUnderAClonedRequest(t *testing.T) {
	s := newSite(t)
	var outer string
	access := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		type key struct{}
		inner := r.Clone(context.WithValue(r.Context(), key{}, 1))
		if err := s.Login(w, inner, &user{"alice"}); err != nil {
			t.Error(err)
		}
		u, _ := passport.UserFrom[*user](r.Context())
		outer = fmt.Sprint(u)
		show(w, inner)
	})
	newBrowser(t, s.Session(access)).get("/").wants(http.StatusOK, "user alice, account -")
	equal(t, "the outer request, for a log of who asked", outer, "alice")
}

func TestLoginsOfManyBrowsersAtOnce(t *testing.T) {
	onEachShelf(t, func(t *testing.T, shelf shelf) {
		s := newSite(t, shelf.option)
		s.login("password")
		done := make(chan bool)
		for i := range 8 {
			go func() {
				defer func() { done <- true }()
				name := fmt.Sprintf("user%d", i)
				b := newBrowser(t, s)
				for range 5 {
					b.post("/login/password", sesame(name))
					equal(t, "logged in", b.me(), name)
					b.get("/logout")
					equal(t, "logged out", b.me(), "-")
				}
			}()
		}
		for range 8 {
			<-done
		}
	})
}

func TestAUserWithAnOddKey(t *testing.T) {
	onEachShelf(t, func(t *testing.T, shelf shelf) {
		for name, key := range map[string]string{
			"dots":           "a.b.c.",
			"a dot first":    ".a",
			"only dots":      "...",
			"other letters":  "ключ",
			"bytes":          "\x00\xff\n\r;,=\" ",
			"something long": strings.Repeat("k", 600),
		} {
			var seen string
			s := newSite(t, shelf.option)
			keep := func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/in" {
					s.by(w, s.Login(w, r, &user{key}))
				}
				if u, ok := passport.UserFrom[*user](r.Context()); ok {
					seen = u.id
				}
			}
			b := newBrowser(t, s.Session(http.HandlerFunc(keep)))
			b.get("/in").wants(http.StatusOK, "")
			seen = ""
			b.get("/")
			equal(t, "a key of "+name, seen, key)
		}
	})
}
