package accounts_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/openidConnect"
	"golang.org/x/oauth2"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/accounts"
	"github.com/gopassport/passport/passporttest"
	"github.com/gopassport/passport/strategies/gothprovider"
	"github.com/gopassport/passport/strategies/oauth1"
	"github.com/gopassport/passport/strategies/oidc"
)

const callback = "https://app.example/connect"

// connect walks a flow of a strategy, whose verify function has kept what it got.
func connect(t *testing.T, s passport.Strategy) {
	t.Helper()
	auth := passport.New(passport.Config{Keys: [][]byte{newKey()}, Users: passport.Users[string]{
		Key: func(name string) string { return name }, Load: func(_ context.Context, name string) (string, error) { return name, nil },
	}})
	auth.Use("service", s)
	browser := passporttest.NewBrowser(t)
	browser.Serve("https://app.example", auth.Session(auth.Authorize("service")(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "connected") }))))
	browser.LogIn(auth, "https://app.example/", "ada")
	if page := browser.Walk(callback); page.Body != "connected" {
		t.Fatal(page.Status, page.Body)
	}
}

type (
	// maker makes a strategy that gives what it got to keep, and says how that is refreshed.
	maker   func(t *testing.T, p *passporttest.Provider, keep keeper) (passport.Strategy, refresh)
	keeper  func(subject string, token *oauth2.Token)
	refresh func(context.Context, accounts.Account) (accounts.Token, error)
)

// Tokens that the strategies got are refreshed by the same strategies, out of the store.
func TestATokenOfEachStrategyIsRefreshedFromTheStore(t *testing.T) {
	for name, newStrategy := range map[string]maker{
		"oidc": func(_ *testing.T, p *passporttest.Provider, keep keeper) (passport.Strategy, refresh) {
			s := oidc.New(oidc.Config{Issuer: p.URL, ClientID: p.ClientID, ClientSecret: p.ClientSecret, RedirectURL: callback}, func(_ *http.Request, who oidc.Identity) (string, error) {
				keep(who.Subject, who.Token())
				return who.Subject, nil
			})
			return s, accounts.OpenID(s)
		},
		"goth's openidConnect": func(t *testing.T, p *passporttest.Provider, keep keeper) (passport.Strategy, refresh) {
			t.Helper()
			provider, err := openidConnect.New(p.ClientID, p.ClientSecret, callback, p.At(passporttest.Discovery))
			if err != nil {
				t.Fatal(err)
			}
			s := gothprovider.New(provider, func(_ *http.Request, u goth.User) (string, error) {
				keep(u.UserID, &oauth2.Token{AccessToken: u.AccessToken, RefreshToken: u.RefreshToken, TokenType: "Bearer"})
				return u.UserID, nil
			})
			return s, accounts.OAuth2(s)
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := passporttest.NewProvider(t, passporttest.ProviderConfig{Algorithm: "ES256"})
			var subject string
			var got *oauth2.Token
			strategy, refresh := newStrategy(t, p, func(s string, token *oauth2.Token) { subject, got = s, token })
			connect(t, strategy)
			d := newDesk(t, func(c *accounts.Config) { c.Services = map[string]accounts.Service{"service": {Refresh: refresh}} })
			kept := d.link(t, "ada", accounts.Account{Strategy: "service", Issuer: p.URL, Subject: subject,
				Token: accounts.Token{Access: got.AccessToken, Refresh: got.RefreshToken, Type: "Bearer", Expiry: time.Now().Add(-time.Hour)}})
			fresh, err := d.Token(t.Context(), kept)
			if err != nil || fresh.Access == "" || fresh.Access == got.AccessToken {
				t.Errorf("%v %v", fresh, err)
			}
		})
	}
}

func TestAKeptTokenOfOAuth1SignsRequests(t *testing.T) {
	p := passporttest.NewOAuth1Provider(t, passporttest.OAuth1Config{})
	d := newDesk(t)
	s := oauth1.New(oauth1.Config{ConsumerKey: p.ConsumerKey, ConsumerSecret: p.ConsumerSecret, CallbackURL: callback,
		Endpoint: oauth1.Endpoint{RequestURL: p.At(passporttest.RequestToken), AuthorizeURL: p.At(passporttest.Authorize), AccessURL: p.At(passporttest.AccessToken)},
		Profile:  oauth1.JSONProfile(p.At(passporttest.Userinfo), "id_str")},
		func(r *http.Request, g oauth1.Grant) (string, error) {
			_, _, err := d.Link(r.Context(), "ada", accounts.Account{Strategy: "service", Issuer: "twitter", Subject: g.Subject, Token: accounts.Token{Access: g.Token(), Secret: g.TokenSecret()}})
			return g.Subject, err
		})
	connect(t, s)
	list, err := d.List(t.Context(), "ada")
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	token, err := d.Token(t.Context(), list[0])
	if err != nil {
		t.Fatal(err)
	}
	for secret, want := range map[string]int{token.Secret: http.StatusOK, "another": http.StatusUnauthorized} {
		reply, err := s.Client(t.Context(), token.Access, secret).Get(p.At(passporttest.Userinfo))
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(reply.Body)
		_ = reply.Body.Close()
		if reply.StatusCode != want || (want == http.StatusOK) != strings.Contains(string(text), list[0].Subject) {
			t.Errorf("%d %s", reply.StatusCode, text)
		}
	}
}
