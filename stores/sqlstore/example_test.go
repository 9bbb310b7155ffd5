package sqlstore_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/stores/sqlstore"
)

type user struct{ id string }

func Example() {
	db, err := sql.Open("sqlite", "file:app?mode=memory&cache=shared&_pragma=busy_timeout(5000)")
	if err != nil {
		log.Fatal(err)
	}
	store := sqlstore.New(sqlstore.Config{DB: db, Dialect: sqlstore.SQLite})
	if err := store.Migrate(context.Background()); err != nil {
		log.Fatal(err)
	}

	auth := passport.New(passport.Config{
		Keys: [][]byte{[]byte("32 bytes of crypto/rand, newest.")},
		Users: passport.Users[*user]{
			Key:  func(u *user) string { return u.id },
			Load: func(_ context.Context, id string) (*user, error) { return &user{id}, nil },
		},
		Flows:       store,
		Revocations: store,
	})
	fmt.Println(auth.LogoutEverywhere(context.Background(), "alice"))
	// Output: <nil>
}
