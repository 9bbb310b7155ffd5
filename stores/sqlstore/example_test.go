package sqlstore_test

import (
	"context"
	"database/sql"
	"log"
	"testing"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/passporttest"
	"github.com/gopassport/passport/stores/sqlstore"
)

type user struct{ id string }

var (
	keys  = [][]byte{[]byte("32 bytes of crypto/rand, newest.")}
	users = passport.Users[*user]{
		Key:  func(u *user) string { return u.id },
		Load: func(_ context.Context, id string) (*user, error) { return &user{id}, nil },
	}
)

func Example() { //nolint:testableexamples // it takes a PostgreSQL; the tests have one
	ctx := context.Background()
	db, err := sql.Open("pgx", "postgres://app@127.0.0.1/app")
	if err != nil {
		log.Fatal(err)
	}
	store := sqlstore.New(sqlstore.Config{DB: db, Dialect: sqlstore.Postgres})
	if err := store.Migrate(ctx); err != nil {
		log.Fatal(err)
	}
	auth := passport.New(passport.Config{Keys: keys, Users: users, Flows: store, Revocations: store})
	if err := auth.LogoutEverywhere(ctx, "alice"); err != nil {
		log.Fatal(err)
	}
}

// As docs/sessions.md shows it for a store of one's own.
func TestAStoreOfOnesOwn(t *testing.T) {
	passporttest.TestFlowStore(t, func(t *testing.T) passporttest.FlowHarness {
		shared := newFlowStore(t)
		return passporttest.FlowHarness{Store: func() passport.FlowStore { return shared }}
	})
}

func newFlowStore(t *testing.T) passport.FlowStore {
	t.Helper()
	return sqlite(t).store(t, "")
}
