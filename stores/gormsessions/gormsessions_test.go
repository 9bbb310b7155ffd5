package gormsessions_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/glebarez/sqlite"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/realserver"
	"github.com/gopassport/passport/passporttest"
	"github.com/gopassport/passport/stores/gormsessions"
)

func TestTheContractOfSessions(t *testing.T) {
	quiet := &gorm.Config{Logger: logger.Discard}
	t.Run("PostgreSQL", func(t *testing.T) {
		server := realserver.Postgres(t)
		passporttest.TestSessionStore(t, func(t *testing.T) passporttest.SessionHarness {
			db, err := gorm.Open(postgres.Open(server.PostgresURL()), quiet)
			if err != nil {
				t.Fatal(err)
			}
			h := harness(t, db)
			h.Break = func(*testing.T) func() { server.Kill(); return server.Start }
			return h
		})
	})
	t.Run("SQLite", func(t *testing.T) {
		passporttest.TestSessionStore(t, func(t *testing.T) passporttest.SessionHarness {
			db, err := gorm.Open(sqlite.Open(filepath.Join(t.TempDir(), "app.db")+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)"), quiet)
			if err != nil {
				t.Fatal(err)
			}
			return harness(t, db)
		})
	})
}

func harness(t *testing.T, db *gorm.DB) passporttest.SessionHarness {
	return passporttest.SessionHarness{
		Store: func(keys ...[]byte) passport.SessionStore {
			store, err := gormsessions.New(db, keys...)
			if err != nil {
				t.Fatal(err)
			}
			return passport.GorillaSessions(store, "session")
		},
		Cookie: "session",
		Ends:   true,
		Expire: func(t *testing.T) {
			if err := db.Exec("UPDATE sessions SET expires_at = '2001-01-01'").Error; err != nil {
				t.Fatal(err)
			}
		},
		Break: func(t *testing.T) func() { return hide(t, db) },
	}
}

// hide makes the table go missing.
func hide(t *testing.T, db *gorm.DB) (mend func()) {
	t.Helper()
	rename := func(from, to string) {
		if err := db.Exec("ALTER TABLE " + from + " RENAME TO " + to).Error; err != nil {
			t.Fatal(err)
		}
	}
	rename("sessions", "hidden")
	return func() { rename("hidden", "sessions") }
}

func TestATableThatCannotBeMadeIsAnError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "app.db")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := gorm.Open(sqlite.Open("file:"+file+"?mode=ro"), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := gormsessions.New(db, []byte("0123456789abcdef0123456789abcdef")); err == nil {
		t.Error("a table was made in a database that cannot be written")
	}
}

func TestMistakesInWiringPanic(t *testing.T) {
	db := &gorm.DB{}
	for want, call := range map[string]func() (*gormsessions.Store, error){
		"the db is nil":   func() (*gormsessions.Store, error) { return gormsessions.New(nil, make([]byte, 32)) },
		"there is no key": func() (*gormsessions.Store, error) { return gormsessions.New(db) },
		"32 random bytes": func() (*gormsessions.Store, error) { return gormsessions.New(db, make([]byte, 16)) },
	} {
		func() {
			defer func() {
				if text, _ := recover().(string); !strings.Contains(text, want) {
					t.Errorf("the panic is %q, want %q in it", text, want)
				}
			}()
			_, _ = call()
		}()
	}
}
