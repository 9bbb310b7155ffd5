package sqlaccounts

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// migrations are the versions of the table, the oldest first. What stands here never
// changes: a new version is one more.
func migrations(dialect Dialect) []string {
	bytes := map[Dialect]string{PostgreSQL: "BYTEA", SQLite: "BLOB"}[dialect]
	if bytes == "" {
		return nil
	}
	return []string{
		`CREATE TABLE passport_accounts (
	id        TEXT PRIMARY KEY,
	user_key  TEXT NOT NULL,    -- what Users.Key gives
	strategy  TEXT NOT NULL,
	issuer    TEXT NOT NULL,
	subject   TEXT NOT NULL,
	name      TEXT NOT NULL,
	email     TEXT NOT NULL,
	picture   TEXT NOT NULL,
	scopes    TEXT NOT NULL,    -- with spaces between them
	reconnect INTEGER NOT NULL, -- 1: the service takes the tokens no more
	sealed    ` + bytes + `,    -- the tokens, encrypted
	claimed   BIGINT NOT NULL,  -- times are milliseconds since 1970
	connected BIGINT NOT NULL,
	updated   BIGINT NOT NULL,
	UNIQUE (issuer, subject)
)`,
		`CREATE INDEX passport_accounts_user ON passport_accounts (user_key)`,
		`ALTER TABLE passport_accounts ADD COLUMN strategies TEXT NOT NULL DEFAULT ''`, // one a line
	}
}

// versions is the table that says which version there is.
const versions = "passport_accounts_schema (version INTEGER PRIMARY KEY)"

// Schema gives the statements that make the table, for applications that have migrations
// of their own; "" for a dialect that is not known. They note the version, as [Store.Migrate]
// does, which may bring the table up to date later.
func Schema(dialect Dialect) string {
	statements := migrations(dialect)
	if len(statements) == 0 {
		return ""
	}
	note := fmt.Sprintf("INSERT INTO passport_accounts_schema (version) VALUES (%d)", len(statements))
	return strings.Join(append(statements, "CREATE TABLE "+versions, note), ";\n\n") + ";\n"
}

// Migrate makes the table, or brings an older one up to date. It may be called at each
// start, by several machines at once. Which version there is stands in a table of its own,
// passport_accounts_schema.
func (s *Store) Migrate(ctx context.Context) error {
	if err := s.atomically(ctx, func(tx queryer) error { return s.migrate(ctx, tx) }); err != nil {
		return fmt.Errorf("sqlaccounts: Migrate: %w", err)
	}
	return nil
}

func (s *Store) migrate(ctx context.Context, tx queryer) error {
	if s.dialect == PostgreSQL { // two of CREATE TABLE IF NOT EXISTS at once can fail there
		if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock(7210455)"); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS "+versions); err != nil {
		return err
	}
	version, err := number(ctx, tx, "SELECT COALESCE(MAX(version), 0) FROM passport_accounts_schema")
	if err != nil {
		return err
	}
	for i, statement := range migrations(s.dialect) {
		if i < version {
			continue
		}
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO passport_accounts_schema (version) VALUES ($1)", i+1); err != nil {
			return err
		}
	}
	return nil
}

// number reads one number.
func number(ctx context.Context, tx queryer, query string) (n int, err error) {
	rows, err := tx.QueryContext(ctx, query)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := rows.Scan(&n); err != nil {
			return 0, err
		}
	}
	return n, rows.Err()
}
