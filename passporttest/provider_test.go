package passporttest_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/dghubble/oauth1"
	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/github"
	"golang.org/x/oauth2"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/passporttest"
	"github.com/gopassport/passport/strategies/gothprovider"
	"github.com/gopassport/passport/strategies/oidc"
)

func newKey() []byte {
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	return key
}

const app = "https://app.example"

// viaGoth is goth's GitHub, at a provider of this package.
func viaGoth(p *passporttest.Provider, opts ...gothprovider.Option) passport.Strategy {
	return gothprovider.New(
		github.NewCustomisedURL(p.ClientID, p.ClientSecret, app+"/connect/callback", p.At(passporttest.Authorize), p.At(passporttest.Token), p.At(passporttest.Userinfo), p.At("/emails")),
		func(_ *http.Request, u goth.User) (string, error) { return u.UserID, nil }, opts...)
}

// ofGoth is viaGoth without options.
func ofGoth(p *passporttest.Provider) passport.Strategy { return viaGoth(p) }

// viaOIDC is the module's own, as a person in one of two shapes.
func viaOIDC(p *passporttest.Provider, formPost, push bool) passport.Strategy {
	return oidc.New(oidc.Config{
		Issuer: p.URL, ClientID: p.ClientID, ClientSecret: p.ClientSecret, RedirectURL: app + "/connect/callback", FormPost: formPost, PushedRequests: push,
	}, func(_ *http.Request, who oidc.Identity) (string, error) { return who.Subject, nil })
}

func TestAConnectionIsOneLine(t *testing.T) {
	for name, c := range map[string]struct {
		config   passporttest.ProviderConfig
		strategy func(*passporttest.Provider) passport.Strategy
	}{
		"OAuth 2":              {passporttest.ProviderConfig{}, ofGoth},
		"OAuth 2 with pages":   {passporttest.ProviderConfig{Consent: true}, ofGoth},
		"OpenID Connect":       {passporttest.ProviderConfig{}, func(p *passporttest.Provider) passport.Strategy { return viaOIDC(p, false, false) }},
		"with an elliptic key": {passporttest.ProviderConfig{Algorithm: "ES256"}, func(p *passporttest.Provider) passport.Strategy { return viaOIDC(p, false, false) }},
		"with a key given":     {passporttest.ProviderConfig{Key: rsaKey(t)}, func(p *passporttest.Provider) passport.Strategy { return viaOIDC(p, false, false) }},
		"by form":              {passporttest.ProviderConfig{Consent: true, Algorithm: "ES256"}, func(p *passporttest.Provider) passport.Strategy { return viaOIDC(p, true, false) }},
		"by form, at once":     {passporttest.ProviderConfig{Algorithm: "ES256"}, func(p *passporttest.Provider) passport.Strategy { return viaOIDC(p, true, false) }},
		"pushed":               {passporttest.ProviderConfig{Algorithm: "ES256"}, func(p *passporttest.Provider) passport.Strategy { return viaOIDC(p, false, true) }},
		"one address only":     {passporttest.ProviderConfig{RedirectURIs: []string{app + "/connect/callback"}}, ofGoth},
	} {
		provider := passporttest.NewProvider(t, c.config)
		browser, last := newSite(t, c.strategy(provider))
		if page := browser.Walk(app + "/connect"); page.Status != 200 || page.Body != "account 1001" {
			_, err := last()
			t.Errorf("%s: %d %s %v", name, page.Status, page.Body, err)
		}
		if pushed := provider.Count(passporttest.PAR); (pushed == 1) != (name == "pushed") {
			t.Errorf("%s: %d requests were pushed", name, pushed)
		}
	}
}

func TestPeopleSayYesAndNo(t *testing.T) {
	provider := passporttest.NewProvider(t, passporttest.ProviderConfig{Consent: true})
	browser, last := newSite(t, viaGoth(provider))
	page := browser.Follow(app + "/connect").Deny()
	if code, _ := last(); page.Status != 403 || code != passport.CodeDenied {
		t.Errorf("no: %d %s", page.Status, page.Body)
	}
	again := browser.Follow(app + "/connect")
	if strings.Contains(again.Body, "Log in") {
		t.Errorf("the provider forgot who it is: %s", again.Body)
	}
	if page := again.Allow(); page.Body != "account 1001" {
		t.Errorf("yes: %d %s", page.Status, page.Body)
	}
	other, _ := newSite(t, viaGoth(provider))
	if page := other.Follow(app + "/connect").AllowAs("1002"); page.Body != "account 1002" {
		t.Errorf("as Grace: %d %s", page.Status, page.Body)
	}
}

func TestTabsDoNotMeet(t *testing.T) {
	provider := passporttest.NewProvider(t, passporttest.ProviderConfig{Consent: true})
	browser, _ := newSite(t, viaGoth(provider))
	one, two := browser.Follow(app+"/connect"), browser.Follow(app+"/connect")
	if page := two.Allow(); page.Body != "account 1001" {
		t.Errorf("the second: %s", page.Body)
	}
	if page := one.Allow(); page.Body != "account 1001" {
		t.Errorf("the first: %s", page.Body)
	}
	if page := one.Allow(); !strings.Contains(page.Body, "answered before") {
		t.Errorf("the first, by the Back button: %s", page.Body)
	}
}

// ask sends a form to an endpoint.
func ask(t *testing.T, address string, form url.Values, basic ...string) (status int, body map[string]any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if len(basic) == 2 {
		r.SetBasicAuth(url.QueryEscape(basic[0]), url.QueryEscape(basic[1]))
	}
	response, err := (&http.Client{}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	data, _ := io.ReadAll(response.Body)
	_ = json.Unmarshal(data, &body)
	return response.StatusCode, body
}

func TestTheTokenEndpointChecks(t *testing.T) {
	p := passporttest.NewProvider(t, passporttest.ProviderConfig{})
	verifier := oauth2.GenerateVerifier()
	config := oauth2.Config{ClientID: p.ClientID, RedirectURL: app + "/callback", Endpoint: oauth2.Endpoint{AuthURL: p.At(passporttest.Authorize)}}
	client := []string{p.ClientID, p.ClientSecret}
	for name, c := range map[string]struct {
		change func(form url.Values)
		basic  []string
		want   string // the error, "" for a token
	}{
		"a good request":          {func(url.Values) {}, client, ""},
		"the secret in the form":  {func(f url.Values) { f.Set("client_id", p.ClientID); f.Set("client_secret", p.ClientSecret) }, nil, ""},
		"the secret twice":        {func(f url.Values) { f.Set("client_secret", p.ClientSecret) }, client, "invalid_request"},
		"another secret":          {func(url.Values) {}, []string{p.ClientID, "x"}, "invalid_client"},
		"another client":          {func(url.Values) {}, []string{"x", p.ClientSecret}, "invalid_client"},
		"no secret":               {func(f url.Values) { f.Set("client_id", p.ClientID) }, nil, "invalid_client"},
		"no verifier":             {func(f url.Values) { f.Del("code_verifier") }, client, "invalid_grant"},
		"another verifier":        {func(f url.Values) { f.Set("code_verifier", oauth2.GenerateVerifier()) }, client, "invalid_grant"},
		"another address":         {func(f url.Values) { f.Set("redirect_uri", app+"/") }, client, "invalid_grant"},
		"another code":            {func(f url.Values) { f.Set("code", "code-x") }, client, "invalid_grant"},
		"another kind of grant":   {func(f url.Values) { f.Set("grant_type", "password") }, client, "unsupported_grant_type"},
		"a refresh token of none": {func(f url.Values) { f.Set("grant_type", "refresh_token") }, client, "invalid_grant"},
	} {
		answer := callback(t, config.AuthCodeURL("s", oauth2.S256ChallengeOption(verifier)))
		form := url.Values{"grant_type": {"authorization_code"}, "code": answer["code"], "redirect_uri": {app + "/callback"}, "code_verifier": {verifier}}
		c.change(form)
		status, body := ask(t, p.At(passporttest.Token), form, c.basic...)
		if got, _ := body["error"].(string); got != c.want || (status == 200) != (c.want == "") {
			t.Errorf("%s: %d %v, want %q", name, status, body, c.want)
		}
		if status == 200 {
			if status, body := ask(t, p.At(passporttest.Token), form, c.basic...); status != 400 {
				t.Errorf("%s, once more: %d %v", name, status, body)
			}
		}
	}
}

// What comes a second time was stolen, or the first was: it ends all that the person
// allowed with it, as RFC 9700, 4.14.2, wants, and nothing that others did.
func TestARefreshTokenIsGoodOnce(t *testing.T) {
	p := passporttest.NewProvider(t, passporttest.ProviderConfig{Algorithm: "ES256"})
	s, other := look(t, p), look(t, p)
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {s.token.RefreshToken}}
	status, body := ask(t, p.At(passporttest.Token), form, p.ClientID, p.ClientSecret)
	if status != 200 || body["access_token"] == s.token.AccessToken || body["refresh_token"] == s.token.RefreshToken || body["id_token"] == nil {
		t.Errorf("%d %v", status, body)
	}
	if status, body := ask(t, p.At(passporttest.Token), form, p.ClientID, p.ClientSecret); status != 400 {
		t.Errorf("once more: %d %v", status, body)
	}
	if last := p.Last(passporttest.Token); last.Form.Get("grant_type") != "refresh_token" || p.Count(passporttest.Token) != 4 {
		t.Errorf("%d requests, the last %v", p.Count(passporttest.Token), last)
	}
	next, _ := body["refresh_token"].(string)
	form.Set("refresh_token", next)
	if status, body := ask(t, p.At(passporttest.Token), form, p.ClientID, p.ClientSecret); status != 400 {
		t.Errorf("the next one: %d %v", status, body)
	}
	access, _ := body["access_token"].(string)
	for token, want := range map[string]int{access: 401, s.token.AccessToken: 401, other.token.AccessToken: 200} {
		response, err := oauth2.NewClient(t.Context(), oauth2.StaticTokenSource(&oauth2.Token{AccessToken: token})).Get(p.At(passporttest.Userinfo))
		if err != nil {
			t.Fatal(err)
		}
		if response.Body.Close(); response.StatusCode != want {
			t.Errorf("a token is good for %d, not %d", response.StatusCode, want)
		}
	}
}

func TestTheAuthorizationEndpointChecks(t *testing.T) {
	p := passporttest.NewProvider(t, passporttest.ProviderConfig{RedirectURIs: []string{app + "/callback"}, Consent: true})
	loose := passporttest.NewProvider(t, passporttest.ProviderConfig{NoPKCE: true})
	good := url.Values{
		"client_id": {p.ClientID}, "redirect_uri": {app + "/callback"}, "response_type": {"code"}, "state": {"s"},
		"code_challenge": {oauth2.S256ChallengeFromVerifier(oauth2.GenerateVerifier())}, "code_challenge_method": {"S256"},
	}
	for name, c := range map[string]struct {
		provider *passporttest.Provider
		name     string
		values   []string
		want     string // where it leads to, or what the page says
	}{
		"a good request":          {p, "x", []string{"y"}, "Log in"},
		"another client":          {p, "client_id", []string{"x"}, "No application is registered"},
		"another address":         {p, "redirect_uri", []string{"https://evil.example/"}, "redirect_uri is not registered"},
		"two addresses":           {p, "redirect_uri", []string{app + "/callback", app + "/callback"}, "redirect_uri is not registered"},
		"another response":        {p, "response_type", []string{"token"}, "error=unsupported_response_type"},
		"a parameter twice":       {p, "state", []string{"a", "b"}, "error=invalid_request"},
		"no challenge":            {p, "code_challenge", nil, "error=invalid_request"},
		"a plain challenge":       {p, "code_challenge_method", []string{"plain"}, "error=invalid_request"},
		"a short challenge":       {p, "code_challenge", []string{"x"}, "error=invalid_request"},
		"a method alone, allowed": {loose, "code_challenge", nil, "error=invalid_request"},
		"a bad one, allowed":      {loose, "code_challenge", []string{"x"}, "error=invalid_request"},
		"nobody may be asked":     {p, "prompt", []string{"none"}, "error=login_required"},
		"a request of nobody":     {p, "request_uri", []string{"urn:x"}, "unknown, used or expired"},
		"somebody who is hinted":  {loose, "login_hint", []string{"1002"}, "code=code-"},
	} {
		query := url.Values{}
		maps.Copy(query, good)
		query.Del(c.name)
		if c.values != nil {
			query[c.name] = c.values
		}
		b := passporttest.NewBrowser(t)
		b.Manual = true
		page := b.Open(c.provider.At(passporttest.Authorize) + "?" + query.Encode())
		if !strings.Contains(page.Location()+page.Body, c.want) {
			t.Errorf("%s: %d %s %s", name, page.Status, page.Location(), page.Body)
		}
	}
}

func TestAPushedRequestIsOfItsClientAndGoodOnce(t *testing.T) {
	p := passporttest.NewProvider(t, passporttest.ProviderConfig{NoPKCE: true, RedirectURIs: []string{app + "/callback"}})
	form := url.Values{"client_id": {p.ClientID}, "redirect_uri": {app + "/callback"}, "response_type": {"code"}}
	push := func(form url.Values, basic ...string) (int, string) {
		status, body := ask(t, p.At(passporttest.PAR), form, basic...)
		uri, _ := body["request_uri"].(string)
		return status, uri
	}
	if status, _ := push(form, p.ClientID, "x"); status != 401 {
		t.Errorf("another secret: %d", status)
	}
	for name, value := range map[string]string{"response_type": "token", "redirect_uri": app + "/"} {
		bad := maps.Clone(form)
		bad.Set(name, value)
		if status, _ := push(bad, p.ClientID, p.ClientSecret); status != 400 {
			t.Errorf("a bad %s: %d", name, status)
		}
	}
	open := func(client, uri string) string {
		b := passporttest.NewBrowser(t)
		b.Manual = true
		page := b.Open(p.At(passporttest.Authorize) + "?" + url.Values{"client_id": {client}, "request_uri": {uri}}.Encode())
		return page.Location() + page.Body
	}
	_, uri := push(form, p.ClientID, p.ClientSecret)
	if got := open(p.ClientID, uri); !strings.Contains(got, "code=code-") {
		t.Errorf("%s", got)
	}
	if got := open(p.ClientID, uri); !strings.Contains(got, "unknown, used or expired") {
		t.Errorf("once more: %s", got)
	}
	_, uri = push(form, p.ClientID, p.ClientSecret)
	if got := open("another", uri); !strings.Contains(got, "unknown, used or expired") {
		t.Errorf("of another client: %s", got)
	}
}

func TestSomebodyLogsOutAtTheProvider(t *testing.T) {
	p := passporttest.NewProvider(t, passporttest.ProviderConfig{Consent: true})
	browser, _ := newSite(t, viaGoth(p))
	browser.Walk(app + "/connect")
	copied := browser.Cookies(p.URL)
	browser.Serve(app+":444", http.HandlerFunc(echo))
	page := browser.Open(p.At(passporttest.Logout) + "?post_logout_redirect_uri=" + url.QueryEscape(app+":444/bye") + "&state=s")
	if page.URL.String() != app+":444/bye?state=s" {
		t.Errorf("sent to %s", page.URL)
	}
	browser.SetCookies(p.URL, copied...)
	if page := browser.Follow(app + "/connect"); !strings.Contains(page.Body, "Log in") || len(copied) != 1 {
		t.Errorf("still logged in: %s, by %v", page.Body, copied)
	}
	if page := browser.Open(p.At(passporttest.Logout)); !strings.Contains(page.Body, "logged out") {
		t.Errorf("%s", page.Body)
	}
}

func TestAnEditChangesWhatIsSent(t *testing.T) {
	p := passporttest.NewProvider(t, passporttest.ProviderConfig{Algorithm: "ES256"})
	p.EditClaims(func(header, claims map[string]any) { header["typ"], claims["sub"] = "at+jwt", "edited" })
	p.EditResponse(passporttest.Userinfo, func(r *passporttest.Reply) { r.Body = []byte(`{"sub":"edited","name":"x"}`) })
	p.EditResponse(passporttest.Authorize, func(r *passporttest.Reply) { r.Params.Set("state", "EDITED") })
	if s := look(t, p); s.idToken == nil || s.idToken.Subject != "edited" || s.userinfo != "edited" || s.answer.Get("state") != "EDITED" {
		t.Errorf("%+v", s)
	}
	p.EditClaims(nil)
	p.EditResponse(passporttest.Userinfo, nil)
	p.EditResponse(passporttest.Authorize, nil)
	if s := look(t, p); s.idToken.Subject != "1001" || s.userinfo != "1001" || s.answer.Get("state") != "STATE" {
		t.Errorf("afterwards: %+v", s)
	}
}

func TestAFaultHappensWhereItIsTold(t *testing.T) {
	p := passporttest.NewProvider(t, passporttest.ProviderConfig{Algorithm: "ES256"})
	p.Always(passporttest.InternalError, passporttest.Userinfo)
	for range 2 {
		if s := look(t, p); s.tokenErr != nil || s.userErr == nil {
			t.Errorf("%+v", s)
		}
	}
	p.Heal()
	if s := look(t, p); s.userErr != nil {
		t.Errorf("healed: %+v", s)
	}
	p.Next(passporttest.DuplicateMembers, passporttest.IDToken)
	if s := look(t, p); s.tokenErr != nil || s.idErr != nil {
		t.Errorf("go-oidc takes one of two: %+v", s)
	}
}

// A signature is checked by who did not make it: dghubble/oauth1 signs.
func TestTheOAuth1ProviderChecksSignatures(t *testing.T) {
	p := passporttest.NewOAuth1Provider(t, passporttest.OAuth1Config{Callbacks: []string{app + "/callback"}})
	for name, c := range map[string]struct {
		config oauth1.Config
		good   bool
	}{
		"good":             {oauth1.Config{ConsumerKey: p.ConsumerKey, ConsumerSecret: p.ConsumerSecret, CallbackURL: app + "/callback"}, true},
		"another key":      {oauth1.Config{ConsumerKey: "x", ConsumerSecret: p.ConsumerSecret, CallbackURL: app + "/callback"}, false},
		"another secret":   {oauth1.Config{ConsumerKey: p.ConsumerKey, ConsumerSecret: "x", CallbackURL: app + "/callback"}, false},
		"another callback": {oauth1.Config{ConsumerKey: p.ConsumerKey, ConsumerSecret: p.ConsumerSecret, CallbackURL: app + "/"}, false},
		"SHA-256":          {oauth1.Config{ConsumerKey: p.ConsumerKey, ConsumerSecret: p.ConsumerSecret, CallbackURL: app + "/callback", Signer: &oauth1.HMAC256Signer{ConsumerSecret: p.ConsumerSecret}}, true},
		"by RSA":           {oauth1.Config{ConsumerKey: p.ConsumerKey, CallbackURL: app + "/callback", Signer: &oauth1.RSASigner{PrivateKey: rsaKey(t)}}, false},
		"plain text":       {oauth1.Config{ConsumerKey: p.ConsumerKey, CallbackURL: app + "/callback", Signer: plaintext(p.ConsumerSecret + "&")}, false},
	} {
		c.config.Endpoint = oauth1.Endpoint{RequestTokenURL: p.At(passporttest.RequestToken) + "?scope=a+b%2Bc&x=%7E", AuthorizeURL: p.At(passporttest.Authorize), AccessTokenURL: p.At(passporttest.AccessToken)}
		token, tokenSecret, err := c.config.RequestToken()
		if (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil {
			continue
		}
		address, _ := c.config.AuthorizationURL(token)
		answer := callback(t, address.String())
		if _, _, err := c.config.AccessToken(token, tokenSecret+"x", answer.Get("oauth_verifier")); err == nil {
			t.Errorf("%s: another token secret is taken", name)
		}
		access, accessSecret, err := c.config.AccessToken(token, tokenSecret, answer.Get("oauth_verifier"))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, _, err := c.config.AccessToken(token, tokenSecret, answer.Get("oauth_verifier")); err == nil {
			t.Errorf("%s: the request token is good twice", name)
		}
		response, err := c.config.Client(context.Background(), oauth1.NewToken(access, accessSecret)).Get(p.At(passporttest.Userinfo) + "?include_email=true")
		if err != nil || response.StatusCode != 200 {
			t.Errorf("%s: %v %v", name, response, err)
		}
	}
}

type plaintext string

func (plaintext) Name() string                          { return "PLAINTEXT" }
func (s plaintext) Sign(string, string) (string, error) { return string(s), nil }

func rsaKey(t *testing.T) *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestASignedRequestIsGoodOnce(t *testing.T) {
	p := passporttest.NewOAuth1Provider(t, passporttest.OAuth1Config{})
	var header string
	config := oauth1.Config{ConsumerKey: p.ConsumerKey, ConsumerSecret: p.ConsumerSecret, CallbackURL: app + "/callback", Endpoint: oauth1.Endpoint{RequestTokenURL: p.At(passporttest.RequestToken)}}
	if _, _, err := config.RequestToken(); err != nil {
		t.Fatal(err)
	}
	header = p.Last(passporttest.RequestToken).Header.Get("Authorization")
	for name, change := range map[string]func(*http.Request){
		"replayed":          func(*http.Request) {},
		"two headers":       func(r *http.Request) { r.Header.Add("Authorization", header) },
		"a parameter twice": func(r *http.Request) { r.Header.Set("Authorization", header+`, oauth_token="x", oauth_token="x"`) },
		"no header":         func(r *http.Request) { r.Header.Del("Authorization") },
		"another method":    func(r *http.Request) { r.Method = http.MethodGet },
		"another parameter": func(r *http.Request) { r.URL.RawQuery = "a=b" },
		"an old timestamp": func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(header, `oauth_timestamp="1`, `oauth_timestamp="0`, 1))
		},
		"not quoted":         func(r *http.Request) { r.Header.Set("Authorization", strings.ReplaceAll(header, `"`, "")) },
		"a token of nobody":  func(r *http.Request) { r.Header.Set("Authorization", header+`, oauth_token="x"`) },
		"of another version": func(r *http.Request) { r.Header.Set("Authorization", strings.Replace(header, `"1.0"`, `"2.0"`, 1)) },
	} {
		r := httptest.NewRequest("POST", p.At(passporttest.RequestToken), nil)
		r.RequestURI = ""
		r.Header.Set("Authorization", header)
		change(r)
		response, err := (&http.Client{}).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if response.Body.Close(); response.StatusCode != 401 {
			t.Errorf("%s: %s", name, response.Status)
		}
	}
}

func TestOAuth1PeopleSayYesAndNo(t *testing.T) {
	p := passporttest.NewOAuth1Provider(t, passporttest.OAuth1Config{Consent: true})
	config := oauth1.Config{ConsumerKey: p.ConsumerKey, ConsumerSecret: p.ConsumerSecret, CallbackURL: app + "/callback", Endpoint: oauth1.Endpoint{RequestTokenURL: p.At(passporttest.RequestToken), AuthorizeURL: p.At(passporttest.Authorize)}}
	for _, yes := range []bool{true, false} {
		token, _, err := config.RequestToken()
		if err != nil {
			t.Fatal(err)
		}
		address, _ := config.AuthorizationURL(token)
		b := passporttest.NewBrowser(t)
		b.Serve(app, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.URL) }))
		page, want := b.Open(address.String()), "/callback?denied="+token
		if yes {
			page, want = page.Allow(), "/callback?oauth_token="+token+"&oauth_verifier=verifier-"
		} else {
			page = page.Deny()
		}
		if !strings.HasPrefix(page.Body, want) {
			t.Errorf("%t: %s", yes, page.Body)
		}
		if page := b.Open(address.String()); page.Status != 400 && !yes {
			t.Errorf("%t, once more: %d %s", yes, page.Status, page.Body)
		}
	}
}
