package faults_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/github"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/accounts"
	"github.com/gopassport/passport/internal/codeflow"
	"github.com/gopassport/passport/passporttest"
	"github.com/gopassport/passport/strategies/gothprovider"
	"github.com/gopassport/passport/strategies/oauth1"
	"github.com/gopassport/passport/strategies/oauth2"
	"github.com/gopassport/passport/strategies/oidc"
	"github.com/gopassport/passport/strategies/tenants"
)

// wiring is what programs make while they start, and what they make it of.
type wiring struct {
	key    []byte          // of a registry
	signer *rsa.PrivateKey // of a client
}

const secretText = "SECRET-canary-of-the-wiring"

// forms are the ways in which a print shows the secrets.
func (w wiring) forms() []string {
	bytes := strings.Trim(fmt.Sprintf("%d", w.key), "[]")
	syntax := strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%#v", w.key), "[]byte{"), "}")
	return []string{
		secretText, fmt.Sprintf("%x", secretText), string(w.key), bytes, syntax, fmt.Sprintf("%x", w.key), base64.StdEncoding.EncodeToString(w.key),
		w.signer.D.String(), fmt.Sprintf("%x", w.signer.D),
	}
}

func (w wiring) values(t *testing.T) []any {
	t.Helper()
	engine := passport.Config{Keys: [][]byte{w.key}}
	one := oauth1.Config{ConsumerKey: "c", ConsumerSecret: secretText, CallbackURL: app + "/1", Signature: oauth1.RSASHA256, PrivateKey: w.signer, Profile: oauth1.ReplyProfile("id"),
		Endpoint: oauth1.Endpoint{RequestURL: "https://op.test/r", AuthorizeURL: "https://op.test/a", AccessURL: "https://op.test/t"}}
	two := oauth2.Config{ClientID: "c", ClientSecret: secretText, Auth: oauth2.SecretPost, RedirectURL: app + "/2",
		AuthorizationURL: "https://op.test/a", TokenURL: "https://op.test/t", Profile: oauth2.JSONProfile("https://op.test/me", "id")}
	signing := two
	signing.ClientSecret, signing.Auth, signing.Key = "", oauth2.PrivateKeyJWT, w.signer
	connect := oidc.Config{Issuer: "https://op.test", ClientID: "c", ClientSecret: secretText, RedirectURL: app + "/3"}
	keyed := connect
	keyed.ClientSecret, keyed.Auth, keyed.Key = "", oidc.PrivateKeyJWT, w.signer
	inner := codeflow.Config{ClientID: "c", ClientSecret: secretText, Auth: codeflow.Post, RedirectURL: app + "/4", Endpoint: codeflow.Endpoint{Authorize: "https://op.test/a", Token: "https://op.test/t"}}
	client, err := codeflow.New(inner)
	if err != nil {
		t.Fatal(err)
	}
	customers := tenants.New(tenants.Config{Of: func(*http.Request) string { return "acme" }, Find: func(context.Context, string) (tenants.Tenant, error) { return tenants.Tenant{}, tenants.ErrUnknown }})
	whole := passport.New(engine)
	keeping := accounts.Config{Keys: [][]byte{w.key}, Store: new(passporttest.AccountStore)}
	strategies := map[string]passport.Strategy{
		"oauth1": oauth1.New(one, func(_ *http.Request, g oauth1.Grant) (string, error) { return g.Subject, nil }),
		"oauth2": oauth2.New(two, func(_ *http.Request, g oauth2.Grant) (string, error) { return g.Subject, nil }),
		"oidc":   oidc.New(connect, func(_ *http.Request, who oidc.Identity) (string, error) { return who.Subject, nil }),
		"keyed":  oidc.New(oidc.Config{Issuer: "https://op.test", ClientID: "c", Auth: keyed.Auth, Key: w.signer, RedirectURL: app + "/5"}, func(_ *http.Request, who oidc.Identity) (string, error) { return who.Subject, nil }),
		"goth":   gothprovider.New(github.New("c", secretText, app+"/6"), func(_ *http.Request, u goth.User) (string, error) { return u.UserID, nil }),
		"sso":    customers,
	}
	all := []any{engine, &engine, whole, keeping, &keeping, accounts.New(keeping), one, &one, two, &two, signing, &signing, connect, &connect, keyed, &keyed, inner, &inner, client, strategies}
	for name, s := range strategies {
		whole.Use(name, s)
		all = append(all, s, []passport.Strategy{s})
	}
	return all
}

// Programs print what they are configured with when they start.
func TestNoSecretOfTheWiringShows(t *testing.T) {
	signer, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	w := wiring{newKey(), signer}
	for _, v := range w.values(t) {
		s := &spy{}
		s.show(v)
		fmt.Fprintf(s, "%q %x %X %d %t", v, v, v, v, v)
		for _, form := range w.forms() {
			if i := strings.Index(s.seen.String(), form); i >= 0 {
				t.Errorf("%T shows %q in %.600s", v, form, s.seen.String())
				break
			}
		}
	}
}
