package passporttest

import (
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gopassport/passport/internal/authserver"
)

// ProviderConfig says what a [Provider] is like. The zero value serves one confidential
// client and one person, and answers for them without asking.
type ProviderConfig struct {
	// ClientID and ClientSecret are the application's. Empty: "client", and a random secret.
	ClientID, ClientSecret string

	// Public says that the client has no secret (RFC 6749, 2.1): it sends its id alone.
	Public bool

	// ClientKey says that the client has no secret, and signs (private_key_jwt, RFC 7523) with the
	// key whose public half this is: RSA, an elliptic curve or Ed25519.
	ClientKey crypto.PublicKey

	// RedirectURIs are where people may be sent back to, compared exactly. Nil: anywhere.
	RedirectURIs []string

	// People are who has an account, by their claims; each has a sub. Nil: two of them, in
	// the shape of OpenID Connect and of GitHub at once ([People]).
	People []map[string]any

	// Consent makes the provider show pages, to log in and to agree, which a [Browser]
	// walks. False: it answers at once, for the first of People, or for the one whose sub
	// is the login_hint.
	Consent bool

	// Algorithm of the ID tokens: "RS256" or "ES256". Empty: what Key is for, else RS256.
	Algorithm string

	// Key signs the ID tokens: RSA with 2048 bits for RS256, P-256 for ES256. Nil: one is made
	// when it is needed, which takes RSA a part of a second; several providers may share one.
	Key crypto.Signer

	// TokenLife is how long access tokens are good, which the replies say (expires_in). 0: an
	// hour. Refresh tokens are good for 30 days and one use, codes for a minute.
	TokenLife time.Duration

	// NoPKCE says that a request without a code_challenge is good, too. One that has it is
	// held to it in any case.
	NoPKCE bool

	// Offline says that there is no network between the application and the provider, so that
	// it works in a bubble of testing/synctest, whose clock is its own, too. Requests come by
	// [Server.Client], which the strategy takes as its Client, and by a [Browser] that is told
	// to Serve the provider at its URL. Make it in the bubble in which it is used.
	Offline bool
}

// Provider speaks OAuth 2 (RFC 6749, 7636, 9126, 9207) and OpenID Connect (discovery,
// ID tokens, userinfo, form_post, logout), and checks what a good provider checks: the
// client, the redirect URI, PKCE, that a code and a refresh token are used once: a second use
// ends all tokens of that flow (RFC 6749, 4.1.2; RFC 9700, 4.14.2). With the scope openid,
// the claims of a person come by the scopes profile, email, address and phone (OpenID Connect
// Core, 5.4). Make one with [NewProvider]. It is safe for concurrent use.
type Provider struct {
	Server

	// ClientID and ClientSecret are the application's.
	ClientID, ClientSecret string

	config   ProviderConfig
	keys     keys
	claims   func(header, claims map[string]any)
	rules    *authserver.OAuth2
	pushed   *authserver.Shelf[url.Values]         // by request_uri
	asked    *authserver.Shelf[authserver.Request] // by the name in the pages' forms
	sessions *authserver.Shelf[string]             // who is logged in at the provider, by cookie
	used     string                                // the code that was given out last
}

// How long a pushed request waits for its person, and the provider for an answer: a test may
// move its clock by days.
const (
	pushLife = time.Minute
	thinking = 90 * 24 * time.Hour
)

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
	if config.ClientSecret == "" && !config.Public && config.ClientKey == nil {
		config.ClientSecret = authserver.Secret("secret")
	}
	if config.People == nil {
		config.People = People()
	}
	for _, person := range config.People {
		if subject(person) == "" {
			tb.Fatalf("passporttest: NewProvider: one of People has no sub: %v", person)
		}
	}
	if problem := config.signing(); problem != "" {
		tb.Fatalf("passporttest: NewProvider: %s; there are RS256, with RSA, and ES256, with P-256", problem)
	}
	p := &Provider{
		ClientID: config.ClientID, ClientSecret: config.ClientSecret, config: config, keys: keys{alg: config.Algorithm, given: config.Key},
		pushed:   authserver.NewShelf[url.Values](0, pushLife, time.Now),
		asked:    authserver.NewShelf[authserver.Request](0, thinking, time.Now),
		sessions: authserver.NewShelf[string](0, thinking, time.Now),
	}
	p.start(tb, config.Offline, Token, map[Endpoint]func(*call) *Reply{
		Discovery: p.discover, JWKS: p.publish, Revocation: p.revoke, PAR: p.push, Authorize: p.authorize, Token: p.token, Userinfo: p.userinfo, Logout: p.logout,
		loginPage: p.logIn, consentPage: p.consent,
	})
	p.rules = authserver.NewOAuth2(authserver.OAuth2Config{
		Clients: []authserver.Client{config.client()}, NoPKCE: config.NoPKCE, TokenLife: cmp.Or(config.TokenLife, authserver.TokenLife), Now: time.Now,
		Audiences: []string{p.URL, p.At(Token), p.At(PAR)},
	})
	return p
}

// client is the application, which has a secret unless it is public or signs.
func (c ProviderConfig) client() authserver.Client {
	if c.Public {
		c.ClientSecret = ""
	}
	return authserver.Client{Name: c.ClientID, Key: c.ClientID, Secret: c.ClientSecret, PublicKey: c.ClientKey, Callbacks: c.RedirectURIs}
}

// signing says what cannot be about the key of ID tokens; "" for nothing.
func (c ProviderConfig) signing() (problem string) {
	k := keys{alg: c.Algorithm, given: c.Key}
	_, isRSA := c.Key.(*rsa.PrivateKey)
	curve, isCurve := c.Key.(*ecdsa.PrivateKey)
	switch alg := k.algorithm(); {
	case alg != "RS256" && alg != "ES256":
		return "Algorithm is " + alg
	case c.Key != nil && alg == "RS256" && !isRSA, c.Key != nil && alg == "ES256" && (!isCurve || curve.Curve != elliptic.P256()):
		return fmt.Sprintf("Key is a %T, and no key of %s", c.Key, alg)
	}
	return ""
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

// Revoke ends all that a person allowed, as people do on a page of their provider: no token of
// theirs is good any more. They may agree anew.
func (p *Provider) Revoke(sub string) { p.rules.Tokens.EndAll(sub) }

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
		"revocation_endpoint":                            p.At(Revocation),
		"pushed_authorization_request_endpoint":          p.At(PAR),
		"response_types_supported":                       []string{"code"},
		"response_modes_supported":                       []string{"query", "form_post"},
		"grant_types_supported":                          []string{"authorization_code", "refresh_token"},
		"subject_types_supported":                        []string{"public"},
		"id_token_signing_alg_values_supported":          []string{p.keys.algorithm()},
		"token_endpoint_auth_methods_supported":          []string{"client_secret_basic", "client_secret_post", "private_key_jwt", "none"},
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
	if _, problem := p.rules.Authenticate(c.Request, c.form); problem != nil {
		return refused(problem)
	}
	asked, problem := p.rules.Request(c.form)
	if problem == nil {
		problem = p.rules.Check(asked)
	}
	if problem != nil {
		return refused(problem)
	}
	request := "urn:ietf:params:oauth:request_uri:" + authserver.Secret("request")
	p.pushed.Put(request, c.form)
	return reply(http.StatusCreated, map[string]any{"request_uri": request, "expires_in": int(pushLife / time.Second)})
}

// userinfo gives the profile of whose token it is.
func (p *Provider) userinfo(c *call) *Reply {
	g, ok := p.rules.Tokens.Open(c.Request, "Bearer")
	if !ok {
		refusal := reply(http.StatusUnauthorized, map[string]string{"error": "invalid_token", "error_description": "the access token is unknown, expired or revoked"})
		refusal.Header.Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		return refusal
	}
	profile := p.claimsFor(g)
	if p.happens(OtherSubject, Userinfo) {
		profile["sub"], profile["id"] = "someone-else", 999
	}
	if p.happens(EmptySubject, Userinfo) {
		profile["sub"], profile["id"] = "", 0
	}
	return reply(http.StatusOK, profile)
}

// revoke is RFC 7009.
func (p *Provider) revoke(c *call) *Reply {
	client, problem := p.rules.Authenticate(c.Request, c.form)
	if problem != nil {
		return refused(problem)
	}
	p.rules.Tokens.Revoke(client, c.form.Get("token"))
	return text(http.StatusOK, "")
}

// logout ends the login at the provider, and sends the browser back.
func (p *Provider) logout(c *call) *Reply {
	if cookie, err := c.Cookie(p.cookie()); err == nil {
		p.sessions.Take(cookie.Value)
	}
	gone := (&http.Cookie{Name: p.cookie(), Path: "/", MaxAge: -1}).String()
	to := c.form.Get("post_logout_redirect_uri")
	if to == "" || !p.config.client().Allows(to) {
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

// subject is a person's sub, "" where there is none.
func subject(person map[string]any) string {
	sub, _ := person["sub"].(string)
	return sub
}

// person gives somebody's claims; nil for nobody.
func (p *Provider) person(sub string) map[string]any { return personOf(p.config.People, sub) }

func personOf(people []map[string]any, sub string) map[string]any {
	for _, person := range people {
		if subject(person) == sub {
			return person
		}
	}
	return nil
}

// claimsFor are somebody's claims, as far as they were asked for.
func (p *Provider) claimsFor(g authserver.Grant) map[string]any {
	claims := maps.Clone(p.person(g.Subject))
	asked := strings.Fields(g.Scope)
	if !slices.Contains(asked, "openid") {
		return claims // plain OAuth 2 has no such rule
	}
	for scope, names := range map[string][]string{
		"profile": {
			"name", "family_name", "given_name", "middle_name", "nickname", "preferred_username", "profile", "picture",
			"website", "gender", "birthdate", "zoneinfo", "locale", "updated_at",
		},
		"email":   {"email", "email_verified"},
		"address": {"address"},
		"phone":   {"phone_number", "phone_number_verified"},
	} {
		if !slices.Contains(asked, scope) {
			maps.DeleteFunc(claims, func(name string, _ any) bool { return slices.Contains(names, name) })
		}
	}
	return claims
}

// refused is an error of OAuth 2 (RFC 6749, 5.2).
func refused(problem *authserver.Problem) *Reply {
	refusal := reply(problem.Status, problem)
	if problem.Status == http.StatusUnauthorized {
		refusal.Header.Set("WWW-Authenticate", `Basic realm="passporttest"`)
	}
	return refusal
}
