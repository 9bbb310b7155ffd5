package passporttest_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"testing"

	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/github"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/passporttest"
	"github.com/gopassport/passport/strategies/gothprovider"
)

func newKey() []byte {
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	return key
}

const app = "https://app.example"

func TestAConnectionIsOneLine(t *testing.T) {
	for name, consent := range map[string]bool{"at once": false, "with pages": true} {
		provider := passporttest.NewProvider(t, passporttest.ProviderConfig{Consent: consent})
		browser := passporttest.NewBrowser(t)
		browser.Serve(app, newApp(provider))
		page := browser.Walk(app + "/connect/github")
		if page.Status != 200 || page.Body != "account 1001" {
			t.Errorf("%s: %d %s %v", name, page.Status, page.Body, page.Hops)
		}
	}
}

func newApp(p *passporttest.Provider) http.Handler {
	auth := passport.New(passport.Config{Keys: [][]byte{newKey()}, Observe: func(context.Context, passport.Event) {}})
	auth.Use("github", gothprovider.New(
		github.NewCustomisedURL(p.ClientID, p.ClientSecret, app+"/connect/github/callback", p.At(passporttest.Authorize), p.At(passporttest.Token), p.At(passporttest.Userinfo), p.At("/emails")),
		func(_ *http.Request, u goth.User) (string, error) { return u.UserID, nil }))
	connect := auth.Authorize("github")
	show := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		account, _ := passport.AccountFrom[string](r.Context())
		fmt.Fprint(w, "account "+account)
	})
	mux := http.NewServeMux()
	mux.Handle("/connect/github", connect(show))
	mux.Handle("/connect/github/callback", connect(show))
	return mux
}
