package oidc_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/strategies/oidc"
)

func formPost(c *oidc.Config) { c.FormPost = true }

// Each of these answers is refused before anything is sent to the provider.
func TestAnAnswerIsRefusedBeforeAnythingIsSent(t *testing.T) {
	for _, tc := range []struct {
		name   string
		answer func(url.Values)
		code   passport.Code
		status int
	}{
		{"iss another's", func(v url.Values) { v.Set("iss", "https://evil.test") }, passport.CodeIssuer, 400},
		{"iss with a slash more", func(v url.Values) { v.Set("iss", issuer+"/") }, passport.CodeIssuer, 400},
		{"iss empty", func(v url.Values) { v.Set("iss", "") }, passport.CodeIssuer, 400},
		{"iss twice", func(v url.Values) { v.Add("iss", issuer) }, passport.CodeCallback, 400},
		{"iss missing, though the metadata says that it comes", func(v url.Values) { v.Del("iss") }, passport.CodeIssuer, 400},
		{"an error with another iss", func(v url.Values) { v.Del("code"); v.Set("error", "access_denied"); v.Set("iss", "https://evil.test") }, passport.CodeIssuer, 400},
		{"the person said no", func(v url.Values) { v.Del("code"); v.Set("error", "access_denied") }, passport.CodeDenied, 403},
		{"login_required, after prompt=none", func(v url.Values) { v.Del("code"); v.Set("error", "login_required") }, passport.CodeDenied, 403},
		{"the provider's error", func(v url.Values) { v.Del("code"); v.Set("error", "server_error") }, passport.CodeProvider, 502},
		{"a code and an error", func(v url.Values) { v.Set("error", "access_denied") }, passport.CodeCallback, 400},
		{"an ID token in the answer", func(v url.Values) { v.Set("id_token", "x") }, passport.CodeCallback, 400},
		{"an access token in the answer", func(v url.Values) { v.Set("access_token", "x") }, passport.CodeCallback, 400},
		{"a state that nobody knows", func(v url.Values) { v.Set("state", "x") }, passport.CodeFlowMissing, 400},
		{"no state", func(v url.Values) { v.Del("state") }, passport.CodeCallback, 400},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := newProvider(t)
			p.answer = tc.answer
			a := newApp(t, p)
			a.refused(tc.code, tc.status)
			if n := p.hit("/token") + p.hit("/userinfo") + p.hit("/jwks"); n != 0 {
				t.Errorf("%d requests were sent", n)
			}
		})
	}
}

func TestIssIsOptionalWhereTheMetadataDoesNotPromiseIt(t *testing.T) {
	p := newProvider(t)
	p.metadata = unset("authorization_response_iss_parameter_supported")
	p.answer = func(v url.Values) { v.Del("iss") }
	newApp(t, p).accepted()
	p.answer = func(v url.Values) { v.Set("iss", "https://evil.test") }
	newApp(t, p).refused(passport.CodeIssuer, 400)
}

func TestAFlowEndsOnce(t *testing.T) {
	p := newProvider(t)
	a := newApp(t, p)
	answer := p.authorize(a.begin())
	if reply := a.callback(answer); reply.StatusCode != http.StatusOK {
		t.Fatal(a.err)
	}
	a.wants(a.callback(answer), passport.CodeFlowMissing, 400)
	if p.hit("/token") != 1 {
		t.Errorf("%d token requests", p.hit("/token"))
	}
}

// A code that was stolen from another flow has another challenge and another nonce.
func TestACodeOfAnotherFlowIsRefused(t *testing.T) {
	p := newProvider(t)
	a := newApp(t, p)
	first, second := p.authorize(a.begin()), p.authorize(a.begin())
	first.Set("code", second.Get("code"))
	a.wants(a.callback(first), passport.CodeProvider, 502)
}

func TestTheCallbackTakesNothingFromItsQuery(t *testing.T) {
	p := newProvider(t)
	a := newApp(t, p)
	answer := p.authorize(a.begin())
	answer.Set("redirect_uri", "https://evil.test")
	answer.Set("code_verifier", "ATTACKER")
	answer.Set("nonce", "ATTACKER")
	if reply := a.callback(answer); reply.StatusCode != http.StatusOK {
		t.Fatal(a.err)
	}
	if p.lastToken.Get("redirect_uri") != redirect || p.lastToken.Get("code_verifier") == "ATTACKER" {
		t.Errorf("sent %v", p.lastToken)
	}
}

func TestTheBeginTakesNothingFromItsQuery(t *testing.T) {
	a := newApp(t, newProvider(t))
	r := httptest.NewRequest(http.MethodGet, "https://app.test/login?nonce=ATTACKER&code_challenge=ATTACKER&scope=ATTACKER&request_uri=ATTACKER&max_age=ATTACKER", nil)
	r.Header.Set("Sec-Fetch-Site", "none")
	location := a.do(r).Header.Get("Location")
	if location == "" || strings.Contains(location, "ATTACKER") {
		t.Errorf("%v, %s", a.err, location)
	}
}

func TestStateNonceAndVerifierAreFreshAndDiffer(t *testing.T) {
	p := newProvider(t)
	a := newApp(t, p)
	seen := map[string]bool{}
	for range 1000 {
		q := must(url.Parse(a.begin())).Query()
		for _, name := range []string{"state", "nonce", "code_challenge"} {
			if v := q.Get(name); len(v) < 43 || seen[v] {
				t.Fatalf("%s is %q", name, v)
			}
			seen[q.Get(name)] = true
		}
		for _, c := range a.jar {
			if strings.Contains(c.Value, q.Get("nonce")) || strings.Contains(c.Name, q.Get("nonce")) {
				t.Fatal("a cookie shows the nonce")
			}
		}
	}
}

// Who may not begin a flow causes no request for the metadata either.
func TestNothingIsSentForABeginThatIsRefused(t *testing.T) {
	p := newProvider(t)
	a := newApp(t, p)
	r := httptest.NewRequest(http.MethodGet, "https://app.test/login", nil)
	r.Header.Set("Sec-Purpose", "prefetch")
	a.do(r)
	if a.err == nil || a.err.Code != passport.CodePrefetch || p.hit("/.well-known/openid-configuration") != 0 {
		t.Errorf("%v after %v", a.err, p.hits)
	}
}

func TestTheWordsOfARoute(t *testing.T) {
	a := newApp(t, newProvider(t), func(c *oidc.Config) {
		c.Scopes, c.Params = []string{"profile"}, map[string]string{"hd": "example.org", "prompt": "consent"}
	})
	a.route("/words", oidc.Scopes("email", "phone"), oidc.Prompt("login"), oidc.LoginHint("alice@example.org"), oidc.ACRValues("phr", "mfa"))
	a.route("/twice", oidc.Scopes("openid", "email"))
	for path, want := range map[string]map[string]string{
		"/login": {"scope": "openid profile", "prompt": "consent", "hd": "example.org", "login_hint": "", "acr_values": ""},
		"/words": {"scope": "openid email phone", "prompt": "login", "hd": "example.org", "login_hint": "alice@example.org", "acr_values": "phr mfa"},
		"/twice": {"scope": "openid email"},
	} {
		q := must(url.Parse(a.begin(path))).Query()
		for name, value := range want {
			if q.Get(name) != value {
				t.Errorf("%s: %s is %q, want %q", path, name, q.Get(name), value)
			}
		}
	}
}

func TestParametersAreCheckedAtWiring(t *testing.T) {
	s := newApp(t, newProvider(t)).strategy
	for _, tc := range []struct {
		key, value string
		ok         bool
	}{
		{"scope", "openid email", true}, {"scope", "email", false}, {"scope", "openidx", false}, {"scope", "openid  email", false},
		{"state", "x", false}, {"nonce", "x", false}, {"redirect_uri", "x", false}, {"response_type", "token", false},
		{"response_mode", "fragment", false}, {"code_challenge", "x", false}, {"client_id", "x", false}, {"request_uri", "x", false},
		{"max_age", "60", true}, {"max_age", "0", false}, {"max_age", "-1", false}, {"max_age", "1h", false}, {"max_age", "99999999999", false},
		{"prompt", "none", true}, {"anything", "x", false},
	} {
		if err := s.CheckParam(tc.key, tc.value); (err == nil) != tc.ok {
			t.Errorf("%s=%s: %v", tc.key, tc.value, err)
		}
	}
}

// The provider's page posts the answer; the engine brings it to where the cookies are.
func TestFormPost(t *testing.T) {
	p := newProvider(t)
	a := newApp(t, p, formPost)
	location := a.begin()
	if mode := must(url.Parse(location)).Query().Get("response_mode"); mode != "form_post" {
		t.Errorf("response_mode is %q", mode)
	}
	if reply := a.post(p.authorize(location)); reply.StatusCode != http.StatusOK || a.who == nil {
		t.Fatalf("%d: %v", reply.StatusCode, a.err)
	}
}

func TestAPostedAnswerThatWasNotAskedForIsRefused(t *testing.T) {
	p := newProvider(t)
	a := newApp(t, p)
	a.wants(a.post(p.authorize(a.begin())), passport.CodeCallback, 400)
	if p.hit("/token") != 0 {
		t.Error("the code was sent")
	}
}

func TestPushedRequests(t *testing.T) {
	for _, tc := range []struct {
		name     string
		config   func(*oidc.Config)
		metadata func(map[string]any)
	}{
		{"by the configuration", func(c *oidc.Config) { c.PushedRequests = true }, nil},
		{"because the provider requires them", func(*oidc.Config) {}, set("require_pushed_authorization_requests", true)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := newProvider(t)
			p.metadata = tc.metadata
			a := newApp(t, p, tc.config)
			location := a.begin()
			q := must(url.Parse(location)).Query()
			if len(q) != 2 || q.Get("client_id") != clientID || !strings.HasPrefix(q.Get("request_uri"), "urn:") {
				t.Errorf("the browser carries %v", q)
			}
			if pushed := p.pushed[q.Get("request_uri")]; pushed.Get("nonce") == "" || pushed.Get("code_challenge") == "" || pushed.Get("scope") != "openid" {
				t.Errorf("pushed %v", pushed)
			}
			if reply := a.callback(p.authorize(location)); reply.StatusCode != http.StatusOK {
				t.Fatal(a.err)
			}
		})
	}
}

func TestATokenReplyIsRefused(t *testing.T) {
	for _, tc := range []struct {
		name   string
		before func(w http.ResponseWriter)
		code   passport.Code
	}{
		{"500", says(500, "text/html", "CANARY"), passport.CodeProvider},
		{"HTML", says(200, "text/html", "<html>CANARY"), passport.CodeProvider},
		{"a redirect", func(w http.ResponseWriter) { w.Header().Set("Location", "https://evil.test/token"); w.WriteHeader(307) }, passport.CodeProvider},
		{"an ID token twice", says(200, "application/json", `{"access_token":"a","token_type":"Bearer","id_token":"x","id_token":"y"}`), passport.CodeProvider},
		{"an ID token in another spelling", says(200, "application/json", `{"access_token":"a","token_type":"Bearer","ID_Token":"x"}`), passport.CodeProvider},
		{"an ID token that is null", says(200, "application/json", `{"access_token":"a","token_type":"Bearer","id_token":null}`), passport.CodeProvider},
		{"an ID token that is an object", says(200, "application/json", `{"access_token":"a","token_type":"Bearer","id_token":{}}`), passport.CodeProvider},
		{"2 MiB", says(200, "application/json", `{"access_token":"`+strings.Repeat("a", 2<<20)+`"}`), passport.CodeProvider},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := newProvider(t)
			p.before = at("/token", tc.before)
			a := newApp(t, p)
			a.refused(tc.code, 502)
			if p.hit("/token") != 1 || p.hit("/jwks") != 0 {
				t.Errorf("%v", p.hits)
			}
		})
	}
}

// at answers at one path.
func at(path string, answer func(http.ResponseWriter)) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != path {
			return false
		}
		answer(w)
		return true
	}
}

// What verify says is an answer, or a refusal, or a fault.
func TestVerify(t *testing.T) {
	for _, tc := range []struct {
		name   string
		verify func(*http.Request, oidc.Identity) (*oidc.Identity, error)
		code   passport.Code
		status int
	}{
		{"nobody", func(*http.Request, oidc.Identity) (*oidc.Identity, error) { return nil, nil }, passport.CodeRejected, 401},
		{"a refusal", func(*http.Request, oidc.Identity) (*oidc.Identity, error) { return nil, passport.Reject("barred") }, passport.CodeRejected, 401},
		{"an error", func(*http.Request, oidc.Identity) (*oidc.Identity, error) { return nil, errors.New("db") }, passport.CodeStrategy, 500},
		{"a panic", func(*http.Request, oidc.Identity) (*oidc.Identity, error) { panic("x") }, passport.CodeStrategyPanic, 500},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := newApp(t, newProvider(t))
			a.verify = tc.verify
			reply := a.login()
			if a.err == nil || a.err.Code != tc.code || reply.StatusCode != tc.status {
				t.Errorf("%d: %v", reply.StatusCode, a.err)
			}
		})
	}
}

func TestAuthorizeConnectsAnAccount(t *testing.T) {
	p := newProvider(t)
	a := newApp(t, p)
	var account *oidc.Identity
	connect := a.auth.Authorize("op")(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		account, _ = passport.AccountFrom[*oidc.Identity](r.Context())
	}))
	a.routes["/login"], a.routes["/callback"] = connect, connect
	a.login()
	if account == nil || account.Subject != "s1" {
		t.Errorf("%v, %v", account, a.err)
	}
}

func TestMistakesPanicAtStartUp(t *testing.T) {
	for _, tc := range []struct {
		name, want string
		change     func(*oidc.Config)
	}{
		{"no issuer", "Issuer is empty", func(c *oidc.Config) { c.Issuer = "" }},
		{"http", "Issuer is not https", func(c *oidc.Config) { c.Issuer = "http://op.test" }},
		{"a query", "Issuer has a query", func(c *oidc.Config) { c.Issuer = issuer + "?tenant=1" }},
		{"an empty query", "Issuer has a query", func(c *oidc.Config) { c.Issuer = issuer + "?" }},
		{"a fragment", "Issuer has a user or a fragment", func(c *oidc.Config) { c.Issuer = issuer + "#x" }},
		{"no client id", "ClientID is empty", func(c *oidc.Config) { c.ClientID = "" }},
		{"no secret", "ClientSecret is empty", func(c *oidc.Config) { c.ClientSecret = "" }},
		{"no redirect", "RedirectURL is empty", func(c *oidc.Config) { c.RedirectURL = "" }},
		{"a redirect with a state", "RedirectURL has the parameter", func(c *oidc.Config) { c.RedirectURL = redirect + "?state=1" }},
		{"a scope with a space", "Scopes has", func(c *oidc.Config) { c.Scopes = []string{"profile email"} }},
		{"HS256", "Algorithms has \"HS256\"", func(c *oidc.Config) { c.Algorithms = []string{"RS256", "HS256"} }},
		{"none", "Algorithms has \"none\"", func(c *oidc.Config) { c.Algorithms = []string{"none"} }},
		{"a negative MaxAge", "MaxAge is -1s", func(c *oidc.Config) { c.MaxAge = -1e9 }},
		{"half a second", "MaxAge is 500ms", func(c *oidc.Config) { c.MaxAge = 5e8 }},
		{"max_age beside MaxAge", "Params has max_age", func(c *oidc.Config) { c.Params = map[string]string{"max_age": "1"} }},
		{"a nonce of one's own", "nonce", func(c *oidc.Config) { c.Params = map[string]string{"nonce": "1"} }},
		{"a negative time-out", "Timeout is", func(c *oidc.Config) { c.Timeout = -1 }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			defer func() {
				text, _ := recover().(string)
				if !strings.HasPrefix(text, "oidc: New(") || !strings.Contains(text, tc.want) {
					t.Errorf("the panic is %q, want %q", text, tc.want)
				}
				secretFree(t, text)
			}()
			newApp(t, newProvider(t), tc.change)
		})
	}
	t.Run("no verify", func(t *testing.T) {
		defer func() {
			if text, _ := recover().(string); !strings.Contains(text, "verify is nil") {
				t.Errorf("the panic is %q", text)
			}
		}()
		oidc.New[*oidc.Identity](config(nil), nil)
	})
}

func TestWhatTheCallerChangesLaterChangesNothing(t *testing.T) {
	scopes, params := []string{"profile"}, map[string]string{"hd": "a"}
	a := newApp(t, newProvider(t), func(c *oidc.Config) { c.Scopes, c.Params = scopes, params })
	scopes[0], params["hd"] = "admin", "b"
	q := must(url.Parse(a.begin())).Query()
	if q.Get("scope") != "openid profile" || q.Get("hd") != "a" {
		t.Errorf("%v", q)
	}
}

func TestNoSecretIsPrinted(t *testing.T) {
	who := newApp(t, newProvider(t)).accepted()
	var log strings.Builder
	logger := slog.New(slog.NewTextHandler(&log, nil))
	logger.Info("", "who", *who, "pointer", who, "config", config(nil))
	raw := append(must(json.Marshal(who)), must(json.Marshal(config(nil)))...)
	for _, text := range []string{
		fmt.Sprintf("%v %+v %#v %s %d %x", *who, *who, *who, *who, *who, *who), fmt.Sprintf("%v %+v %#v", who, who, who),
		fmt.Sprintf("%v %+v %#v %s", config(nil), config(nil), config(nil), config(nil)), log.String(), string(raw),
	} {
		secretFree(t, text)
		if !strings.Contains(text, "op.test") {
			t.Errorf("it says nothing: %s", text)
		}
	}
}

// The same over a real network, with http on a loopback host and a rotation; then the
// provider goes away.
func TestOverTheNetwork(t *testing.T) {
	p := newProvider(t)
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	a := newApp(t, p, func(c *oidc.Config) { c.Issuer, c.Client, c.Userinfo = server.URL, server.Client(), true })
	for _, key := range []signing{rsaKey(), ecKey()} {
		p.rotate(key)
		if who := a.accepted(); who.Issuer != server.URL || who.Email != "alice@example.org" {
			t.Errorf("%v", who)
		}
	}
	server.Close()
	a.wants(a.callback(p.authorize(a.begin())), passport.CodeProvider, 502) // the metadata is known; the token endpoint is down
}

func TestAnUnusedStrategyAsksNobody(t *testing.T) {
	p := newProvider(t)
	newApp(t, p)
	if len(p.hits) != 0 {
		t.Errorf("asked %v", p.hits)
	}
}

// All calls of a callback together take no longer than Config.Timeout.
func TestAProviderThatHangsAtTheCallbackIsATimeout(t *testing.T) {
	for _, path := range []string{"/token", "/jwks", "/userinfo"} {
		t.Run(path, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newProvider(t)
				a := newApp(t, p, withUserinfo, func(c *oidc.Config) {
					c.Timeout = 5 * time.Second
					c.Client = &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
						if r.URL.Path == path {
							<-r.Context().Done()
							return nil, r.Context().Err()
						}
						time.Sleep(time.Second)
						return p.RoundTrip(r)
					})}
				})
				answer := p.authorize(a.begin())
				began := time.Now()
				a.wants(a.callback(answer), passport.CodeProviderTimeout, 504)
				if took := time.Since(began); took != 5*time.Second {
					t.Errorf("it took %v", took)
				}
				time.Sleep(time.Minute) // what was begun for others ends, too
			})
		})
	}
}
