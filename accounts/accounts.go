// Package accounts keeps what [passport.Registry.Authorize] verified: which accounts at
// other services belong to which user, and the tokens to use them with.
//
//	keep := accounts.New(accounts.Config{
//		Store: store,                 // accounts/sqlaccounts, say
//		Keys:  keys,                  // they seal the tokens
//		Services: map[string]accounts.Service{
//			"github-authz": {Refresh: accounts.OAuth2(github)},
//		},
//	})
//	auth.Use("github-authz", github) // whose verify function returns an *accounts.Account
//
//	func saveAccount(w http.ResponseWriter, r *http.Request) {
//		user, _ := passport.UserFrom[*User](r.Context())
//		account, _ := passport.AccountFrom[*accounts.Account](r.Context())
//		_, outcome, err := keep.Link(r.Context(), user.ID, *account)
//		…
//	}
//
// An account is its service's issuer and its subject there, byte for byte, and has one
// owner. Nothing is ever matched by an e-mail address. An account that is somebody else's
// stays so ([ErrAccountInUse]); one that is the user's own is updated, and keeps the
// scopes that it had, and the refresh token where the same strategy comes without one.
//
// Tokens are refreshed ahead of their expiry, once, however many processes ask at the
// same time: who refreshes takes a claim in the store first, because many services take a
// second use of a refresh token for theft and end all tokens.
package accounts

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/gopassport/passport/internal/seal"
)

// Errors that a handler tells apart. All others are faults of the store, of a service or
// of the program.
var (
	// ErrAccountInUse is for an account that another user has. It does not say who.
	ErrAccountInUse = errors.New("accounts: the account belongs to another user")

	// ErrOtherAccount is for a person who came back with another account than the one
	// that was to be extended.
	ErrOtherAccount = errors.New("accounts: this is another account than the one that was asked for")

	// ErrNotFound is for an account that is not there, or not this user's.
	ErrNotFound = errors.New("accounts: there is no such account")

	// ErrLastLogin is for an account without which the user could not log in any more.
	ErrLastLogin = errors.New("accounts: the user could not log in without it")

	// ErrReconnect is for an account whose tokens the service does not take any more. The
	// person has to connect it again; it stays in the list meanwhile.
	ErrReconnect = errors.New("accounts: the account has to be connected again")
)

// Service says what can be done with the accounts of one strategy.
type Service struct {
	// Refresh gets new tokens for old ones; see [OAuth2]. Nil: they cannot be refreshed,
	// and an account whose token has expired has to be connected again. An error that
	// wraps ErrReconnect, or that is an invalid_grant of x/oauth2 (RFC 6749, 5.2), means
	// that the service takes the refresh token no more.
	Refresh func(ctx context.Context, a Account) (Token, error)

	// Revoke tells the service that the tokens are not needed any more (RFC 7009). Its
	// context does not end with the request, but after two thirds of Config.Lease. Nil:
	// they live on there until they expire, or the person removes them.
	Revoke func(ctx context.Context, a Account) error

	// LogsIn says that people log in with these accounts, too: such a one that is left is
	// a way in, also where another strategy has connected it as well.
	LogsIn bool
}

// Config says how accounts are kept. It is copied by [New].
type Config struct {
	// Store is where: accounts/sqlaccounts, or one of your own that passes
	// passporttest.TestAccountStore. Required.
	Store Store

	// Keys are secrets of 32 random bytes, newest first, as in passport.Config; they may
	// be the same. They seal the tokens. Keep an old key until each account was refreshed
	// or connected again: tokens under a key that is gone mean ErrReconnect.
	Keys [][]byte

	// Services are by the names of strategies.
	Services map[string]Service

	// Logins counts the user's ways to log in that are not accounts: a password, each
	// passkey. Unlink asks it. Nil: there are none.
	Logins func(ctx context.Context, user string) (int, error)

	// Changed is told of each account after it was linked, updated, unlinked, refreshed or
	// marked for reconnection, for an audit log, a mail to the owner or a cache. Nil: nobody
	// is told.
	//
	// Linked, Updated and Unlinked are told in the caller's goroutine, and a panic is the
	// caller's. Refreshed and Expired are told in another one, which refreshes for all who
	// wait: its context has the values of who asked first, and a panic is an error for all
	// of them, while the account stays refreshed, or marked.
	Changed func(ctx context.Context, what Change, a Account)

	// Ahead is how long before its expiry a token is refreshed. 0 means a minute. It is
	// never more than half of the time that the token had when Account.Updated was set:
	// tokens that live for a minute would be refreshed at every use.
	Ahead time.Duration

	// Lease is how long one process may take to refresh before another tries, in case it
	// died. 0 means 30 seconds; a refresh itself is given two thirds of it, and the rest is
	// for keeping what it brought. It is counted from when this process has its turn.
	Lease time.Duration
}

// Change is what happened to an account.
type Change string

// What happened.
const (
	Linked    Change = "linked"    // it is new
	Updated   Change = "updated"   // it was the user's already
	Unlinked  Change = "unlinked"  // it is gone
	Refreshed Change = "refreshed" // it has new tokens
	Expired   Change = "expired"   // it has to be connected again
)

// Format implements [fmt.Formatter], so that no verb shows Keys.
func (c Config) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "accounts.Config(%q)", slices.Sorted(maps.Keys(c.Services)))
}

// Format implements [fmt.Formatter], so that no verb shows what tokens are sealed with.
func (s *Accounts) Format(f fmt.State, verb rune) { s.config.Format(f, verb) }

// Accounts keeps accounts. Make it with [New]. It is safe for concurrent use.
type Accounts struct {
	config  Config
	sealers []sealer
	flights singleflight.Group
}

// New makes an Accounts. It panics, in a sentence, on a configuration that cannot be right.
func New(config Config) *Accounts {
	config.Services = maps.Clone(config.Services)
	if config.Ahead == 0 {
		config.Ahead = time.Minute
	}
	if config.Lease == 0 {
		config.Lease = 30 * time.Second
	}
	switch {
	case config.Store == nil:
		panic("accounts: New: Config.Store is nil; it is where accounts are kept, such as accounts/sqlaccounts")
	case len(config.Keys) == 0:
		panic("accounts: New: Config.Keys is empty; make one with crypto/rand, 32 bytes, and keep it where secrets are kept")
	case config.Ahead < 0 || config.Lease < time.Second:
		panic("accounts: New: Config.Ahead is negative, or Config.Lease is below a second")
	}
	a := &Accounts{config: config}
	for i, key := range slices.Clone(config.Keys) {
		if problem := seal.CheckKey(key); problem != "" {
			panic(fmt.Sprintf("accounts: New: Config.Keys[%d] %s", i, problem))
		}
		a.sealers = append(a.sealers, newSealer(key))
	}
	return a
}

// tell tells the application.
func (s *Accounts) tell(ctx context.Context, what Change, a Account) {
	if s.config.Changed != nil {
		s.config.Changed(ctx, what, a)
	}
}

// tellOf is tell in a goroutine of ours.
func (s *Accounts) tellOf(ctx context.Context, what Change, a Account) error {
	return guarded("accounts: Config.Changed", func() error { s.tell(ctx, what, a); return nil })
}
