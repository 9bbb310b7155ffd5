package oidc

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"github.com/gopassport/passport"
)

// TokenSource gives a token that was kept while it is good, and refreshes it then. Who waits
// for a refresh gets what it brought, and asks anew only where it failed. subject is whose it is ([Identity.Subject]): a refreshed ID token that is
// another person's, provider's or client's is an error (subject_mismatch, id_token_…), and
// the access token that came with it is not given (OpenID Connect Core 12.2). A refresh
// token that comes with it replaces the old one, so keep what Token returns. While the
// provider's keys cannot be had, no refresh token is sent, as it may be good only once;
// where new ones are needed for what came, Token waits for them as long as it may.
//
// ctx bounds all refreshes, and Config.Timeout each. Errors are [*passport.Error]; a person
// who took access away is an [*oauth2.RetrieveError] in it, with the ErrorCode
// invalid_grant. The source is safe for concurrent use.
func (s *Strategy) TokenSource(ctx context.Context, subject string, t *oauth2.Token) oauth2.TokenSource {
	own := oauth2.Token{}
	if t != nil {
		own = *t
	}
	return &refreshed{ctx: ctx, strategy: s, subject: subject, token: &own}
}

// refreshed is a token that is refreshed when it has expired.
type refreshed struct {
	ctx            context.Context
	strategy       *Strategy
	subject, nonce string // of the log-in; the nonce as JSON, "" where it is not known

	mu    sync.Mutex
	token *oauth2.Token
}

// Token implements [oauth2.TokenSource].
func (r *refreshed) Token() (*oauth2.Token, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.token.Valid() {
		t, err := r.refresh()
		if err != nil {
			return nil, err
		}
		r.token = t
	}
	own := *r.token
	return &own, nil
}

func (r *refreshed) refresh() (*oauth2.Token, error) {
	ctx, cancel := context.WithTimeout(r.ctx, r.strategy.config.Timeout)
	defer cancel()
	p, err := r.strategy.metadata.get(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := r.strategy.keys.get(ctx); err != nil { // what would come could not be verified, and the refresh token be spent
		return nil, err
	}
	t, err := p.client.TokenSource(ctx, &oauth2.Token{RefreshToken: r.token.RefreshToken}).Token()
	if err != nil {
		return nil, err
	}
	if raw, ok := t.Extra("id_token").(string); ok { // there may be none
		if err := r.verify(ctx, p, raw, t.AccessToken); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// verify is same, again while keys that are needed cannot be had: with the old refresh token
// spent, the grant would be lost for a key server that was down for a moment.
func (r *refreshed) verify(ctx context.Context, p *provider, raw, accessToken string) error {
	l := &r.strategy.keys.logins
	for {
		err := r.same(ctx, p, raw, accessToken, l)
		var e *passport.Error
		if !errors.As(err, &e) || e.RetryAfter == 0 {
			return err
		}
		select {
		case <-time.After(e.RetryAfter):
			l = &limit{} // nothing was fetched; how soon to try again is what the keys say themselves
		case <-ctx.Done():
			return err
		}
	}
}

// same compares a refreshed ID token with the log-in.
func (r *refreshed) same(ctx context.Context, p *provider, raw, accessToken string, l *limit) error {
	c, token, err := r.strategy.issued(ctx, p, raw, l)
	if err != nil {
		return err
	}
	if err := sameSubject(r.subject, c); err != nil {
		return err
	}
	if c.Has("nonce") && r.nonce != "" && string(c["nonce"]) != r.nonce { // there should be none
		return broken(passport.CodeIDTokenNonce, "its nonce is not the one of the log-in")
	}
	return hashed(c, token, accessToken)
}
