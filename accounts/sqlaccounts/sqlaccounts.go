// Package sqlaccounts keeps connected accounts in a database/sql database: PostgreSQL or
// SQLite.
//
//	db, err := sql.Open("pgx", dsn)
//	…
//	store := sqlaccounts.New(db, sqlaccounts.PostgreSQL)
//	if err := store.Migrate(ctx); err != nil { … }
//	keep := accounts.New(accounts.Config{Store: store, Keys: keys})
//
// It brings no driver. With SQLite set a busy time-out in the data source name; what
// meets a locked database all the same is tried again until the context ends.
package sqlaccounts

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gopassport/passport/accounts"
)

// Dialect is what kind of database it is.
type Dialect string

// The databases that are known.
const (
	PostgreSQL Dialect = "postgresql" // 12 or later
	SQLite     Dialect = "sqlite"     // 3.35 or later
)

// Store is an [accounts.Store]. It is safe for concurrent use, and by several processes.
type Store struct {
	db      *sql.DB
	dialect Dialect
}

var _ accounts.Store = (*Store)(nil)

// New makes a store. The table is made by [Store.Migrate], or by the application with
// what [Schema] gives. Panics on a nil database and on a dialect that is not known.
func New(db *sql.DB, dialect Dialect) *Store {
	if db == nil || Schema(dialect) == "" {
		panic(fmt.Sprintf("sqlaccounts: New: the database is nil, or the dialect %q is neither PostgreSQL nor SQLite", dialect))
	}
	return &Store{db, dialect}
}

const columns = "id, user_key, strategy, issuer, subject, name, email, picture, scopes, reconnect, sealed, claimed, connected, updated, strategies"

// Put implements [accounts.Store].
func (s *Store) Put(ctx context.Context, issuer, subject string, change func(*accounts.Record) error) error {
	return s.atomically(ctx, func(tx queryer) error {
		r, err := s.one(ctx, tx, "issuer = $1 AND subject = $2"+s.lock(), issuer, subject)
		if err == nil {
			return s.update(ctx, tx, r, change)
		}
		if !errors.Is(err, accounts.ErrNotFound) {
			return err
		}
		fresh := accounts.Record{}
		if err := change(&fresh); err != nil {
			return err
		}
		return s.insert(ctx, tx, fresh)
	})
}

// Change implements [accounts.Store].
func (s *Store) Change(ctx context.Context, id string, change func(*accounts.Record) error) error {
	return s.atomically(ctx, func(tx queryer) error {
		r, err := s.one(ctx, tx, "id = $1"+s.lock(), id)
		if err != nil {
			return err
		}
		return s.update(ctx, tx, r, change)
	})
}

// Get implements [accounts.Store].
func (s *Store) Get(ctx context.Context, id string) (accounts.Record, error) {
	return s.one(ctx, s.db, "id = $1", id)
}

// Find implements [accounts.Store].
func (s *Store) Find(ctx context.Context, issuer, subject string) (accounts.Record, error) {
	return s.one(ctx, s.db, "issuer = $1 AND subject = $2", issuer, subject)
}

// List implements [accounts.Store].
func (s *Store) List(ctx context.Context, user string) ([]accounts.Record, error) {
	return s.all(ctx, s.db, "user_key = $1 ORDER BY connected, id", user)
}

// Delete implements [accounts.Store].
func (s *Store) Delete(ctx context.Context, user, id string, check func(accounts.Record, []accounts.Record) error) error {
	return s.atomically(ctx, func(tx queryer) error {
		records, err := s.all(ctx, tx, "user_key = $1 ORDER BY id"+s.lock(), user)
		if err != nil {
			return err
		}
		others := make([]accounts.Record, 0, len(records))
		var gone *accounts.Record
		for _, r := range records {
			if r.ID == id {
				gone = &r
				continue
			}
			others = append(others, r)
		}
		if gone == nil {
			return accounts.ErrNotFound
		}
		if err := check(*gone, others); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "DELETE FROM passport_accounts WHERE id = $1", id)
		return err
	})
}

// lock makes a row wait for whoever changes it. SQLite locks the whole database.
func (s *Store) lock() string {
	if s.dialect == PostgreSQL {
		return " FOR UPDATE"
	}
	return ""
}

// queryer is a database, or a connection with a transaction.
type queryer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func (s *Store) one(ctx context.Context, db queryer, where string, args ...any) (accounts.Record, error) {
	records, err := s.all(ctx, db, where, args...)
	switch {
	case err != nil:
		return accounts.Record{}, err
	case len(records) == 0:
		return accounts.Record{}, accounts.ErrNotFound
	}
	return records[0], nil
}

func (s *Store) all(ctx context.Context, db queryer, where string, args ...any) (records []accounts.Record, err error) {
	rows, err := db.QueryContext(ctx, "SELECT "+columns+" FROM passport_accounts WHERE "+where, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		r, err := scan(rows)
		if err != nil {
			return nil, err
		}
		records = append(records, r)
	}
	return records, rows.Err()
}

func scan(rows *sql.Rows) (r accounts.Record, err error) {
	var scopes, strategies string
	var reconnect, claimed, connected, updated int64
	err = rows.Scan(&r.ID, &r.User, &r.Strategy, &r.Issuer, &r.Subject, &r.Name, &r.Email, &r.Picture,
		&scopes, &reconnect, &r.Sealed, &claimed, &connected, &updated, &strategies)
	r.Strategies = strings.FieldsFunc(strategies, func(c rune) bool { return c == '\n' })
	r.Scopes, r.Reconnect = strings.Fields(scopes), reconnect != 0
	r.Claimed, r.Connected, r.Updated = moment(claimed), moment(connected), moment(updated)
	return r, err
}

// values are those of columns.
func values(r accounts.Record) []any {
	reconnect := 0
	if r.Reconnect {
		reconnect = 1
	}
	return []any{r.ID, r.User, r.Strategy, r.Issuer, r.Subject, r.Name, r.Email, r.Picture,
		strings.Join(r.Scopes, " "), reconnect, r.Sealed, millis(r.Claimed), millis(r.Connected), millis(r.Updated), strings.Join(r.Strategies, "\n")}
}

// Times are milliseconds since 1970; 0 is none.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// insert adds a record. Where somebody was faster, errAgain says so.
func (s *Store) insert(ctx context.Context, tx queryer, r accounts.Record) error {
	result, err := tx.ExecContext(ctx, "INSERT INTO passport_accounts ("+columns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) ON CONFLICT (issuer, subject) DO NOTHING`, values(r)...)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return errors.Join(errAgain, err)
	}
	return nil
}

func (s *Store) update(ctx context.Context, tx queryer, r accounts.Record, change func(*accounts.Record) error) error {
	if err := change(&r); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `UPDATE passport_accounts SET user_key = $2, strategy = $3, issuer = $4, subject = $5, name = $6, email = $7,
		picture = $8, scopes = $9, reconnect = $10, sealed = $11, claimed = $12, connected = $13, updated = $14, strategies = $15 WHERE id = $1`, values(r)...)
	return err
}
