package oauth1_test

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/strategies/oauth1"
)

// Account is an account at a service, with what is needed to use it.
type Account struct{ Service, ID, Name string }

// A person who is logged in connects an account at Flickr, or another service that speaks
// OAuth 1.
func Example() {
	service := exampleService()
	defer service.Close()
	key := make([]byte, 32) // kept where secrets are kept
	_, _ = rand.Read(key)

	auth := passport.New(passport.Config{Keys: [][]byte{key}})
	auth.Use("photos-authz", oauth1.New(oauth1.Config{
		ConsumerKey:    "key",
		ConsumerSecret: "secret",
		Endpoint: oauth1.Endpoint{
			RequestURL:   service.URL + "/request_token",
			AuthorizeURL: service.URL + "/authorize",
			AccessURL:    service.URL + "/access_token",
		},
		CallbackURL: "https://app.example/connect/photos/callback",
		Profile:     oauth1.ReplyProfile("user_nsid"), // or JSONProfile, where there is an address to ask
		RouteParams: []string{"perms"},
	}, func(_ *http.Request, g oauth1.Grant) (*Account, error) {
		return &Account{"photos", g.Subject, g.Reply.Get("username")}, nil // keep g.Token() and g.TokenSecret() sealed, if at all
	}))

	connect := auth.Authorize("photos-authz", passport.Param("perms", "read"))
	saveAccount := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		account, _ := passport.AccountFrom[*Account](r.Context())
		fmt.Printf("to be kept with the user: %+v\n", *account)
	})
	mux := http.NewServeMux()
	mux.Handle("GET /connect/photos", connect(saveAccount))
	mux.Handle("GET /connect/photos/callback", connect(saveAccount))

	// A click on a link of the application's leads to the service,
	begin := httptest.NewRequest(http.MethodGet, "/connect/photos", nil)
	begin.Header.Set("Sec-Fetch-Site", "same-origin")
	begin.Header.Set("Sec-Fetch-Mode", "navigate")
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, begin)
	to, _ := url.Parse(w.Header().Get("Location"))
	fmt.Println(w.Code, to.Path, to.RawQuery)

	// and the person's yes comes back.
	end := httptest.NewRequest(http.MethodGet, "/connect/photos/callback?oauth_token=hh5s93j4hdidpola&oauth_verifier=hfdp7dh39dks9884", nil)
	end.Header.Set("Sec-Fetch-Mode", "navigate")
	for _, c := range w.Result().Cookies() {
		end.AddCookie(c)
	}
	mux.ServeHTTP(httptest.NewRecorder(), end)
	// Output:
	// 302 /authorize oauth_token=hh5s93j4hdidpola&perms=read
	// to be kept with the user: {Service:photos ID:12037949754@N01 Name:Bees}
}

// exampleService stands for the service.
func exampleService() *httptest.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /request_token", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, "oauth_callback_confirmed=true&oauth_token=hh5s93j4hdidpola&oauth_token_secret=hdhd0244k9j7ao03")
	})
	mux.HandleFunc("POST /access_token", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, "oauth_token=nnch734d00sl2jdk&oauth_token_secret=pfkkdhi9sl3r4s00&user_nsid=12037949754%40N01&username=Bees")
	})
	return httptest.NewServer(mux)
}
