package codeflow

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"

	"golang.org/x/oauth2"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/outbound"
)

// TokenSource gives t while it is good, and refreshes it then (RFC 6749, 6). Where the
// reply has no refresh token, the old one stays. ctx bounds all refreshes, and
// Config.Timeout each. It is safe for concurrent use.
func (c *Client) TokenSource(ctx context.Context, t *oauth2.Token) oauth2.TokenSource {
	if t == nil {
		t = &oauth2.Token{}
	}
	return oauth2.ReuseTokenSource(t, &refresher{client: c, ctx: ctx, token: t.RefreshToken})
}

// refresher refreshes. Whoever calls it holds a lock.
type refresher struct {
	client *Client
	ctx    context.Context
	token  string
}

// Token implements [oauth2.TokenSource].
func (r *refresher) Token() (*oauth2.Token, error) {
	if r.token == "" {
		return nil, &passport.Error{Code: passport.CodeProvider, Status: http.StatusBadGateway, Err: errors.New("the token has expired, and there is no refresh token")}
	}
	ctx, cancel := r.client.Deadline(r.ctx)
	defer cancel()
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {r.token}}
	t, err := r.client.ask(ctx, "the refresh of a token", nil, form)
	if err != nil {
		return nil, err
	}
	if t.RefreshToken == "" {
		t.RefreshToken = r.token
	}
	r.token = t.RefreshToken
	return t.Token, nil
}

// API is a client whose requests bear the token of a source. It follows redirects on one
// host only: to any other, it would carry the token along.
func (c *Client) API(source oauth2.TokenSource) *http.Client {
	return &http.Client{
		Transport: &oauth2.Transport{Source: source, Base: c.config.Transport},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if first := via[0].URL; r.URL.Scheme != first.Scheme || r.URL.Host != first.Host || len(via) >= 10 {
				return outbound.Safe("the reply redirects to another host, or too often")
			}
			return nil
		},
	}
}

// Calls prepares the calls that a strategy makes itself, a profile say, with the rules of
// outbound. step names them, for errors.
func (c *Client) Calls(ctx context.Context, step string) *outbound.Exchange {
	x := &outbound.Exchange{Context: ctx, Transport: c.config.Transport}
	x.Step(step)
	return x
}

// Bearing is a client for such calls whose requests bear a token.
func Bearing(x *outbound.Exchange, t *oauth2.Token) *http.Client {
	return &http.Client{Transport: &bearing{x, t}}
}

// bearing is an Exchange whose requests bear a token.
type bearing struct {
	exchange *outbound.Exchange
	token    *oauth2.Token
}

// RoundTrip implements [http.RoundTripper].
func (b *bearing) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.WithContext(b.exchange.Context) // a copy: a RoundTripper does not change the caller's
	r.Header = maps.Clone(r.Header)
	b.token.SetAuthHeader(r)
	return b.exchange.RoundTrip(r)
}
