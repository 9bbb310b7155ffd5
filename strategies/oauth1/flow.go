package oauth1

import (
	"context"
	"net/http"
	"net/url"

	"github.com/dghubble/oauth1"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/callback"
	"github.com/gopassport/passport/internal/outbound"
)

// flow is what is kept until the callback, by the request token.
type flow struct {
	Secret string `json:"s"` // the request token's
}

// begin asks for a request token and sends the person to the service with it.
func (s *Strategy) begin(r *http.Request, a *passport.Attempt) (passport.Result, error) {
	if err := a.Begin(); err != nil { // before anything is sent
		return nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.config.timeout())
	defer cancel()
	token, err := s.requestToken(s.exchange(ctx))
	if err != nil {
		return nil, err
	}
	if err := a.Save(token.id, flow{token.secret}); err != nil {
		return nil, err
	}
	return passport.Redirect{URL: s.address(token.id, a)}, nil
}

// address is the authorization address: the service's own, the route's parameters, and
// the request token (RFC 5849, 2.2).
func (s *Strategy) address(token string, a *passport.Attempt) string {
	u, query := *s.authorize, s.authorize.Query()
	for _, name := range s.config.RouteParams {
		if value := a.Param(name); value != "" {
			query.Set(name, value)
		}
	}
	query.Set("oauth_token", token)
	u.RawQuery = query.Encode()
	return u.String()
}

// end makes a person of the service's answer. Nothing is sent before the flow was taken
// and the answer is known to be good.
func (s *Strategy) end(r *http.Request, a *passport.Attempt, answer callback.Response) (passport.Result, error) {
	token, err := answer.RequestToken()
	if err != nil {
		return nil, err
	}
	var f flow
	if err := a.Take(token, &f); err != nil {
		return nil, err
	}
	verifier, err := answer.Verifier()
	if err != nil {
		return nil, err
	}
	g, err := s.grant(r.Context(), credentials{token, f.Secret}, verifier)
	if err != nil {
		return nil, err
	}
	value, err := s.verify(r, g)
	return passport.Verdict(value, err, passport.Failure{Message: "This account cannot be used here."})
}

// grant exchanges an answer for an access token, and asks who it is.
func (s *Strategy) grant(ctx context.Context, request credentials, verifier string) (Grant, error) {
	ctx, cancel := context.WithTimeout(ctx, s.config.timeout())
	defer cancel()
	x := s.exchange(ctx)
	token, reply, err := s.accessToken(x, request, verifier)
	if err != nil {
		return Grant{}, err
	}
	return s.profile(x, Grant{
		Reply:  reply,
		token:  func() credentials { return token },
		client: func(ctx context.Context) *http.Client { return s.Client(ctx, token.id, token.secret) },
	})
}

// credentials are a token and its secret.
type credentials struct{ id, secret string }

// requestToken gets temporary credentials (RFC 5849, 2.1).
func (s *Strategy) requestToken(x *outbound.Exchange) (credentials, error) {
	form, err := s.ask(x, "the request for a request token", func(c *oauth1.Config) error {
		_, _, err := c.RequestToken()
		return err
	})
	if err != nil {
		return credentials{}, err
	}
	token, err := tokenOf(form, maxRequestToken)
	if err == nil && form.Get("oauth_callback_confirmed") != "true" {
		err = outbound.Safe("the service does not confirm the callback (oauth_callback_confirmed is not true), so it speaks the OAuth 1.0 that is not safe")
	}
	if err != nil {
		return credentials{}, x.Error(err)
	}
	return token, nil
}

// accessToken gets token credentials (RFC 5849, 2.3), and what else the reply has.
func (s *Strategy) accessToken(x *outbound.Exchange, request credentials, verifier string) (credentials, url.Values, error) {
	form, err := s.ask(x, "the request for an access token", func(c *oauth1.Config) error {
		_, _, err := c.AccessToken(request.id, request.secret, verifier)
		return err
	})
	if err != nil {
		return credentials{}, nil, err
	}
	token, err := tokenOf(form, maxAccessToken)
	if err != nil {
		return credentials{}, nil, x.Error(err)
	}
	form.Del("oauth_token")
	form.Del("oauth_token_secret")
	return token, form, nil
}

// ask sends one of the two requests for a token, and reads the reply.
func (s *Strategy) ask(x *outbound.Exchange, step string, send func(*oauth1.Config) error) (url.Values, error) {
	x.Step(step)
	c := &copier{next: x}
	err := send(s.library(&http.Client{Transport: c}))
	if c.reply == nil {
		return nil, x.Error(err)
	}
	form, err := c.form()
	if err != nil {
		return nil, x.Error(err)
	}
	return form, nil
}

// exchange is the calls of one request.
func (s *Strategy) exchange(ctx context.Context) *outbound.Exchange {
	return &outbound.Exchange{Context: ctx, Transport: s.config.transport()}
}

// library is the configuration of the library that signs, for one request.
func (s *Strategy) library(client *http.Client) *oauth1.Config {
	return &oauth1.Config{
		ConsumerKey:    s.config.ConsumerKey,
		ConsumerSecret: s.config.ConsumerSecret,
		CallbackURL:    s.config.CallbackURL,
		Endpoint:       oauth1.Endpoint{RequestTokenURL: s.config.Endpoint.RequestURL, AuthorizeURL: s.config.Endpoint.AuthorizeURL, AccessTokenURL: s.config.Endpoint.AccessURL},
		Signer:         s.config.signer(),
		Noncer:         nonces{},
		HTTPClient:     client,
	}
}

// client signs requests with a token (RFC 5849, 3) and sends them through an exchange.
func (s *Strategy) client(x *outbound.Exchange, token credentials) *http.Client {
	ctx := context.WithValue(x.Context, oauth1.HTTPClient, x.Client())
	return s.library(nil).Client(ctx, oauth1.NewToken(token.id, token.secret))
}
