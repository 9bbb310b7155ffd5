package passport_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/github"
	"github.com/markbates/goth/providers/google"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/passporttest"
	"github.com/gopassport/passport/strategies/gothprovider"
	"github.com/gopassport/passport/strategies/oidc"
)

// What docs/providers.md says of single providers.

// beginsAt is where a flow with a provider of goth leads.
func beginsAt(t *testing.T, p goth.Provider, opts ...passport.Option) *url.URL {
	t.Helper()
	auth := newRegistry(t)
	auth.Use("it", gothprovider.New(p, func(_ *http.Request, u goth.User) (*account, error) { return &account{u.UserID}, nil }))
	r := httptest.NewRequest(http.MethodGet, "https://app.example/connect", nil)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	w := httptest.NewRecorder()
	auth.Authorize("it", opts...)(http.NotFoundHandler()).ServeHTTP(w, r)
	to, err := url.Parse(w.Header().Get("Location"))
	if err != nil || w.Code != http.StatusFound {
		t.Fatal(w.Code, err)
	}
	return to
}

func TestGothsGoogleAsksForARefreshToken(t *testing.T) {
	query := beginsAt(t, google.New("id", "secret", "https://app.example/connect"), passport.Param("prompt", "consent")).Query()
	equal(t, "access_type", query.Get("access_type"), "offline")
	equal(t, "prompt", query.Get("prompt"), "consent")
}

func TestGothsGitHubTakesAServerOfOnesOwn(t *testing.T) {
	to := beginsAt(t, github.NewCustomisedURL("id", "secret", "https://app.example/connect",
		"https://github.example/login/oauth/authorize", "https://github.example/login/oauth/access_token",
		"https://github.example/api/v3/user", "https://github.example/api/v3/user/emails", "read:user"))
	equal(t, "where it leads", to.Host+to.Path, "github.example/login/oauth/authorize")
	equal(t, "scope", to.Query().Get("scope"), "read:user")
}

// Apple posts a name beside its answer, the first time only.
func TestAVerifyFunctionSeesWhatWasPostedBesideTheAnswer(t *testing.T) {
	provider := passporttest.NewProvider(t, passporttest.ProviderConfig{})
	provider.EditResponse(passporttest.Authorize, func(r *passporttest.Reply) {
		r.Params.Set("user", `{"name":{"firstName":"Ada"}}`)
	})
	var posted string
	auth := newRegistry(t)
	auth.Use("apple", oidc.New(oidc.Config{
		Issuer: provider.URL, ClientID: provider.ClientID, ClientSecret: provider.ClientSecret,
		RedirectURL: "https://app.example/connect", FormPost: true,
	}, func(r *http.Request, who oidc.Identity) (*account, error) {
		posted = r.PostFormValue("user")
		return &account{who.Subject}, nil
	}))
	browser := passporttest.NewBrowser(t)
	browser.Serve("https://app.example", auth.Authorize("apple")(http.HandlerFunc(who)))
	equal(t, "the page", browser.Walk("https://app.example/connect").Body, "user <nil>, account 1001")
	equal(t, "what was posted", posted, `{"name":{"firstName":"Ada"}}`)
}

// A tenant that is none has an issuer with a placeholder: Entra's "common" publishes one.
func TestAnIssuerThatStandsForManyIsRefused(t *testing.T) {
	provider := passporttest.NewProvider(t, passporttest.ProviderConfig{})
	provider.EditResponse(passporttest.Discovery, func(r *passporttest.Reply) {
		r.Body = []byte(`{"issuer":"https://login.example/{tenantid}/v2.0","authorization_endpoint":"` + provider.At(passporttest.Authorize) +
			`","token_endpoint":"` + provider.At(passporttest.Token) + `","jwks_uri":"` + provider.At(passporttest.JWKS) + `","response_types_supported":["code"]}`)
	})
	var heard events
	auth := newRegistry(t, func(c *passport.Config) { c.Observe = heard.add })
	auth.Use("entra", oidc.New(oidc.Config{
		Issuer: provider.URL, ClientID: provider.ClientID, ClientSecret: provider.ClientSecret, RedirectURL: "https://app.example/connect",
	}, func(_ *http.Request, who oidc.Identity) (*account, error) { return &account{who.Subject}, nil }))
	browser := passporttest.NewBrowser(t)
	browser.Serve("https://app.example", auth.Authorize("entra")(http.HandlerFunc(who)))
	browser.Walk("https://app.example/connect")
	equal(t, "the code", heard.last().Code, passport.CodeMetadata)
}
