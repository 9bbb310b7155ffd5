package authserver

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// OAuth2 is an authorization server and its token endpoint. It is safe for concurrent use.
type OAuth2 struct {
	// Tokens are those that it gave out.
	Tokens *Tokens

	clients []Client
	noPKCE  bool
	scopes  []string

	now        func() time.Time
	audiences  []string
	assertions *Shelf[struct{}] // by their names
}

// OAuth2Config is what [NewOAuth2] makes a server of.
type OAuth2Config struct {
	Clients   []Client
	NoPKCE    bool             // a request without a code_challenge is good, too
	Scopes    []string         // those that mean something; nil: all
	TokenLife time.Duration    // of access tokens
	Size      int              // how many codes and tokens are kept; 0: no limit
	Now       func() time.Time // the clock
	Audiences []string         // what this server is called in assertions of clients: its issuer and addresses
}

// Grant is what a code stands for until it is redeemed, and a token after that.
type Grant struct {
	Client, Subject, Scope, Nonce string

	callback, challenge string
}

// Problem is an OAuth 2 error (RFC 6749, 4.1.2.1 and 5.2).
type Problem struct {
	Status      int    `json:"-"`
	Code        string `json:"error"`
	Description string `json:"error_description"`
}

// Params are what the application is told of it.
func (p *Problem) Params() url.Values {
	return url.Values{"error": {p.Code}, "error_description": {p.Description}}
}

func bad(code, description string) *Problem {
	return &Problem{http.StatusBadRequest, code, description}
}

// Request is an authorization request whose client and redirect_uri are good.
type Request struct {
	Client Client
	url.Values
}

// Callback is where the answer goes.
func (r Request) Callback() string { return r.Get("redirect_uri") }

// Answer adds the state to an answer.
func (r Request) Answer(params url.Values) url.Values {
	if r.Has("state") {
		params.Set("state", r.Get("state"))
	}
	return params
}

// NewOAuth2 makes a server.
func NewOAuth2(c OAuth2Config) *OAuth2 {
	return &OAuth2{
		clients: c.Clients, noPKCE: c.NoPKCE, scopes: c.Scopes,
		Tokens: newTokens(c.Size, c.TokenLife, c.Now),
		now:    c.Now, audiences: c.Audiences, assertions: NewShelf[struct{}](c.Size, assertionLife, c.Now),
	}
}

// Request finds who asks, and where the answer goes. Until that is known to be good nobody
// is sent anywhere: it would make an open redirector of the server (RFC 9700, 4.11).
func (s *OAuth2) Request(params url.Values) (Request, *Problem) {
	client, ok := find(s.clients, One(params, "client_id"))
	switch {
	case !ok:
		return Request{}, bad("invalid_request", "No application is registered under this client_id.")
	case !client.Allows(One(params, "redirect_uri")):
		return Request{}, bad("invalid_request", "This redirect_uri is not registered for the application.")
	}
	return Request{client, params}, nil
}

// Check finds what else is wrong with a request.
func (s *OAuth2) Check(r Request) *Problem {
	if problem := once(r.Values); problem != nil {
		return problem
	}
	switch {
	case r.Get("response_type") == "":
		return bad("invalid_request", "response_type is missing")
	case r.Get("response_type") != "code":
		return bad("unsupported_response_type", "only code is supported")
	case s.noPKCE && !r.Has("code_challenge") && !r.Has("code_challenge_method"):
		return nil
	case r.Get("code_challenge_method") != "S256":
		return bad("invalid_request", "code_challenge_method must be S256")
	case len(r.Get("code_challenge")) != base64.RawURLEncoding.EncodedLen(sha256.Size):
		return bad("invalid_request", "code_challenge is no SHA-256 in base64url")
	}
	return nil
}

func once(params url.Values) *Problem {
	for name, values := range params {
		if len(values) > 1 {
			return bad("invalid_request", "a parameter came twice: "+name)
		}
	}
	return nil
}

// Allow gives a code for what somebody said yes to. Permit names what they said yes to
// before, which this then goes on with; "" is a permit of its own, which is on no list.
func (s *OAuth2) Allow(r Request, subject, permit string) (code string) {
	code = Secret("code")
	s.Tokens.codes.Put(code, &ticket{permit: &Permit{ID: permit, Client: r.Client, Subject: subject}, grant: Grant{
		Client: r.Client.Key, Subject: subject, Scope: s.granted(r.Get("scope")), Nonce: r.Get("nonce"),
		callback: r.Callback(), challenge: r.Get("code_challenge"),
	}})
	return code
}

// granted is the part of a scope that means something, in order.
func (s *OAuth2) granted(scope string) string {
	if s.scopes == nil {
		return scope
	}
	names := slices.DeleteFunc(strings.Fields(scope), func(name string) bool { return !slices.Contains(s.scopes, name) })
	slices.Sort(names)
	return strings.Join(slices.Compact(names), " ")
}

// Authenticate finds the client of a request to the token endpoint. Its secret is in the
// Authorization header or in the form, or it signs: never two of them (RFC 6749, 2.3).
func (s *OAuth2) Authenticate(r *http.Request, form url.Values) (Client, *Problem) {
	key, secret := One(form, "client_id"), One(form, "client_secret")
	user, password, basic := r.BasicAuth()
	signs := form.Has("client_assertion")
	switch {
	case basic && form.Has("client_secret"), signs && (basic || form.Has("client_secret")):
		return Client{}, bad("invalid_request", "the client proves itself twice")
	case signs:
		return s.asserted(form)
	case basic:
		key, secret = unescape(user), unescape(password)
	}
	client, ok := find(s.clients, key)
	if !ok || client.PublicKey != nil || !equal(secret, client.Secret) || basic && client.Secret == "" {
		return Client{}, &Problem{http.StatusUnauthorized, "invalid_client", "the client or its secret is wrong"}
	}
	return client, nil
}

// unescape undoes what RFC 6749, 2.3.1, does to the two halves of Basic credentials.
func unescape(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return s
}

// Redeem gives tokens for a code or for a refresh token.
func (s *OAuth2) Redeem(client Client, form url.Values) (Issued, *Problem) {
	if problem := once(form); problem != nil {
		return Issued{}, problem
	}
	switch form.Get("grant_type") {
	case "authorization_code":
		return s.exchange(client, form)
	case "refresh_token":
		return s.Tokens.renew(client, form.Get("refresh_token"))
	}
	return Issued{}, bad("unsupported_grant_type", "only authorization_code and refresh_token are supported")
}

// exchange spends a code. One that comes with anything wrong is spent too, and what comes
// a second time ends what the first gave (RFC 6749, 4.1.2): somebody else may have got hold
// of it.
func (s *OAuth2) exchange(client Client, form url.Values) (Issued, *Problem) {
	code, ok := s.Tokens.codes.Get(form.Get("code"))
	if !ok || !s.Tokens.spend(code) || code.grant.Client != client.Key {
		return Issued{}, bad("invalid_grant", "the code is unknown, used or expired")
	}
	g := code.grant
	switch {
	case g.callback != form.Get("redirect_uri"):
		return Issued{}, bad("invalid_grant", "redirect_uri is not the one of the authorization request")
	case !g.proves(form.Get("code_verifier")):
		return Issued{}, bad("invalid_grant", "code_verifier does not fit the code_challenge")
	}
	return s.Tokens.allow(code)
}

// proves checks PKCE (RFC 7636, 4.6). A verifier without a challenge is refused: somebody
// may have taken the challenge out of the authorization request.
func (g Grant) proves(verifier string) bool {
	if g.challenge == "" {
		return verifier == ""
	}
	sum := sha256.Sum256([]byte(verifier))
	return equal(base64.RawURLEncoding.EncodeToString(sum[:]), g.challenge)
}
