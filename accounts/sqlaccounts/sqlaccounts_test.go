package sqlaccounts_test

import (
	"database/sql"
	"path/filepath"
	"testing"

	_ "modernc.org/sqlite"

	"github.com/gopassport/passport/accounts"
	"github.com/gopassport/passport/accounts/sqlaccounts"
	"github.com/gopassport/passport/passporttest"
)

// database is one that a test uses.
type database struct {
	name    string
	dialect sqlaccounts.Dialect
	open    func(*testing.T) *sql.DB // an empty one
}

func sqlite(t *testing.T) *sql.DB {
	t.Helper()
	return opened(t, "sqlite", "file:"+filepath.Join(t.TempDir(), "accounts.db")+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)")
}

func opened(t *testing.T, driver, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func databases() []database {
	return []database{{"SQLite", sqlaccounts.SQLite, sqlite}}
}

func (d database) store(t *testing.T) *sqlaccounts.Store {
	t.Helper()
	store := sqlaccounts.New(d.open(t), d.dialect)
	if err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return store
}

func TestTheContractOfAccountStores(t *testing.T) {
	for _, d := range databases() {
		t.Run(d.name, func(t *testing.T) {
			passporttest.TestAccountStore(t, func(t *testing.T) accounts.Store { return d.store(t) })
		})
	}
}
