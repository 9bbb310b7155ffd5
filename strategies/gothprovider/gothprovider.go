// Package gothprovider makes a [passport.Strategy] of any provider of goth
// (github.com/markbates/goth), to log people in or to connect accounts:
//
//	auth.Use("github", gothprovider.New(
//		github.New(key, secret, "https://app.example/auth/github/callback"),
//		func(r *http.Request, u goth.User) (*User, error) { return findOrCreate(r.Context(), u) }))
//
// Goth builds addresses, exchanges codes and reads profiles. Everything else is done
// here, whatever the provider does about it:
//
//   - The state is made here, and compared by finding the flow that it names. With
//     OAuth 1, which has none, the request token takes its place.
//   - Only the parameters that a provider must see are handed to it.
//   - All calls of a flow end within [Timeout], and a panic in goth is an error.
//   - A person without an id ("", 0, null, …) is an error, and so is a profile that came
//     with another status than 2xx.
//   - Errors hide what goth says: it quotes secrets, tokens and whole replies.
//
// Where a provider lets its HTTP client be set (an exported field of type *http.Client),
// each flow works on a copy of the provider with a client of its own. It carries the
// context of the request, adds PKCE to the token request, follows no redirects, and takes
// no reply above 1 MiB. A client that the field holds already lends its Transport.
//
// These providers of goth 1.82 use http.DefaultClient or http.DefaultTransport instead,
// at least for the token, so nothing of that holds for them there: apple, auth0,
// dailymotion, discord, fitbit (it has PKCE), intercom, mailru, oura, reddit, seatalk,
// tumblr, twitter, twitterv2, wechat, xero, yandex. When they hang, the person gets 504
// in time, but a goroutine waits until the other side answers. Of the OAuth 1 providers
// among them (tumblr, twitter, twitterv2, xero) nobody can tell whether the service
// confirmed the callback (oauth_callback_confirmed); the verifier is required all the
// same. The application may set time-outs on http.DefaultTransport, and a CheckRedirect on
// http.DefaultClient.
//
// PKCE is not sent to facebook, linkedin, tiktok, lark and wecom either, which refuse or
// cannot read it. PROVIDERS.md, beside the source, has what the tests measured for each
// provider.
//
// What nobody outside of goth can mend: openidConnect does not verify the signature of ID
// tokens and sends no nonce. azuread and onedrive give an address as the id of a person,
// and an address may pass to somebody else. bitly and tumblr give no id at all, so they
// always end in subject_missing. shopify verifies with the environment's SHOPIFY_SECRET: set it.
// steam and lastfm send their keys over plain http. xero's private and partner
// applications end the program when their key cannot be read.
package gothprovider

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/markbates/goth"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/absent"
	"github.com/gopassport/passport/internal/callback"
	"github.com/gopassport/passport/internal/outbound"
)

// Strategy is a [passport.Strategy]. Make one with [New]. It is safe for concurrent use.
type Strategy struct {
	provider goth.Provider
	kind     string                 // the name of goth's own package, "" for a provider of somebody else
	field    int                    // of the provider, for its HTTP client; -1 for none
	blank    atomic.Pointer[string] // a session that holds nothing, without its address
	verify   func(*http.Request, goth.User) (any, error)
	timeout  time.Duration
	issuer   string
	skipPKCE bool
	param    string                              // where each flow has its own callback URL
	build    func(string) (goth.Provider, error) // and its own provider
}

// Option changes what [New] makes.
type Option func(*Strategy)

// Timeout bounds all calls of one request to the provider together. The default is 15
// seconds; a person does not wait longer. Going over it is provider_timeout, 504.
func Timeout(d time.Duration) Option { return func(s *Strategy) { s.timeout = d } }

// Issuer is for OAuth 2 providers that say who answers (RFC 9207): the issuer exactly as
// the provider spells it. Then an answer that names another issuer, or none, is refused
// (issuer_mismatch) before anything is sent. By default iss is not looked at. Use it
// where one application knows several providers that do this: it stops an answer of one
// from being taken to another.
func Issuer(issuer string) Option { return func(s *Strategy) { s.issuer = issuer } }

// SkipPKCE leaves PKCE out, for a provider that refuses what it does not know. PKCE binds
// the code to the browser where the flow began; without it, a code that leaks can be used
// by somebody else who has a flow of their own.
func SkipPKCE() Option { return func(s *Strategy) { s.skipPKCE = true } }

// CallbackPerFlow gives each flow its own callback URL, for providers that send back
// neither a state nor a request token: goth's lastfm and steam. build makes the provider
// of one flow, whose callback URL has the flow (43 characters of base64url) as the value
// of the query parameter param:
//
//	gothprovider.CallbackPerFlow("flow", func(flow string) (goth.Provider, error) {
//		return steam.New(key, "https://app.example/auth/steam/callback?flow="+flow), nil
//	})
//
// build is called when a flow begins and when it ends, from many goroutines at once. Its
// error is a fault (configuration, 500).
func CallbackPerFlow(param string, build func(flow string) (goth.Provider, error)) Option {
	return func(s *Strategy) { s.param, s.build = param, build }
}

// New makes the strategy. Register one for each purpose, under names of their own and
// with callback URLs of their own: the registry refuses a second strategy with one. p is copied.
//
// verify turns a person at the provider into a value of the application: the user for
// Authenticate, the account for Authorize. UserFrom(r.Context()) works in it, so it can
// also associate the two. A nil value, or [passport.Reject], refuses the person; other
// errors are faults. Keep accounts by a name for the provider and u.UserID, never by
// u.Email, which at many services nobody has checked. u holds tokens: do not log it.
//
// The route may add parameters to the authorization request ([passport.Param]):
//
//	access_type acr_values allow_signup approval_prompt audience auth_type claims
//	connection display domain_hint force_login hd include_granted_scopes kc_idp_hint
//	login login_hint max_age organization prompt resource scope screen_name ui_locales
//
// They take the place of what the provider's own address holds by these names. Others
// panic when the route is made ([Strategy.CheckParam]).
//
// Panics, in a sentence, on a nil provider or verify, on options that cannot be right,
// and on goth's lastfm and steam without [CallbackPerFlow].
func New[T any](p goth.Provider, verify func(r *http.Request, u goth.User) (T, error), opts ...Option) *Strategy {
	s := &Strategy{timeout: outbound.DefaultTimeout}
	for _, opt := range opts {
		opt(s)
	}
	switch {
	case absent.Nil(p):
		panic("gothprovider: New: the provider is nil; make one with goth, such as github.New(key, secret, callbackURL)")
	case verify == nil:
		panic(fmt.Sprintf("gothprovider: New(%T): verify is nil; it is the function that finds the account of a goth.User", p))
	case s.timeout <= 0:
		panic(fmt.Sprintf("gothprovider: New(%T): Timeout(%v): a time-out is positive", p, s.timeout))
	case stateless(packageOf(p)) && s.build == nil:
		panic(fmt.Sprintf("gothprovider: New(%T): this provider sends back neither a state nor a token, so nobody can tell whose flow ends; add CallbackPerFlow", p))
	case (s.build == nil) != (s.param == ""):
		panic(fmt.Sprintf("gothprovider: New(%T): CallbackPerFlow needs both the name of a parameter and a function", p))
	}
	s.kind, s.field = packageOf(p), clientField(p)
	s.provider = copied(p, nil, s.field)
	s.verify = func(r *http.Request, u goth.User) (any, error) { return verify(r, u) }
	return s
}

// CheckParam tells whether a route may have a parameter ([passport.Param]): one of those
// that [New] lists. The engine asks when the route is made.
func (s *Strategy) CheckParam(key, _ string) error {
	if !slices.Contains(extras(), key) {
		return fmt.Errorf("a route cannot set %q; it may set %s, and the rest is made with the provider", key, strings.Join(extras(), ", "))
	}
	return nil
}

// Format implements [fmt.Formatter], so that no verb shows the secrets that goth's providers
// hold in exported fields.
func (s *Strategy) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "gothprovider.Strategy(%T)", s.provider)
}

// Authenticate implements [passport.Strategy]. It begins a flow, or ends the one that the
// provider's answer belongs to.
func (s *Strategy) Authenticate(r *http.Request, a *passport.Attempt) (passport.Result, error) {
	answer, err := callback.Parse(r, s.answers()...)
	if err != nil {
		return nil, err
	}
	if s.answered(answer) {
		return s.end(r, a, answer)
	}
	if name := answer.Get(s.keyParam()); name != "" {
		if err := callback.Stray(a, name); err != nil {
			return nil, err
		}
	}
	return s.begin(r, a)
}

// keyParam is the parameter that names a flow, where it is not a request token.
func (s *Strategy) keyParam() string {
	if s.build != nil {
		return s.param
	}
	return "state"
}

// answered tells whether the request is a provider's answer.
func (s *Strategy) answered(answer callback.Response) bool {
	if s.build != nil {
		return answer.Has("token", "openid.mode")
	}
	return answer.OAuth2() || answer.OAuth1()
}

// answers are the parameters that the provider answers with beside the usual ones.
func (s *Strategy) answers() []string {
	if s.build != nil {
		return append(perFlowAnswers(), s.param)
	}
	return answersOf(s.kind)
}

// call is what one request has to do with the provider.
type call struct {
	provider goth.Provider // for this request alone
	exchange *outbound.Exchange
	bounded  bool // whatever it does ends with the context of the exchange
}

// call prepares one. The flow names itself, where it has a provider of its own.
func (s *Strategy) call(ctx context.Context, flow, verifier string) (call, error) {
	p, field := s.provider, s.field
	if s.build != nil {
		var err error
		if p, err = s.built(flow); err != nil {
			return call{}, err
		}
		field = clientField(p)
	}
	x := &outbound.Exchange{Context: ctx, Transport: transportOf(p, field), Check: checkOf(s.kind)}
	if verifier != "" {
		x.TokenForm = url.Values{"code_verifier": {verifier}}
	}
	bounded := s.build == nil && s.kind != "" && field >= 0 && !ownClient(s.kind)
	return call{copied(p, x.Client(), field), x, bounded}, nil
}

// built is the provider of one flow.
func (s *Strategy) built(flow string) (goth.Provider, error) {
	p, err := s.build(flow)
	switch {
	case err != nil:
		return nil, misconfigured(fmt.Errorf("CallbackPerFlow made no provider: %w", err))
	case absent.Nil(p):
		return nil, misconfigured(errors.New("CallbackPerFlow made no provider, and gave no error"))
	}
	return p, nil
}

// misconfigured is a fault of the program's.
func misconfigured(cause error) error {
	return &passport.Error{Code: passport.CodeConfiguration, Status: http.StatusInternalServerError, Err: cause}
}
