package gothprovider_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/github"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/strategies/gothprovider"
)

func TestAnAccountIsConnected(t *testing.T) {
	p, s := githubApp(t)
	b := p.Browser()
	location := b.Begin("/connect/github")
	query := parse(t, location).Query()
	if len(query.Get("state")) != 43 || query.Get("code_challenge_method") != "S256" || len(query.Get("code_challenge")) != 43 || query.Get("redirect_uri") != "https://app.example/callback" {
		t.Errorf("the person was sent to %s", location)
	}
	w := b.End("/connect/github", s.allow(t, location))
	p.Want("the callback", w, "", 0)
	if !strings.Contains(w.Body.String(), "ID:42 Login:octocat") {
		t.Errorf("%s", w.Body)
	}
	if len(b.Cookies) != 0 {
		t.Errorf("the flow is still there: %v", b.Cookies)
	}
}

func TestEveryFlowHasAStateAndAVerifierOfItsOwn(t *testing.T) {
	p, _ := githubApp(t)
	seen := map[string]bool{}
	for range 50 {
		query := parse(t, p.Browser().Begin("/connect/github")).Query()
		for _, value := range []string{query.Get("state"), query.Get("code_challenge")} {
			if seen[value] {
				t.Fatalf("%s came twice", value)
			}
			seen[value] = true
		}
	}
}

func TestACodeOfOneFlowIsNoGoodInAnother(t *testing.T) {
	p, s := githubApp(t)
	b := p.Browser()
	first, second := s.allow(t, b.Begin("/connect/github")), s.allow(t, b.Begin("/connect/github"))
	one, _ := url.ParseQuery(first)
	two, _ := url.ParseQuery(second)
	w := b.End("/connect/github", url.Values{"code": one["code"], "state": two["state"]}.Encode())
	p.Want("the code of the first with the state of the second", w, passport.CodeProvider, 502)
}

func TestTabsEndInAnyOrder(t *testing.T) {
	p, s := githubApp(t)
	b := p.Browser()
	first, second := b.Begin("/connect/github"), b.Begin("/connect/github")
	p.Want("the second", b.End("/connect/github", s.allow(t, second)), "", 0)
	p.Want("the first", b.End("/connect/github", s.allow(t, first)), "", 0)
}

func TestNothingInTheBeginningRequestCounts(t *testing.T) {
	p, s := githubApp(t)
	b := p.Browser()
	location := b.Begin("/connect/github?state=ATTACKER&code_challenge=x&code_verifier=x&scope=admin&redirect_uri=https://evil.example&nonce=n&provider=x&hmac=x&token=x")
	if strings.Contains(location, "ATTACKER") || strings.Contains(location, "evil") || strings.Contains(location, "admin") {
		t.Errorf("sent to %s", location)
	}
	p.Want("the callback", b.End("/connect/github", s.allow(t, location)), "", 0)
}

func TestWhatTheProviderSeesComesFromTheFlowAndNotFromTheCallback(t *testing.T) {
	p, s := githubApp(t)
	b := p.Browser()
	location := b.Begin("/connect/github")
	w := b.End("/connect/github", s.allow(t, location)+"&redirect_uri=https://evil.example&code_verifier=ATTACKER&client_id=evil&grant_type=password")
	p.Want("the callback", w, "", 0)
	if got := s.form; got.Get("redirect_uri") != "https://app.example/callback" || strings.Contains(got.Encode(), "ATTACKER") || strings.Contains(got.Encode(), "evil") {
		t.Errorf("the service was asked %v", got)
	}
}

// A refused answer never reaches the provider, and spends the flow only where it named it.
func TestAnswersThatAreRefusedBeforeTheProviderIsAsked(t *testing.T) {
	for name, c := range map[string]struct {
		answer string // with CODE and STATE
		code   passport.Code
		status int
		spent  bool
	}{
		"no state":                          {"code=CODE", passport.CodeCallback, 400, false},
		"an empty state":                    {"code=CODE&state=", passport.CodeCallback, 400, false},
		"a state in another case":           {"code=CODE&State=STATE", passport.CodeCallback, 400, false},
		"a foreign state":                   {"code=CODE&state=foreign", passport.CodeFlowMissing, 400, false},
		"a state with a space":              {"code=CODE&state=STATE%20", passport.CodeFlowMissing, 400, false},
		"state twice":                       {"code=CODE&state=STATE&state=STATE", passport.CodeCallback, 400, false},
		"code twice":                        {"code=CODE&code=x&state=STATE", passport.CodeCallback, 400, false},
		"a query that does not parse":       {"code=CODE&state=STATE&x=%zz", passport.CodeCallback, 400, false},
		"a code of 5000 bytes":              {"state=STATE&code=" + strings.Repeat("x", 5000), passport.CodeCallback, 400, false},
		"a line break in the code":          {"code=CODE%0a&state=STATE", passport.CodeCallback, 400, false},
		"a denial without a state":          {"error=access_denied", passport.CodeCallback, 400, false},
		"a denial of a foreign flow":        {"error=access_denied&state=foreign", passport.CodeFlowMissing, 400, false},
		"a request token":                   {"oauth_token=STATE&oauth_verifier=v", passport.CodeCallback, 400, true},
		"a foreign request token":           {"oauth_token=foreign&oauth_verifier=v", passport.CodeFlowMissing, 400, false},
		"denied, of OAuth 1":                {"denied=STATE", passport.CodeCallback, 400, true},
		"a state alone":                     {"state=STATE", passport.CodeCallback, 400, true},
		"an empty code":                     {"code=&state=STATE", passport.CodeCallback, 400, true},
		"a denial":                          {"error=access_denied&error_description=CANARY&state=STATE", passport.CodeDenied, 403, true},
		"a denial and a code":               {"error=access_denied&code=CODE&state=STATE", passport.CodeCallback, 400, true},
		"prompt=none":                       {"error=login_required&state=STATE", passport.CodeDenied, 403, true},
		"a provider that is down":           {"error=temporarily_unavailable&state=STATE", passport.CodeProviderUnavailable, 503, true},
		"a provider's error":                {"error=server_error&state=STATE", passport.CodeProvider, 502, true},
		"an error nobody knows":             {"error=CANARY&state=STATE", passport.CodeProvider, 502, true},
		"a token in place of the code":      {"access_token=CANARY&state=STATE", passport.CodeCallback, 400, true},
		"an ID token beside the code":       {"code=CODE&id_token=CANARY&state=STATE", passport.CodeCallback, 400, true},
		"a request token beside a bad code": {"code=&oauth_token=x&state=STATE", passport.CodeCallback, 400, true},
	} {
		p, s := githubApp(t)
		b := p.Browser()
		good := s.allow(t, b.Begin("/connect/github"))
		values, _ := url.ParseQuery(good)
		answer := strings.NewReplacer("CODE", values.Get("code"), "STATE", values.Get("state")).Replace(c.answer)
		p.Want(name, b.End("/connect/github", answer), c.code, c.status)
		if s.count("/token") != 0 {
			t.Errorf("%s: the provider was asked", name)
		}
		after := b.End("/connect/github", good)
		if c.spent {
			p.Want(name+": the good answer afterwards", after, passport.CodeFlowMissing, 400)
		} else {
			p.Want(name+": the good answer afterwards", after, "", 0)
		}
	}
}

func TestAFlowEndsOnce(t *testing.T) {
	p, s := githubApp(t)
	b := p.Browser()
	answer := s.allow(t, b.Begin("/connect/github"))
	p.Want("the first", b.End("/connect/github", answer), "", 0)
	p.Want("the second", b.End("/connect/github", answer), passport.CodeFlowMissing, 400)
	if s.count("/token") > 2 { // x/oauth2 tries two ways to authenticate, once
		t.Errorf("the provider was asked %d times", s.count("/token"))
	}
}

func TestAPostedAnswerIsReadFromItsBody(t *testing.T) {
	p, s := githubApp(t)
	for name, c := range map[string]struct {
		query string
		media string
		code  passport.Code
	}{
		"a form":                    {"", "application/x-www-form-urlencoded", ""},
		"a form and a query":        {"?code=evil&state=x", "application/x-www-form-urlencoded", passport.CodeCallback},
		"text":                      {"", "text/plain", passport.CodeCallback},
		"a form with files":         {"", "multipart/form-data; boundary=x", passport.CodeCallback},
		"a query of the app itself": {"?tenant=7", "application/x-www-form-urlencoded", ""},
	} {
		b := p.Browser()
		r := httptest.NewRequest("POST", "/connect/github"+c.query, strings.NewReader(s.allow(t, b.Begin("/connect/github"))))
		r.Header.Set("Content-Type", c.media)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		p.Want(name, b.Send(r), c.code, 400)
	}
}

func TestTwoRegistrationsOfOneProviderDoNotMix(t *testing.T) {
	p, s := newApp(t), newService(t)
	for _, name := range []string{"github", "github-authz"} {
		provider := s.github()
		provider.CallbackURL += "/" + name
		p.connect(name, gothprovider.New(provider, keep))
	}
	b := p.Browser()
	one, two := b.Begin("/connect/github"), b.Begin("/connect/github-authz")
	p.Want("crossed", b.End("/connect/github-authz", s.allow(t, one)), passport.CodeFlowStrategy, 400)
	p.Want("crossed the other way", b.End("/connect/github", s.allow(t, two)), passport.CodeFlowStrategy, 400)
	p.Want("the first", b.End("/connect/github", s.allow(t, one)), "", 0)
	p.Want("the second", b.End("/connect/github-authz", s.allow(t, two)), "", 0)
}

func TestTheIssuerIsCheckedBeforeTheProviderIsAsked(t *testing.T) {
	const issuer = "https://op.example"
	for iss, code := range map[string]passport.Code{
		"":                          passport.CodeIssuer, // it always comes
		"&iss=":                     passport.CodeIssuer,
		"&iss=https://op.example/":  passport.CodeIssuer,
		"&iss=https://evil.example": passport.CodeIssuer,
		"&iss=" + issuer:            "",
	} {
		p, s := githubApp(t, gothprovider.Issuer(issuer))
		b := p.Browser()
		p.Want(iss, b.End("/connect/github", s.allow(t, b.Begin("/connect/github"))+iss), code, 400)
		if code != "" && s.count("/token") != 0 {
			t.Errorf("%s: the provider was asked", iss)
		}
		state := parse(t, b.Begin("/connect/github")).Query().Get("state")
		if code != "" {
			p.Want(iss+", with an error", b.End("/connect/github", "error=access_denied&state="+state+iss), code, 400)
		}
	}
}

func TestWithoutTheOptionTheIssuerIsNotLookedAt(t *testing.T) {
	p, s := githubApp(t)
	b := p.Browser()
	p.Want("an iss", b.End("/connect/github", s.allow(t, b.Begin("/connect/github"))+"&iss=https://op.example"), "", 0)
}

func TestARouteAddsParametersAndCannotTouchWhatDecidesAboutTheFlow(t *testing.T) {
	p, s := newApp(t), newService(t)
	provider := s.github()
	unasked := passport.StrategyFunc(gothprovider.New(provider, keep).Authenticate) // as behind package tenants: nobody calls CheckParam
	p.connect("github", unasked, passport.Param("scope", "read:user user:email"), passport.Param("prompt", "select_account"),
		passport.Param("login_hint", "octocat"), passport.Param("state", "x"), passport.Param("redirect_uri", "https://evil.example"),
		passport.Param("client_id", "x"), passport.Param("response_type", "token"), passport.Param("nonce", "x"),
		passport.Param("code_challenge", "x"), passport.Param("code_challenge_method", "plain"), passport.Param("unknown", "x"))
	b := p.Browser()
	location := b.Begin("/connect/github")
	query := parse(t, location).Query()
	for name, want := range map[string]string{
		"scope": "read:user user:email", "prompt": "select_account", "login_hint": "octocat", "redirect_uri": "https://app.example/callback",
		"client_id": "id", "response_type": "code", "nonce": "", "unknown": "", "code_challenge_method": "S256",
	} {
		if query.Get(name) != want || len(query[name]) > 1 {
			t.Errorf("%s is %q, want %q", name, query[name], want)
		}
	}
	if strings.Contains(location, "+") {
		t.Errorf("a space is a plus sign in %s", location)
	}
	p.Want("the callback", b.End("/connect/github", s.allow(t, location)), "", 0)
}

func TestAParameterThatNoRouteMaySetIsAMistakeInWiring(t *testing.T) {
	s := gothprovider.New(newService(t).github(), keep)
	for key, ok := range map[string]bool{
		"scope": true, "prompt": true, "login": true, "ui_locales": true, "access_type": true,
		"promt": false, "Prompt": false, "": false, "state": false, "redirect_uri": false, "client_id": false, "nonce": false, "code_challenge": false,
	} {
		if err := s.CheckParam(key, "login"); (err == nil) != ok || err != nil && !strings.Contains(err.Error(), "it may set access_type,") {
			t.Errorf("%q: %v", key, err)
		}
	}
	defer func() {
		if text := fmt.Sprint(recover()); !strings.Contains(text, `Authorize("github"): Param("promt"): a route cannot set "promt"; it may set `) {
			t.Errorf("the panic is %q", text)
		}
	}()
	newApp(t).connect("github", s, passport.Param("promt", "login"))
}

func TestAParameterOfTheRouteTakesThePlaceOfTheProviders(t *testing.T) {
	p := newApp(t)
	provider := func(callback string) goth.Provider {
		return github.New("id", "CANARY-SECRET", "https://app.example"+callback, "admin:org", "gist")
	}
	p.connect("github", gothprovider.New(provider("/callback"), keep), passport.Param("scope", "read:user"))
	p.connect("as-it-is", gothprovider.New(provider("/as-it-is/callback"), keep))
	for name, want := range map[string]string{"github": "[read:user]", "as-it-is": "[admin:org gist]"} {
		query := parse(t, p.Browser().Begin("/connect/"+name)).Query()
		if got := fmt.Sprint(query["scope"]); got != want || len(query["code_challenge"]) != 1 || len(query["state"]) != 1 {
			t.Errorf("%s: scope %s, want %s; %v", name, got, want, query)
		}
	}
}

func TestVerifySeesTheRequestAndDecides(t *testing.T) {
	broken := errors.New("the database is down")
	for name, c := range map[string]struct {
		verify func(*http.Request, goth.User) (*account, error)
		code   passport.Code
		status int
	}{
		"an account":      {keep, "", 0},
		"nobody":          {func(*http.Request, goth.User) (*account, error) { return nil, nil }, passport.CodeRejected, 401},
		"a refusal":       {func(*http.Request, goth.User) (*account, error) { return nil, passport.Reject("no") }, passport.CodeRejected, 401},
		"a fault of ours": {func(*http.Request, goth.User) (*account, error) { return nil, broken }, passport.CodeStrategy, 500},
	} {
		p, s := newApp(t), newService(t)
		p.connect("github", gothprovider.New(s.github(), func(r *http.Request, u goth.User) (*account, error) {
			if r.URL.Path != "/connect/github" || u.AccessToken != "CANARY-TOKEN" || u.RawData["login"] != "octocat" {
				t.Errorf("%s: verify got %s, %+v", name, r.URL, u)
			}
			return c.verify(r, u)
		}))
		b := p.Browser()
		p.Want(name, b.End("/connect/github", s.allow(t, b.Begin("/connect/github"))), c.code, c.status)
	}
}

func TestAFlowBeginsOnlyWhereTheEngineAllows(t *testing.T) {
	p, _ := githubApp(t)
	b := p.Browser()
	p.Want("from another site", b.Get("/connect/github", "cross-site"), passport.CodeCrossSite, 403)
	head := httptest.NewRequest("HEAD", "/connect/github?code=c&state=s", nil)
	p.Want("HEAD", b.Send(head), passport.CodeMethod, 405)
	if len(b.Cookies) != 0 {
		t.Errorf("cookies: %v", b.Cookies)
	}
}

func TestManyPeopleConnectAtOnce(t *testing.T) {
	p, s := githubApp(t)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			b := p.Browser()
			if w := b.End("/connect/github", s.allow(t, b.Begin("/connect/github"))); w.Code != 200 {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
	wg.Wait()
}

func TestTheTransportOfTheProvidersClientIsUsedAndNothingElseOfIt(t *testing.T) {
	p, s := newApp(t), newService(t)
	transport := &counting{}
	provider := s.github()
	provider.HTTPClient = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return nil }}
	p.connect("github", gothprovider.New(provider, keep))
	b := p.Browser()
	p.Want("the callback", b.End("/connect/github", s.allow(t, b.Begin("/connect/github"))), "", 0)
	if transport.n < 2 {
		t.Errorf("the transport saw %d requests", transport.n)
	}
	if provider.HTTPClient.Transport != transport {
		t.Error("the provider was changed")
	}
}

type counting struct{ n int }

func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	c.n++
	return http.DefaultTransport.RoundTrip(r)
}

func TestWithoutPKCENothingOfItIsSent(t *testing.T) {
	p, s := githubApp(t, gothprovider.SkipPKCE())
	s.token = func(w http.ResponseWriter, r *http.Request) {
		r.ParseForm()
		if r.PostForm.Has("code_verifier") {
			t.Error("there is a verifier")
		}
		w.Header().Set("Content-Type", "application/json")
		w.Write([]byte(`{"access_token":"CANARY-TOKEN"}`))
	}
	b := p.Browser()
	location := b.Begin("/connect/github")
	if strings.Contains(location, "code_challenge") {
		t.Errorf("sent to %s", location)
	}
	p.Want("the callback", b.End("/connect/github", s.allow(t, location)), "", 0)
}

func TestLaterChangesOfAProviderDoNotCount(t *testing.T) {
	p, s := newApp(t), newService(t)
	provider := s.github()
	var name string
	p.connect("github", gothprovider.New(provider, func(_ *http.Request, u goth.User) (*account, error) {
		name = u.Provider
		return &account{u.UserID, u.NickName}, nil
	}))
	provider.SetName("another")
	b := p.Browser()
	p.Want("the callback", b.End("/connect/github", s.allow(t, b.Begin("/connect/github"))), "", 0)
	if name != "github" {
		t.Errorf("the provider is called %q", name)
	}
}

func TestNewPanicsInASentence(t *testing.T) {
	s := newService(t)
	for want, f := range map[string]func(){
		"New: the provider is nil":   func() { gothprovider.New(nil, keep) },
		"the provider is nil; make":  func() { gothprovider.New((*github.Provider)(nil), keep) },
		"verify is nil":              func() { gothprovider.New[*account](s.github(), nil) },
		"a time-out is positive":     func() { gothprovider.New(s.github(), keep, gothprovider.Timeout(0)) },
		"CallbackPerFlow needs both": func() { gothprovider.New(s.github(), keep, gothprovider.CallbackPerFlow("flow", nil)) },
	} {
		func() {
			defer func() {
				if text, _ := recover().(string); !strings.HasPrefix(text, "gothprovider: New") || !strings.Contains(text, want) {
					t.Errorf("%q, want %q", text, want)
				}
			}()
			f()
		}()
	}
}

func TestARequestThatWasGivenUpEndsWithItsContext(t *testing.T) {
	p, s := githubApp(t)
	b := p.Browser()
	answer := s.allow(t, b.Begin("/connect/github"))
	ctx, cancel := context.WithCancel(t.Context())
	s.token = func(http.ResponseWriter, *http.Request) { cancel() }
	r := httptest.NewRequest("GET", "/connect/github?"+answer, nil).WithContext(ctx)
	p.Want("given up", b.Send(r), passport.CodeProviderTimeout, 504)
}
