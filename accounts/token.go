package accounts

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"github.com/gopassport/passport/internal/panics"
)

// OAuth2 makes a [Service]'s Refresh of what refreshes tokens: the strategies of
// strategies/oauth2 and strategies/gothprovider do, and so does a *oauth2.Config of x/oauth2.
func OAuth2(from interface {
	TokenSource(ctx context.Context, t *oauth2.Token) oauth2.TokenSource
}) func(context.Context, Account) (Token, error) {
	return func(ctx context.Context, a Account) (Token, error) {
		t, err := from.TokenSource(ctx, &oauth2.Token{RefreshToken: a.Token.Refresh}).Token()
		return FromOAuth2(t), err
	}
}

// OpenID is OAuth2 for the strategy of strategies/oidc, which also looks whose the refreshed
// ID token is.
func OpenID(from interface {
	TokenSource(ctx context.Context, subject string, t *oauth2.Token) oauth2.TokenSource
}) func(context.Context, Account) (Token, error) {
	return func(ctx context.Context, a Account) (Token, error) {
		t, err := from.TokenSource(ctx, a.Subject, &oauth2.Token{RefreshToken: a.Token.Refresh}).Token()
		return FromOAuth2(t), err
	}
}

// TokenSource gives tokens of an account for as long as ctx lives, for oauth2.NewClient
// say. They are those of [Accounts.Token]. It is safe for concurrent use.
func (s *Accounts) TokenSource(ctx context.Context, a Account) oauth2.TokenSource {
	return &source{accounts: s, ctx: ctx, account: a}
}

// source keeps the last token. That of x/oauth2 would ask the store at each use of a token
// that lives no longer than Config.Ahead.
type source struct {
	accounts *Accounts
	ctx      context.Context
	mu       sync.Mutex
	account  Account
}

func (s *source) Token() (*oauth2.Token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.accounts.Token(s.ctx, s.account)
	if err != nil {
		return nil, err
	}
	if t != s.account.Token {
		s.account.Token, s.account.Updated, s.account.Reconnect = t, now(), false
	}
	return t.OAuth2(), nil
}

// Token gives a token of an account that can be used now. One that is about to expire
// (Config.Ahead) is refreshed first; of all who ask at the same time, in this process and
// in others, one does that, and the others wait for it. Where it fails and the old token
// is still good, that is given.
//
// ErrReconnect says that the person has to connect the account again, ErrNotFound that it
// is not kept any more. Other errors are faults of the store or of the service.
func (s *Accounts) Token(ctx context.Context, a Account) (Token, error) {
	if !a.Reconnect && a.Token.Access != "" && s.fresh(a) {
		return a.Token, nil
	}
	done := s.flights.DoChan(a.ID, func() (any, error) {
		// Who asked first may go away; the others still wait.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*s.config.Lease)
		defer cancel()
		var t Token
		err := guarded("accounts: Config.Store", func() (err error) {
			t, err = s.current(ctx, a.ID)
			return err
		})
		return t, err
	})
	select {
	case result := <-done:
		t, _ := result.Val.(Token)
		return t, result.Err
	case <-ctx.Done():
		return Token{}, ctx.Err()
	}
}

// Renew is [Accounts.Token] after the service refused a.Token although it had not expired
// (401, invalid_token; RFC 6750, 3.1): the person may have taken access away. It is
// refreshed now, unless that has happened since; where that is not possible, the account
// has to be connected again, which is the only way to learn so of tokens that never expire.
// Call it once for a refusal: where the next token is refused as well, the cause is another.
func (s *Accounts) Renew(ctx context.Context, a Account) (Token, error) {
	err := s.config.Store.Change(ctx, a.ID, func(r *Record) error {
		there := s.open(*r)
		t := there.Token
		// Who refreshes at this moment finds its claim by what is sealed.
		if t.Access != a.Token.Access || !s.fresh(there) || time.Now().Before(r.Claimed) {
			return errClaimed
		}
		t.Expiry = now()
		return s.seal(r, t)
	})
	if err != nil && !errors.Is(err, errClaimed) {
		return Token{}, err
	}
	a.Token = Token{}
	return s.Token(ctx, a)
}

// fresh tells whether there is more time left than Config.Ahead, or half of what there was
// when the account changed last. That is when its token came, or later: then the half is
// less, and the token is refreshed closer to its expiry.
func (s *Accounts) fresh(a Account) bool {
	if a.Token.Expiry.IsZero() {
		return true
	}
	half := max(0, a.Token.Expiry.Sub(a.Updated)/2)
	return time.Until(a.Token.Expiry) > min(s.config.Ahead, half)
}

// errClaimed says that somebody else refreshes, or has just done so.
var errClaimed = errors.New("accounts: claimed")

// current looks at the account until it has a token that can be used.
func (s *Accounts) current(ctx context.Context, id string) (Token, error) {
	for {
		r, err := s.config.Store.Get(ctx, id)
		if err != nil {
			return Token{}, err
		}
		a := s.open(r)
		if a.Reconnect || a.Token.Access == "" {
			return Token{}, ErrReconnect
		}
		if s.fresh(a) {
			return a.Token, nil
		}
		t, err := s.renew(ctx, r, a)
		if !errors.Is(err, errClaimed) {
			return t, err
		}
		if err := pause(ctx); err != nil {
			return Token{}, err
		}
	}
}

// pause waits for whoever refreshes.
func pause(ctx context.Context) error {
	select {
	case <-time.After(25 * time.Millisecond):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// renew refreshes the token of a record, if nobody else does.
func (s *Accounts) renew(ctx context.Context, r Record, a Account) (Token, error) {
	refresh := s.config.Services[a.Strategy].Refresh
	switch possible := a.Token.Refresh != "" && refresh != nil; {
	case !possible && time.Now().Before(a.Token.Expiry):
		return a.Token, nil
	case !possible:
		return s.over(ctx, r, a, fmt.Errorf("%w: its token has expired, and cannot be refreshed", ErrReconnect))
	case time.Now().Before(r.Claimed):
		return Token{}, errClaimed
	}
	until := now().Add(s.config.Lease)
	if err := s.change(ctx, r, func(r *Record) error { return claim(r, until) }); err != nil {
		return Token{}, err
	}
	// Who claims late, after others that died, has all the time all the same: a refresh
	// that is cut may have spent the refresh token already.
	ctx = context.WithoutCancel(ctx)
	t, err := call(ctx, s.config.Lease*2/3, refresh, a)
	ctx, cancel := context.WithTimeout(ctx, s.config.Lease)
	defer cancel()
	switch {
	case err != nil:
		return s.failed(ctx, r, a, err)
	case t.Access == "":
		return s.failed(ctx, r, a, errors.New("accounts: Service.Refresh gave neither a token nor an error"))
	}
	return s.keep(ctx, r, a, t, until)
}

// change changes a record whose tokens are still those that were read.
func (s *Accounts) change(ctx context.Context, read Record, change func(*Record) error) error {
	return s.config.Store.Change(ctx, read.ID, func(r *Record) error {
		if !bytes.Equal(r.Sealed, read.Sealed) {
			return errClaimed
		}
		return change(r)
	})
}

// claim is for one process at a time.
func claim(r *Record, until time.Time) error {
	if time.Now().Before(r.Claimed) {
		return errClaimed
	}
	r.Claimed = until
	return nil
}

// call calls the service.
func call(ctx context.Context, limit time.Duration, refresh func(context.Context, Account) (Token, error), a Account) (t Token, err error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err = guarded("Service.Refresh", func() (err error) {
		t, err = refresh(ctx, a)
		return err
	})
	return t, err
}

// guarded calls code of the application. A refresh has a goroutine of its own, in which
// no handler's server recovers: a panic there would end the program.
func guarded(what string, f func() error) (err error) {
	defer func() {
		if cause := panics.Any(recover()); cause != nil {
			err = fmt.Errorf("%s: %w", what, cause)
		}
	}()
	return f()
}

// keep keeps new tokens. The old refresh token may be worthless already, so the store is
// asked again for as long as the claim holds.
func (s *Accounts) keep(ctx context.Context, read Record, a Account, t Token, until time.Time) (Token, error) {
	if t.Refresh == "" {
		t.Refresh = a.Token.Refresh
	}
	save := func(r *Record) error {
		there := s.open(*r).Token
		switch {
		case bytes.Equal(r.Sealed, read.Sealed):
			r.Claimed, r.Updated, r.Reconnect = time.Time{}, now(), false
			return s.seal(r, t)
		case there.Refresh == a.Token.Refresh: // linked again without one: what it has is spent
			there.Refresh = t.Refresh
			return s.seal(r, there)
		}
		return errClaimed
	}
	for {
		// A panic here is tried again as any other fault: the new token must not be lost by it.
		err := guarded("Config.Store", func() error { return s.config.Store.Change(ctx, read.ID, save) })
		switch {
		case err == nil:
			a.Token, a.Updated = t, now()
			return t, s.tellOf(ctx, Refreshed, a)
		case errors.Is(err, errClaimed):
			return Token{}, err // connected again in the meantime
		case errors.Is(err, ErrNotFound):
			// Unlink told the service of the old token only. Nobody waits who could be told
			// where this fails.
			a.Token = t
			_ = s.revoke(ctx, a)
			return Token{}, err
		case time.Now().After(until):
			return Token{}, fmt.Errorf("accounts: the new token could not be kept: %w", err)
		}
		if err := pause(ctx); err != nil {
			return Token{}, err
		}
	}
}

// failed sorts why a refresh failed. A service that takes the token no more may have been
// asked by somebody else in the meantime, whose tokens are then in the store.
func (s *Accounts) failed(ctx context.Context, read Record, a Account, cause error) (Token, error) {
	if refused(cause) {
		return s.over(ctx, read, a, errors.Join(ErrReconnect, cause))
	}
	release := func(r *Record) error { r.Claimed = time.Time{}; return nil }
	if err := s.change(ctx, read, release); err != nil {
		return Token{}, err // errClaimed: look again
	}
	return stillGood(a, fmt.Errorf("accounts: refreshing: %w", cause))
}

// refused tells whether the service takes the refresh token no more (RFC 6749, 5.2).
func refused(err error) bool {
	var reply *oauth2.RetrieveError
	return errors.Is(err, ErrReconnect) || errors.As(err, &reply) && reply.ErrorCode == "invalid_grant"
}

// over marks an account whose tokens are worthless; it is never removed. An access token
// that has not expired yet is given all the same, this once.
func (s *Accounts) over(ctx context.Context, read Record, a Account, cause error) (Token, error) {
	mark := func(r *Record) error { r.Claimed, r.Reconnect = time.Time{}, true; return nil }
	if err := s.change(ctx, read, mark); err != nil {
		return Token{}, err // errClaimed: look again
	}
	a.Reconnect = true
	if err := s.tellOf(ctx, Expired, a); err != nil {
		return Token{}, errors.Join(cause, err)
	}
	return stillGood(a, cause)
}

func stillGood(a Account, cause error) (Token, error) {
	if time.Now().Before(a.Token.Expiry) {
		return a.Token, nil
	}
	return Token{}, cause
}
