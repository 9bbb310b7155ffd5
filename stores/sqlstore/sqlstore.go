// Package sqlstore keeps pending flows and ended logins in a database: a flow is then
// spent exactly once, and a logout reaches every copy of a sealed cookie, whatever machine
// it comes to. It works with PostgreSQL (9.5 or later) and SQLite (3.35 or later), through
// database/sql and whichever driver the program has:
//
//	store := sqlstore.New(sqlstore.Config{DB: db, Dialect: sqlstore.Postgres})
//	if err := store.Migrate(ctx); err != nil { … }
//	auth := passport.New(passport.Config{…, Flows: store, Revocations: store})
//
// With SQLite, let connections wait for each other: in the DSN of modernc.org/sqlite,
// _pragma=busy_timeout(5000), and _pragma=journal_mode(WAL) for speed.
//
// What is over is deleted when something new is kept, some rows at a time: there is no
// goroutine and nothing to schedule.
package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gopassport/passport"
)

// Config says where a [Store] keeps things. It is copied by [New].
type Config struct {
	// DB is the program's pool of connections. The store does not close it. Required.
	DB *sql.DB

	// Dialect is what the database speaks. Required.
	Dialect Dialect

	// Prefix begins the names of the tables, "flows" and "revocations". "" means
	// "passport_". It consists of letters, digits and underscores.
	Prefix string
}

// Store is a [passport.FlowStore] and a [passport.RevocationStore]. It is safe for
// concurrent use. Its errors are those of the driver.
type Store struct {
	db      *sql.DB
	dialect Dialect
	prefix  string
	queries queries
}

var (
	_ passport.FlowStore       = (*Store)(nil)
	_ passport.RevocationStore = (*Store)(nil)
)

// New makes a store. It does not connect, so a database that is gone, or a table that is
// missing, shows with the first request; [Store.Migrate] makes the tables. Panics where
// there is no DB, on an unknown Dialect and on a Prefix that is no name.
func New(config Config) *Store {
	if config.Prefix == "" {
		config.Prefix = "passport_"
	}
	switch {
	case config.DB == nil:
		panic("sqlstore: New: Config.DB is nil; give it the program's *sql.DB")
	case config.Dialect != Postgres && config.Dialect != SQLite:
		panic(fmt.Sprintf("sqlstore: New: Config.Dialect is %q; it is sqlstore.Postgres or sqlstore.SQLite", config.Dialect))
	case !name(config.Prefix):
		panic(fmt.Sprintf("sqlstore: New: Config.Prefix is %q; it begins the names of tables: 1 to 40 letters, digits and underscores, no digit first", config.Prefix))
	}
	return &Store{config.DB, config.Dialect, config.Prefix, config.Dialect.queries(config.Prefix)}
}

// name tells whether SQL takes it for a name without quotes.
func name(s string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
	return len(s) <= 40 && strings.Trim(s, letters+"0123456789") == "" && strings.Contains(letters, s[:1])
}

// sweepAtMost bounds what one request pays for rows that are over. Each request that adds
// one removes up to so many, so they do not pile up.
const sweepAtMost = 100

// sweep deletes some rows that are over.
func (s *Store) sweep(ctx context.Context, query string) error {
	_, err := s.db.ExecContext(ctx, query, sweepAtMost)
	return err
}

// Put keeps a flow for ttl, by the clock of the database.
func (s *Store) Put(ctx context.Context, id string, flow []byte, ttl time.Duration) error {
	if err := s.sweep(ctx, s.queries.sweepFlows); err != nil {
		return err
	}
	_, err := s.db.ExecContext(ctx, s.queries.put, id, flow, ttl.Milliseconds())
	return err
}

// Take gives a flow and removes it with one statement, so of two callers one gets it. The
// error is [passport.ErrNoFlow] when there is none.
func (s *Store) Take(ctx context.Context, id string) (flow []byte, err error) {
	err = s.db.QueryRowContext(ctx, s.queries.take, id).Scan(&flow)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, passport.ErrNoFlow
	}
	return flow, err
}

// Revoke ends a login for ttl, or all of the user's that began up to now, by the clock of
// this machine. An earlier revocation may reach further, and last longer: neither is taken
// back.
func (s *Store) Revoke(ctx context.Context, user, id string, ttl time.Duration) error {
	if err := s.sweep(ctx, s.queries.sweepRevocations); err != nil {
		return err
	}
	_, err := s.db.ExecContext(ctx, s.queries.revoke, login(user, id), time.Now().UnixMicro(), ttl.Milliseconds())
	return err
}

// Revoked asks for both kinds of revocation with one statement.
func (s *Store) Revoked(ctx context.Context, user, id string, began time.Time) (ended bool, err error) {
	all, one := login(user, ""), login(user, id)
	if id == "" {
		one = "" // no row has that
	}
	err = s.db.QueryRowContext(ctx, s.queries.revoked, all, began.UnixMicro(), one).Scan(&ended)
	return ended, err
}
