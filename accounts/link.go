package accounts

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Link connects an account with a user: the one safe call after Authorize. It gives the
// account as it is kept, and whether it was [Linked] or, because it was the user's
// already, [Updated]: then it gets the new names, the scopes of before and now together,
// and the new tokens, but keeps the refresh token where none came, as many services send
// one only the first time. An account without any token, of a strategy that only logs
// people in say, leaves all tokens and their strategy as they are. Tokens of another
// strategy replace all of them, the refresh token, too, which another client could not
// use. It may be called twice, or twice at once.
//
// Unlink remembers all strategies through which an account was linked. So where a log-in
// finds one that another strategy connected, link it then, too.
//
// ErrAccountInUse says that another user has the account, ErrInvalidAccount that it cannot
// be kept; nothing has changed then. Nothing has either where the refresh token to keep is
// under a key that Config.Keys has not: another machine may have it already. Where it is
// gone for good, Extend connects the account again.
func (s *Accounts) Link(ctx context.Context, user string, a Account) (Account, Change, error) {
	return s.link(ctx, user, "", a)
}

// Extend is Link for an account that the user has already, when more scopes were asked
// for, or when it was to be connected again. Where the person came back with another
// account than that of the id, the error is ErrOtherAccount and nothing has changed. Tokens
// whose key is gone are replaced by what came.
func (s *Accounts) Extend(ctx context.Context, user, id string, a Account) (Account, error) {
	if id == "" { // to link, it means any account
		return Account{}, ErrOtherAccount
	}
	kept, _, err := s.link(ctx, user, id, a)
	return kept, err
}

func (s *Accounts) link(ctx context.Context, user, only string, a Account) (Account, Change, error) {
	if user == "" || a.Issuer == "" || a.Subject == "" {
		return Account{}, "", errors.New("accounts: Link needs the key of a user, and an account with issuer and subject")
	}
	if err := tidy(user, &a); err != nil {
		return Account{}, "", err
	}
	var kept Account
	var what Change
	err := s.config.Store.Put(ctx, a.Issuer, a.Subject, func(r *Record) (err error) {
		switch {
		case only != "" && r.ID != only:
			return ErrOtherAccount
		case r.ID != "" && r.User != user:
			return ErrAccountInUse
		case only == "" && s.wouldLose(*r, a):
			return errUnknownKey
		}
		kept, what, err = s.merge(r, user, a)
		return err
	})
	if err != nil {
		return Account{}, "", err
	}
	s.tell(ctx, what, kept)
	return kept, what, nil
}

// merge puts what came into the record.
func (s *Accounts) merge(r *Record, user string, a Account) (Account, Change, error) {
	before, what := s.open(*r), Updated
	if r.ID == "" {
		r.ID, r.Connected, what = rand.Text(), now(), Linked
	}
	a.ID, a.User, a.Connected, a.Updated = r.ID, user, r.Connected, now()
	a.Scopes = granted(before.Scopes, a.Scopes)
	r.Strategies = through(*r, a.Strategy)
	if a.Token == (Token{}) && len(r.Sealed) > 0 {
		a.Strategy, a.Reconnect = r.Strategy, r.Reconnect
		r.Account = a
		return s.open(*r), what, nil
	}
	if a.Token.Refresh == "" && a.Strategy == r.Strategy { // another client could not use it
		a.Token.Refresh = before.Token.Refresh
	}
	a.Reconnect = false
	r.Account, r.Claimed = a, time.Time{}
	r.Token = Token{}
	return a, what, s.seal(r, a.Token)
}

var errUnknownKey = errors.New("accounts: Link: the tokens that are kept are under a key that Config.Keys has not, and would be lost")

// wouldLose tells whether there may be a refresh token that only another machine can open,
// which has a newer key already, and that none came to replace.
func (s *Accounts) wouldLose(r Record, a Account) bool {
	return len(r.Sealed) > 0 && !s.hasKey(r.Sealed) && a.Token != (Token{}) && a.Token.Refresh == "" && a.Strategy == r.Strategy
}

// through adds a strategy to those of a record. Its Strategy changes with the tokens; the
// way to log in that the account is must not be lost with that.
func through(r Record, strategy string) []string {
	all := granted(append(slices.Clone(r.Strategies), r.Strategy), []string{strategy})
	return slices.DeleteFunc(all, func(name string) bool { return name == "" })
}

// Find gives the account of an issuer and a subject, whoever has it: for logging people
// in with it. ErrNotFound says that nobody has; ErrInvalidAccount, that nobody can.
func (s *Accounts) Find(ctx context.Context, issuer, subject string) (Account, error) {
	if !text(issuer, subject) {
		return Account{}, ErrInvalidAccount
	}
	r, err := s.config.Store.Find(ctx, issuer, subject)
	if err != nil {
		return Account{}, err
	}
	return s.open(r), nil
}

// List gives the accounts of a user, in the order they were connected.
func (s *Accounts) List(ctx context.Context, user string) ([]Account, error) {
	records, err := s.config.Store.List(ctx, user)
	if err != nil {
		return nil, err
	}
	all := make([]Account, len(records))
	for i, r := range records {
		all[i] = s.open(r)
	}
	return all, nil
}

// Get gives an account of a user by its id. One that is somebody else's is ErrNotFound.
func (s *Accounts) Get(ctx context.Context, user, id string) (Account, error) {
	if !text(id) { // it may be from a form
		return Account{}, ErrNotFound
	}
	r, err := s.config.Store.Get(ctx, id)
	switch {
	case err != nil:
		return Account{}, err
	case r.User != user:
		return Account{}, ErrNotFound
	}
	return s.open(r), nil
}

// Unlink disconnects an account of a user, by its id. Call it from a POST route. It
// returns ErrLastLogin, and nothing has changed, where the user could not log in
// afterwards: neither by what Config.Logins counts nor by another account that was linked
// through a strategy that LogsIn, be it by another one, too.
//
// Where the service can revoke tokens, it is told so afterwards, also where ctx has ended
// by then; it has two thirds of Config.Lease for that. revoked is nil where it was told,
// and where there was nothing to tell; the account is gone in any case. Tokens that a
// refresh brings after that are revoked, too, if that is possible.
func (s *Accounts) Unlink(ctx context.Context, user, id string) (revoked, err error) {
	if !text(id) { // it may be from a form
		return nil, ErrNotFound
	}
	logins, err := s.logins(ctx, user)
	if err != nil {
		return nil, err
	}
	var gone Account
	err = s.config.Store.Delete(ctx, user, id, func(r Record, others []Record) error {
		gone = s.open(r)
		if s.logsIn(r) && logins == 0 && !s.anyLogsIn(others) {
			return ErrLastLogin
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	defer func() { revoked = s.revoke(ctx, gone) }() // also where Changed panics
	s.tell(ctx, Unlinked, gone)
	return nil, nil
}

// revoke tells the service that the tokens of an account that is gone are not needed. The
// browser may be gone as well, but nobody can do this later.
func (s *Accounts) revoke(ctx context.Context, gone Account) error {
	revoke := s.config.Services[gone.Strategy].Revoke
	if revoke == nil || gone.Token == (Token{}) {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.config.Lease*2/3)
	defer cancel()
	if err := guarded("Service.Revoke", func() error { return revoke(ctx, gone) }); err != nil {
		return fmt.Errorf("accounts: the service was not told: %w", err)
	}
	return nil
}

func (s *Accounts) logins(ctx context.Context, user string) (int, error) {
	if s.config.Logins == nil {
		return 0, nil
	}
	n, err := s.config.Logins(ctx, user)
	if err != nil {
		return 0, fmt.Errorf("accounts: Config.Logins: %w", err)
	}
	return n, nil
}

// logsIn tells whether people log in through any strategy that the account was linked by.
func (s *Accounts) logsIn(r Record) bool {
	return slices.ContainsFunc(through(r, ""), func(name string) bool { return s.config.Services[name].LogsIn })
}

func (s *Accounts) anyLogsIn(records []Record) bool {
	return slices.ContainsFunc(records, s.logsIn)
}

// now is exact to what every database keeps.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
