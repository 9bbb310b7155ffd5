package passporttest

import (
	"maps"
	"net/http"
	"net/url"
	"testing"
	"time"
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
}

// OAuth1Provider speaks OAuth 1.0a (RFC 5849) in Twitter's shape, with HMAC-SHA1 and
// HMAC-SHA256. It checks signatures, timestamps, that a nonce is used once, the verifier
// and the callback. Make one with [NewOAuth1Provider]. It is safe for concurrent use.
type OAuth1Provider struct {
	Server

	// ConsumerKey and ConsumerSecret are the application's.
	ConsumerKey, ConsumerSecret string

	config   OAuth1Config
	requests map[string]credential // by request token
	access   map[string]credential // by access token
	nonces   map[string]bool
	asked    map[string]string // request tokens, by the name in the page's form
	used     string            // the verifier that was given out last
}

// credential is a token of OAuth 1 and what belongs to it.
type credential struct {
	secret, callback string
	sub, verifier    string // when somebody agreed
}

// NewOAuth1Provider starts a provider, which stops when the test is over.
func NewOAuth1Provider(tb testing.TB, config OAuth1Config) *OAuth1Provider {
	tb.Helper()
	if config.ConsumerKey == "" {
		config.ConsumerKey = "client"
	}
	if config.ConsumerSecret == "" {
		config.ConsumerSecret = secret("secret")
	}
	if config.People == nil {
		config.People = People()
	}
	p := &OAuth1Provider{
		ConsumerKey: config.ConsumerKey, ConsumerSecret: config.ConsumerSecret, config: config,
		requests: map[string]credential{}, access: map[string]credential{}, nonces: map[string]bool{}, asked: map[string]string{},
	}
	p.start(tb, AccessToken, map[Endpoint]func(*call) *Reply{
		RequestToken: p.requestToken, Authorize: p.authorize, consentPage: p.consent, AccessToken: p.accessToken, Userinfo: p.profile,
	})
	return p
}

// requestToken gives temporary credentials (RFC 5849, 2.1).
func (p *OAuth1Provider) requestToken(c *call) *Reply {
	signed, problem := p.verify(c, nil)
	if problem != nil {
		return problem
	}
	callback := signed["oauth_callback"]
	if !allowed(p.config.Callbacks, callback) {
		return text(http.StatusForbidden, "Callback URL not approved for this client application.")
	}
	token := secret("request")
	given := credential{secret: secret("secret"), callback: callback}
	p.mu.Lock()
	p.requests[token] = given
	p.mu.Unlock()
	confirmed := "true"
	if p.happens(Unconfirmed, RequestToken) {
		confirmed = "false"
	}
	return formReply(url.Values{"oauth_token": {token}, "oauth_token_secret": {given.secret}, "oauth_callback_confirmed": {confirmed}})
}

// authorize asks the person (RFC 5849, 2.2), or answers for them.
func (p *OAuth1Provider) authorize(c *call) *Reply {
	token := c.form.Get("oauth_token")
	p.mu.Lock()
	_, ok := p.requests[token]
	p.mu.Unlock()
	if !ok {
		return message("This request token is unknown, used or expired.")
	}
	if !p.config.Consent {
		return p.decide(token, !p.happens(Deny, Authorize))
	}
	name := secret("question")
	p.mu.Lock()
	p.asked[name] = token
	p.mu.Unlock()
	return show(http.StatusOK, "consent", map[string]any{"Question": name, "Person": p.config.People[0], "Client": p.ConsumerKey, "Scope": ""})
}

func (p *OAuth1Provider) consent(c *call) *Reply {
	token, ok := take(&p.mu, p.asked, c.form.Get("question"))
	if !ok {
		return message("This was answered before.")
	}
	return p.decide(token, c.form.Get("decision") == "allow" && !p.happens(Deny, Authorize))
}

// decide answers for the person.
func (p *OAuth1Provider) decide(token string, allow bool) *Reply {
	request, ok := take(&p.mu, p.requests, token)
	switch {
	case !ok:
		return message("This was answered before.")
	case !allow:
		return p.back(request, url.Values{"denied": {token}})
	case p.happens(ServerError, Authorize):
		return p.back(request, url.Values{"oauth_token": {token}, "oauth_problem": {"additional_authorization_required"}})
	}
	request.sub, request.verifier = subject(p.config.People[0]), secret("verifier")
	p.mu.Lock()
	p.requests[token] = request
	before := p.used
	p.used = request.verifier
	p.mu.Unlock()
	answer := url.Values{"oauth_token": {token}, "oauth_verifier": {request.verifier}}
	if p.happens(BadCode, Authorize) {
		answer.Set("oauth_verifier", secret("verifier"))
	}
	if before != "" && p.happens(ReplayedCode, Authorize) {
		answer.Set("oauth_verifier", before)
	}
	return p.back(request, answer)
}

// back sends the browser back to the application.
func (p *OAuth1Provider) back(request credential, answer url.Values) *Reply {
	if p.happens(WrongState, Authorize) {
		answer.Set("oauth_token", secret("request"))
	}
	if p.happens(NoState, Authorize) {
		answer.Del("oauth_token")
	}
	if p.happens(TwiceInAnswer, Authorize) {
		twice(answer)
	}
	return &Reply{Header: http.Header{}, Params: answer, back: request.callback}
}

// accessToken gives token credentials (RFC 5849, 2.3) once, whatever the verifier is:
// nobody gets a second guess.
func (p *OAuth1Provider) accessToken(c *call) *Reply {
	signed, problem := p.verify(c, p.requests)
	if problem != nil {
		return problem
	}
	request, ok := take(&p.mu, p.requests, signed["oauth_token"])
	if !ok || request.verifier == "" || !equal(signed["oauth_verifier"], request.verifier) || p.happens(InvalidGrant, AccessToken) {
		return unsigned("the verifier does not match")
	}
	token, given := secret("access"), credential{secret: secret("secret"), sub: request.sub}
	p.mu.Lock()
	p.access[token] = given
	p.mu.Unlock()
	answer := url.Values{"oauth_token": {token}, "oauth_token_secret": {given.secret}, "user_id": {request.sub}}
	if p.happens(NoAccessToken, AccessToken) {
		answer.Del("oauth_token")
	}
	return formReply(answer)
}

// profile says whose token it is.
func (p *OAuth1Provider) profile(c *call) *Reply {
	signed, problem := p.verify(c, p.access)
	if problem != nil {
		return problem
	}
	p.mu.Lock()
	sub := p.access[signed["oauth_token"]].sub
	p.mu.Unlock()
	profile := map[string]any{}
	for _, person := range p.config.People {
		if person["sub"] == sub {
			maps.Copy(profile, person)
		}
	}
	profile["id_str"], profile["screen_name"] = sub, profile["login"]
	if p.happens(EmptySubject, Userinfo) {
		profile["sub"], profile["id"], profile["id_str"] = "", 0, ""
	}
	return reply(http.StatusOK, profile)
}

func formReply(values url.Values) *Reply {
	return &Reply{Status: http.StatusOK, Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, Body: []byte(values.Encode())}
}

func unsigned(why string) *Reply {
	problem := text(http.StatusUnauthorized, "Could not authenticate you: "+why+".")
	problem.Header.Set("WWW-Authenticate", `OAuth realm="passporttest"`)
	return problem
}

// skew is how far a timestamp may be from now.
const skew = 5 * time.Minute
