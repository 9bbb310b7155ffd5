package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/realserver"
	"github.com/gopassport/passport/passporttest"
	"github.com/gopassport/passport/stores/sqlstore"
)

// database is one that lasts for a test.
type database struct {
	dialect sqlstore.Dialect
	driver  string
	dsn     string
	fail    func(t *testing.T, prefix string) (mend func())
}

// open gives a pool as a machine of its own has it.
func (d database) open(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open(d.driver, d.dsn)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(10)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// store is empty only where nobody used the prefix before.
func (d database) store(t *testing.T, prefix string) *sqlstore.Store {
	t.Helper()
	store := sqlstore.New(sqlstore.Config{DB: d.open(t), Dialect: d.dialect, Prefix: prefix})
	if err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return store
}

func sqlite(t *testing.T) database {
	t.Helper()
	d := database{dialect: sqlstore.SQLite, driver: "sqlite", dsn: "file:" + filepath.Join(t.TempDir(), "app.db") + "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)"}
	d.fail = d.hide
	return d
}

// hide makes the tables go missing: a file that is open does not go away.
func (d database) hide(t *testing.T, prefix string) (mend func()) {
	t.Helper()
	db := d.open(t)
	rename := func(from, to string) {
		for _, table := range []string{"flows", "revocations"} {
			if _, err := db.ExecContext(t.Context(), "ALTER TABLE "+from+table+" RENAME TO "+to+table); err != nil {
				t.Fatal(err)
			}
		}
	}
	rename(prefix, "hidden_"+prefix)
	return func() { rename("hidden_"+prefix, prefix) }
}

func postgres(t *testing.T) database {
	t.Helper()
	server := realserver.Postgres(t)
	return database{sqlstore.Postgres, "pgx", server.PostgresURL(), func(*testing.T, string) func() {
		server.Kill()
		return server.Start
	}}
}

// onEach runs a test on a real PostgreSQL and on SQLite.
func onEach(t *testing.T, test func(*testing.T, database)) {
	t.Run("SQLite", func(t *testing.T) { test(t, sqlite(t)) })
	t.Run("PostgreSQL", func(t *testing.T) { test(t, postgres(t)) })
}

// prefixes gives each case of a suite tables of its own.
func prefixes() func() string {
	n := 0
	return func() string { n++; return fmt.Sprintf("case%d_", n) }
}

func TestTheContractOfFlows(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		next := prefixes()
		passporttest.TestFlowStore(t, func(t *testing.T) passporttest.FlowHarness {
			prefix := next()
			return passporttest.FlowHarness{Store: func() passport.FlowStore { return d.store(t, prefix) }, Break: func(t *testing.T) func() { return d.fail(t, prefix) }}
		})
	})
}

func TestTheContractOfRevocations(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		next := prefixes()
		passporttest.TestRevocationStore(t, func(t *testing.T) passporttest.RevocationHarness {
			prefix := next()
			return passporttest.RevocationHarness{Store: func() passport.RevocationStore { return d.store(t, prefix) }, Break: func(t *testing.T) func() { return d.fail(t, prefix) }}
		})
	})
}

func TestWhatIsOverIsSweptInSteps(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		store, db := d.store(t, ""), d.open(t)
		fill := func(table, columns, values string) {
			for i := range 250 {
				if _, err := db.ExecContext(t.Context(), fmt.Sprintf(`INSERT INTO %s (%s) VALUES ('over%d', %s)`, table, columns, i, values)); err != nil {
					t.Fatal(err)
				}
			}
		}
		fill("passport_flows", "id, flow, expires", "'x', 1")
		fill("passport_revocations", "id, at, expires", "1, 1")
		for _, left := range []int{151, 52, 3, 4} {
			if err := errors.Join(store.Put(t.Context(), fmt.Sprint("new", left), []byte("x"), time.Hour), store.Revoke(t.Context(), fmt.Sprint("new", left), "", time.Hour)); err != nil {
				t.Fatal(err)
			}
			for _, table := range []string{"passport_flows", "passport_revocations"} {
				var rows int
				if err := db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM "+table).Scan(&rows); err != nil || rows != left {
					t.Errorf("%s has %d rows (%v), want %d", table, rows, err, left)
				}
			}
		}
	})
}

func TestAllMachinesMayMigrateAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		var wait sync.WaitGroup
		for range 8 {
			db := d.open(t)
			wait.Go(func() {
				if err := sqlstore.New(sqlstore.Config{DB: db, Dialect: d.dialect}).Migrate(context.WithoutCancel(t.Context())); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
	})
}

func TestWhatTheTablesHoldTellsNothing(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		store, db := d.store(t, ""), d.open(t)
		if err := errors.Join(store.Revoke(t.Context(), "alice@example.org", "LOGIN", time.Hour), store.Revoke(t.Context(), "alice@example.org", "", time.Hour)); err != nil {
			t.Fatal(err)
		}
		rows, err := db.QueryContext(t.Context(), "SELECT id FROM passport_revocations")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		count := 0
		for ; rows.Next(); count++ {
			var id string
			if err := rows.Scan(&id); err != nil || strings.Contains(id, "alice") || strings.Contains(id, "LOGIN") {
				t.Errorf("the id %q shows whose it is (%v)", id, err)
			}
		}
		if count != 2 || rows.Err() != nil {
			t.Errorf("%d rows, %v", count, rows.Err())
		}
	})
}

// fault is what a store does that cannot do its work: each call fails, and says nothing
// that looks like an answer. What the registry makes of it has a code.
func fault(t *testing.T, store *sqlstore.Store, want string) {
	t.Helper()
	ctx := t.Context()
	_, errTake := store.Take(ctx, "id")
	_, errRevoked := store.Revoked(ctx, "alice", "a", time.Now())
	for what, err := range map[string]error{
		"Put": store.Put(ctx, "id", []byte("flow"), time.Minute), "Take": errTake,
		"Revoke": store.Revoke(ctx, "alice", "", time.Minute), "Revoked": errRevoked,
	} {
		if err == nil || errors.Is(err, passport.ErrNoFlow) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q in it", what, err, want)
		}
	}
	auth := passport.New(passport.Config{Keys: keys, Users: users, Flows: store, Revocations: store, Observe: func(context.Context, passport.Event) {}})
	auth.Use("op", passport.StrategyFunc(func(_ *http.Request, a *passport.Attempt) (passport.Result, error) { return nil, a.Save("state", "") }))
	r := httptest.NewRequest(http.MethodGet, "/login", nil)
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "document")
	_, errBegin := auth.Check(httptest.NewRecorder(), r, "op")
	for code, err := range map[passport.Code]error{passport.CodeFlowStore: errBegin, passport.CodeRevocations: auth.LogoutEverywhere(ctx, "alice")} {
		var e *passport.Error
		if !errors.As(err, &e) || e.Code != code || e.Status != http.StatusServiceUnavailable {
			t.Errorf("the registry's error is %v, want %s and 503", err, code)
		}
	}
}

func TestATableThatIsMissingIsAFault(t *testing.T) {
	for _, c := range []struct {
		open func(*testing.T) database
		want string
	}{{sqlite, "no such table: passport_"}, {postgres, "does not exist"}} {
		d := c.open(t)
		fault(t, sqlstore.New(sqlstore.Config{DB: d.open(t), Dialect: d.dialect}), c.want)
	}
}

func TestAWrongDSNIsAFault(t *testing.T) {
	server := realserver.Postgres(t)
	for _, c := range []struct{ name, driver, dsn, want string }{
		{"nobody listens there", "pgx", "postgres://postgres@" + realserver.Address(t) + "/postgres?sslmode=disable", "connect"},
		{"no such database", "pgx", "postgres://postgres@" + server.Address + "/nowhere?sslmode=disable", "nowhere"},
		{"no such user", "pgx", "postgres://mallory:CANARY@" + server.Address + "/postgres?sslmode=disable", "mallory"},
		{"no such folder", "sqlite", "file:" + t.TempDir() + "/nowhere/app.db", "unable to open database file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dialect := sqlstore.Postgres
			if c.driver == "sqlite" {
				dialect = sqlstore.SQLite
			}
			store := sqlstore.New(sqlstore.Config{DB: database{driver: c.driver, dsn: c.dsn}.open(t), Dialect: dialect})
			fault(t, store, c.want)
			if err := store.Migrate(t.Context()); err == nil || strings.Contains(err.Error(), "CANARY") {
				t.Errorf("Migrate: %v", err)
			}
		})
	}
}

func TestADatabaseThatIsLockedIsAFault(t *testing.T) {
	d := sqlite(t)
	d.dsn = strings.Replace(strings.Replace(d.dsn, "WAL", "DELETE", 1), "10000", "20", 1)
	store := d.store(t, "")
	other, err := d.open(t).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.ExecContext(t.Context(), "BEGIN EXCLUSIVE"); err != nil {
		t.Fatal(err)
	}
	fault(t, store, "locked")
	if _, err := other.ExecContext(t.Context(), "COMMIT"); err != nil {
		t.Fatal(err)
	}
	if err := store.Put(t.Context(), "id", []byte("flow"), time.Minute); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// A disk that is full takes nothing in, and loses nothing.
func TestAFullDiskIsAFaultAndLosesNothing(t *testing.T) {
	d := sqlite(t)
	d.dsn += "&_pragma=max_page_count(20)"
	store := d.store(t, "")
	var kept []string
	var err error
	for i := 0; err == nil; i++ {
		id := fmt.Sprint("id", i)
		if err = store.Put(t.Context(), id, []byte(strings.Repeat("x", 2000)), time.Hour); err == nil {
			kept = append(kept, id)
		}
	}
	if !strings.Contains(err.Error(), "full") || len(kept) == 0 {
		t.Fatalf("after %d flows: %v", len(kept), err)
	}
	for _, id := range kept {
		if flow, err := store.Take(t.Context(), id); err != nil || len(flow) != 2000 {
			t.Errorf("%s: %d bytes, %v", id, len(flow), err)
		}
	}
	if err := store.Put(t.Context(), "again", []byte("x"), time.Hour); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

func TestMistakesInWiringPanic(t *testing.T) {
	db := sqlite(t).open(t)
	for _, c := range []struct {
		config sqlstore.Config
		want   string
	}{
		{sqlstore.Config{Dialect: sqlstore.SQLite}, "Config.DB is nil"},
		{sqlstore.Config{DB: db}, `Config.Dialect is ""`},
		{sqlstore.Config{DB: db, Dialect: "mysql"}, `Config.Dialect is "mysql"`},
		{sqlstore.Config{DB: db, Dialect: sqlstore.SQLite, Prefix: "a;b"}, `Config.Prefix is "a;b"`},
		{sqlstore.Config{DB: db, Dialect: sqlstore.SQLite, Prefix: "1a"}, `Config.Prefix is "1a"`},
		{sqlstore.Config{DB: db, Dialect: sqlstore.SQLite, Prefix: strings.Repeat("a", 41)}, "Config.Prefix"},
	} {
		func() {
			defer func() {
				if text, _ := recover().(string); !strings.Contains(text, c.want) {
					t.Errorf("the panic is %q, want %q in it", text, c.want)
				}
			}()
			sqlstore.New(c.config)
		}()
	}
}
