package tenants_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"

	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/github"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/strategies/gothprovider"
	"github.com/gopassport/passport/strategies/tenants"
)

// Each customer has a log-in with credentials of its own.
func Example() {
	type row struct{ version, id, secret string }
	table := map[string]row{"acme": {"1", "acme-id", "…"}, "globex": {"7", "globex-id", "…"}} // a database
	find := func(_ context.Context, tenant string) (tenants.Tenant, error) {
		row, ok := table[tenant]
		if !ok {
			return tenants.Tenant{}, tenants.ErrUnknown
		}
		return tenants.Tenant{Version: row.version, Strategy: func() (passport.Strategy, error) {
			provider := github.New(row.id, row.secret, "https://app.example/"+tenant+"/callback")
			return gothprovider.New(provider, func(_ *http.Request, u goth.User) (*user, error) {
				return &user{tenant + "/" + u.UserID}, nil
			}), nil
		}}, nil
	}
	key := make([]byte, 32) // kept where secrets are kept
	_, _ = rand.Read(key)
	auth := passport.New(passport.Config{Keys: [][]byte{key}})
	auth.Use("sso", tenants.New(tenants.Config{
		Of:   func(r *http.Request) string { return r.PathValue("tenant") },
		Find: find,
	}))
	mux := http.NewServeMux()
	mux.Handle("GET /{tenant}/login", auth.Authenticate("sso", passport.NoSession())(http.NotFoundHandler()))

	for _, tenant := range []string{"acme", "globex", "initech"} {
		r := httptest.NewRequest("GET", "/"+tenant+"/login", nil)
		r.Header.Set("Accept", "text/html")
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		to, _ := url.Parse(w.Header().Get("Location"))
		fmt.Println(tenant, w.Code, to.Query().Get("client_id"))
	}
	// Output:
	// acme 302 acme-id
	// globex 302 globex-id
	// initech 404
}
