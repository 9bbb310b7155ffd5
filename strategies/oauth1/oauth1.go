// Package oauth1 logs people in, or connects their accounts, at services that speak
// OAuth 1.0a (RFC 5849), with any of its signatures but PLAINTEXT:
//
//	auth.Use("twitter", oauth1.New(oauth1.Config{
//		ConsumerKey:    key,
//		ConsumerSecret: secret,
//		Endpoint: oauth1.Endpoint{
//			RequestURL:   "https://api.x.com/oauth/request_token",
//			AuthorizeURL: "https://api.x.com/oauth/authenticate",
//			AccessURL:    "https://api.x.com/oauth/access_token",
//		},
//		CallbackURL: "https://app.example/auth/twitter/callback",
//		Profile:     oauth1.ReplyProfile("user_id"),
//	}, func(r *http.Request, g oauth1.Grant) (*User, error) { return findOrCreate(r.Context(), g.Subject) }))
//
// Signing and the two requests for tokens are github.com/dghubble/oauth1's. This is what
// the package sees to:
//
//   - A flow may begin here ([passport.Attempt.Begin]) before the service is asked for a
//     request token.
//   - The service confirms the callback (RFC 5849, 2.1: oauth_callback_confirmed is
//     "true"), or the person is not sent there: without it, somebody else could end the flow.
//   - The secret of the request token is in the pending flow and nowhere else. The
//     oauth_token of the answer finds the flow, so an answer with another one has none.
//   - oauth_verifier is required. A refusal by the person is access_denied, in Twitter's
//     words (denied) and in those of the problem reporting extension (oauth_problem).
//   - A reply that two readers may understand differently is none, and so is one without
//     a secret: RFC 5849, 2.1 and 2.3 require it, with RSA signatures too.
//   - All calls carry the context of the request, end within [Config].Timeout, follow no
//     redirects and take no reply above 1 MiB. No error quotes a reply, a token or a secret.
package oauth1

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/callback"
)

// Strategy is a [passport.Strategy]. Make one with [New]. It does not change afterwards
// and is safe for concurrent use, as far as Config.Profile and verify are.
type Strategy struct {
	config    Config
	authorize *url.URL
	verify    func(*http.Request, Grant) (any, error)
}

// New makes the strategy. Register one for each purpose, under names of their own and
// with callback URLs of their own.
//
// verify turns a person at the service into a value of the application: the user for
// Authenticate, the account for Authorize. UserFrom(r.Context()) works in it, so it can
// also associate the two. A nil value, or [passport.Reject], refuses the person; other
// errors are faults. Keep accounts by a name for the service and g.Subject, never by an
// e-mail address.
//
// The route may add parameters to the authorization address ([passport.Param]), those that
// [Config].RouteParams names.
//
// Panics, in a sentence, on a Config that cannot be right and a nil verify.
func New[T any](c Config, verify func(r *http.Request, g Grant) (T, error)) *Strategy {
	if verify == nil {
		panic("oauth1: New: verify is nil; it is the function that finds the account of a Grant")
	}
	c.RouteParams = slices.Clone(c.RouteParams)
	check(&c)
	authorize, err := url.Parse(c.Endpoint.AuthorizeURL)
	if err != nil {
		panic("oauth1: New: Config.Endpoint.AuthorizeURL does not parse") // it did, in check
	}
	return &Strategy{c, authorize, func(r *http.Request, g Grant) (any, error) { return verify(r, g) }}
}

// Format implements [fmt.Formatter], so that no verb shows the secret or the key.
func (s *Strategy) Format(f fmt.State, verb rune) { s.config.Format(f, verb) }

// CheckParam tells whether a route may have a parameter ([passport.Param]): one that
// [Config].RouteParams names. The engine asks when the route is made.
func (s *Strategy) CheckParam(key, _ string) error {
	switch {
	case reserved(key):
		return errors.New("names that begin with oauth_ are the protocol's own")
	case !slices.Contains(s.config.RouteParams, key):
		return fmt.Errorf("oauth1.Config.RouteParams does not name it; it has %q", s.config.RouteParams)
	}
	return nil
}

// Authenticate implements [passport.Strategy]. It begins a flow, or ends the one that the
// service's answer belongs to.
func (s *Strategy) Authenticate(r *http.Request, a *passport.Attempt) (passport.Result, error) {
	answer, err := callback.Parse(r)
	switch {
	case err != nil:
		return nil, err
	case answer.OAuth2():
		return nil, callback.Malformed("the answer is one of OAuth 2")
	case answer.OAuth1():
		return s.end(r, a, answer)
	}
	return s.begin(r, a)
}

// RedirectURL is where the answers come to. The registry takes each address once.
func (s *Strategy) RedirectURL() string { return s.config.CallbackURL }
