package gormsessions_test

import (
	"context"
	"fmt"
	"log"

	"github.com/glebarez/sqlite"
	"gorm.io/gorm"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/stores/gormsessions"
)

type user struct{ id string }

var (
	keys  = [][]byte{[]byte("32 bytes of crypto/rand, newest.")}
	users = passport.Users[*user]{
		Key:  func(u *user) string { return u.id },
		Load: func(_ context.Context, id string) (*user, error) { return &user{id}, nil },
	}
	key = []byte("another 32 bytes of crypto/rand.")
)

func Example() {
	db, err := gorm.Open(sqlite.Open("file:app?mode=memory&cache=shared"))
	if err != nil {
		log.Fatal(err)
	}
	store, err := gormsessions.New(db, key)
	if err != nil {
		log.Fatal(err)
	}
	auth := passport.New(passport.Config{Keys: keys, Users: users, Sessions: passport.GorillaSessions(store, "session")})
	fmt.Println(auth != nil)
	// Output: true
}
