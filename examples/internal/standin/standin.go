// Package standin plays GitHub and Twitter for the examples, where no keys of the real ones
// are configured, so that each of them runs with one command.
package standin

import (
	"log"
	"net/http"
	"os"
	"time"

	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/github"

	"github.com/gopassport/passport/examples/connect/identity"
	"github.com/gopassport/passport/strategies/oauth1"
)

// URL is where Serve serves: to a browser, another site than http://127.0.0.1:8080.
const URL = "http://localhost:8081"

// Key and Secret are those of the application at the stand-in. They protect nothing: it
// knows nobody but invented people.
const (
	Key    = "passport-example"
	Secret = "not-a-secret"
)

// Handler is the service, for an application with these callback URLs.
func Handler(callbacks ...string) http.Handler {
	client := []identity.Client{{Name: "Passport example", Key: Key, Secret: Secret, Callbacks: callbacks}}
	return identity.New(identity.Config{OAuth2: client, OAuth1: client})
}

// Serve serves a service, such as a Handler, at URL until the program ends; it ends the
// program where it cannot.
func Serve(service http.Handler) {
	server := &http.Server{Addr: URL[len("http://"):], Handler: service, ReadHeaderTimeout: 5 * time.Second}
	log.Fatal("the stand-in for the providers: ", server.ListenAndServe())
}

// GitHub is goth's provider: for the real GitHub where GITHUB_KEY and GITHUB_SECRET are
// set, else for the stand-in at url.
func GitHub(url, callback string) goth.Provider {
	if key, secret := os.Getenv("GITHUB_KEY"), os.Getenv("GITHUB_SECRET"); key != "" && secret != "" {
		return github.New(key, secret, callback)
	}
	return github.NewCustomisedURL(Key, Secret, callback,
		url+"/login/oauth/authorize", url+"/login/oauth/access_token", url+"/user", url+"/user/emails")
}

// Twitter is what strategies/oauth1 needs to know: of the real one where TWITTER_KEY and
// TWITTER_SECRET are set, else of the stand-in at url.
func Twitter(url, callback string) oauth1.Config {
	key, secret := os.Getenv("TWITTER_KEY"), os.Getenv("TWITTER_SECRET")
	if key == "" || secret == "" {
		key, secret = Key, Secret
	} else {
		url = "https://api.twitter.com"
	}
	return oauth1.Config{
		ConsumerKey: key, ConsumerSecret: secret, CallbackURL: callback,
		Endpoint: oauth1.Endpoint{
			RequestURL:   url + "/oauth/request_token",
			AuthorizeURL: url + "/oauth/authenticate",
			AccessURL:    url + "/oauth/access_token",
		},
		Profile: oauth1.JSONProfile(url+"/1.1/account/verify_credentials.json", "id_str"),
	}
}
