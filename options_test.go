package passport_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gopassport/passport"
)

func TestWhereASuccessLeads(t *testing.T) {
	origins := func(c *passport.Config) { c.Origins = []string{"https://app.example", "https://www.app.example"} }
	for _, c := range []struct {
		name, method string
		option       passport.Option
		status       int
		to           string
	}{
		{"the handler", "GET", passport.Param("a", "b"), 200, ""},
		{"a page", "GET", passport.SuccessRedirect("/in?a=b#c"), 302, "/in?a=b#c"},
		{"a page, after a form", "POST", passport.SuccessRedirect("/in"), 303, "/in"},
		{"a page, after PUT", "PUT", passport.SuccessRedirect("/in"), 303, "/in"},
		{"a page of another origin of ours", "GET", passport.SuccessRedirect("https://www.app.example/in"), 302, "https://www.app.example/in"},
		{"a default", "POST", passport.SuccessReturnToOrRedirect("/in"), 303, "/in"},
		{"a failure's page is for failures", "GET", passport.FailureRedirect("/out"), 200, ""},
	} {
		s := newSite(t, origins)
		s.Use("alice", alice)
		s.Use("account", always(passport.Success{Value: &account{"1"}}))
		s.mount("/login/alice", s.Authenticate("alice", c.option))
		s.mount("/connect/account", s.Authorize("account", c.option))
		for path, user := range map[string]string{"/login/alice": "alice", "/connect/account": "-"} {
			b := newBrowser(t, s)
			res := b.get(path, method(c.method))
			if res.status != c.status || res.location != c.to || (res.header.Get("Content-Length") == "0") != (c.to != "") {
				t.Errorf("%s, %s: %d %q, want %d %q", c.name, path, res.status, res.location, c.status, c.to)
			}
			equal(t, c.name+": who is logged in by "+path, b.me(), user)
		}
		equal(t, c.name+": handlers that ran", s.ran.Load() > 0, c.to == "")
	}
}

func TestWhereAFailureLeads(t *testing.T) {
	for _, c := range []struct {
		name, method string
		request      with
		strategy     passport.Strategy
		status       int
		to           string
	}{
		{"a page", "GET", from("same-origin"), form, 302, "/out"},
		{"a form", "POST", from("same-origin"), form, 303, "/out"},
		{"an old browser", "POST", plain, form, 303, "/out"},
		{"a refusal with a code", "GET", from("same-origin"), denied, 302, "/out"},
		{"a status is not sent then, nor a challenge", "GET", from("same-origin"), locked, 302, "/out"},
		{"a script", "POST", fetch, form, 401, ""},
		{"a frame", "GET", header("Sec-Fetch-Dest", "iframe"), form, 401, ""},
		{"a guess of the browser", "GET", header("Sec-Purpose", "prefetch"), form, 401, ""},
		{"a program", "POST", both(plain, header("Accept", "*/*")), form, 401, ""},
		{"a wrong method", "GET", from("same-origin"), said(nil, &passport.Error{Code: passport.CodeMethod, Status: 405}), 405, ""},
		{"a fault", "GET", from("same-origin"), broken, 500, ""},
		{"a provider that is down", "GET", from("same-origin"), said(nil, &passport.Error{Code: passport.CodeProviderUnavailable, Status: 503}), 503, ""},
		{"a user of the wrong type", "GET", from("same-origin"), always(passport.Success{Value: 1}), 500, ""},
	} {
		s := newSite(t)
		s.chain(strategies{c.strategy}, passport.FailureRedirect("/out"), passport.SuccessRedirect("/in"))
		res := newBrowser(t, s).get("/chain", method(c.method), c.request)
		if res.status != c.status || res.location != c.to || c.to != "" && res.header.Get("WWW-Authenticate") != "" {
			t.Errorf("%s: %d %q, %v; want %d %q", c.name, res.status, res.location, res.header, c.status, c.to)
		}
	}
}

func TestParametersOfARoute(t *testing.T) {
	s := newSite(t)
	var seen []string
	s.Use("a", passport.StrategyFunc(func(_ *http.Request, a *passport.Attempt) (passport.Result, error) {
		seen = append(seen, fmt.Sprintf("%s scope=%q prompt=%q", a.Strategy(), a.Param("scope"), a.Param("prompt")))
		return passport.Failure{}, nil
	}))
	s.Use("b", alice)
	s.mount("/one", s.Authenticate("a", passport.Or("b"), passport.Param("scope", "email"), passport.Param("scope", "email profile")))
	s.mount("/two", s.Authorize("a", passport.Param("prompt", "")))
	b := newBrowser(t, s)
	b.get("/one?scope=evil&prompt=evil")
	b.get("/two?scope=evil")
	equal(t, "what the strategy sees", strings.Join(seen, "; "), `a scope="email profile" prompt=""; a scope="" prompt=""`)
}

func TestWhichOnErrorAnswers(t *testing.T) {
	saying := func(text string) func(http.ResponseWriter, *http.Request, error) {
		return func(w http.ResponseWriter, _ *http.Request, err error) {
			if _, ok := err.(*passport.Error); !ok { //nolint:errorlint // the documentation says that it is one
				t.Errorf("the error is a %T", err)
			}
			http.Error(w, text, http.StatusTeapot)
		}
	}
	s := newSite(t, func(c *passport.Config) { c.OnError = saying("config") })
	s.Use("form", form)
	s.Use("broken", broken)
	s.mount("/default", s.Authenticate("form"))
	s.mount("/own", s.Authenticate("form", passport.OnError(saying("route"))))
	s.mount("/fault", s.Authorize("broken", passport.FailureRedirect("/out"), passport.OnError(saying("route"))))
	s.mount("/redirect", s.Authenticate("form", passport.FailureRedirect("/out"), passport.OnError(saying("route"))))
	s.mount("/private", s.RequireUser(""))
	b := newBrowser(t, s)
	for path, want := range map[string]string{"/default": "config\n", "/own": "route\n", "/fault": "route\n", "/private": "config\n"} {
		b.get(path).wants(http.StatusTeapot, want)
	}
	equal(t, "a failure with a page of its own", b.get("/redirect").location, "/out")
	b.get("/redirect", fetch).wants(http.StatusTeapot, "route\n")
}

// fussy is a strategy that knows its parameters.
type fussy struct{ passport.Strategy }

func (fussy) CheckParam(key, value string) error {
	if key == "scope" && value != "" {
		return nil
	}
	return fmt.Errorf("there is no %s", key)
}

func TestAStrategyRefusesParametersWhenARouteIsMade(t *testing.T) {
	auth := newRegistry(t)
	auth.Use("fussy", fussy{alice})
	auth.Use("alice", alice)
	for _, c := range []struct {
		name string
		make func()
		want string
	}{
		{"a parameter it has", func() { auth.Authenticate("fussy", passport.Param("scope", "a")) }, ""},
		{"one it lacks", func() { auth.Authenticate("fussy", passport.Param("state", "a")) }, `Authenticate("fussy"): Param("state"): there is no state`},
		{"a value that is none", func() { auth.Authorize("fussy", passport.Param("scope", "")) }, `Authorize("fussy"): Param("scope")`},
		{"one that a later strategy lacks", func() { auth.Authenticate("alice", passport.Or("fussy"), passport.Param("x", "a")) }, `Param("x"): there is no x`},
		{"a strategy that does not say", func() { auth.Authenticate("alice", passport.Param("state", "a")) }, ""},
	} {
		panicking{c.name, c.make, c.want}.check(t)
	}
}
