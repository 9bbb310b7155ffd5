package oauth2_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/strategies/oauth2"
)

// good is a config that is right.
func good() oauth2.Config {
	return oauth2.Config{ClientID: "id", ClientSecret: "CANARY", Auth: oauth2.SecretPost, RedirectURL: redirectURL,
		AuthorizationURL: issuer + "/authorize", TokenURL: issuer + "/token", Profile: oauth2.JSONProfile(issuer+"/me", "id")}
}

// R4, R6, R9, R10: what cannot be right ends the program when it starts, and no secret is shown.
func TestAConfigThatCannotBeRightPanicsWithTheCause(t *testing.T) {
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	odd, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		change func(*oauth2.Config)
		want   string
	}{
		{func(c *oauth2.Config) { c.ClientID = "" }, "ClientID is empty"},
		{func(c *oauth2.Config) { c.Auth = "" }, `Auth is ""; say how the client authenticates`},
		{func(c *oauth2.Config) { c.Auth = "basic" }, `Auth is "basic"; say how`},
		{func(c *oauth2.Config) { c.ClientSecret = "" }, "ClientSecret is empty, and Auth client_secret_post needs one"},
		{func(c *oauth2.Config) { c.Auth = oauth2.PublicClient }, "there is a ClientSecret, which Auth none does not send"},
		{func(c *oauth2.Config) { c.Key = ed25519.PrivateKey(make([]byte, 64)) }, "there is a Key, which Auth client_secret_post does not use"},
		{keyed(nil), "the Key is <nil>; Auth private_key_jwt signs with"},
		{keyed(weak), "the Key is *rsa.PrivateKey; Auth private_key_jwt signs with an RSA key of 2048 bits or more"},
		{keyed((*rsa.PrivateKey)(nil)), "the Key is *rsa.PrivateKey"},
		{keyed(odd), "the Key is *ecdsa.PrivateKey"},
		{keyed(ed25519.PrivateKey("short")), "the Key is ed25519.PrivateKey"},
		{func(c *oauth2.Config) { c.RedirectURL = "" }, "RedirectURL is empty"},
		{func(c *oauth2.Config) { c.RedirectURL = "/callback" }, "RedirectURL is not https"},
		{func(c *oauth2.Config) { c.RedirectURL = "https://app.example/callback#x" }, "RedirectURL has a user or a fragment"},
		{func(c *oauth2.Config) { c.RedirectURL = "https://app.example/callback?state=x" }, `RedirectURL has the parameter "state"`},
		{func(c *oauth2.Config) { c.RedirectURL = "https://app.example/callback?iss=x" }, `RedirectURL has the parameter "iss"`},
		{func(c *oauth2.Config) { c.AuthorizationURL = "" }, "the authorization endpoint is empty"},
		{func(c *oauth2.Config) { c.AuthorizationURL = "http://op.example/authorize" }, "the authorization endpoint is not https"},
		{func(c *oauth2.Config) { c.AuthorizationURL = "javascript:alert(1)" }, "the authorization endpoint is not https"},
		{func(c *oauth2.Config) { c.AuthorizationURL = "https://op.example/?a=%zz" }, "the authorization endpoint has a query that does not parse"},
		{func(c *oauth2.Config) { c.TokenURL = "" }, "the token endpoint is empty"},
		{func(c *oauth2.Config) { c.TokenURL = "http://op.example/token" }, "the token endpoint is not https"},
		{func(c *oauth2.Config) { c.TokenURL = "https://CANARY:CANARY@op.example/token" }, "the token endpoint has a user"},
		{func(c *oauth2.Config) { c.TokenURL = "https://CANARY%zz" }, "the token endpoint does not parse"},
		{func(c *oauth2.Config) { c.PushURL = "http://op.example/par" }, "the endpoint for pushed requests is not https"},
		{func(c *oauth2.Config) { c.Scopes = []string{"a b"} }, `Scopes has "a b"`},
		{func(c *oauth2.Config) { c.Scopes = []string{"read", ""} }, `Scopes has ""`},
		{func(c *oauth2.Config) { c.ScopeSeparator = "+" }, `ScopeSeparator is "+"`},
		{func(c *oauth2.Config) { c.Params = map[string]string{"state": "x"} }, `Params: "state" is set by the flow itself`},
		{func(c *oauth2.Config) { c.Params = map[string]string{"": "x"} }, "Params: a parameter has a name"},
		{func(c *oauth2.Config) { c.Params = map[string]string{"scope": "x"} }, "Params has a scope"},
		{func(c *oauth2.Config) { c.Timeout = -time.Second }, "Timeout is -1s"},
		{func(c *oauth2.Config) { c.RequireIssuer = true }, "Issuer is empty"},
		{func(c *oauth2.Config) { c.Profile = nil }, "Profile is nil"},
	} {
		config := good()
		c.change(&config)
		text := panics(t, func() { oauth2.New(config, keep) })
		if !strings.HasPrefix(text, "oauth2: New: ") || !strings.Contains(text, c.want) || strings.Contains(text, "CANARY") {
			t.Errorf("%q, want %q", text, c.want)
		}
	}
	if text := panics(t, func() { oauth2.New[*account](good(), nil) }); !strings.HasPrefix(text, "oauth2: New: verify is nil") {
		t.Error(text)
	}
}

func keyed(key crypto.Signer) func(*oauth2.Config) {
	return func(c *oauth2.Config) { c.Auth, c.ClientSecret, c.Key = oauth2.PrivateKeyJWT, "", key }
}

func TestPlainHTTPIsForLoopbackHostsOnly(t *testing.T) {
	for _, host := range []string{"localhost", "127.0.0.1:8080", "[::1]:8080"} {
		config := good()
		config.AuthorizationURL, config.TokenURL, config.RedirectURL = "http://"+host+"/authorize", "http://"+host+"/token", "http://"+host+"/callback"
		oauth2.New(config, keep) // does not panic
	}
}

func TestAProfileThatCannotBeRightPanics(t *testing.T) {
	for _, c := range []struct{ address, member, want string }{
		{"http://op.example/me", "id", "oauth2: JSONProfile: the address is not https"},
		{"", "id", "oauth2: JSONProfile: the address is empty"},
		{issuer, "", `oauth2: JSONProfile: the member "" has no name`},
		{issuer, "data.", `oauth2: JSONProfile: the member "data." has no name`},
		{issuer, ".id", `oauth2: JSONProfile: the member ".id" has no name`},
		{issuer, "a..b", `oauth2: JSONProfile: the member "a..b" has no name`},
	} {
		if text := panics(t, func() { oauth2.JSONProfile(c.address, c.member) }); !strings.HasPrefix(text, c.want) {
			t.Errorf("%q, want %q", text, c.want)
		}
	}
}

// R23: what a route must not set is refused when the route is made.
func TestARouteCannotSetWhatDecidesAboutTheFlow(t *testing.T) {
	auth := newApp(t).Auth
	auth.Use("forge", oauth2.New(good(), keep))
	for _, name := range []string{"client_id", "client_secret", "client_assertion", "client_assertion_type", "code", "code_challenge", "code_challenge_method",
		"code_verifier", "dpop_jkt", "grant_type", "nonce", "redirect_uri", "request", "request_uri", "response_mode", "response_type", "state"} {
		text := panics(t, func() { auth.Authorize("forge", passport.Param(name, "x")) })
		if !strings.Contains(text, name) || !strings.Contains(text, "is set by the flow itself") {
			t.Errorf("%s: %q", name, text)
		}
	}
	for name, opt := range map[string]passport.Option{
		"no scope": oauth2.Scopes(), "an empty scope": oauth2.Scopes("a", ""), "a scope with a space at its end": oauth2.Scopes("a "), "a quote": oauth2.Scopes(`a"`),
		"a backslash": oauth2.Scopes(`a\b`), "other characters than ASCII": oauth2.Scopes("é"), "two spaces": passport.Param("scope", "a  b"),
	} {
		if text := panics(t, func() { auth.Authorize("forge", opt) }); !strings.Contains(text, "is malformed") {
			t.Errorf("%s: %q", name, text)
		}
	}
	if text := panics(t, func() { auth.Authorize("forge", passport.Param("promt", "login")) }); !strings.Contains(text, `a route cannot set "promt"`) {
		t.Error(text)
	}
}

// R12.
func TestWhatChangesAfterNewChangesNothing(t *testing.T) {
	s := newService(t)
	config := s.config()
	config.Scopes, config.Params = []string{"read"}, map[string]string{"audience": "a"}
	p := newApp(t)
	p.connect("forge", oauth2.New(config, keep))
	config.Scopes[0], config.Params["audience"] = "admin", "b"
	if q := query(t, p.Browser().Begin("/connect/forge")); q.Get("scope") != "read" || q.Get("audience") != "a" {
		t.Error(q)
	}
}

func TestTheClientLendsItsTransport(t *testing.T) {
	s := newService(t)
	config, used := s.config(), 0
	config.Client = &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
		used++
		return http.DefaultTransport.RoundTrip(r)
	})}
	p := newApp(t)
	p.connect("forge", oauth2.New(config, keep))
	p.Want("a flow", flow(p, s, ""), "", 0)
	if used != 2 {
		t.Errorf("used %d times", used)
	}
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
