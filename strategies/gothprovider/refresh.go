package gothprovider

import (
	"context"
	"errors"
	"net/http"

	"golang.org/x/oauth2"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/outbound"
)

// TokenSource gives a token that was kept while it is good, and lets goth refresh it then,
// with the protections that hold for the provider's other calls. Who waits for a refresh
// gets what it brought, and asks anew only where it failed.
// Where the reply has no refresh token, the old one stays; where it has one, the old one
// may be spent, so keep what Token returns.
//
// ctx bounds all refreshes, and [Timeout] each. Errors are [*passport.Error]: configuration
// for a provider that goth cannot refresh (github, and all of OAuth 1), else those of a
// log-in; a person who took access away is, where goth says so, an [*oauth2.RetrieveError]
// in it, with the ErrorCode invalid_grant. It is safe for concurrent use.
func (s *Strategy) TokenSource(ctx context.Context, t *oauth2.Token) oauth2.TokenSource {
	if t == nil {
		t = &oauth2.Token{}
	}
	return oauth2.ReuseTokenSource(t, &refresher{s, ctx, t.RefreshToken})
}

// refresher refreshes. Whoever calls it holds a lock.
type refresher struct {
	strategy *Strategy
	ctx      context.Context
	token    string
}

// Token implements [oauth2.TokenSource].
func (r *refresher) Token() (*oauth2.Token, error) {
	ctx, cancel := context.WithTimeout(r.ctx, r.strategy.timeout)
	defer cancel()
	switch p := r.strategy.provider; {
	case r.strategy.build != nil || !p.RefreshTokenAvailable():
		return nil, misconfigured(errors.New("goth cannot refresh the tokens of this provider"))
	case r.token == "":
		return nil, &passport.Error{Code: passport.CodeProvider, Status: http.StatusBadGateway, Err: errors.New("the token has expired, and there is no refresh token")}
	}
	c, err := r.strategy.call(ctx, "", "")
	if err != nil {
		return nil, err
	}
	t, err := ask(c, "the refresh of a token", func() (*oauth2.Token, error) { return refreshed(c, r.token) })
	if err != nil {
		return nil, err
	}
	own := *t
	if own.RefreshToken == "" {
		own.RefreshToken = r.token
	}
	r.token = own.RefreshToken
	return &own, nil
}

// refreshed asks goth. Some of its providers give neither a token nor an error (line).
func refreshed(c call, refreshToken string) (*oauth2.Token, error) {
	t, err := c.provider.RefreshToken(refreshToken)
	_, last := c.exchange.Statuses()
	switch {
	case err != nil:
		return nil, err
	case t == nil || t.AccessToken == "" || bad(last):
		return nil, outbound.Safe("goth took the reply for a token, or gave none")
	}
	return t, nil
}
