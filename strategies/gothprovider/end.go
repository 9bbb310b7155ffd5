package gothprovider

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/markbates/goth"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/callback"
	"github.com/gopassport/passport/internal/outbound"
	"github.com/gopassport/passport/internal/subject"
)

// end makes a person of the provider's answer. Nothing is sent before the flow was taken
// and the answer is known to be good.
func (s *Strategy) end(r *http.Request, a *passport.Attempt, answer callback.Response) (passport.Result, error) {
	byToken := s.build == nil && !answer.OAuth2()
	key, err := s.key(answer, byToken)
	if err != nil {
		return nil, err
	}
	var f flow
	if err := a.Take(key, &f); err != nil {
		return nil, err
	}
	if f.Token != byToken {
		return nil, callback.Malformed("the answer is of OAuth 1 and the flow of OAuth 2, or the reverse")
	}
	params, err := s.params(answer, f)
	if err != nil {
		return nil, err
	}
	u, err := s.fetch(r.Context(), key, f, params)
	if err != nil {
		return nil, err
	}
	value, err := s.verify(r, u)
	return passport.Verdict(value, err, passport.Failure{Message: "This account cannot be used here."})
}

// key names the flow that an answer belongs to.
func (s *Strategy) key(answer callback.Response, byToken bool) (string, error) {
	switch {
	case byToken:
		return answer.RequestToken()
	case s.build == nil:
		return answer.State()
	case answer.Get(s.param) == "":
		return "", callback.Malformed("the answer does not name a flow")
	}
	return answer.Get(s.param), nil
}

// params checks an answer and gives what goth may see of it.
func (s *Strategy) params(answer callback.Response, f flow) (url.Values, error) {
	names := s.answers()
	switch {
	case s.build != nil:
		if answer.Get("openid.mode") == "cancel" {
			return nil, callback.Denied("openid.mode cancel")
		}
	case f.Token:
		if _, err := answer.Verifier(); err != nil {
			return nil, err
		}
		names = append(names, "oauth_token", "oauth_verifier")
	default:
		if s.issuer != "" {
			if err := answer.Issuer(s.issuer); err != nil {
				return nil, err
			}
		}
		if _, err := answer.Code(); err != nil {
			return nil, err
		}
		names = append(names, "code", "state")
	}
	params := url.Values{}
	for _, name := range names {
		if answer.Has(name) {
			params.Set(name, answer.Get(name))
		}
	}
	if f.Verifier != "" {
		params.Set("code_verifier", f.Verifier) // openidConnect, zoom and fitbit send it on
	}
	return params, nil
}

// fetch asks the provider who it is.
func (s *Strategy) fetch(ctx context.Context, key string, f flow, params url.Values) (goth.User, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	c, err := s.call(ctx, key, f.Verifier)
	if err != nil {
		return goth.User{}, err
	}
	session, err := ask(c, "the request for a token", func() (goth.Session, error) { return authorize(c, f, params) })
	if err != nil {
		return goth.User{}, err
	}
	u, err := ask(c, "the request for a profile", func() (goth.User, error) { return profile(c, session) })
	if err == nil && !subject.Named(u.UserID) {
		err = &passport.Error{Code: passport.CodeSubject, Status: http.StatusBadGateway, Err: errors.New("the profile has no user id, or one that stands for nobody")}
	}
	return u, err
}

// authorize exchanges the answer for a token. The session was made by BeginAuth of the
// same provider and kept sealed, so it holds no token yet; FetchUser never sees one that
// did not come from here.
func authorize(c call, f flow, params url.Values) (goth.Session, error) {
	session, err := c.provider.UnmarshalSession(f.unshrink())
	if err != nil {
		return nil, err
	}
	if session == nil {
		return nil, outbound.Safe("goth gave neither a session nor an error")
	}
	token, err := session.Authorize(c.provider, params)
	_, last := c.exchange.Statuses() // the first may be a try of x/oauth2's
	switch {
	case err != nil:
		return nil, err
	case token == "":
		return nil, outbound.Safe("goth gave neither a token nor an error")
	case bad(last):
		return nil, outbound.Safe("goth took the reply for a token")
	}
	return session, nil
}

// profile gets the person. Later requests, such as GitHub's for an e-mail address, are
// goth's to judge; the first is the profile itself.
func profile(c call, session goth.Session) (goth.User, error) {
	u, err := c.provider.FetchUser(session)
	if first, _ := c.exchange.Statuses(); err == nil && bad(first) {
		err = outbound.Safe("goth took the reply for a profile")
	}
	return u, err
}

// bad tells whether a status is known and no success.
func bad(status int) bool { return status != 0 && (status < 200 || status > 299) }
