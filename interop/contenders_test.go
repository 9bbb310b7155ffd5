//go:build unix

package interop_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"time"

	goidc "github.com/coreos/go-oidc/v3/oidc"
	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/openidConnect"
	xoauth2 "golang.org/x/oauth2"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/strategies/gothprovider"
	"github.com/gopassport/passport/strategies/oauth2"
	"github.com/gopassport/passport/strategies/oidc"
)

// contender is an application whose person logs in at a provider that gets things wrong.
type contender interface {
	begin() string  // the address where a log-in begins
	err() error     // why the last log-in was refused, nil where it was accepted
	refresh() error // of the last log-in, as if its access token had expired
}

// outcome is what the table says.
func outcome(err error) string {
	if err == nil {
		return accepted
	}
	if code := codeOf(err); code != "" {
		return string(code)
	}
	return refused
}

const (
	accepted = "accepted"
	refused  = "refused"
)

// expired is a token whose access token is no longer good.
func expired(t *xoauth2.Token) *xoauth2.Token {
	old := *t
	old.Expiry = time.Now().Add(-time.Hour)
	return &old
}

// inApp is a contender that is a strategy of ours in an application.
type inApp struct {
	*app
	renew func() error
}

func (c *inApp) begin() string  { return c.URL + "/login/op" }
func (c *inApp) err() error     { return c.lastError() }
func (c *inApp) refresh() error { return c.renew() }

// oursOIDC is strategies/oidc, with userinfo.
func oursOIDC(o *op) contender { return oursWith(o, nil, nil) }

// oursWith is strategies/oidc, with userinfo, and a client or a configuration of its own.
func oursWith(o *op, client metadata, change func(*oidc.Config)) contender {
	a, who := o.app(client, func(c *oidc.Config) {
		if c.Userinfo = true; change != nil {
			change(c)
		}
	})
	return &inApp{a, func() error {
		_, err := who.source(context.Background()).Token()
		return err
	}}
}

// oursOAuth2 is strategies/oauth2, which asks userinfo for a profile.
func oursOAuth2(o *op) contender {
	a := newApp(o.t)
	c := o.register(a.callbacks("op"))
	var s *oauth2.Strategy
	var last oauth2.Grant
	a.uses("op", func(callback string) passport.Strategy {
		made := oauth2.New(o.oauth2(c, callback), func(_ *http.Request, g oauth2.Grant) (*person, error) {
			last = g
			return &person{g.Subject}, nil
		})
		if s == nil {
			s = made
		}
		return made
	})
	return &inApp{a, func() error {
		_, err := s.TokenSource(context.Background(), expired(last.Token())).Token()
		return err
	}}
}

// oauth2 is the provider as one without OpenID Connect.
func (o *op) oauth2(c metadata, callback string) oauth2.Config {
	return oauth2.Config{
		ClientID: c.id(), ClientSecret: c.secret(), Auth: oauth2.SecretBasic,
		AuthorizationURL: o.Issuer + "/auth", TokenURL: o.Issuer + "/token", RedirectURL: callback,
		Issuer: o.Issuer, RequireIssuer: true, Scopes: []string{"openid"}, Profile: oauth2.JSONProfile(o.Issuer+"/me", "sub"),
	}
}

// gothOIDC is goth's openidConnect in our adapter.
func gothOIDC(o *op) contender {
	a := newApp(o.t)
	c := o.register(a.callbacks("op"))
	var provider *openidConnect.Provider
	var last goth.User
	var broken error
	a.uses("op", func(callback string) passport.Strategy {
		p, err := openidConnect.New(c.id(), c.secret(), callback, o.Issuer+"/.well-known/openid-configuration", "profile", "email")
		if err != nil {
			broken = err
			return passport.StrategyFunc(func(*http.Request, *passport.Attempt) (passport.Result, error) { return nil, err })
		}
		provider = p
		return gothprovider.New(p, func(_ *http.Request, u goth.User) (*person, error) {
			last = u
			return &person{u.UserID}, nil
		})
	})
	if broken != nil {
		return &failed{broken}
	}
	return &inApp{a, func() error {
		_, err := provider.RefreshToken(last.RefreshToken)
		return err
	}}
}

// failed is a contender that could not be made.
type failed struct{ cause error }

func (c *failed) begin() string  { return "" }
func (c *failed) err() error     { return c.cause }
func (c *failed) refresh() error { return c.cause }

// alone is go-oidc and x/oauth2 as their documentation shows them, for one visitor: with
// state and PKCE, and no check that those do not make themselves.
type alone struct {
	url         string
	config      xoauth2.Config
	provider    *goidc.Provider
	verifier    *goidc.IDTokenVerifier
	state, pkce string
	token       *xoauth2.Token
	cause       error
}

func goOIDC(o *op) contender {
	c := &alone{state: xoauth2.GenerateVerifier(), pkce: xoauth2.GenerateVerifier()}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /login/op", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, c.config.AuthCodeURL(c.state, xoauth2.S256ChallengeOption(c.pkce)), http.StatusFound)
	})
	mux.HandleFunc("GET /login/op/callback", func(_ http.ResponseWriter, r *http.Request) { c.cause = c.end(r) })
	server := httptest.NewServer(mux)
	o.t.Cleanup(server.Close)
	c.url = server.URL
	m := o.register([]string{c.url + "/login/op/callback"})
	var err error
	if c.provider, err = goidc.NewProvider(context.Background(), o.Issuer); err != nil {
		return &failed{err}
	}
	c.verifier = c.provider.Verifier(&goidc.Config{ClientID: m.id()})
	c.config = xoauth2.Config{ClientID: m.id(), ClientSecret: m.secret(), Endpoint: c.provider.Endpoint(), RedirectURL: c.url + "/login/op/callback", Scopes: []string{"openid", "profile"}}
	return c
}

func (c *alone) end(r *http.Request) (err error) {
	if r.URL.Query().Get("state") != c.state {
		return errors.New("another state")
	}
	if c.token, err = c.config.Exchange(r.Context(), r.URL.Query().Get("code"), xoauth2.VerifierOption(c.pkce)); err != nil {
		return err
	}
	if err := c.verify(r.Context(), c.token); err != nil {
		return err
	}
	_, err = c.provider.UserInfo(r.Context(), xoauth2.StaticTokenSource(c.token))
	return err
}

func (c *alone) verify(ctx context.Context, t *xoauth2.Token) error {
	raw, ok := t.Extra("id_token").(string)
	if !ok {
		return errors.New("no ID token")
	}
	_, err := c.verifier.Verify(ctx, raw)
	return err
}

func (c *alone) begin() string { return c.url + "/login/op" }
func (c *alone) err() error    { return c.cause }

func (c *alone) refresh() error {
	t, err := c.config.TokenSource(context.Background(), expired(c.token)).Token()
	if err != nil {
		return err
	}
	return c.verify(context.Background(), t)
}
