package passporttest

import (
	"crypto"
	"maps"
	"net/http"
	"net/url"
	"testing"
	"time"
)

// ProviderConfig says what a [Provider] is like. The zero value serves one confidential
// client and one person, and answers for them without asking.
type ProviderConfig struct {
	// ClientID and ClientSecret are the application's. Empty: "client", and a random one.
	ClientID, ClientSecret string

	// Public says that the client has no secret (RFC 6749, 2.1): it sends its id alone.
	Public bool

	// RedirectURIs are where people may be sent back to, compared exactly. Nil: anywhere.
	RedirectURIs []string

	// People are who has an account, by their claims; each has a sub. Nil: two of them, in
	// the shape of OpenID Connect and of GitHub at once ([People]).
	People []map[string]any

	// Consent makes the provider show pages, to log in and to agree, which a [Browser]
	// walks. False: it answers at once, for the first of People, or for the one whose sub
	// is the login_hint.
	Consent bool

	// Algorithm of the ID tokens: "RS256" or "ES256". Empty: RS256.
	Algorithm string

	// Key signs the ID tokens: RSA with 2048 bits for RS256, P-256 for ES256. Nil: one is made
	// when it is needed, which takes RSA a part of a second; several providers may share one.
	Key crypto.Signer

	// NoPKCE says that a request without a code_challenge is good, too. One that has it is
	// held to it in any case.
	NoPKCE bool
}

// Provider speaks OAuth 2 (RFC 6749, 7636, 9126, 9207) and OpenID Connect (discovery,
// ID tokens, userinfo, form_post, logout), and checks what a good provider checks: the
// client, the redirect URI, PKCE, that a code is used once. Make one with [NewProvider].
// It is safe for concurrent use.
type Provider struct {
	Server

	// ClientID and ClientSecret are the application's.
	ClientID, ClientSecret string

	config   ProviderConfig
	keys     keys
	claims   func(header, claims map[string]any)
	grants   map[string]grant      // by code
	tokens   map[string]grant      // by access token
	refresh  map[string]grant      // by refresh token
	pushed   map[string]url.Values // by request_uri
	asked    map[string]question   // by the name in the pages' forms
	sessions map[string]string     // who is logged in at the provider, by cookie
	used     string                // the code that was given out last
}

// grant is what a code or a token stands for.
type grant struct {
	sub, scope, nonce   string
	redirect, challenge string
	at                  time.Time
}

// People are the people of a provider that was given none.
func People() []map[string]any {
	return []map[string]any{
		{"sub": "1001", "id": 1001, "login": "ada", "name": "Ada Winter", "email": "ada@people.example", "email_verified": true},
		{"sub": "1002", "id": 1002, "login": "grace", "name": "Grace Okoro", "email": "grace@people.example", "email_verified": true},
	}
}

// NewProvider starts a provider, which stops when the test is over.
func NewProvider(tb testing.TB, config ProviderConfig) *Provider {
	tb.Helper()
	if config.ClientID == "" {
		config.ClientID = "client"
	}
	if config.ClientSecret == "" && !config.Public {
		config.ClientSecret = secret("secret")
	}
	if config.People == nil {
		config.People = People()
	}
	for _, person := range config.People {
		if subject(person) == "" {
			tb.Fatalf("passporttest: NewProvider: one of People has no sub: %v", person)
		}
	}
	p := &Provider{
		ClientID: config.ClientID, ClientSecret: config.ClientSecret, config: config, keys: keys{alg: config.Algorithm, given: config.Key},
		grants: map[string]grant{}, tokens: map[string]grant{}, refresh: map[string]grant{},
		pushed: map[string]url.Values{}, asked: map[string]question{}, sessions: map[string]string{},
	}
	p.start(tb, Token, map[Endpoint]func(*call) *Reply{
		Discovery: p.discover, JWKS: p.publish, PAR: p.push, Authorize: p.authorize, Token: p.token, Userinfo: p.userinfo, Logout: p.logout,
		loginPage: p.logIn, consentPage: p.consent,
	})
	return p
}

// EditClaims changes the header and the claims of every ID token before it is signed. Nil
// ends it.
func (p *Provider) EditClaims(edit func(header, claims map[string]any)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.claims = edit
}

// RotateKey replaces the key that signs ID tokens, as providers do from time to time.
func (p *Provider) RotateKey() { p.keys.rotate() }

// Sign makes a JWT of any header and payload with the provider's key. The algorithm is
// the key's, whatever the header says.
func (p *Provider) Sign(header map[string]any, payload []byte) string {
	return p.keys.current().sign(header, payload)
}

// Header is the header of a good ID token.
func (p *Provider) header() map[string]any {
	key := p.keys.current()
	return map[string]any{"alg": key.alg, "kid": key.kid, "typ": "JWT"}
}

func (p *Provider) discover(*call) *Reply {
	return reply(http.StatusOK, map[string]any{
		"issuer":                                         p.URL,
		"authorization_endpoint":                         p.At(Authorize),
		"token_endpoint":                                 p.At(Token),
		"userinfo_endpoint":                              p.At(Userinfo),
		"jwks_uri":                                       p.At(JWKS),
		"end_session_endpoint":                           p.At(Logout),
		"pushed_authorization_request_endpoint":          p.At(PAR),
		"response_types_supported":                       []string{"code"},
		"response_modes_supported":                       []string{"query", "form_post"},
		"grant_types_supported":                          []string{"authorization_code", "refresh_token"},
		"subject_types_supported":                        []string{"public"},
		"id_token_signing_alg_values_supported":          []string{p.keys.algorithm()},
		"token_endpoint_auth_methods_supported":          []string{"client_secret_basic", "client_secret_post", "none"},
		"code_challenge_methods_supported":               []string{"S256"},
		"scopes_supported":                               []string{"openid", "profile", "email", "offline_access"},
		"authorization_response_iss_parameter_supported": true,
	})
}

func (p *Provider) publish(*call) *Reply {
	return reply(http.StatusOK, map[string]any{"keys": []any{p.keys.current().public()}})
}

// push keeps an authorization request (RFC 9126).
func (p *Provider) push(c *call) *Reply {
	if problem := p.authenticate(c); problem != nil {
		return problem
	}
	if code := p.check(c.form); code != "" {
		return refused(http.StatusBadRequest, code)
	}
	request := "urn:ietf:params:oauth:request_uri:" + secret("request")
	p.mu.Lock()
	p.pushed[request] = c.form
	p.mu.Unlock()
	return reply(http.StatusCreated, map[string]any{"request_uri": request, "expires_in": 60})
}

// userinfo gives the profile of whose token it is.
func (p *Provider) userinfo(c *call) *Reply {
	p.mu.Lock()
	g, ok := p.tokens[bearer(c.Request)]
	p.mu.Unlock()
	if !ok {
		problem := refused(http.StatusUnauthorized, "invalid_token")
		problem.Header.Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		return problem
	}
	profile := maps.Clone(p.person(g.sub))
	if p.happens(OtherSubject, Userinfo) {
		profile["sub"], profile["id"] = "someone-else", 999
	}
	if p.happens(EmptySubject, Userinfo) {
		profile["sub"], profile["id"] = "", 0
	}
	return reply(http.StatusOK, profile)
}

// logout ends the login at the provider, and sends the browser back.
func (p *Provider) logout(c *call) *Reply {
	if cookie, err := c.Cookie(sessionCookie); err == nil {
		take(&p.mu, p.sessions, cookie.Value)
	}
	gone := (&http.Cookie{Name: sessionCookie, Path: "/", MaxAge: -1}).String()
	to := c.form.Get("post_logout_redirect_uri")
	if to == "" || !p.allows(to) {
		page := show(http.StatusOK, "message", map[string]any{"Message": "You are logged out."})
		page.Header.Set("Set-Cookie", gone)
		return page
	}
	back := url.Values{}
	if c.form.Has("state") {
		back.Set("state", c.form.Get("state"))
	}
	return &Reply{Header: http.Header{"Set-Cookie": {gone}}, Params: back, back: to}
}

func (p *Provider) allows(redirect string) bool { return allowed(p.config.RedirectURIs, redirect) }

// subject is a person's sub, "" where there is none.
func subject(person map[string]any) string {
	sub, _ := person["sub"].(string)
	return sub
}

// person gives somebody's claims; nil for nobody.
func (p *Provider) person(sub string) map[string]any {
	for _, person := range p.config.People {
		if person["sub"] == sub {
			return person
		}
	}
	return nil
}

func refused(status int, code string) *Reply {
	return reply(status, map[string]string{"error": code, "error_description": "refused by passporttest"})
}
