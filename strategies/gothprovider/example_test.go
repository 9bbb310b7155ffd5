package gothprovider_test

import (
	"crypto/rand"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"

	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/github"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/strategies/gothprovider"
)

type Account struct{ Provider, ID string }

// A person who is logged in connects an account at GitHub.
func Example() {
	key := make([]byte, 32) // kept where secrets are kept
	_, _ = rand.Read(key)
	auth := passport.New(passport.Config{Keys: [][]byte{key}})
	auth.Use("github-authz", gothprovider.New(
		github.New("id", "secret", "https://app.example/connect/github/callback"),
		func(_ *http.Request, u goth.User) (*Account, error) { return &Account{u.Provider, u.UserID}, nil }))

	connect := auth.Authorize("github-authz", passport.Param("scope", "read:user"))
	saveAccount := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		account, _ := passport.AccountFrom[*Account](r.Context())
		fmt.Println("to be kept with the user:", account)
	})
	mux := http.NewServeMux()
	mux.Handle("GET /connect/github", connect(saveAccount))
	mux.Handle("GET /connect/github/callback", connect(saveAccount))

	// A click on a link of the application's leads to GitHub.
	r := httptest.NewRequest("GET", "/connect/github", nil)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "document")
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	to, _ := url.Parse(w.Header().Get("Location"))
	fmt.Println(w.Code, to.Host+to.Path)
	fmt.Println(slices.Sorted(maps.Keys(to.Query())))
	// Output:
	// 302 github.com/login/oauth/authorize
	// [client_id code_challenge code_challenge_method redirect_uri response_type scope state]
}
