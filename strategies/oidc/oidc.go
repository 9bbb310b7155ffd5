// Package oidc is the strategy for OpenID Connect: people log in, or connect an account,
// at a provider that publishes what it is (OpenID Connect Discovery 1.0), by the
// authorization code flow (OpenID Connect Core 1.0, 3.1):
//
//	auth.Use("work", oidc.New(oidc.Config{
//		Issuer:       "https://login.example",
//		ClientID:     id,
//		ClientSecret: secret,
//		RedirectURL:  "https://app.example/auth/work/callback",
//		Scopes:       []string{"profile", "email"},
//	}, func(r *http.Request, who oidc.Identity) (*User, error) {
//		return findOrCreate(r.Context(), who.Issuer, who.Subject)
//	}))
//
// Nothing is asked when the program starts. The provider's metadata and keys are fetched
// when they are first needed, once for all who wait, and again each hour while they are
// used. A provider that is down is provider_unavailable (503) or provider_timeout (504) with
// a Retry-After; it is asked again after a second, then two, up to a minute.
//
// A flow has PKCE (S256), a state and a nonce. At the callback all of these must hold, in
// this order; what does not has an error code of its own:
//
//   - The flow is this browser's, this strategy's and this person's (the engine), and the
//     issuer in the answer is the provider's (RFC 9207): before anything is sent.
//   - The token reply is JSON without a member twice, and has an ID token.
//   - It is a signed JWT of the right kind, by a key that the provider publishes at its
//     jwks_uri, with RS, PS, ES or EdDSA, never HS256 or none; RSA has 2048 bits or more.
//   - iss is the issuer exactly; aud is this client, and nobody else who is not in
//     Config.Audiences; azp, where it is there or aud has several names, is this client.
//   - exp, iat and nbf are numbers and hold now, with a minute for clocks that differ. The
//     token was issued within the last hour, and ends within ten years.
//   - nonce is this flow's; at_hash, where it is there, is that of the access token.
//   - auth_time, where max_age was asked for, and acr, where acr_values were.
//   - sub is 1 to 255 printable characters of ASCII, and names somebody.
//   - Userinfo, where Config.Userinfo is set, is about the same sub.
//
// What it does not do: the implicit and hybrid flows; request objects; encrypted ID tokens
// and userinfo; signed userinfo (application/jwt is refused); aggregated and distributed
// claims, which are never fetched; webfinger; dynamic registration; front-channel logout
// and session management in frames.
package oidc

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/callback"
	"github.com/gopassport/passport/internal/codeflow"
	"github.com/gopassport/passport/internal/random"
)

// Auth is how the client authenticates at the token endpoint: the names of OpenID Connect
// Core 9 (token_endpoint_auth_method).
type Auth string

// The ways to authenticate. Nothing is tried in turn.
const (
	SecretBasic   Auth = "client_secret_basic" // the secret by HTTP Basic, both parts form-encoded first (RFC 6749, 2.3.1); the default
	SecretPost    Auth = "client_secret_post"  // the secret in the form
	PublicClient  Auth = "none"                // there is no secret
	PrivateKeyJWT Auth = "private_key_jwt"     // a signature of Config.Key (RFC 7523, 2.2)
)

// Strategy is a [passport.Strategy]. Make one with [New]. It is safe for concurrent use.
type Strategy struct {
	config   Config
	verify   func(*http.Request, Identity) (any, error)
	metadata *kept[*provider]
	keys     *keys
}

// New makes the strategy. Register one for each purpose (to log in, to connect), under
// names and with redirect URLs of their own.
//
// verify turns a person at the provider into a value of the application: the user for
// Authenticate, the account for Authorize. UserFrom(r.Context()) works in it. A nil value,
// or [passport.Reject], refuses the person; other errors are faults. Keep accounts by
// Issuer and Subject together, byte for byte, never by the e-mail address (OpenID Connect
// Core 5.7). verify is called from many goroutines at once.
//
// New does not ask the provider anything. It panics, in a sentence, on a nil verify and on
// a Config that cannot be right.
func New[T any](c Config, verify func(r *http.Request, who Identity) (T, error)) *Strategy {
	if verify == nil {
		panic(fmt.Sprintf("oidc: New(%q): verify is nil; it is the function that finds the account of an oidc.Identity", c.Issuer))
	}
	if problem := c.problem(); problem != "" {
		panic(fmt.Sprintf("oidc: New(%q): %s", c.Issuer, problem))
	}
	c = c.own()
	s := &Strategy{config: c, metadata: &kept[*provider]{fetch: c.discover, timeout: c.Timeout}}
	s.verify = func(r *http.Request, who Identity) (any, error) { return verify(r, who) }
	s.keys = s.newKeys()
	return s
}

// Format shows no secret, whatever the verb: fmt does not ask Config, which is in an
// unexported field.
func (s *Strategy) Format(f fmt.State, verb rune) { s.config.Format(f, verb) }

// Authenticate implements [passport.Strategy]. It begins a flow, or ends the one that the
// provider's answer belongs to.
func (s *Strategy) Authenticate(r *http.Request, a *passport.Attempt) (passport.Result, error) {
	answer, err := callback.Parse(r)
	if err != nil {
		return nil, err
	}
	if answer.OAuth2() {
		return s.end(r, a, answer)
	}
	if state := answer.Get("state"); state != "" {
		if err := callback.Stray(a, state); err != nil {
			return nil, err
		}
	}
	return s.begin(r, a)
}

// begin sends the person to the provider.
func (s *Strategy) begin(r *http.Request, a *passport.Attempt) (passport.Result, error) {
	if err := a.Begin(); err != nil { // before the provider is asked for its metadata
		return nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.config.Timeout)
	defer cancel()
	p, err := s.metadata.get(ctx)
	if err != nil {
		return nil, err
	}
	f := codeflow.Flow{Nonce: random.Token(), MaxAge: s.maxAge(a), ACR: s.asked(a, "acr_values")}
	own := url.Values{"nonce": {f.Nonce}}
	if f.MaxAge > 0 {
		own.Set("max_age", strconv.Itoa(f.MaxAge))
	}
	return p.client.Begin(r.WithContext(ctx), a, f, own)
}

// asked is a parameter of the route, or else of the configuration.
func (s *Strategy) asked(a *passport.Attempt, name string) string {
	if value := a.Param(name); value != "" {
		return value
	}
	return s.config.Params[name]
}

// maxAge is in seconds.
func (s *Strategy) maxAge(a *passport.Attempt) int {
	if seconds, err := strconv.Atoi(a.Param("max_age")); err == nil {
		return seconds
	}
	return int(s.config.MaxAge / time.Second)
}

// end makes a person of the provider's answer. Nothing is sent before the flow was taken
// and the answer is known to be good.
func (s *Strategy) end(r *http.Request, a *passport.Attempt, answer callback.Response) (passport.Result, error) {
	code, f, err := codeflow.Answer(r, a, answer, s.config.Issuer)
	if err != nil {
		return nil, err
	}
	who, err := s.identify(r.Context(), code, f)
	if err != nil {
		return nil, err
	}
	value, err := s.verify(r, who)
	return passport.Verdict(value, err, passport.Failure{Message: "This account cannot be used here."})
}

// identify asks the provider who it is.
func (s *Strategy) identify(ctx context.Context, code string, f codeflow.Flow) (Identity, error) {
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	p, err := s.metadata.get(ctx)
	if err != nil {
		return Identity{}, err
	}
	token, err := p.client.Redeem(ctx, code, f)
	if err != nil {
		return Identity{}, err
	}
	raw, ok := token.Reply.Text("id_token")
	if !ok {
		return Identity{}, broken(passport.CodeIDTokenMalformed, "the token reply has no ID token")
	}
	c, err := s.idToken(ctx, p, raw, expected{
		nonce: f.Nonce, accessToken: token.AccessToken, maxAge: time.Duration(f.MaxAge) * time.Second, acr: strings.Fields(f.ACR),
	})
	if err != nil {
		return Identity{}, err
	}
	var more claims
	if s.config.Userinfo {
		sub, _ := c.Text("sub")
		if more, err = s.userinfo(ctx, p, token.AccessToken, sub); err != nil {
			return Identity{}, err
		}
	}
	return s.identity(p, token, raw, c, more), nil
}

// Scopes asks for these scopes on this route in place of those of Config.Scopes. openid is
// always asked for, and need not be named.
func Scopes(scopes ...string) passport.Option {
	return passport.Param("scope", strings.Join(withOpenID(scopes), " "))
}

// Prompt says what the provider should show: "login", "consent", "select_account", or
// "none" for nothing at all, which ends in access_denied where it would have to show
// something (OpenID Connect Core 3.1.2.1). That the person did log in anew after "login",
// only Config.MaxAge, or the parameter max_age, makes sure of.
func Prompt(prompt string) passport.Option { return passport.Param("prompt", prompt) }

// LoginHint tells the provider whom to expect: an address, most often. It is a constant of
// the route, so it is for applications of one organization.
func LoginHint(hint string) passport.Option { return passport.Param("login_hint", hint) }

// ACRValues asks for one of these authentication context classes, the best first, and
// insists: an ID token whose acr is none of them is refused (access_denied, 403). To a
// provider the request is only a wish (OpenID Connect Core 3.1.2.1).
func ACRValues(values ...string) passport.Option {
	return passport.Param("acr_values", strings.Join(values, " "))
}

// CheckParam is asked by the engine when a route is made, about each parameter of it
// ([passport.Param]). It refuses what decides about the flow itself (state, nonce,
// redirect_uri, …) or is not known, scopes without openid, and a max_age that is no positive
// number of seconds.
func (s *Strategy) CheckParam(key, value string) error {
	if err := codeflow.CheckRouteParam(key, value); err != nil {
		return err
	}
	switch {
	case key == "scope" && !slices.Contains(strings.Fields(value), "openid"):
		return fmt.Errorf("the scope %q lacks openid, without which there is no ID token; oidc.Scopes adds it", value)
	case key == "max_age" && !positive(value):
		return fmt.Errorf("max_age is %q; it is a number of seconds, at least 1", value)
	}
	return nil
}

func positive(seconds string) bool {
	n, err := strconv.ParseInt(seconds, 10, 32)
	return err == nil && n > 0
}

func withOpenID(scopes []string) []string {
	if slices.Contains(scopes, "openid") {
		return slices.Clone(scopes)
	}
	return append([]string{"openid"}, scopes...)
}

// RedirectURL is where the answers come to. The registry takes each address once.
func (s *Strategy) RedirectURL() string { return s.config.RedirectURL }
