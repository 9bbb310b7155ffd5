package passporttest_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/oauth2"

	"github.com/gopassport/passport/passporttest"
	"github.com/gopassport/passport/strategies/oauth1"
	"github.com/gopassport/passport/strategies/oidc"
)

// opens gives the status of a request for the profile with a token.
func opens(t *testing.T, p *passporttest.Provider, access string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.At(passporttest.Userinfo), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+access)
	response, err := p.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode
}

func TestACodeThatComesTwiceEndsWhatTheFirstGave(t *testing.T) {
	p := passporttest.NewProvider(t, passporttest.ProviderConfig{NoPKCE: true})
	config := oauth2.Config{ClientID: p.ClientID, RedirectURL: app + "/callback", Endpoint: oauth2.Endpoint{AuthURL: p.At(passporttest.Authorize)}}
	answer := callback(t, config.AuthCodeURL("s"))
	form := url.Values{"grant_type": {"authorization_code"}, "code": answer["code"], "redirect_uri": {app + "/callback"}}
	_, body := ask(t, p.At(passporttest.Token), form, p.ClientID, p.ClientSecret)
	access, _ := body["access_token"].(string)
	if status := opens(t, p, access); status != http.StatusOK {
		t.Errorf("the token gives %d", status)
	}
	if status, body := ask(t, p.At(passporttest.Token), form, p.ClientID, p.ClientSecret); status != http.StatusBadRequest {
		t.Errorf("the code once more: %d %v", status, body)
	}
	if status := opens(t, p, access); status != http.StatusUnauthorized {
		t.Errorf("then the token gives %d", status)
	}
}

// private_key_jwt, with tokens, with pushed requests and at the revocation endpoint.
func TestAClientThatSigns(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := passporttest.NewProvider(t, passporttest.ProviderConfig{Algorithm: "ES256", ClientKey: key.Public()})
	browser, last := newSite(t, oidc.New(oidc.Config{
		Issuer: p.URL, ClientID: p.ClientID, Auth: oidc.PrivateKeyJWT, Key: key, PushedRequests: true, RedirectURL: app + "/connect/callback",
	}, func(_ *http.Request, who oidc.Identity) (string, error) { return who.Subject, nil }))
	if page := browser.Walk(app + "/connect"); page.Body != "account 1001" {
		_, err := last()
		t.Fatalf("%d %s: %v", page.Status, page.Body, err)
	}
	good := p.Last(passporttest.PAR).Form.Get("client_assertion")
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		key    crypto.Signer
		change func(claims map[string]any)
		more   url.Values
		want   int
	}{
		"a good one":          {key, func(map[string]any) {}, nil, 200},
		"for several":         {key, func(c map[string]any) { c["aud"] = []string{"x", p.At(passporttest.Token)} }, nil, 200},
		"of another key":      {other, func(map[string]any) {}, nil, 401},
		"of another issuer":   {key, func(c map[string]any) { c["iss"] = "x" }, nil, 401},
		"of another client":   {key, func(c map[string]any) { c["sub"] = "x" }, nil, 401},
		"for another server":  {key, func(c map[string]any) { c["aud"] = "https://other.example" }, nil, 401},
		"without a server":    {key, func(c map[string]any) { delete(c, "aud") }, nil, 401},
		"that is over":        {key, func(c map[string]any) { c["exp"] = time.Now().Unix() - 1 }, nil, 401},
		"that lasts for long": {key, func(c map[string]any) { c["exp"] = time.Now().Unix() + 3600 }, nil, 401},
		"without a name":      {key, func(c map[string]any) { delete(c, "jti") }, nil, 401},
		"and a secret":        {key, func(map[string]any) {}, url.Values{"client_secret": {"x"}}, 400},
		"of no type":          {key, func(map[string]any) {}, url.Values{"client_assertion_type": {"x"}}, 401},
		"of none by its name": {key, func(map[string]any) {}, url.Values{"client_id": {"x"}}, 401},
		"that came before":    {key, func(map[string]any) {}, url.Values{"client_assertion": {good}}, 401},
		"that is none":        {key, func(map[string]any) {}, url.Values{"client_assertion": {"x"}}, 401},
	} {
		claims := map[string]any{"iss": p.ClientID, "sub": p.ClientID, "aud": p.URL, "exp": time.Now().Unix() + 60, "jti": rand.Text()}
		c.change(claims)
		form := url.Values{"token": {"x"}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {signed(t, c.key, claims)}}
		maps.Copy(form, c.more)
		if status, _ := ask(t, p.At(passporttest.Revocation), form); status != c.want {
			t.Errorf("an assertion %s: %d, want %d", name, status, c.want)
		}
	}
	if status, _ := ask(t, p.At(passporttest.Revocation), url.Values{"client_id": {p.ClientID}}); status != 401 {
		t.Errorf("none: %d", status)
	}
}

func signed(t *testing.T, key crypto.Signer, claims map[string]any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	compact, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

func TestAccessIsTakenAway(t *testing.T) {
	for name, end := range map[string]func(p *passporttest.Provider, token *oauth2.Token){
		"by the person": func(p *passporttest.Provider, _ *oauth2.Token) { p.Revoke("1001") },
		"by the application, with its refresh token": func(p *passporttest.Provider, token *oauth2.Token) {
			ask(t, p.At(passporttest.Revocation), url.Values{"token": {token.RefreshToken}}, p.ClientID, p.ClientSecret)
		},
		"by the application, with its access token": func(p *passporttest.Provider, token *oauth2.Token) {
			ask(t, p.At(passporttest.Revocation), url.Values{"token": {token.AccessToken}}, p.ClientID, p.ClientSecret)
		},
	} {
		p := passporttest.NewProvider(t, passporttest.ProviderConfig{Algorithm: "ES256"})
		token := look(t, p).token
		p.Revoke("1002")
		if status, _ := ask(t, p.At(passporttest.Revocation), url.Values{"token": {token.AccessToken}}, p.ClientID, "x"); status != http.StatusUnauthorized {
			t.Errorf("%s: another secret is good for %d", name, status)
		}
		if status := opens(t, p, token.AccessToken); status != http.StatusOK {
			t.Errorf("%s: before, %d", name, status)
		}
		end(p, token)
		form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token.RefreshToken}}
		if status, _ := ask(t, p.At(passporttest.Token), form, p.ClientID, p.ClientSecret); status != http.StatusBadRequest || opens(t, p, token.AccessToken) != http.StatusUnauthorized {
			t.Errorf("%s: the tokens are good", name)
		}
		if s := look(t, p); s.userErr != nil {
			t.Errorf("%s: nobody may agree anew: %v", name, s.userErr)
		}
	}
}

// OpenID Connect Core, 5.4. Who asks for too little finds out here, not in production.
func TestClaimsComeByScope(t *testing.T) {
	for scope, want := range map[string][]string{
		"openid":               {"id", "login", "sub"},
		"openid profile":       {"id", "login", "name", "sub"},
		"openid email":         {"email", "email_verified", "id", "login", "sub"},
		"openid email profile": {"email", "email_verified", "id", "login", "name", "sub"},
		"":                     {"email", "email_verified", "id", "login", "name", "sub"}, // plain OAuth 2
	} {
		p := passporttest.NewProvider(t, passporttest.ProviderConfig{Algorithm: "ES256", NoPKCE: true})
		config := oauth2.Config{ClientID: p.ClientID, ClientSecret: p.ClientSecret, RedirectURL: app + "/callback", Endpoint: oauth2.Endpoint{AuthURL: p.At(passporttest.Authorize), TokenURL: p.At(passporttest.Token)}, Scopes: strings.Fields(scope)}
		token, err := config.Exchange(t.Context(), callback(t, config.AuthCodeURL("s")).Get("code"))
		if err != nil {
			t.Fatal(err)
		}
		var body map[string]any
		p.EditResponse(passporttest.Userinfo, func(r *passporttest.Reply) { err = json.Unmarshal(r.Body, &body) })
		opens(t, p, token.AccessToken)
		if got := slices.Sorted(maps.Keys(body)); !slices.Equal(got, want) || err != nil {
			t.Errorf("%q gives %v, %v", scope, got, err)
		}
	}
}

// Cookies do not know ports; people do know whose page it is.
func TestALoginIsOfOneProvider(t *testing.T) {
	first, second := passporttest.NewProvider(t, passporttest.ProviderConfig{Consent: true}), passporttest.NewProvider(t, passporttest.ProviderConfig{Consent: true})
	one, _ := newSite(t, viaGoth(first))
	one.Follow(app + "/connect").AllowAs("1002")
	other, _ := newSite(t, viaGoth(second))
	other.SetCookies(second.URL, one.Cookies(first.URL)...)
	if page := other.Follow(app + "/connect"); !strings.Contains(page.Body, "Log in") {
		t.Errorf("logged in at the second: %s", page.Body)
	}
	one.SetCookies(first.URL, other.Cookies(second.URL)...)
	if page := one.Follow(app + "/connect"); !strings.Contains(page.Body, "Grace Okoro, may") {
		t.Errorf("not logged in at the first: %s", page.Body)
	}
}

func TestSomebodyElseAllowsAtAnOAuth1Provider(t *testing.T) {
	p := passporttest.NewOAuth1Provider(t, passporttest.OAuth1Config{Consent: true})
	browser, _ := newSite(t, viaOAuth1(p, func(oauth1.Grant) {}))
	for sub, want := range map[string]string{"": "account ada", "1002": "account grace"} {
		page := browser.Follow(app + "/connect")
		if page = page.AllowAs(sub); page.Body != want {
			t.Errorf("as %q: %d %s", sub, page.Status, page.Body)
		}
	}
	if page := browser.Follow(app + "/connect").AllowAs("nobody"); page.Status != http.StatusBadRequest || !strings.Contains(page.Body, "there is nobody of this name") {
		t.Errorf("as nobody: %d %s", page.Status, page.Body)
	}
}

func TestTheAnswerAfterThePagesIsEdited(t *testing.T) {
	p := passporttest.NewProvider(t, passporttest.ProviderConfig{Consent: true})
	p.EditResponse(passporttest.Authorize, func(r *passporttest.Reply) { r.Params.Set("state", "edited") })
	browser, last := newSite(t, viaGoth(p))
	for _, walk := range []func() *passporttest.Page{
		func() *passporttest.Page { return browser.Walk(app + "/connect") },
		func() *passporttest.Page { return browser.Follow(app + "/connect").Deny() },
	} {
		if page := walk(); page.Status != http.StatusBadRequest {
			_, err := last()
			t.Errorf("%d %s: %v", page.Status, page.Body, err)
		}
	}
	browser.Open(p.At(passporttest.Authorize)) // a page that refuses is none that is edited
}

// A fault at its own place and the same one at another are two.
func TestOneFaultAtTwoPlaces(t *testing.T) {
	for name, tell := range map[string]func(p *passporttest.Provider){
		"next":   func(p *passporttest.Provider) { p.Next(passporttest.Unavailable) },
		"always": func(p *passporttest.Provider) { p.Always(passporttest.Unavailable) },
	} {
		p := passporttest.NewProvider(t, passporttest.ProviderConfig{Algorithm: "ES256"})
		tell(p)
		p.Next(passporttest.Unavailable, passporttest.Discovery)
		for _, want := range []int{http.StatusServiceUnavailable, http.StatusOK} {
			response, err := p.Client().Get(p.At(passporttest.Discovery))
			if err != nil {
				t.Fatal(err)
			}
			if response.Body.Close(); response.StatusCode != want {
				t.Errorf("%s: %s, want %d", name, response.Status, want)
			}
		}
		if s := look(t, p); s.status() != http.StatusServiceUnavailable {
			t.Errorf("%s: the token endpoint: %d", name, s.status())
		}
	}
}

// A test that tells a provider to misbehave, and never gets there, shows nothing.
func TestAFaultThatNeverHappensFailsTheTest(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), self, "-test.run=^TestFaultsThatNeverHappen$", "-test.timeout=60s")
	command.Env = append(os.Environ(), "PASSPORT_FAULTS=nowhere")
	out, err := command.CombinedOutput()
	for name := range faultsThatNeverHappen() {
		if !strings.Contains(string(out), "--- FAIL: TestFaultsThatNeverHappen/"+strings.ReplaceAll(name, " ", "_")) {
			t.Errorf("%s is not said (%v):\n%s", name, err, out)
		}
	}
	if n := strings.Count(string(out), "was to happen, and never did"); n != len(faultsThatNeverHappen()) { // all but the last two
		t.Errorf("said %d times:\n%s", n, out)
	}
}

func faultsThatNeverHappen() map[string]func(*passporttest.Provider) {
	return map[string]func(*passporttest.Provider){
		"one that is none":         func(p *passporttest.Provider) { p.Next("no such fault") },
		"where it cannot happen":   func(p *passporttest.Provider) { p.Next(passporttest.Deny, passporttest.Token) },
		"at no endpoint":           func(p *passporttest.Provider) { p.Always(passporttest.InternalError, "/nowhere") },
		"where nobody asks for it": func(p *passporttest.Provider) { p.Next(passporttest.NoIDToken) },
		"of another protocol":      func(p *passporttest.Provider) { p.Always(passporttest.Unconfirmed) },
		"once more than it did":    func(p *passporttest.Provider) { p.Next(passporttest.Deny); p.Next(passporttest.Deny) },
	}
}

// TestFaultsThatNeverHappen is for the process that the test above starts.
func TestFaultsThatNeverHappen(t *testing.T) {
	if os.Getenv("PASSPORT_FAULTS") == "" {
		return
	}
	for name, tell := range faultsThatNeverHappen() {
		t.Run(name, func(t *testing.T) {
			p := passporttest.NewProvider(t, passporttest.ProviderConfig{})
			tell(p)
			browser, _ := newSite(t, viaGoth(p))
			browser.Walk(app + "/connect")
		})
	}
	t.Run("a test that skips", func(t *testing.T) {
		passporttest.NewProvider(t, passporttest.ProviderConfig{}).Next(passporttest.Deny)
		t.Skip("the database is not there")
	})
	t.Run("all is said", func(t *testing.T) {
		p := passporttest.NewProvider(t, passporttest.ProviderConfig{})
		p.Next("no such fault")
		p.Heal()
	})
}
