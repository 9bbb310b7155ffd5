//go:build unix

package interop_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/http"
	"testing"

	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/github"
	"github.com/markbates/goth/providers/openidConnect"
	xoauth2 "golang.org/x/oauth2"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/strategies/gothprovider"
	"github.com/gopassport/passport/strategies/oauth2"
)

func visiting(t *testing.T) browser { return newVisitor(t) }

func TestATourOfOAuth2(t *testing.T) {
	o := startOP(t)
	key, jwk := newKey(t)
	for name, c := range map[string]struct {
		client metadata
		config func(*oauth2.Config)
	}{
		"secret in the header": {nil, func(*oauth2.Config) {}},
		"secret in the form":   {metadata{"token_endpoint_auth_method": "client_secret_post"}, func(c *oauth2.Config) { c.Auth = oauth2.SecretPost }},
		"no secret":            {metadata{"token_endpoint_auth_method": "none"}, func(c *oauth2.Config) { c.Auth = oauth2.PublicClient }},
		"a key": {
			metadata{"token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": "ES256", "jwks": metadata{"keys": []metadata{jwk}}},
			func(c *oauth2.Config) { c.Auth, c.Key, c.KeyID = oauth2.PrivateKeyJWT, key, "app" },
		},
		"form_post":       {nil, func(c *oauth2.Config) { c.FormPost = true }},
		"pushed requests": {metadata{"require_pushed_authorization_requests": true}, func(c *oauth2.Config) { c.PushURL = o.Issuer + "/request" }},
		"pushed requests by a key": {metadata{"token_endpoint_auth_method": "private_key_jwt", "jwks": metadata{"keys": []metadata{jwk}}, "token_endpoint_auth_signing_alg": "ES256"}, func(c *oauth2.Config) {
			c.Auth, c.Key, c.KeyID, c.PushURL = oauth2.PrivateKeyJWT, key, "app", o.Issuer+"/request"
		}},
	} {
		t.Run(name, func(t *testing.T) {
			o := &op{t, o.server, o.Issuer}
			a := newApp(t)
			client := o.register(a.callbacks("op"), c.client)
			a.uses("op", func(callback string) passport.Strategy {
				config := o.oauth2(client, callback)
				c.config(&config)
				config.ClientSecret = client.secret()
				if config.Auth != oauth2.SecretBasic && config.Auth != oauth2.SecretPost {
					config.ClientSecret = ""
				}
				return oauth2.New(config, func(_ *http.Request, g oauth2.Grant) (*person, error) { return &person{g.Subject}, nil })
			})
			at("ada").tour(t, a, "op", visiting)
		})
	}
}

func TestTokensOfOAuth2AreRefreshed(t *testing.T) {
	o := startOP(t)
	who := oursOAuth2(o)
	v := newVisitor(t)
	v.open(who.begin()).allow("ada")
	if err := who.refresh(); who.err() != nil || err != nil {
		t.Errorf("%v, %v", who.err(), err)
	}
	v.visit(o.Issuer + "/session/end").press("logout")
	err := who.refresh()
	if refused, ok := errors.AsType[*xoauth2.RetrieveError](err); !ok || refused.ErrorCode != "invalid_grant" {
		t.Errorf("%v; the program must see that access was taken away", err)
	}
}

// newKey makes a key for private_key_jwt, and what the provider is told of it (RFC 7517).
func newKey(t *testing.T) (*ecdsa.PrivateKey, metadata) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := key.PublicKey.Bytes() // 4, then x and y
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	return key, metadata{"kty": "EC", "crv": "P-256", "kid": "app", "use": "sig", "x": encode(public[1:33]), "y": encode(public[33:])}
}

func TestATourOfGothsGitHub(t *testing.T) {
	o := startOP(t)
	for name, newBrowser := range map[string]func(*testing.T) browser{"by HTTP": visiting, "in Chromium": surfing} {
		t.Run(name, func(t *testing.T) {
			o := &op{t, o.server, o.Issuer}
			s := at("ada")
			s.subject = "1001"
			s.tour(t, o.gothApp(githubAt), "op", newBrowser)
		})
	}
}

func TestATourOfGothsOpenIDConnect(t *testing.T) {
	o := startOP(t)
	for name, newBrowser := range map[string]func(*testing.T) browser{"by HTTP": visiting, "in Chromium": surfing} {
		t.Run(name, func(t *testing.T) {
			o := &op{t, o.server, o.Issuer}
			at("ada").tour(t, o.gothApp(openIDConnectAt), "op", newBrowser)
		})
	}
}

// gothApp is an application with a provider of goth's, under the name "op".
func (o *op) gothApp(provider func(o *op, c metadata, callback string) goth.Provider) *app {
	o.t.Helper()
	a := newApp(o.t)
	c := o.register(a.callbacks("op"))
	a.uses("op", func(callback string) passport.Strategy {
		return gothprovider.New(provider(o, c, callback), gothPerson, gothprovider.Issuer(o.Issuer))
	})
	return a
}

func githubAt(o *op, c metadata, callback string) goth.Provider {
	return github.NewCustomisedURL(c.id(), c.secret(), callback, o.Issuer+"/auth", o.Issuer+"/token", o.Issuer+"/github/user", o.Issuer+"/github/emails", "openid")
}

func openIDConnectAt(o *op, c metadata, callback string) goth.Provider {
	p, err := openidConnect.New(c.id(), c.secret(), callback, o.Issuer+"/.well-known/openid-configuration", "email")
	if err != nil {
		o.t.Fatal(err)
	}
	return p
}

func gothPerson(_ *http.Request, u goth.User) (*person, error) { return &person{u.UserID}, nil }
