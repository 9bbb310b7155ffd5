// Package store keeps the example's users and their connected accounts, in
// SQLite.
//
// What must never go wrong is left to the database: an account belongs to one
// user because (provider, subject) is unique, and what takes several
// statements is one transaction. Users are never matched by e-mail address:
// whoever controls an address at one service need not be the person who had it
// at another. No address is stored.
package store

import (
	"cmp"
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"net/url"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// What a store refuses. None of them says whom the matter concerns.
var (
	ErrNotFound      = errors.New("store: not found")
	ErrUsernameTaken = errors.New("store: the username is taken")
	ErrAccountInUse  = errors.New("store: the account is connected to another user")
	ErrLastLogin     = errors.New("store: it is the last way to log in")
)

//go:embed schema.sql
var schema string

// Config says where a store keeps its data.
type Config struct {
	File  string           // "": in memory, until Close
	Login []string         // the providers whose accounts people can log in with
	Now   func() time.Time // the clock; nil: time.Now
}

// Store keeps users and accounts. It is safe for concurrent use.
type Store struct {
	db    *sql.DB
	login []string
	now   func() time.Time
}

// Open opens a store and creates what is missing in it.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	db, err := sql.Open("sqlite", source(cfg.File))
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	db.SetMaxOpenConns(connections(cfg.File))
	if _, err := db.ExecContext(ctx, schema); err != nil {
		return nil, fmt.Errorf("store: %w", errors.Join(err, db.Close()))
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Store{db: db, login: cfg.Login, now: cfg.Now}, nil
}

// Close closes the store. One in memory is gone then.
func (s *Store) Close() error { return s.db.Close() }

// source names the database to the driver. Transactions lock when they begin:
// one that reads first and writes later could otherwise meet a change it did
// not see, and fail instead of waiting.
func source(file string) string {
	q := url.Values{
		"_pragma": {"foreign_keys(1)", "busy_timeout(5000)"},
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

// asError turns what the database says into what this package says. taken is
// what a violated unique constraint means here.
func asError(err, taken error) error {
	var failure *sqlite.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sql.ErrNoRows):
		return ErrNotFound
	case !errors.As(err, &failure):
	case failure.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE && taken != nil:
		return taken
	case failure.Code() == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return ErrNotFound
	}
	return fmt.Errorf("store: %w", err)
}
