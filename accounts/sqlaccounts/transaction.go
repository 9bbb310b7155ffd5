package sqlaccounts

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"time"
)

// errAgain says that another transaction came first.
var errAgain = errors.New("sqlaccounts: another transaction came first")

// atomically runs f in a transaction, and again where another one was in the way.
func (s *Store) atomically(ctx context.Context, f func(queryer) error) error {
	for {
		err := s.transaction(ctx, f)
		if !errors.Is(err, errAgain) && !s.busy(err) {
			return err
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		}
	}
}

// transaction runs f once. SQLite's must begin as one that writes: what has only read
// cannot wait for the lock of another.
func (s *Store) transaction(ctx context.Context, f func(queryer) error) (err error) {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	begin := "BEGIN ISOLATION LEVEL READ COMMITTED" // whatever the default: a row that is waited for is then read anew
	if s.dialect == SQLite {
		begin = "BEGIN IMMEDIATE"
	}
	// What fails may have begun all the same: a driver that sees the context end may say
	// so of a statement that was carried out. The lock would then stay for ever.
	_, err = conn.ExecContext(ctx, begin)
	if err == nil {
		err = f(conn)
	}
	if err == nil {
		err = finish(ctx, conn, "COMMIT")
	}
	if err != nil {
		return errors.Join(err, rollBack(ctx, conn))
	}
	return nil
}

// finish ends a transaction, also when the context has ended: for a driver that gives up
// then, it would not be known whether it was committed.
func finish(ctx context.Context, conn *sql.Conn, how string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	_, err := conn.ExecContext(ctx, how)
	return err
}

// rollBack undoes a transaction, if there is one. A connection that cannot even do that
// is thrown away.
func rollBack(ctx context.Context, conn *sql.Conn) error {
	err := finish(ctx, conn, "ROLLBACK")
	if err == nil || nothingBegan(err) {
		return nil
	}
	_ = conn.Raw(func(any) error { return driver.ErrBadConn }) // gives that error back
	return fmt.Errorf("sqlaccounts: rolling back: %w", err)
}

// nothingBegan tells SQLite's error for a ROLLBACK without a transaction, which PostgreSQL
// only warns of. The connection is in order, and may be the only one to a database in memory.
func nothingBegan(err error) bool {
	return strings.Contains(err.Error(), "no transaction is active")
}

// busy tells whether SQLite is locked. Its drivers have error types of their own, but
// SQLite's words are the same in all.
func (s *Store) busy(err error) bool {
	return s.dialect == SQLite && err != nil &&
		(strings.Contains(err.Error(), "database is locked") || strings.Contains(err.Error(), "SQLITE_BUSY"))
}
