//go:build unix

package interop_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	xoauth2 "golang.org/x/oauth2"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/strategies/oidc"
)

// identities are those that verify functions were given, the last one last.
type identities struct {
	all      []oidc.Identity
	strategy *oidc.Strategy // that logs people in
}

func (i *identities) verify(_ *http.Request, who oidc.Identity) (*person, error) {
	i.all = append(i.all, who)
	return &person{who.Subject}, nil
}

func (i *identities) make(c oidc.Config) *oidc.Strategy {
	made := oidc.New(c, i.verify)
	if i.strategy == nil {
		i.strategy = made
	}
	return made
}

func (i *identities) last() oidc.Identity { return i.all[len(i.all)-1] }

// source refreshes the token of the last one, as if it had expired.
func (i *identities) source(ctx context.Context) xoauth2.TokenSource {
	return i.strategy.TokenSource(ctx, i.last().Subject, expired(i.last().Token()))
}

// app is an application with our strategy, under the name "op".
func (o *op) app(differs metadata, change func(*oidc.Config), opts ...passport.Option) (*app, *identities) {
	o.t.Helper()
	a, who := newApp(o.t), &identities{}
	c := o.register(a.callbacks("op"), differs)
	a.uses("op", func(callback string) passport.Strategy {
		config := oidc.Config{Issuer: o.Issuer, ClientID: c.id(), ClientSecret: c.secret(), RedirectURL: callback, Scopes: []string{"profile", "email"}}
		if change != nil {
			change(&config)
		}
		return who.make(config)
	}, opts...)
	return a, who
}

func TestPeopleLogInAndConnectWithOpenIDConnect(t *testing.T) {
	o := startOP(t)
	for name, c := range map[string]struct {
		client metadata
		config func(*oidc.Config)
	}{
		"secret in the header":   {nil, nil},
		"secret in the form":     {metadata{"token_endpoint_auth_method": "client_secret_post"}, func(c *oidc.Config) { c.Auth = oidc.SecretPost }},
		"no secret":              {metadata{"token_endpoint_auth_method": "none"}, func(c *oidc.Config) { c.Auth = oidc.PublicClient }},
		"ES256":                  {metadata{"id_token_signed_response_alg": "ES256"}, func(c *oidc.Config) { c.Algorithms = []string{"ES256"} }},
		"form_post":              {nil, func(c *oidc.Config) { c.FormPost = true }},
		"pushed requests":        {metadata{"require_pushed_authorization_requests": true}, func(c *oidc.Config) { c.PushedRequests = true }},
		"userinfo":               {nil, func(c *oidc.Config) { c.Userinfo = true }},
		"max_age":                {metadata{"require_auth_time": true}, func(c *oidc.Config) { c.MaxAge = 3600e9 }},
		"pushed, posted, secret": {metadata{"token_endpoint_auth_method": "client_secret_post"}, func(c *oidc.Config) { c.FormPost, c.PushedRequests, c.Auth = true, true, oidc.SecretPost }},
	} {
		t.Run(name, func(t *testing.T) {
			o := &op{t, o.server, o.Issuer}
			a, who := o.app(c.client, c.config)
			v := newVisitor(t)
			v.open(a.URL + "/login/op").allow("ada")
			if v.status != 200 || v.textAt("user") != "ada" || a.code() != "" {
				t.Fatalf("at %v: %d %q %v", v.at, v.status, v.text(), a.lastError())
			}
			if id := who.last(); id.Issuer != o.Issuer || id.Subject != "ada" || id.Token().RefreshToken == "" {
				t.Errorf("%v", id)
			}
			v.open(a.URL + "/connect/op").allow("ada")
			if v.textAt("user") != "ada" || v.textAt("account") != "ada" {
				t.Errorf("connect, at %v: %d %q %v", v.at, v.status, v.text(), a.lastError())
			}
			if strings.Contains(v.at.String(), "code=") == (strings.Contains(name, "post")) {
				t.Errorf("the answer came by %v", v.at)
			}
		})
	}
}

func TestAPersonWhoSaysNoAtTheProviderIsNotLoggedIn(t *testing.T) {
	o := startOP(t)
	for name, config := range map[string]func(*oidc.Config){
		"query":           nil,
		"form_post":       func(c *oidc.Config) { c.FormPost = true },
		"pushed requests": func(c *oidc.Config) { c.PushedRequests = true },
	} {
		t.Run(name, func(t *testing.T) {
			o := &op{t, o.server, o.Issuer}
			a, who := o.app(nil, config)
			v := newVisitor(t)
			v.open(a.URL + "/login/op").press("cancel")
			if a.code() != passport.CodeDenied || v.status != http.StatusForbidden {
				t.Errorf("at the login: %d %v", v.status, a.lastError())
			}
			v.open(a.URL+"/login/op").press("allow", "login", "ada", "password", "ada's password").press("cancel")
			if a.code() != passport.CodeDenied || len(who.all) != 0 {
				t.Errorf("at the consent: %v, %v", a.lastError(), who.all)
			}
			if v.open(a.URL + "/"); v.textAt("user") != "nobody" {
				t.Errorf("logged in: %s", v.text())
			}
		})
	}
}

func TestWhoConnectsStaysLoggedInAsThemselves(t *testing.T) {
	o := startOP(t)
	a, _ := o.app(nil, nil)
	v := newVisitor(t)
	v.open(a.URL + "/become/linus")
	v.visit(a.URL + "/connect/op").allow("grace")
	if v.textAt("user") != "linus" || v.textAt("account") != "grace" {
		t.Errorf("at %v: %s, %v", v.at, v.text(), a.lastError())
	}
	back := v.at.String()
	if v.open(a.URL + "/"); v.textAt("user") != "linus" {
		t.Errorf("then: %s", v.text())
	}
	if v.open(back); a.code() != passport.CodeFlowMissing { // the same answer once more
		t.Errorf("again: %d %v", v.status, a.lastError())
	}
}

func TestPromptNoneWithoutALoginThereIsRefused(t *testing.T) {
	o := startOP(t)
	a, _ := o.app(nil, nil, oidc.Prompt("none"))
	v := newVisitor(t).open(a.URL + "/login/op")
	if a.code() != passport.CodeDenied {
		t.Errorf("at %v: %d %v", v.at, v.status, a.lastError())
	}
}

func TestTokensAreRefreshed(t *testing.T) {
	o := startOP(t)
	for name, client := range map[string]metadata{
		"and stay": nil,
		"and turn": {"token_endpoint_auth_method": "none"}, // a public client's are spent with each use
	} {
		t.Run(name, func(t *testing.T) {
			o := &op{t, o.server, o.Issuer}
			a, who := o.app(client, func(c *oidc.Config) {
				if client != nil {
					c.Auth = oidc.PublicClient
				}
			})
			v := newVisitor(t)
			v.open(a.URL + "/login/op").allow("ada")
			first, source := who.last().Token(), who.source(t.Context())
			second, err := source.Token()
			if err != nil || second.AccessToken == first.AccessToken {
				t.Fatalf("%v, or the same token", err)
			}
			if (second.RefreshToken == first.RefreshToken) != (client == nil) {
				t.Error("not as this provider does with its refresh tokens")
			}
			reply, err := xoauth2.NewClient(t.Context(), source).Get(o.Issuer + "/me")
			if err != nil || reply.StatusCode != http.StatusOK {
				t.Errorf("%v %v", reply, err)
			}
			_, err = who.source(t.Context()).Token() // with the first refresh token once more
			if (err == nil) != (client == nil) {
				t.Errorf("a refresh token that may be spent: %v", err)
			}
		})
	}
}

func TestTokensDieWithTheLoginAtTheProvider(t *testing.T) {
	o := startOP(t)
	a, who := o.app(nil, nil)
	v := newVisitor(t)
	v.open(a.URL + "/login/op").allow("ada")
	v.visit(o.Issuer + "/session/end").press("logout")
	_, err := who.source(t.Context()).Token()
	if refused, ok := errors.AsType[*xoauth2.RetrieveError](err); !ok || refused.ErrorCode != "invalid_grant" {
		t.Errorf("%v; the program must see that access was taken away", err)
	}
}
