package oauth2_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/strategies/oauth2"
)

// Account is a connected account.
type Account struct{ Service, ID, Login string }

func Example() {
	auth := passport.New(passport.Config{
		Keys:    [][]byte{[]byte("32 bytes, from a secret store ..")},
		Subject: func(*http.Request) (string, bool) { return "alice", true }, // who is logged in
	})
	auth.Use("forge", oauth2.New(oauth2.Config{
		ClientID:         "app-1",
		ClientSecret:     "from a secret store",
		Auth:             oauth2.SecretBasic,
		AuthorizationURL: "https://forge.example/oauth/authorize",
		TokenURL:         "https://forge.example/oauth/token",
		RedirectURL:      "https://app.example/connect/forge",
		Scopes:           []string{"read:user"},
		Profile:          oauth2.JSONProfile("https://forge.example/api/me", "id"),
	}, func(_ *http.Request, g oauth2.Grant) (*Account, error) {
		return &Account{"forge", g.Subject, g.Profile.Text("login")}, nil
	}))
	connect := auth.Authorize("forge", oauth2.Scopes("read:user", "gist"), oauth2.Prompt("consent"))(http.NotFoundHandler())

	r := httptest.NewRequest("GET", "https://app.example/connect/forge", nil)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	w := httptest.NewRecorder()
	connect.ServeHTTP(w, r)

	to, err := url.Parse(w.Header().Get("Location"))
	if err != nil {
		fmt.Println(err)
		return
	}
	q := to.Query()
	fmt.Println(w.Code, to.Host, to.Path)
	fmt.Println(q.Get("response_type"), q.Get("scope"), q.Get("prompt"), q.Get("code_challenge_method"))
	// Output:
	// 302 forge.example /oauth/authorize
	// code read:user gist consent S256
}

// A service that names the person in the token reply has no address for profiles.
func ExampleProfileFunc() {
	config := oauth2.Config{
		// …
		Profile: func(_ context.Context, _ *http.Client, g oauth2.Grant) (string, oauth2.Members, error) {
			var user struct{ ID string }
			err := g.Reply.Claim("authed_user", &user)
			return user.ID, nil, err
		},
	}
	fmt.Println(config.Profile != nil)
	// Output: true
}
