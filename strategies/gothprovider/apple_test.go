package gothprovider_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/markbates/goth/providers/apple"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/testapp"
	"github.com/gopassport/passport/strategies/gothprovider"
)

// Goth's real Apple provider, which asks by http.DefaultClient: TestMain puts a transport
// of its own in place of http.DefaultTransport, so that the service of these tests answers
// for appleid.apple.com. The ID tokens are signed, and goth verifies them.

// appleApp is an application where people log in, and connect an account at Apple.
func appleApp(t *testing.T, world *internet) (*app, *testapp.Browser) {
	t.Helper()
	everybody.Store(world)
	t.Cleanup(func() { everybody.Store(nil) })
	p := newApp(t, func(c *passport.Config) {
		c.Users = passport.Users[*account]{
			Key:  func(a *account) string { return a.ID },
			Load: func(_ context.Context, id string) (*account, error) { return &account{ID: id}, nil },
		}
	})
	p.Handler = p.Auth.Session(p.Mux)
	p.Auth.Use("apple", gothprovider.New(apple.New("id", "CANARY-SECRET", "https://app.example/callback", nil, apple.ScopeName, apple.ScopeEmail), keep))
	show := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u, _ := passport.UserFrom[*account](r.Context())
		a, connected := passport.AccountFrom[*account](r.Context())
		fmt.Fprintf(w, "connected %t %v, user %v", connected, a, u)
	})
	p.Mux.Handle("/connect/apple", p.Auth.Authorize("apple")(show))
	p.Mux.Handle("/login/apple", p.Auth.Authenticate("apple")(show))
	p.Mux.Handle("/me", show)
	return p, p.Browser()
}

func TestAppleEndsWithAFormPostedFromItsSite(t *testing.T) {
	for path, want := range map[string]string{
		"/connect/apple": "connected true &{42 }, user &{alice }",
		"/login/apple":   "connected false <nil>, user &{42 }",
	} {
		p, b := appleApp(t, serving("apple"))
		if path == "/connect/apple" {
			b.LogIn(&account{ID: "alice"})
		}
		query := parse(t, b.Begin(path)).Query()
		if query.Get("response_mode") != "form_post" || query.Get("scope") != "name email" {
			t.Errorf("sent with %v", query)
		}
		form := url.Values{"state": query["state"], "code": {"CANARY-CODE"}, "user": {`{"email":"CANARY@example.com"}`}}
		everybody.Load().at(stepToken)
		w := b.Posted(path, form)
		if w.Code != http.StatusOK || w.Body.String() != want {
			t.Errorf("%s: %d %s, want %s; %v", path, w.Code, w.Body, want, p.Last())
		}
		p.Secretless(path, w, query.Get("state"))
		if w := b.Posted(path, form); w.Code != http.StatusBadRequest || p.Last().Code != passport.CodeFlowMissing {
			t.Errorf("%s, again: %d %s", path, w.Code, w.Body)
		}
		user := want[strings.Index(want, "user"):]
		if w := b.Get("/me", "same-origin"); !strings.HasSuffix(w.Body.String(), user) {
			t.Errorf("%s: afterwards %s, want %s", path, w.Body, user)
		}
	}
}

func TestWhatApplePostsIsRefusedLikeAnyAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		change func(url.Values)
		code   passport.Code
		status int
	}{
		"a no":            {func(v url.Values) { v.Del("code"); v.Set("error", "user_cancelled_authorize") }, passport.CodeDenied, 403},
		"a foreign state": {func(v url.Values) { v.Set("state", "foreign") }, passport.CodeFlowMissing, 400},
		"two codes":       {func(v url.Values) { v.Add("code", "another") }, passport.CodeCallback, 400},
		"no code":         {func(v url.Values) { v.Del("code") }, passport.CodeCallback, 400},
		"an ID token":     {func(v url.Values) { v.Set("id_token", "CANARY") }, passport.CodeCallback, 400},
	} {
		world := serving("apple")
		p, b := appleApp(t, world)
		form := url.Values{"state": parse(t, b.Begin("/connect/apple")).Query()["state"], "code": {"CANARY-CODE"}}
		c.change(form)
		world.at(stepToken)
		p.Want(name, b.Posted("/connect/apple", form), c.code, c.status)
		if calls := world.of(stepToken).calls; calls > 0 {
			t.Errorf("%s: Apple was asked %d times", name, calls)
		}
	}
}

// tail is a token without its header.
func tail(token string) string { return token[strings.IndexByte(token, '.'):] }

// What goth checks in Apple's ID tokens, and that it ends in an error and nobody.
func TestAppleIDTokensThatAreRefused(t *testing.T) {
	const issuer = "https://appleid.apple.com"
	for name, c := range map[string]struct {
		token string
		code  passport.Code
	}{
		"of another client":       {signed(issuer, map[string]any{"aud": "another"}), passport.CodeProvider},
		"of another issuer":       {signed("https://evil.example", nil), passport.CodeProvider},
		"too old":                 {signed(issuer, map[string]any{"exp": time.Now().Add(-time.Hour).Unix()}), passport.CodeProvider},
		"of another access token": {signed(issuer, map[string]any{"at_hash": "x"}), passport.CodeProvider},
		"without a subject":       {signed(issuer, map[string]any{"sub": ""}), passport.CodeSubject},
		"with another signature":  {signed(issuer, nil) + "A", passport.CodeProvider},
		"with no signature":       {base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","kid":"k"}`)) + tail(signed(issuer, nil)), passport.CodeProvider},
		"without a key's name":    {base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256"}`)) + tail(signed(issuer, nil)), passport.CodeProviderPanic},
		"no token":                {"x", passport.CodeProvider},
	} {
		world := serving("apple")
		world.ids = func() string { return c.token }
		j := travel(t.Context(), t, fresh(t, "apple", "https://app.example/callback"), world)
		j.app.Want(name, j.end, c.code, http.StatusBadGateway)
	}
}
