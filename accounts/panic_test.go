package accounts_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gopassport/passport/accounts"
)

// wantPanicked looks for an error that tells of a panic, and not with what.
func wantPanicked(t *testing.T, what string, err error) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), "panic: a value of type") || strings.Contains(err.Error(), "canary") {
		t.Errorf("%s: %v", what, err)
	}
}

// A refresh has a goroutine of its own: a panic that goes on there ends the program.
func TestAPanicOfChangedWhileATokenIsRefreshedIsAnError(t *testing.T) {
	for what, value := range map[accounts.Change]any{accounts.Refreshed: "canary", accounts.Expired: http.ErrAbortHandler} {
		s := &service{current: "refresh-42"}
		if what == accounts.Expired {
			s.current = "none"
		}
		d := newDesk(t, s.option, func(c *accounts.Config) {
			c.Changed = func(_ context.Context, told accounts.Change, _ accounts.Account) {
				if told == what {
					panic(value)
				}
			}
		})
		kept := d.link(t, "ada", expiring(0))
		_, err := d.Token(t.Context(), kept)
		wantPanicked(t, string(what), err)
		got, err := d.Token(t.Context(), kept)
		if what == accounts.Refreshed && (err != nil || got.Access != "access-1") || what == accounts.Expired && !errors.Is(err, accounts.ErrReconnect) {
			t.Errorf("%s, afterwards: %v", what, err)
		}
		equal(t, "calls of the service", s.calls, 1)
	}
}

// brittle is a store whose calls panic, those of Change after some that do not.
type brittle struct {
	accounts.Store
	get     bool
	changes atomic.Int64
	panics  int64 // which call of Change panics
}

func (b *brittle) Get(ctx context.Context, id string) (accounts.Record, error) {
	if b.get {
		panic("canary")
	}
	return b.Store.Get(ctx, id)
}

func (b *brittle) Change(ctx context.Context, id string, change func(*accounts.Record) error) error {
	if b.changes.Add(1) == b.panics {
		panic("canary")
	}
	return b.Store.Change(ctx, id, change)
}

func TestAPanicOfTheStoreWhileATokenIsRefreshedIsAnError(t *testing.T) {
	for name, store := range map[string]*brittle{"when it is read": {get: true}, "when it is claimed": {panics: 1}} {
		s := &service{current: "refresh-42"}
		d := newDesk(t, s.option, func(c *accounts.Config) { store.Store, c.Store = c.Store, store })
		_, err := d.Token(t.Context(), d.link(t, "ada", expiring(0)))
		wantPanicked(t, name, err)
	}
}

func TestAPanicOfTheStoreDoesNotCostTheNewToken(t *testing.T) {
	s := &service{current: "refresh-42"}
	d := newDesk(t, s.option, func(c *accounts.Config) { c.Store = &brittle{Store: c.Store, panics: 2} })
	if got, err := d.Token(t.Context(), d.link(t, "ada", expiring(0))); err != nil || got.Refresh != "refresh-1" {
		t.Error(err)
	}
}

func TestAPanicOfRevokeMeansThatTheServiceWasNotTold(t *testing.T) {
	d := newDesk(t, func(c *accounts.Config) {
		c.Services = map[string]accounts.Service{"github": {Revoke: func(context.Context, accounts.Account) error { panic("canary") }}}
	})
	revoked, err := d.Unlink(t.Context(), "ada", d.link(t, "ada", gitHub("42")).ID)
	if err != nil {
		t.Error(err)
	}
	wantPanicked(t, "what Unlink says", revoked)
}

func TestTheServiceIsToldOfADisconnectAlsoWhereChangedPanics(t *testing.T) {
	var told bool
	d := newDesk(t, func(c *accounts.Config) {
		c.Services = map[string]accounts.Service{"github": {Revoke: func(context.Context, accounts.Account) error { told = true; return nil }}}
		c.Changed = func(_ context.Context, what accounts.Change, _ accounts.Account) {
			if what == accounts.Unlinked {
				panic("of the caller")
			}
		}
	})
	kept := d.link(t, "ada", gitHub("42"))
	func() {
		defer func() { equal(t, "the caller's panic", recover(), any("of the caller")) }()
		_, _ = d.Unlink(t.Context(), "ada", kept.ID)
	}()
	equal(t, "the service was told", told, true)
}
