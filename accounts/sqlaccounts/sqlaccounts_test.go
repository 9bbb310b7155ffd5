package sqlaccounts_test

import (
	"crypto/rand"
	"database/sql"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/gopassport/passport/accounts"
	"github.com/gopassport/passport/accounts/sqlaccounts"
	"github.com/gopassport/passport/internal/realserver"
	"github.com/gopassport/passport/passporttest"
)

// database is one that a test uses. dsn gives an empty one.
type database struct {
	name    string
	driver  string
	dialect sqlaccounts.Dialect
	dsn     func(*testing.T) string
}

func (d database) open(t *testing.T) *sql.DB {
	t.Helper()
	return opened(t, d.driver, d.dsn(t))
}

func sqlite(t *testing.T) string {
	t.Helper()
	return "file:" + filepath.Join(t.TempDir(), "accounts.db") + "?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)"
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

// databases are those that can be had here. PostgreSQL is started once for all of a test.
func databases(t *testing.T) []database {
	t.Helper()
	all := []database{{"SQLite", "sqlite", sqlaccounts.SQLite, sqlite}}
	var server *realserver.Server
	t.Run("there is a PostgreSQL", func(inner *testing.T) {
		realserver.Need(inner, "postgres", "initdb", "pg_isready")
		server = realserver.Postgres(t)
	})
	if server == nil {
		return all
	}
	return append(all, database{"PostgreSQL", "pgx", sqlaccounts.PostgreSQL, func(t *testing.T) string { return schema(t, server) }})
}

// schema makes a schema of its own in the server's database.
func schema(t *testing.T, server *realserver.Server) string {
	t.Helper()
	name := "s" + strings.ToLower(rand.Text())
	if _, err := opened(t, "pgx", server.PostgresURL()).ExecContext(t.Context(), "CREATE SCHEMA "+name); err != nil {
		t.Fatal(err)
	}
	return server.PostgresURL() + "&search_path=" + name
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
	for _, d := range databases(t) {
		t.Run(d.name, func(t *testing.T) {
			passporttest.TestAccountStore(t, func(t *testing.T) accounts.Store { return d.store(t) })
		})
	}
}

func TestMigrateMayRunAtEachStartOnAllMachines(t *testing.T) {
	for _, d := range databases(t) {
		t.Run(d.name, func(t *testing.T) {
			store := sqlaccounts.New(d.open(t), d.dialect)
			var wg sync.WaitGroup
			for range 10 {
				wg.Go(func() {
					if err := store.Migrate(t.Context()); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if err := store.Put(t.Context(), "i", "s", func(r *accounts.Record) error { r.ID, r.Issuer, r.Subject = "1", "i", "s"; return nil }); err != nil {
				t.Error(err)
			}
			if err := store.Migrate(t.Context()); err != nil {
				t.Error(err)
			}
			if _, err := store.Get(t.Context(), "1"); err != nil {
				t.Error("a record was lost:", err)
			}
		})
	}
}

// The first version of the table had no strategies.
func TestATableOfTheFirstVersionIsBroughtUpToDateWithItsRows(t *testing.T) {
	for _, d := range databases(t) {
		t.Run(d.name, func(t *testing.T) {
			db := d.open(t)
			statements := strings.Split(strings.TrimSuffix(sqlaccounts.Schema(d.dialect), ";\n"), ";\n\n")[:2]
			statements = append(statements, "CREATE TABLE passport_accounts_schema (version INTEGER PRIMARY KEY)",
				"INSERT INTO passport_accounts_schema (version) VALUES (1), (2)",
				`INSERT INTO passport_accounts (id, user_key, strategy, issuer, subject, name, email, picture, scopes, reconnect, claimed, connected, updated)
				 VALUES ('1', 'ada', 'github', 'github.com', '42', '', '', '', '', 0, 0, 0, 0)`)
			for _, statement := range statements {
				if _, err := db.ExecContext(t.Context(), statement); err != nil {
					t.Fatal(err)
				}
			}
			store := sqlaccounts.New(db, d.dialect)
			if err := store.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			keep := accounts.New(accounts.Config{Store: store, Keys: [][]byte{newKey()}, Services: map[string]accounts.Service{"github": {LogsIn: true}}})
			if _, err := keep.Unlink(t.Context(), "ada", "1"); !errors.Is(err, accounts.ErrLastLogin) {
				t.Error("the only way in:", err)
			}
			if _, _, err := keep.Link(t.Context(), "ada", accounts.Account{Strategy: "github-repos", Issuer: "github.com", Subject: "42"}); err != nil {
				t.Fatal(err)
			}
			if r, err := store.Get(t.Context(), "1"); err != nil || !slices.Equal(r.Strategies, []string{"github", "github-repos"}) {
				t.Error(r.Strategies, err)
			}
		})
	}
}

func newKey() []byte {
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	return key
}

func TestSchemaMakesTheTableByItself(t *testing.T) {
	for _, d := range databases(t) {
		t.Run(d.name, func(t *testing.T) {
			db := d.open(t)
			for statement := range strings.SplitSeq(strings.TrimSpace(sqlaccounts.Schema(d.dialect)), ";\n\n") {
				if _, err := db.ExecContext(t.Context(), statement); err != nil {
					t.Fatal(err)
				}
			}
			store := sqlaccounts.New(db, d.dialect)
			if all, err := store.List(t.Context(), "ada"); err != nil || len(all) != 0 {
				t.Error(all, err)
			}
			if err := putOne(t.Context(), store); err != nil {
				t.Fatal(err)
			}
			for range 2 { // a later version of the library may have to
				if err := store.Migrate(t.Context()); err != nil {
					t.Error("Migrate after Schema:", err)
				}
			}
			if _, err := store.Get(t.Context(), "1"); err != nil {
				t.Error("a record was lost:", err)
			}
		})
	}
}

func TestAMissingTableAndADatabaseThatIsGoneAreErrors(t *testing.T) {
	for _, d := range databases(t) {
		t.Run(d.name, func(t *testing.T) {
			db := d.open(t)
			store := sqlaccounts.New(db, d.dialect)
			if _, err := store.Get(t.Context(), "1"); err == nil || errors.Is(err, accounts.ErrNotFound) {
				t.Errorf("without a table: %v", err)
			}
			_ = db.Close()
			if err := store.Change(t.Context(), "1", func(*accounts.Record) error { return nil }); err == nil || errors.Is(err, accounts.ErrNotFound) {
				t.Errorf("closed: %v", err)
			}
		})
	}
}

func TestNewPanicsOnWhatCannotBeRight(t *testing.T) {
	for _, make := range []func(){
		func() { sqlaccounts.New(nil, sqlaccounts.SQLite) },
		func() { sqlaccounts.New(opened(t, "sqlite", sqlite(t)), "mysql") },
	} {
		func() {
			defer func() {
				if text, _ := recover().(string); !strings.HasPrefix(text, "sqlaccounts: New: ") {
					t.Errorf("the panic is %q", text)
				}
			}()
			make()
		}()
	}
}

// PostgreSQL takes no NUL byte and nothing but UTF-8. What comes from a service must not
// look like a database that is down.
func TestWhatIsNoTextIsNoFaultOfTheDatabase(t *testing.T) {
	for _, d := range databases(t) {
		t.Run(d.name, func(t *testing.T) {
			keep := accounts.New(accounts.Config{Store: d.store(t), Keys: [][]byte{[]byte(rand.Text() + rand.Text())[:32]}})
			a := accounts.Account{Strategy: "x", Issuer: "i", Subject: "a\x00b", Name: "x\x00y\xff", Scopes: []string{"\x00"}}
			_, _, link := keep.Link(t.Context(), "ada", a)
			_, find := keep.Find(t.Context(), "i", "a\xffb")
			_, get := keep.Get(t.Context(), "ada", "\x00")
			if !errors.Is(link, accounts.ErrInvalidAccount) || !errors.Is(find, accounts.ErrInvalidAccount) || !errors.Is(get, accounts.ErrNotFound) {
				t.Errorf("Link: %v; Find: %v; Get: %v", link, find, get)
			}
			a.Subject = "ab"
			if kept, _, err := keep.Link(t.Context(), "ada", a); err != nil || kept.Name != "xy" {
				t.Errorf("%q, %v", kept.Name, err)
			}
		})
	}
}
