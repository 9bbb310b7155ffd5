package oidc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/strategies/oidc"
)

// app is an application with one provider, and one browser.
type app struct {
	t        testing.TB
	op       *provider
	auth     *passport.Registry
	strategy *oidc.Strategy
	routes   map[string]http.Handler

	jar    map[string]*http.Cookie
	mu     sync.Mutex
	err    *passport.Error // of the last request
	who    *oidc.Identity  // of the last verify
	verify func(*http.Request, oidc.Identity) (*oidc.Identity, error)
}

func config(p *provider) oidc.Config {
	return oidc.Config{Issuer: issuer, ClientID: clientID, ClientSecret: secret, RedirectURL: redirect, Client: &http.Client{Transport: p}}
}

func newApp(tb testing.TB, p *provider, changes ...func(*oidc.Config)) *app {
	c := config(p)
	for _, f := range changes {
		f(&c)
	}
	a := &app{t: tb, op: p, jar: map[string]*http.Cookie{}, routes: map[string]http.Handler{}}
	a.strategy = oidc.New(c, func(r *http.Request, who oidc.Identity) (*oidc.Identity, error) {
		a.mu.Lock()
		a.who = &who
		a.mu.Unlock()
		if a.verify != nil {
			return a.verify(r, who)
		}
		return &who, nil
	})
	a.auth = passport.New(passport.Config{Observe: func(context.Context, passport.Event) {}, Keys: [][]byte{bytes.Repeat([]byte("0123456789abcdef"), 2)}, Origins: []string{"https://app.test"},
		Users: passport.Users[*oidc.Identity]{Key: func(who *oidc.Identity) string { return who.Subject },
			Load: func(_ context.Context, key string) (*oidc.Identity, error) { return &oidc.Identity{Subject: key}, nil }},
		OnError: func(w http.ResponseWriter, _ *http.Request, err error) {
			var e *passport.Error
			errors.As(err, &e)
			a.mu.Lock()
			defer a.mu.Unlock()
			a.err = e
			w.WriteHeader(e.Status)
		}})
	a.auth.Use("op", a.strategy)
	a.route("/login")
	a.routes["/callback"] = a.routes["/login"]
	return a
}

// route adds a route of the strategy.
func (a *app) route(path string, opts ...passport.Option) {
	done := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, _ := passport.UserFrom[*oidc.Identity](r.Context())
		fmt.Fprintf(w, "hello %s", who.Subject)
	})
	a.routes[path] = a.auth.Authenticate("op", opts...)(done)
}

// do sends a request of the browser's.
func (a *app) do(r *http.Request) *http.Response {
	for _, c := range a.jar {
		r.AddCookie(c)
	}
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "document")
	a.err, a.who = nil, nil
	w := httptest.NewRecorder()
	a.routes[r.URL.Path].ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		a.jar[c.Name] = c
		if c.MaxAge < 0 {
			delete(a.jar, c.Name)
		}
	}
	return w.Result()
}

func (a *app) get(path string) *http.Response {
	r := httptest.NewRequest(http.MethodGet, "https://app.test"+path, nil)
	r.Header.Set("Sec-Fetch-Site", "none")
	return a.do(r)
}

// begin gives the address at the provider.
func (a *app) begin(path ...string) string {
	a.t.Helper()
	reply := a.get(append(path, "/login")[0])
	if reply.StatusCode != http.StatusFound {
		a.t.Fatalf("the flow does not begin: %d, %v", reply.StatusCode, a.err)
	}
	return reply.Header.Get("Location")
}

func (a *app) callback(answer url.Values) *http.Response {
	r := httptest.NewRequest(http.MethodGet, "https://app.test/callback?"+answer.Encode(), nil)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	return a.do(r)
}

// post is the provider's page that posts the answer, and the browser that follows the bounce.
func (a *app) post(answer url.Values) *http.Response {
	r := httptest.NewRequest(http.MethodPost, "https://app.test/callback", strings.NewReader(answer.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	r.Header.Set("Origin", issuer)
	kept := a.jar
	a.jar = map[string]*http.Cookie{} // Lax cookies do not come along
	reply := a.do(r)
	maps.Copy(kept, a.jar)
	a.jar = kept
	if to := reply.Header.Get("Location"); to != "" {
		land := httptest.NewRequest(http.MethodGet, "https://app.test"+to, nil)
		land.Header.Set("Sec-Fetch-Site", "cross-site")
		return a.do(land)
	}
	return reply
}

// login is a whole flow.
func (a *app) login() *http.Response {
	a.t.Helper()
	return a.callback(a.op.authorize(a.begin()))
}

// accepted runs a flow that must end well.
func (a *app) accepted() *oidc.Identity {
	a.t.Helper()
	if reply := a.login(); reply.StatusCode != http.StatusOK || a.who == nil {
		a.t.Fatalf("status %d: %v", reply.StatusCode, a.err)
	}
	return a.who
}

// refused runs a flow that must end with a code, without verify and userinfo, and with one
// token request at most.
func (a *app) refused(code passport.Code, status int) {
	a.t.Helper()
	a.wants(a.login(), code, status)
}

func (a *app) wants(reply *http.Response, code passport.Code, status int) {
	a.t.Helper()
	if a.err == nil || a.err.Code != code || reply.StatusCode != status {
		a.t.Fatalf("status %d and %v, want %d and %s", reply.StatusCode, a.err, status, code)
	}
	if a.who != nil {
		a.t.Error("verify was called")
	}
	secretFree(a.t, a.err.Error())
}

// secretFree looks for what no text may hold.
func secretFree(tb testing.TB, text string) {
	tb.Helper()
	if strings.Contains(text, "CANARY") || strings.Contains(text, "eyJ") {
		tb.Errorf("it holds a secret: %s", text)
	}
}
