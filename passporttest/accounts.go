package passporttest

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/gopassport/passport/accounts"
)

// AccountStore is an [accounts.Store] in memory, for tests of applications. The zero value
// is empty and ready. It is safe for concurrent use.
type AccountStore struct {
	mu      sync.Mutex
	records []accounts.Record
	failure error
}

// Fail makes each call return err from now on; nil ends that.
func (s *AccountStore) Fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failure = err
}

// Put implements [accounts.Store].
func (s *AccountStore) Put(ctx context.Context, issuer, subject string, change func(*accounts.Record) error) error {
	return s.do(ctx, func() error {
		i := s.index(func(r accounts.Record) bool { return r.Issuer == issuer && r.Subject == subject })
		if i >= 0 {
			return s.change(i, change)
		}
		var r accounts.Record
		if err := change(&r); err != nil {
			return err
		}
		s.records = append(s.records, copied(r))
		return nil
	})
}

// Change implements [accounts.Store].
func (s *AccountStore) Change(ctx context.Context, id string, change func(*accounts.Record) error) error {
	return s.do(ctx, func() error {
		i := s.index(func(r accounts.Record) bool { return r.ID == id })
		if i < 0 {
			return accounts.ErrNotFound
		}
		return s.change(i, change)
	})
}

// Get implements [accounts.Store].
func (s *AccountStore) Get(ctx context.Context, id string) (accounts.Record, error) {
	return s.first(ctx, func(r accounts.Record) bool { return r.ID == id })
}

// Find implements [accounts.Store].
func (s *AccountStore) Find(ctx context.Context, issuer, subject string) (accounts.Record, error) {
	return s.first(ctx, func(r accounts.Record) bool { return r.Issuer == issuer && r.Subject == subject })
}

// List implements [accounts.Store].
func (s *AccountStore) List(ctx context.Context, user string) (all []accounts.Record, err error) {
	err = s.do(ctx, func() error { all = s.of(user); return nil })
	return all, err
}

// Delete implements [accounts.Store].
func (s *AccountStore) Delete(ctx context.Context, user, id string, check func(accounts.Record, []accounts.Record) error) error {
	return s.do(ctx, func() error {
		i := s.index(func(r accounts.Record) bool { return r.ID == id && r.User == user })
		if i < 0 {
			return accounts.ErrNotFound
		}
		others := slices.DeleteFunc(s.of(user), func(r accounts.Record) bool { return r.ID == id })
		if err := check(copied(s.records[i]), others); err != nil {
			return err
		}
		s.records = slices.Delete(s.records, i, i+1)
		return nil
	})
}

// do runs f alone.
func (s *AccountStore) do(ctx context.Context, f func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := cmp.Or(ctx.Err(), s.failure); err != nil {
		return err
	}
	return f()
}

func (s *AccountStore) index(is func(accounts.Record) bool) int {
	return slices.IndexFunc(s.records, is)
}

func (s *AccountStore) change(i int, change func(*accounts.Record) error) error {
	r := copied(s.records[i])
	if err := change(&r); err != nil {
		return err
	}
	s.records[i] = copied(r)
	return nil
}

func (s *AccountStore) first(ctx context.Context, is func(accounts.Record) bool) (r accounts.Record, err error) {
	err = s.do(ctx, func() error {
		i := s.index(is)
		if i < 0 {
			return accounts.ErrNotFound
		}
		r = copied(s.records[i])
		return nil
	})
	return r, err
}

func (s *AccountStore) of(user string) (all []accounts.Record) {
	for _, r := range s.records {
		if r.User == user {
			all = append(all, copied(r))
		}
	}
	slices.SortFunc(all, func(a, b accounts.Record) int {
		return cmp.Or(a.Connected.Compare(b.Connected), cmp.Compare(a.ID, b.ID))
	})
	return all
}

// copied shares nothing with r.
func copied(r accounts.Record) accounts.Record {
	r.Scopes, r.Strategies, r.Sealed = slices.Clone(r.Scopes), slices.Clone(r.Strategies), slices.Clone(r.Sealed)
	return r
}
