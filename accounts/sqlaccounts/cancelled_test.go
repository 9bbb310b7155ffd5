package sqlaccounts_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/gopassport/passport/accounts"
	"github.com/gopassport/passport/accounts/sqlaccounts"
)

// putOne makes or changes one account.
func putOne(ctx context.Context, s *sqlaccounts.Store) error {
	return s.Put(ctx, "i", "s", func(r *accounts.Record) error {
		r.ID, r.Issuer, r.Subject, r.User = "1", "i", "s", "u"
		return nil
	})
}

// interrupt puts again and again, with contexts that end at any moment of it.
func interrupt(t *testing.T, s *sqlaccounts.Store, most time.Duration) {
	t.Helper()
	failed := 0
	for until := time.Now().Add(700 * time.Millisecond); time.Now().Before(until); {
		ctx, cancel := context.WithTimeout(t.Context(), rand.N(most))
		err := putOne(ctx, s)
		end, _ := ctx.Deadline()
		over := time.Now().After(end) // a dial may notice before the context does
		cancel()
		if err != nil && !over {
			t.Fatal("a context that has not ended:", err)
		}
		if err != nil {
			failed++
		}
	}
	if failed == 0 {
		t.Fatal("no context ended in time")
	}
}

// A request that goes away at any moment leaves no transaction behind: one that stays
// open in the pool locks everybody out.
func TestNoCancelledRequestKeepsTheLock(t *testing.T) {
	for _, d := range databases(t) {
		t.Run(d.name, func(t *testing.T) {
			dsn := d.dsn(t)
			db, other := opened(t, d.driver, dsn), opened(t, d.driver, dsn)
			db.SetMaxOpenConns(1) // the one that may be locked is the next one, too
			s, elsewhere := sqlaccounts.New(db, d.dialect), sqlaccounts.New(other, d.dialect)
			if err := s.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			most := map[sqlaccounts.Dialect]time.Duration{sqlaccounts.SQLite: 400 * time.Microsecond, sqlaccounts.PostgreSQL: 20 * time.Millisecond}
			interrupt(t, s, most[d.dialect])
			for what, store := range map[string]*sqlaccounts.Store{"the same pool": s, "another": elsewhere} {
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				if err := putOne(ctx, store); err != nil {
					t.Errorf("%s: %v", what, err)
				}
				cancel()
			}
			endBeforeCommit(t, s)
			if n := db.Stats().InUse; n != 0 {
				t.Errorf("%d connections are in use", n)
			}
		})
	}
}

// endBeforeCommit ends a context while a transaction is under way. What is said of it
// must be what happened.
func endBeforeCommit(t *testing.T, s *sqlaccounts.Store) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := s.Delete(ctx, "u", "1", func(accounts.Record, []accounts.Record) error { cancel(); return nil })
	_, found := s.Get(t.Context(), "1")
	if gone := errors.Is(found, accounts.ErrNotFound); gone != (err == nil) {
		t.Errorf("Delete: %v; then Get: %v", err, found)
	}
}

// The connection to a database in memory is all there is of it, so none that is in order
// is thrown away.
func TestNoCancelledRequestLosesADatabaseInMemory(t *testing.T) {
	db := opened(t, "sqlite", ":memory:")
	db.SetMaxOpenConns(1)
	s := sqlaccounts.New(db, sqlaccounts.SQLite)
	if err := errors.Join(s.Migrate(t.Context()), putOne(t.Context(), s)); err != nil {
		t.Fatal(err)
	}
	interrupt(t, s, 200*time.Microsecond)
	if _, err := s.Get(t.Context(), "1"); err != nil {
		t.Error(err)
	}
}
