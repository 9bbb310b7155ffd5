package main

import (
	_ "unsafe" // for go:linkname

	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/github"
	"github.com/markbates/goth/providers/twitter"

	"github.com/gopassport/passport/examples/connect/identity"
)

// goth keeps Twitter's addresses in variables that it does not export. The
// linker can set them (-ldflags "-X …"), but not under a plain `go run`; these
// are the same variables, under names of ours. So the provider that talks to
// the identity service is goth's own, unchanged. An application that talks to
// Twitter needs none of this.
//
//nolint:gochecknoglobals // they are goth's
var (
	//go:linkname twitterRequestURL github.com/markbates/goth/providers/twitter.requestURL
	twitterRequestURL string
	//go:linkname twitterAuthorizeURL github.com/markbates/goth/providers/twitter.authorizeURL
	twitterAuthorizeURL string
	//go:linkname twitterAuthenticateURL github.com/markbates/goth/providers/twitter.authenticateURL
	twitterAuthenticateURL string
	//go:linkname twitterTokenURL github.com/markbates/goth/providers/twitter.tokenURL
	twitterTokenURL string
	//go:linkname twitterProfileURL github.com/markbates/goth/providers/twitter.endpointProfile
	twitterProfileURL string
)

// pointTwitterAt makes goth's twitter provider, all of this process, talk to an
// identity service. Call it before a provider is made.
func pointTwitterAt(service string) {
	twitterRequestURL = service + "/oauth/request_token"
	twitterAuthorizeURL = service + "/oauth/authorize"
	twitterAuthenticateURL = service + "/oauth/authenticate"
	twitterTokenURL = service + "/oauth/access_token"
	twitterProfileURL = service + "/1.1/account/verify_credentials.json"
}

// Without keys of the real services, these open the identity service. They
// protect nothing: it knows nobody but invented people.
const (
	demoKey    = "passport-example"
	demoSecret = "not-a-secret"
)

// services says who answers for GitHub and for Twitter.
type services struct {
	identity               string // where the identity service is
	githubKey, githubSec   string // "": the identity service
	twitterKey, twitterSec string
}

func servicesFrom(getenv func(string) string, identity string) services {
	return services{
		identity:  identity,
		githubKey: getenv("GITHUB_KEY"), githubSec: getenv("GITHUB_SECRET"),
		twitterKey: getenv("TWITTER_KEY"), twitterSec: getenv("TWITTER_SECRET"),
	}
}

func (s services) realGitHub() bool  { return s.githubKey != "" && s.githubSec != "" }
func (s services) realTwitter() bool { return s.twitterKey != "" && s.twitterSec != "" }

func (s services) github(callback string) goth.Provider {
	if s.realGitHub() {
		return github.New(s.githubKey, s.githubSec, callback)
	}
	return github.NewCustomisedURL(demoKey, demoSecret, callback,
		s.identity+"/login/oauth/authorize", s.identity+"/login/oauth/access_token", s.identity+"/user", s.identity+"/user/emails")
}

func (s services) twitter(callback string) goth.Provider {
	if s.realTwitter() {
		return twitter.New(s.twitterKey, s.twitterSec, callback)
	}
	return twitter.New(demoKey, demoSecret, callback)
}

// calendar is always the identity service's.
func (s services) calendar() string { return s.identity + "/calendar" }

// pictures are the origins of the pictures of people.
func (s services) pictures() []string {
	origins := []string{s.identity}
	if s.realGitHub() {
		origins = append(origins, "https://avatars.githubusercontent.com")
	}
	if s.realTwitter() {
		origins = append(origins, "https://pbs.twimg.com")
	}
	return origins
}

// asking are the origins where people are asked.
func (s services) asking() []string {
	origins := []string{s.identity}
	if s.realGitHub() {
		origins = append(origins, "https://github.com")
	}
	if s.realTwitter() {
		origins = append(origins, "https://api.twitter.com")
	}
	return origins
}

// clients registers the application, at base, with the identity service.
func clients(base string) identity.Config {
	client := func(paths ...string) []identity.Client {
		c := identity.Client{Name: "Passport example", Key: demoKey, Secret: demoSecret}
		for _, path := range paths {
			c.Callbacks = append(c.Callbacks, base+path)
		}
		return []identity.Client{c}
	}
	return identity.Config{
		OAuth2:   client("/connect/github/callback", "/auth/github/callback", "/auth/github/again/callback"),
		OAuth1:   client("/connect/twitter/callback"),
		Calendar: client("/connect/calendar/callback", "/connect/calendar/again/callback"),
	}
}
