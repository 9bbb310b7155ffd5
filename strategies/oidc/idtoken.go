package oidc

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/strictjson"
	"github.com/gopassport/passport/internal/subject"
)

const (
	maxToken = 64 << 10 // bytes of a JWT
	skew     = 60       // seconds that two clocks may differ
	maxIssue = 60 * 60  // seconds since a token was issued: it was made just now
	maxValid = 10 * 365 * 24 * 60 * 60
)

// claims are the payload of a token whose signature is good.
type claims = strictjson.Object

// registered are the claims that decide something here. None of them may come twice, or in
// another spelling: readers that fold case would see another person (R57).
func registered() []string {
	return []string{
		"iss", "sub", "aud", "exp", "iat", "nbf", "nonce", "azp", "at_hash", "auth_time", "acr", "sid", "jti", "events",
		"email", "email_verified",
	}
}

// expected is what the ID token of a flow must say.
type expected struct {
	nonce       string
	accessToken string        // for at_hash
	maxAge      time.Duration // of the person's log-in at the provider; 0: any
	acr         []string      // one of them; none: any
}

// idToken verifies the ID token of a flow (OpenID Connect Core 3.1.3.7) and gives its
// claims. Every error is an [*passport.Error] with a code that says which rule it broke.
func (s *Strategy) idToken(ctx context.Context, p *provider, raw string, want expected) (claims, error) {
	c, token, err := s.issued(ctx, p, raw, &s.keys.logins)
	if err != nil {
		return nil, err
	}
	if err := belongs(c, want); err != nil {
		return nil, err
	}
	return c, hashed(c, token, want.accessToken)
}

// issued gives the claims of what every ID token must be, a refreshed one too: signed, this
// provider's, for this client, current, and about somebody. What go-oidc reads in it is nil
// where it cannot.
func (s *Strategy) issued(ctx context.Context, p *provider, raw string, l *limit) (claims, *oidc.IDToken, error) {
	if err := header(raw, p.Algorithms, idTokenType); err != nil {
		return nil, nil, err
	}
	payload, token, err := s.signed(ctx, raw, p.Algorithms, l)
	if err != nil {
		return nil, nil, err
	}
	c, err := strictjson.Parse(payload, registered()...)
	switch {
	case err != nil:
		return nil, nil, malformed("its payload " + err.Error())
	case c.Has("events"): // a logout token, or another security event (RFC 8417)
		return nil, nil, malformed("it is a security event")
	}
	for _, check := range []func(claims) error{s.fromIssuer, s.forClient, current, named} {
		if err := check(c); err != nil {
			return nil, nil, err
		}
	}
	return c, token, nil
}

// header looks at a token before anything is done with it: its form, its size, what kind
// it is of, and how it was signed.
func header(raw string, algorithms []string, fits func(typ string) bool) error {
	if len(raw) > maxToken || strings.Count(raw, ".") != 2 {
		return malformed("it is no signed JWT in compact form, or is larger than 64 KiB")
	}
	first, _, _ := strings.Cut(raw, ".")
	text, err := base64.RawURLEncoding.Strict().DecodeString(first)
	if err != nil {
		return malformed("its header is no base64url")
	}
	h, err := strictjson.Parse(text, "alg", "typ", "crit", "kid")
	if err != nil {
		return malformed("its header " + err.Error())
	}
	alg, _ := h.Text("alg")
	typ, isText := h.Text("typ")
	switch {
	case h.Has("crit"): // nothing is understood that must be (RFC 7515, 4.1.11)
		return malformed("its header has crit")
	case h.Has("typ") && !isText || !fits(typ):
		return malformed("it is another kind of token, by its typ")
	case !slices.Contains(algorithms, alg):
		return broken(passport.CodeIDTokenSignature, "it is signed with an algorithm that is not accepted")
	}
	return nil
}

// idTokenType tells whether a typ may be an ID token's, which most often has JWT or none.
// Kinds of tokens with rules of their own are named "…+jwt" (RFC 8725, 3.11).
func idTokenType(typ string) bool {
	return !strings.HasSuffix(strings.ToLower(typ), "+jwt")
}

func (s *Strategy) fromIssuer(c claims) error {
	if iss, _ := c.Text("iss"); iss != s.config.Issuer {
		return broken(passport.CodeIDTokenIssuer, "its iss is not the configured issuer")
	}
	return nil
}

// forClient checks the audience (OpenID Connect Core 3.1.3.7, 3 to 5).
func (s *Strategy) forClient(c claims) error {
	wrong := func(cause string) error { return broken(passport.CodeIDTokenAudience, cause) }
	audiences, ok := audiences(c)
	azp, azpText := c.Text("azp")
	switch {
	case !ok || !slices.Contains(audiences, s.config.ClientID):
		return wrong("its aud does not name this client")
	case slices.ContainsFunc(audiences, s.untrusted):
		return wrong("its aud names others, who are not in Config.Audiences")
	case len(audiences) > 1 && !c.Has("azp"):
		return wrong("its aud has several names, and there is no azp")
	case c.Has("azp") && (!azpText || azp != s.config.ClientID):
		return wrong("its azp is another client")
	}
	return nil
}

func (s *Strategy) untrusted(audience string) bool {
	return audience != s.config.ClientID && !slices.Contains(s.config.Audiences, audience)
}

// audiences are the names in aud, which is one or a list of them.
func audiences(c claims) ([]string, bool) {
	if one, ok := c.Text("aud"); ok {
		return []string{one}, true
	}
	var many []string
	ok := json.Unmarshal(c["aud"], &many) == nil && len(many) > 0
	return many, ok
}

// seconds is a NumericDate (RFC 7519, 2): a number, never a string.
func seconds(c claims, name string) (float64, bool) {
	n, err := strconv.ParseFloat(string(c[name]), 64) // of JSON, it takes numbers only
	return n, err == nil
}

// current checks the times of an ID token.
func current(c claims) error {
	late := func(cause string) error { return broken(passport.CodeIDTokenTime, cause) }
	now := float64(time.Now().Unix())
	exp, okExp := seconds(c, "exp")
	iat, okIat := seconds(c, "iat")
	nbf, okNbf := seconds(c, "nbf")
	switch {
	case !okExp || !okIat || c.Has("nbf") && !okNbf:
		return late("it has no exp or no iat, or one of its times is no number")
	case exp <= now-skew:
		return late("it has expired")
	case exp > now+maxValid:
		return late("it expires in more than ten years")
	case iat > now+skew:
		return late("it was issued in the future; the clocks differ")
	case iat < now-maxIssue:
		return late("it was issued more than an hour ago")
	case okNbf && nbf > now+skew:
		return late("it is not valid yet; the clocks differ")
	}
	return nil
}

// named checks that it is about somebody.
func named(c claims) error {
	if sub, ok := c.Text("sub"); ok && isSub(sub) {
		return nil
	}
	return broken(passport.CodeSubject, "the ID token has no sub, or one that names nobody")
}

// isSub: 1 to 255 printable ASCII characters (OpenID Connect Core 2), and somebody.
func isSub(sub string) bool {
	return subject.Named(sub) && !slices.ContainsFunc([]byte(sub), func(b byte) bool { return b < ' ' || b > '~' })
}

// belongs checks what ties an ID token to its flow.
func belongs(c claims, want expected) error {
	if nonce, _ := c.Text("nonce"); nonce == "" || nonce != want.nonce {
		return broken(passport.CodeIDTokenNonce, "its nonce is missing, or not the one that was sent")
	}
	if want.maxAge > 0 {
		now := float64(time.Now().Unix())
		at, ok := seconds(c, "auth_time")
		if !ok || at > now+skew || at < now-skew-want.maxAge.Seconds() {
			return broken(passport.CodeIDTokenTime, "its auth_time is missing, or older than max_age allows")
		}
	}
	if acr, _ := c.Text("acr"); len(want.acr) > 0 && !slices.Contains(want.acr, acr) {
		return &passport.Error{Code: passport.CodeDenied, Status: http.StatusForbidden, Message: "The other service did not confirm you in the way that is needed here.",
			Err: errors.New("the ID token has none of the acr_values that were asked for")}
	}
	return nil
}

// hashed checks that an access token belongs to the ID token that came with it, where that
// says so (OpenID Connect Core 3.1.3.8).
func hashed(c claims, token *oidc.IDToken, accessToken string) error {
	switch {
	case token == nil:
		return malformed("its claims are of other types than they should be")
	case c.Has("at_hash") && token.VerifyAccessToken(accessToken) != nil:
		return broken(passport.CodeIDTokenHash, "its at_hash is another access token's")
	}
	return nil
}

// malformed is what is no ID token.
func malformed(cause string) *passport.Error {
	return broken(passport.CodeIDTokenMalformed, "the ID token: "+cause)
}
