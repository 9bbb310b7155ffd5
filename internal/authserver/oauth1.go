package authserver

import (
	"errors"
	"net/http"
	"time"
)

// What can be wrong with a signed request. The texts hold nothing of it.
var (
	ErrCallback = errors.New("the callback is not approved for this application")

	errHeader    = errors.New("the Authorization header is no OAuth header")
	errClient    = errors.New("the consumer key is unknown")
	errToken     = errors.New("the token is unknown, used or expired")
	errVersion   = errors.New("only OAuth version 1.0 is supported")
	errMethod    = errors.New("only HMAC-SHA1 and HMAC-SHA256 are supported")
	errTimestamp = errors.New("the timestamp is too far from now")
	errNonce     = errors.New("the nonce is missing, too long, or was used before")
	errSignature = errors.New("the signature does not match")
	errVerifier  = errors.New("the verifier does not match")
)

// OAuth1 is a server of OAuth 1.0a, with HMAC-SHA1 and HMAC-SHA256. It is safe for
// concurrent use.
type OAuth1 struct {
	clients  []Client
	now      func() time.Time
	asking   *Shelf[Credential]
	verified *Shelf[Credential]
	access   *Shelf[Credential]
	nonces   *Shelf[struct{}]
}

// Credential is a token and what belongs to it.
type Credential struct {
	Client   Client
	Token    string
	Secret   string
	Callback string // of a request token
	Subject  string // who agreed
	Verifier string // of a request token that somebody agreed to
}

// OAuth1Config is what [NewOAuth1] makes a server of.
type OAuth1Config struct {
	Clients     []Client
	RequestLife time.Duration    // of request tokens: how long people may think
	Size        int              // how many tokens are kept, and 16 nonces for each; 0: no limit
	Now         func() time.Time // the clock
}

// NewOAuth1 makes a server.
func NewOAuth1(c OAuth1Config) *OAuth1 {
	return &OAuth1{
		clients: c.Clients, now: c.Now,
		asking:   NewShelf[Credential](c.Size, c.RequestLife, c.Now),
		verified: NewShelf[Credential](c.Size, c.RequestLife, c.Now),
		access:   NewShelf[Credential](c.Size, forever, c.Now), // no reply could say otherwise, and none renews it
		// A timestamp is good from skew before to skew after now: for as long its nonce has to
		// be remembered.
		nonces: NewShelf[struct{}](16*c.Size, 2*skew+time.Second, c.Now),
	}
}

// RequestToken gives temporary credentials (RFC 5849, 2.1).
func (s *OAuth1) RequestToken(r *http.Request) (Credential, error) {
	signed, err := s.verify(r, nil)
	if err != nil {
		return Credential{}, err
	}
	given := Credential{Client: signed.client, Token: Secret("request"), Secret: Secret("secret"), Callback: signed.params["oauth_callback"]}
	if !given.Client.Allows(given.Callback) {
		return Credential{}, ErrCallback
	}
	s.asking.Put(given.Token, given)
	return given, nil
}

// Asking finds a request token that nobody has answered.
func (s *OAuth1) Asking(token string) (Credential, bool) { return s.asking.Get(token) }

// Allow answers for somebody who said yes (RFC 5849, 2.2). Of two answers one counts.
func (s *OAuth1) Allow(token, subject string) (Credential, bool) {
	given, ok := s.asking.Take(token)
	if ok {
		given.Subject, given.Verifier = subject, Secret("verifier")
		s.verified.Put(token, given)
	}
	return given, ok
}

// Deny answers for somebody who said no.
func (s *OAuth1) Deny(token string) (Credential, bool) { return s.asking.Take(token) }

// AccessToken gives token credentials (RFC 5849, 2.3). Whatever the verifier is, the request
// token is spent: nobody gets a second guess.
func (s *OAuth1) AccessToken(r *http.Request) (Credential, error) {
	signed, err := s.verify(r, s.verified)
	if err != nil {
		return Credential{}, err
	}
	agreed, ok := s.verified.Take(signed.params["oauth_token"])
	if !ok || !equal(signed.params["oauth_verifier"], agreed.Verifier) {
		return Credential{}, errVerifier
	}
	given := Credential{Client: signed.client, Token: Secret("access"), Secret: Secret("secret"), Subject: agreed.Subject}
	s.access.Put(given.Token, given)
	return given, nil
}

// Open says whose access token a request is signed with.
func (s *OAuth1) Open(r *http.Request) (Credential, error) {
	signed, err := s.verify(r, s.access)
	return signed.token, err
}
