package oidc

import (
	"context"
	"sync"

	"golang.org/x/oauth2"

	"github.com/gopassport/passport"
)

// refreshed looks at the ID tokens that come with refreshed access tokens.
type refreshed struct {
	ctx  context.Context
	base oauth2.TokenSource
	who  Identity

	mu      sync.Mutex
	checked string // the access token that is known to be the person's
}

// Token implements [oauth2.TokenSource].
func (r *refreshed) Token() (*oauth2.Token, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t, err := r.base.Token()
	if err != nil || t.AccessToken == r.checked {
		return t, err
	}
	if raw := t.Extra("id_token"); raw != nil {
		if err := r.same(raw, t.AccessToken); err != nil {
			return nil, err // the next call gets the same token, and looks again
		}
	}
	r.checked = t.AccessToken
	return t, nil
}

// same compares a refreshed ID token with the one of the log-in (OpenID Connect Core 12.2).
func (r *refreshed) same(value any, accessToken string) error {
	raw, ok := value.(string)
	if !ok {
		return malformed("it is no text")
	}
	s := r.who.strategy
	ctx, cancel := context.WithTimeout(r.ctx, s.config.Timeout)
	defer cancel()
	p, err := s.metadata.get(ctx)
	if err != nil {
		return err
	}
	c, token, err := s.issued(ctx, p, raw)
	if err != nil {
		return err
	}
	if err := sameSubject(r.who.id, c); err != nil {
		return err
	}
	if c.Has("nonce") && string(c["nonce"]) != string(r.who.id["nonce"]) { // there should be none
		return broken(passport.CodeIDTokenNonce, "its nonce is not the one of the log-in")
	}
	return hashed(c, token, accessToken)
}
