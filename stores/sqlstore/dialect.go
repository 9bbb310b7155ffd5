package sqlstore

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"errors"
	"strings"
)

// Dialect is what a database speaks.
type Dialect string

// What the tables are written for.
const (
	Postgres Dialect = "postgres"
	SQLite   Dialect = "sqlite"
)

// queries are the statements of a store. Parameters stand in the order of their numbers,
// each once, because drivers for SQLite count them in different ways.
type queries struct {
	sweepFlows, put, take             string
	sweepRevocations, revoke, revoked string
}

func (d Dialect) queries(prefix string) queries {
	sweep := `DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE expires <= {now} ORDER BY expires LIMIT $1 {skip})`
	r := strings.NewReplacer("{flows}", prefix+"flows", "{revocations}", prefix+"revocations", "{now}", d.now(), "{skip}", d.skip())
	return queries{
		sweepFlows: r.Replace(strings.ReplaceAll(sweep, "{table}", "{flows}")),
		put: r.Replace(`INSERT INTO {flows} (id, flow, expires) VALUES ($1, $2, {now} + CAST($3 AS BIGINT))
			ON CONFLICT (id) DO UPDATE SET flow = excluded.flow, expires = excluded.expires`),
		take:             r.Replace(`DELETE FROM {flows} WHERE id = $1 AND expires > {now} RETURNING flow`),
		sweepRevocations: r.Replace(strings.ReplaceAll(sweep, "{table}", "{revocations}")),
		revoke: r.Replace(`INSERT INTO {revocations} AS old (id, at, expires) VALUES ($1, $2, {now} + CAST($3 AS BIGINT))
			ON CONFLICT (id) DO UPDATE SET
				at = CASE WHEN excluded.at > old.at THEN excluded.at ELSE old.at END,
				expires = CASE WHEN excluded.expires > old.expires THEN excluded.expires ELSE old.expires END`),
		// The ids of one login and of all logins differ in form, see login.
		revoked: r.Replace(`SELECT EXISTS (SELECT 1 FROM {revocations} WHERE expires > {now} AND (id = $1 AND at >= $2 OR id = $3))`),
	}
}

// now is the time in milliseconds, by the one clock that all machines share.
func (d Dialect) now() string {
	if d == Postgres {
		return `CAST(EXTRACT(EPOCH FROM now()) * 1000 AS BIGINT)`
	}
	return `CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)`
}

// skip lets two requests that sweep at once not wait for each other.
func (d Dialect) skip() string {
	if d == Postgres {
		return `FOR UPDATE SKIP LOCKED`
	}
	return ""
}

// login names a revocation: of one login, or of all where id is "". It is made of digests,
// so that it neither shows who it is nor grows with them.
func login(user, id string) string {
	if id == "" {
		return digest(user)
	}
	return digest(user) + "." + digest(id)
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// Schema gives the statements that make the tables, for programs whose migrations are
// files. Each does nothing where it was done already.
func (s *Store) Schema() []string {
	blob := "BLOB"
	if s.dialect == Postgres {
		blob = "BYTEA"
	}
	r := strings.NewReplacer("{p}", s.prefix, "{blob}", blob)
	return []string{
		r.Replace(`CREATE TABLE IF NOT EXISTS {p}flows (id TEXT PRIMARY KEY, flow {blob} NOT NULL, expires BIGINT NOT NULL)`),
		r.Replace(`CREATE INDEX IF NOT EXISTS {p}flows_expires ON {p}flows (expires)`),
		r.Replace(`CREATE TABLE IF NOT EXISTS {p}revocations (id TEXT PRIMARY KEY, at BIGINT NOT NULL, expires BIGINT NOT NULL)`),
		r.Replace(`CREATE INDEX IF NOT EXISTS {p}revocations_expires ON {p}revocations (expires)`),
	}
}

// Migrate makes the tables where they are missing. All machines may do so at once, at
// start-up. The database's user must be allowed to create tables.
func (s *Store) Migrate(ctx context.Context) (err error) {
	if s.dialect == SQLite {
		return s.create(ctx, s.db) // it locks the whole file for each statement
	}
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, tx.Rollback())
		}
	}()
	// Of two machines that create one table at once, PostgreSQL lets one fail.
	if _, err = tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(7077737706)`); err != nil {
		return err
	}
	if err = s.create(ctx, tx); err != nil {
		return err
	}
	return tx.Commit()
}

func (s *Store) create(ctx context.Context, db interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}) error {
	for _, statement := range s.Schema() {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}
