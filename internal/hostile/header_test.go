package hostile_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/hostile"
	"github.com/gopassport/passport/internal/returnto"
	"github.com/gopassport/passport/strategies/bearer"
)

// headers sends an Authorization header, or a request with a token in it.
func headers(t *testing.T, e hostile.Entry) string {
	if e.Area == "www-authenticate" {
		return challenge(t, e)
	}
	w := newWorld(t, setup{})
	path := map[string]string{"bearer": "/api", "basic": "/basic"}[e.Area]
	input := hostile.Bytes(e.Input)
	switch {
	case strings.HasPrefix(input, "verify"):
		return verified(t, e)
	case strings.HasPrefix(input, "Authorization"):
		input = "GET " + path + " HTTP/1.1\nHost: app.test\n" + input + "\n\n"
	default:
		input = strings.Replace(input, "HTTP/1.1\n", "HTTP/1.1\nHost: app.test\n", 1)
	}
	a := w.send(input)
	switch {
	case a.ran && w.user == "alice":
		return "accept"
	case a.status == 401 && e.Verdict() == "anonymous" && !strings.Contains(a.header.Get("WWW-Authenticate"), "error"):
		return "anonymous"
	case a.status == 400 || a.status == 401:
		if e.Name == "unknown user vs wrong password" {
			w.sameAs(t, a)
		}
		return "reject"
	}
	return a.verdict() + " " + a.body
}

// sameAs compares the answer to somebody unknown with that to a wrong password.
func (w *world) sameAs(t *testing.T, unknown answer) {
	wrong := w.send("GET /basic HTTP/1.1\nHost: app.test\nAuthorization: Basic YWxpY2U6eA==\n\n") // alice:x
	if wrong.status != unknown.status || wrong.body != unknown.body || wrong.header.Get("WWW-Authenticate") != unknown.header.Get("WWW-Authenticate") {
		t.Errorf("%v and %v", wrong, unknown)
	}
}

// verified is a verify function that answers as no good one does.
func verified(t *testing.T, e hostile.Entry) string {
	auth := passport.New(passport.Config{})
	auth.Use("token", bearer.New(func(*http.Request, string) (*user, error) {
		if strings.Contains(e.Input, "hunter2") {
			return nil, errors.New("db: password=hunter2")
		}
		return nil, nil
	}))
	r := httptest.NewRequest(http.MethodGet, "/api", nil)
	r.Header.Set("Authorization", "Bearer good")
	rec := httptest.NewRecorder()
	auth.Authenticate("token", passport.NoSession())(http.NotFoundHandler()).ServeHTTP(rec, r)
	if want := map[bool]int{true: 500, false: 401}[strings.Contains(e.Input, "hunter2")]; rec.Code != want || strings.Contains(rec.Body.String(), "hunter2") {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	return "reject"
}

// challenge is a realm or a scope that would break out of its quotes.
func challenge(t *testing.T, e hostile.Entry) (verdict string) {
	defer func() {
		if text, ok := recover().(string); ok && strings.HasPrefix(text, "bearer: New: ") {
			verdict = "reject" // at start-up
		}
	}()
	option := bearer.Realm(e.Input)
	if strings.HasPrefix(e.Name, "scope") {
		option = bearer.Scope(e.Input)
	}
	auth := passport.New(passport.Config{})
	auth.Use("token", bearer.New(verifyToken, option))
	rec := httptest.NewRecorder()
	auth.Authenticate("token", passport.NoSession())(http.NotFoundHandler()).ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/", nil))
	if got := rec.Header().Get("WWW-Authenticate"); got != `Bearer realm="a\" , error=\"x"` {
		t.Errorf("the challenge is %s", got)
	}
	return "reject"
}

// redirects is where somebody would be sent: as a path that RequireUser takes note of, as
// a success address of the program's, and as what is asked for.
func redirects(t *testing.T, e hostile.Entry) string {
	input := hostile.Bytes(e.Input)
	if strings.Contains(input, "HTTP/1.1\n") {
		return returns(t, input)
	}
	if wired := wires(input); wired != returnto.Local(input) {
		t.Errorf("SuccessRedirect takes it: %t, as a return target it is taken: %t", wired, !wired)
	}
	if returnto.Local(input) {
		if u, err := url.Parse(app + input); err != nil || u.Host != "app.test" {
			t.Errorf("it leads to %v, %v", u, err)
		}
		return "accept"
	}
	return "reject"
}

// wires tells whether a route may redirect to an address.
func wires(address string) (ok bool) {
	defer func() { _ = recover() }()
	auth := passport.New(passport.Config{})
	auth.Use("token", bearer.New(verifyToken))
	auth.Authenticate("token", passport.NoSession(), passport.SuccessRedirect(address))
	return true
}

// returns asks for a page that needs a login, logs in, and looks where that leads.
func returns(t *testing.T, input string) string {
	w := newWorld(t, setup{})
	a := w.send(strings.ReplaceAll(input, "/connect/op", "/protected"))
	rec := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, app+"/login", strings.NewReader("username=alice&password=sesame"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, line := range a.header["Set-Cookie"] {
		if c, err := http.ParseSetCookie(line); err == nil {
			r.AddCookie(c)
		}
	}
	w.app.ServeHTTP(rec, r)
	to := rec.Header().Get("Location")
	if rec.Code != http.StatusSeeOther || a.location != "" && !returnto.Local(a.location) || !returnto.Local(to) {
		t.Errorf("%d, sent to %q, and after the login to %q", rec.Code, a.location, to)
	}
	if strings.Contains(input, "return_to=") && to != "/" {
		return "accept " + to
	}
	if strings.Contains(input, "return_to=") {
		return "reject"
	}
	return "neutralise"
}
