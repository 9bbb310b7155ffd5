package sqlaccounts_test

import (
	"context"
	"database/sql"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/gopassport/passport/accounts"
	"github.com/gopassport/passport/accounts/sqlaccounts"
)

// keep is what docs/accounts.md shows.
func keep(ctx context.Context, db *sql.DB, keys [][]byte) (*accounts.Accounts, error) {
	store := sqlaccounts.New(db, sqlaccounts.PostgreSQL) // or sqlaccounts.SQLite
	if err := store.Migrate(ctx); err != nil {
		return nil, err
	}
	return accounts.New(accounts.Config{Store: store, Keys: keys}), nil
}

// What the page shows of this module is not compiled with the page: it stands above, word
// for word.
func TestWhatTheDocumentationShowsCompiles(t *testing.T) {
	page, err := os.ReadFile("../../docs/accounts.md")
	if err != nil {
		t.Fatal(err)
	}
	own, err := os.ReadFile("docs_test.go")
	if err != nil {
		t.Fatal(err)
	}
	flush := func(code string) string { return regexp.MustCompile(`(?m)^\t+`).ReplaceAllString(code, "") }
	blocks := regexp.MustCompile("(?s)```golang\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(blocks) == 0 {
		t.Fatal("there are no blocks")
	}
	for _, block := range blocks {
		if !strings.Contains(flush(string(own)), flush(block[1])) {
			t.Errorf("it is not here:\n%s", block[1])
		}
	}
}

func TestADatabaseThatIsGoneIsNoticedWhenTheTableIsMade(t *testing.T) {
	db := opened(t, "sqlite", sqlite(t))
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := keep(t.Context(), db, nil); err == nil || !strings.HasPrefix(err.Error(), "sqlaccounts: Migrate: ") {
		t.Error(err)
	}
}
