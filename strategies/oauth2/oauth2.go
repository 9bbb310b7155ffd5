// Package oauth2 is the strategy for services that speak OAuth 2.0 (RFC 6749) and have no
// OpenID Connect, to log people in or to connect accounts:
//
//	auth.Use("forge", oauth2.New(oauth2.Config{
//		ClientID:         id,
//		ClientSecret:     secret,
//		Auth:             oauth2.SecretBasic,
//		AuthorizationURL: "https://forge.example/oauth/authorize",
//		TokenURL:         "https://forge.example/oauth/token",
//		RedirectURL:      "https://app.example/auth/forge/callback",
//		Scopes:           []string{"read:user"},
//		Profile:          oauth2.JSONProfile("https://forge.example/api/me", "id"),
//	}, func(r *http.Request, g oauth2.Grant) (*User, error) { return findOrCreate(r.Context(), g.Subject) }))
//
// What today's rules ask of a client (RFC 9700) is not to be switched on, and cannot be
// switched off:
//
//   - The state has 256 random bits and is found once, in the browser where it began.
//   - PKCE with S256 (RFC 7636), also for clients that have a secret.
//   - One way to authenticate. Nothing is sent a second time in another way.
//   - An issuer that the answer names (RFC 9207) is compared with Config.Issuer.
//   - All calls of one request end within Config.Timeout, follow no redirects, and take no
//     reply above 1 MiB. Replies are read strictly: application/json, one object, no member
//     twice, a token of the type Bearer.
//   - The profile names somebody, or it is an error.
//   - Errors, events and logs hold no code, token, verifier or secret.
package oauth2

import (
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/callback"
	"github.com/gopassport/passport/internal/codeflow"
	"github.com/gopassport/passport/internal/subject"
)

// Auth is how the client authenticates at the token endpoint: the names of RFC 7591, 2
// (token_endpoint_auth_method). What a service wants, its documentation says.
type Auth string

// The ways to authenticate.
const (
	SecretBasic   Auth = "client_secret_basic" // the secret by HTTP Basic, both parts form-encoded first (RFC 6749, 2.3.1)
	SecretPost    Auth = "client_secret_post"  // the secret in the form
	PublicClient  Auth = "none"                // there is no secret
	PrivateKeyJWT Auth = "private_key_jwt"     // a signature of Config.Key (RFC 7523, 2.2)
)

// Config is an application at a service, and the service. Fields without a default are
// required. Printed and logged it shows the client id only.
type Config struct {
	// ClientID is what the service calls the application.
	ClientID string

	// ClientSecret is for SecretBasic and SecretPost; with others it stays empty.
	ClientSecret string

	// Auth is how the client authenticates. There is no default: to try one way after the
	// other would spend the code at careful services.
	Auth Auth

	// Key signs for PrivateKeyJWT, and only for that: an *rsa.PrivateKey of 2048 bits or
	// more (RS256), an *ecdsa.PrivateKey of P-256, P-384 or P-521 (ES256, ES384, ES512), or an
	// ed25519.PrivateKey (EdDSA). KeyID is its kid, where the service knows several; the
	// default is none. Each signature is good for a minute, and for the Issuer where that is
	// known, else for the TokenURL.
	Key   crypto.Signer
	KeyID string

	// AuthorizationURL is where people are sent, and TokenURL where codes are exchanged:
	// https, or http on a loopback host. A query in AuthorizationURL is kept.
	AuthorizationURL string
	TokenURL         string

	// PushURL is where authorization requests are pushed (RFC 9126): then the browser
	// carries nothing but a reference to them. By default they are not pushed. Use it where
	// the service has such an endpoint (pushed_authorization_request_endpoint).
	PushURL string

	// RedirectURL is the absolute address that the service sends people back to, exactly as
	// it is registered there. Give each strategy its own.
	RedirectURL string

	// Scopes are asked for where the route has no [Scopes] of its own. The default is none:
	// the service decides. What was given is in [Grant.Scopes].
	Scopes []string

	// ScopeSeparator stands between scopes. The default is the space of RFC 6749, 3.3; a few
	// services, GitHub among them, answer with a comma: set "," there.
	ScopeSeparator string

	// Params are more parameters for the authorization request, such as an audience. The
	// default is none. What the flow itself sets (state, redirect_uri, …) is refused.
	Params map[string]string

	// Issuer is the service's issuer identifier, exactly as it spells it. Answers that name
	// another are refused (issuer_mismatch). The default is not to look. Set it where the
	// service has one (RFC 8414): it stops the answer of one service from being taken to
	// another (RFC 9207).
	Issuer string

	// RequireIssuer refuses answers that name no issuer. Set it where the service says
	// authorization_response_iss_parameter_supported; it needs Issuer.
	RequireIssuer bool

	// FormPost asks for response_mode=form_post. The default is the query. Use it where the
	// service wants it so; an answer that is posted without it is refused.
	FormPost bool

	// Timeout bounds all calls of one request to the service together, and each refresh of a
	// token. The default is 15 seconds; a person does not wait longer. Going over it is
	// provider_timeout, 504.
	Timeout time.Duration

	// Client lends its Transport, for a proxy or certificates of one's own; its other fields
	// are not used. The default is http.DefaultTransport.
	Client *http.Client

	// Profile asks the service who the person is: [JSONProfile], or a function of the
	// application's own. A flow that does not learn who somebody is, is an error.
	Profile ProfileFunc
}

// Strategy is a [passport.Strategy]. Make one with [New]. It is safe for concurrent use.
type Strategy struct {
	client  *codeflow.Client
	issuer  string
	profile ProfileFunc
	verify  func(*http.Request, Grant) (any, error)
}

// New makes the strategy. Register one for each purpose, under names of their own and with
// redirect URLs of their own. What config holds is copied.
//
// verify turns a person at the service into a value of the application: the user for
// Authenticate, the account for Authorize. UserFrom(r.Context()) works in it, so it can also
// associate the two. A nil value, or [passport.Reject], refuses the person; other errors are
// faults. Keep accounts by a name for the service and the Subject, never by an e-mail
// address.
//
// A route may ask for other [Scopes], and add a [Prompt], a [LoginHint] and, with
// [passport.Param], these:
//
//	access_type acr_values allow_signup approval_prompt audience auth_type claims
//	claims_locales connection display domain_hint force_login hd id_token_hint
//	include_granted_scopes kc_idp_hint login max_age organization resource screen_hint
//	show_dialog token_access_type ui_locales
//
// Panics, in a sentence, on a nil verify and on a config that cannot be right.
func New[T any](config Config, verify func(r *http.Request, g Grant) (T, error)) *Strategy {
	client, err := codeflow.New(config.flow())
	switch {
	case err != nil:
		panic(fmt.Sprintf("oauth2: New: %v", err))
	case config.Profile == nil:
		panic("oauth2: New: Profile is nil; it says who the person is, such as oauth2.JSONProfile(\"https://op.example/me\", \"id\")")
	case verify == nil:
		panic("oauth2: New: verify is nil; it is the function that finds the account of a Grant")
	}
	return &Strategy{client, config.Issuer, config.Profile, func(r *http.Request, g Grant) (any, error) { return verify(r, g) }}
}

// flow is the part that is the same with OpenID Connect.
func (c Config) flow() codeflow.Config {
	f := codeflow.Config{ClientID: c.ClientID, ClientSecret: c.ClientSecret, Auth: codeflow.Auth(c.Auth), Key: c.Key, KeyID: c.KeyID,
		RedirectURL: c.RedirectURL, Scopes: c.Scopes, ScopeSeparator: c.ScopeSeparator, Params: c.Params,
		Issuer: c.Issuer, NamesIssuer: c.RequireIssuer, FormPost: c.FormPost, Timeout: c.Timeout,
		Endpoint: codeflow.Endpoint{Authorize: c.AuthorizationURL, Token: c.TokenURL, Push: c.PushURL}}
	if c.Client != nil {
		f.Transport = c.Client.Transport
	}
	return f
}

// Format implements [fmt.Formatter], so that no verb shows the secret.
func (c Config) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "oauth2.Config(%q)", c.ClientID) }

// LogValue implements [slog.LogValuer].
func (c Config) LogValue() slog.Value { return slog.GroupValue(slog.String("client_id", c.ClientID)) }

// MarshalJSON implements [json.Marshaler].
func (c Config) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]string{"client_id": c.ClientID})
}

// Format implements [fmt.Formatter], so that no verb shows the secret.
func (s *Strategy) Format(f fmt.State, verb rune) { s.client.Format(f, verb) }

// Authenticate implements [passport.Strategy]. It begins a flow, or ends the one that the
// service's answer belongs to.
func (s *Strategy) Authenticate(r *http.Request, a *passport.Attempt) (passport.Result, error) {
	answer, err := callback.Parse(r)
	switch {
	case err != nil:
		return nil, err
	case answer.OAuth2():
		return s.end(r, a, answer)
	case answer.Get("state") != "":
		if err := callback.Stray(a, answer.Get("state")); err != nil {
			return nil, err
		}
	}
	return s.client.Begin(r, a, codeflow.Flow{}, nil)
}

// end makes a person of the service's answer. Nothing is sent before the flow was taken and
// the answer is known to be good.
func (s *Strategy) end(r *http.Request, a *passport.Attempt, answer callback.Response) (passport.Result, error) {
	code, f, err := codeflow.Answer(r, a, answer, s.issuer)
	if err != nil {
		return nil, err
	}
	ctx, cancel := s.client.Deadline(r.Context())
	defer cancel()
	token, err := s.client.Redeem(ctx, code, f)
	if err != nil {
		return nil, err
	}
	g := newGrant(s, token)
	x := s.client.Calls(ctx, "the request for a profile")
	g.Subject, g.Profile, err = s.profile(ctx, codeflow.Bearing(x, token.Token), g)
	switch {
	case err != nil:
		return nil, hide(x, err)
	case !subject.Named(g.Subject):
		return nil, &passport.Error{Code: passport.CodeSubject, Status: http.StatusBadGateway, Err: errors.New("the profile has no id, or one that stands for nobody")}
	}
	value, err := s.verify(r, g)
	return passport.Verdict(value, err, passport.Failure{Message: "This account cannot be used here."})
}

// CheckParam refuses parameters of a route that it may not set. The registry asks when the
// route is made.
func (s *Strategy) CheckParam(key, value string) error { return codeflow.CheckRouteParam(key, value) }

// RedirectURL is where the answers come to. The registry takes each address once.
func (s *Strategy) RedirectURL() string { return s.client.RedirectURL() }
