package passporttest

import (
	"errors"
	"maps"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/gopassport/passport/internal/authserver"
)

// OAuth1Config says what an [OAuth1Provider] is like. The zero value serves one
// application and one person, and answers for them without asking.
type OAuth1Config struct {
	// ConsumerKey and ConsumerSecret are the application's. Empty: "client", and a random
	// secret.
	ConsumerKey, ConsumerSecret string

	// Callbacks are where people may be sent back to, compared exactly. Nil: anywhere.
	Callbacks []string

	// People are who has an account; each has a sub. Nil: [People]. Their profile is in the
	// shape of Twitter's: id_str is the sub, screen_name the login.
	People []map[string]any

	// Consent makes the provider show a page, which a [Browser] walks. False: it answers at
	// once, for the first of People.
	Consent bool

	// Offline is as in [ProviderConfig].
	Offline bool
}

// OAuth1Provider speaks OAuth 1.0a (RFC 5849) in Twitter's shape, with HMAC-SHA1 and
// HMAC-SHA256. It checks signatures, timestamps, that a nonce is used once, the verifier
// and the callback. Make one with [NewOAuth1Provider]. It is safe for concurrent use.
type OAuth1Provider struct {
	Server

	// ConsumerKey and ConsumerSecret are the application's.
	ConsumerKey, ConsumerSecret string

	config OAuth1Config
	rules  *authserver.OAuth1
	asked  *authserver.Shelf[string] // request tokens, by the name in the page's form
	used   string                    // the verifier that was given out last
}

// NewOAuth1Provider starts a provider, which stops when the test is over.
func NewOAuth1Provider(tb testing.TB, config OAuth1Config) *OAuth1Provider {
	tb.Helper()
	if config.ConsumerKey == "" {
		config.ConsumerKey = "client"
	}
	if config.ConsumerSecret == "" {
		config.ConsumerSecret = authserver.Secret("secret")
	}
	if config.People == nil {
		config.People = People()
	}
	client := authserver.Client{Name: config.ConsumerKey, Key: config.ConsumerKey, Secret: config.ConsumerSecret, Callbacks: config.Callbacks}
	p := &OAuth1Provider{
		ConsumerKey: config.ConsumerKey, ConsumerSecret: config.ConsumerSecret, config: config,
		rules: authserver.NewOAuth1(authserver.OAuth1Config{Clients: []authserver.Client{client}, RequestLife: thinking, Now: time.Now}),
		asked: authserver.NewShelf[string](0, thinking, time.Now),
	}
	p.start(tb, config.Offline, AccessToken, map[Endpoint]func(*call) *Reply{
		RequestToken: p.requestToken, Authorize: p.authorize, consentPage: p.consent, AccessToken: p.accessToken, Userinfo: p.profile,
	})
	return p
}

// requestToken gives temporary credentials.
func (p *OAuth1Provider) requestToken(c *call) *Reply {
	given, err := p.rules.RequestToken(c.Request)
	if err != nil {
		return unsigned(err)
	}
	confirmed := "true"
	if p.happens(Unconfirmed, RequestToken) {
		confirmed = "false"
	}
	return formReply(url.Values{"oauth_token": {given.Token}, "oauth_token_secret": {given.Secret}, "oauth_callback_confirmed": {confirmed}})
}

// authorize asks the person, or answers for them.
func (p *OAuth1Provider) authorize(c *call) *Reply {
	token := c.form.Get("oauth_token")
	if _, ok := p.rules.Asking(token); !ok {
		return message("This request token is unknown, used or expired.")
	}
	if !p.config.Consent {
		return p.decide(token, subject(p.config.People[0]), !p.happens(Deny, Authorize))
	}
	name := authserver.Secret("question")
	p.asked.Put(name, token)
	return show(http.StatusOK, "consent", map[string]any{"Question": name, "Person": p.config.People[0], "Client": p.ConsumerKey, "Scope": ""})
}

func (p *OAuth1Provider) consent(c *call) *Reply {
	token, ok := p.asked.Take(c.form.Get("question"))
	sub := c.form.Get("sub")
	if !ok || personOf(p.config.People, sub) == nil {
		return message("This was answered before, or there is nobody of this name.")
	}
	return p.decide(token, sub, c.form.Get("decision") == "allow" && !p.happens(Deny, Authorize))
}

// decide answers for the person.
func (p *OAuth1Provider) decide(token, sub string, allow bool) *Reply {
	if allow && !p.happens(ServerError, Authorize) {
		request, ok := p.rules.Allow(token, sub)
		if !ok {
			return message("This was answered before.")
		}
		return p.back(request, p.agreed(request))
	}
	request, ok := p.rules.Deny(token)
	switch {
	case !ok:
		return message("This was answered before.")
	case allow:
		return p.back(request, url.Values{"oauth_token": {token}, "oauth_problem": {"additional_authorization_required"}})
	}
	return p.back(request, url.Values{"denied": {token}})
}

// agreed is the answer of somebody who said yes.
func (p *OAuth1Provider) agreed(request authserver.Credential) url.Values {
	p.mu.Lock()
	before := p.used
	p.used = request.Verifier
	p.mu.Unlock()
	answer := url.Values{"oauth_token": {request.Token}, "oauth_verifier": {request.Verifier}}
	if p.happens(BadCode, Authorize) {
		answer.Set("oauth_verifier", authserver.Secret("verifier"))
	}
	if before != "" && p.happens(ReplayedCode, Authorize) {
		answer.Set("oauth_verifier", before)
	}
	return answer
}

// back sends the browser back to the application.
func (p *OAuth1Provider) back(request authserver.Credential, answer url.Values) *Reply {
	if p.happens(WrongState, Authorize) {
		answer.Set("oauth_token", authserver.Secret("request"))
	}
	if p.happens(NoState, Authorize) {
		answer.Del("oauth_token")
	}
	if p.happens(TwiceInAnswer, Authorize) {
		twice(answer)
	}
	return &Reply{Header: http.Header{}, Params: answer, back: request.Callback}
}

// accessToken gives token credentials.
func (p *OAuth1Provider) accessToken(c *call) *Reply {
	given, err := p.rules.AccessToken(c.Request)
	if err == nil && p.happens(InvalidGrant, AccessToken) {
		err = errors.New("the test wants it so")
	}
	if err != nil {
		return unsigned(err)
	}
	login, _ := personOf(p.config.People, given.Subject)["login"].(string)
	answer := url.Values{"oauth_token": {given.Token}, "oauth_token_secret": {given.Secret}, "user_id": {given.Subject}, "screen_name": {login}}
	if p.happens(NoAccessToken, AccessToken) {
		answer.Del("oauth_token")
	}
	return formReply(answer)
}

// profile says whose token it is.
func (p *OAuth1Provider) profile(c *call) *Reply {
	access, err := p.rules.Open(c.Request)
	if err != nil {
		return unsigned(err)
	}
	profile := maps.Clone(personOf(p.config.People, access.Subject))
	profile["id_str"], profile["screen_name"] = access.Subject, profile["login"]
	if p.happens(EmptySubject, Userinfo) {
		profile["sub"], profile["id"], profile["id_str"] = "", 0, ""
	}
	return reply(http.StatusOK, profile)
}

func formReply(values url.Values) *Reply {
	return &Reply{Status: http.StatusOK, Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, Body: []byte(values.Encode())}
}

// unsigned refuses a request whose signature, or what it signs, is wrong.
func unsigned(why error) *Reply {
	refusal := text(http.StatusUnauthorized, "Could not authenticate you: "+why.Error()+".")
	if errors.Is(why, authserver.ErrCallback) {
		refusal.Status = http.StatusForbidden
	} else {
		refusal.Header.Set("WWW-Authenticate", `OAuth realm="passporttest"`)
	}
	return refusal
}
