// Package store keeps the example's users, in SQLite, and beside them, with
// accounts/sqlaccounts, their connected accounts.
package store

import (
	"cmp"
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"net/url"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/gopassport/passport/accounts"
	"github.com/gopassport/passport/accounts/sqlaccounts"
)

// What a store refuses.
var (
	ErrNotFound      = errors.New("store: not found")
	ErrUsernameTaken = errors.New("store: the username is taken")
)

//go:embed schema.sql
var schema string

// Store keeps users. It is safe for concurrent use.
type Store struct {
	db       *sql.DB
	accounts *sqlaccounts.Store
}

// Open opens a store in a file, or, where that is "", one in memory until Close. It
// creates what is missing in it.
func Open(ctx context.Context, file string) (*Store, error) {
	db, err := sql.Open("sqlite", source(file))
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	db.SetMaxOpenConns(connections(file))
	s := &Store{db, sqlaccounts.New(db, sqlaccounts.SQLite)}
	_, err = db.ExecContext(ctx, schema)
	if err == nil {
		err = s.accounts.Migrate(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("store: %w", errors.Join(err, db.Close()))
	}
	return s, nil
}

// Accounts is where connected accounts are kept.
func (s *Store) Accounts() accounts.Store { return s.accounts }

// Close closes the store. One in memory is gone then.
func (s *Store) Close() error { return s.db.Close() }

// source names the database to the driver. Transactions lock when they begin:
// one that reads first and writes later could otherwise meet a change it did
// not see, and fail instead of waiting.
func source(file string) string {
	q := url.Values{
		"_pragma": {"busy_timeout(5000)"},
		"_txlock": {"immediate"},
	}
	if file != "" {
		q.Add("_pragma", "journal_mode(wal)")
		q.Add("_pragma", "synchronous(normal)")
	}
	return (&url.URL{Scheme: "file", Opaque: url.PathEscape(cmp.Or(file, ":memory:")), RawQuery: q.Encode()}).String()
}

// connections is how many connections there may be. Each to memory would be a
// database of its own. To a file, more than a few would only wait for each
// other in no order, where the pool lets them wait in a queue.
func connections(file string) int {
	if file == "" {
		return 1
	}
	return 8
}

// atomically runs f in a transaction, which counts only if f returns no error.
func (s *Store) atomically(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it does nothing, and before it there is a better error
	if err := f(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

// asError turns what the database says into what this package says.
func asError(err error) error {
	var failure *sqlite.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sql.ErrNoRows):
		return ErrNotFound
	case errors.As(err, &failure) && failure.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE:
		return ErrUsernameTaken
	}
	return fmt.Errorf("store: %w", err)
}
