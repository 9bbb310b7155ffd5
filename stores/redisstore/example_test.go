package redisstore_test

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/stores/redisstore"
)

type user struct{ id string }

func Example() {
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:6379"})
	store := redisstore.New(redisstore.Config{Client: client})

	auth := passport.New(passport.Config{
		Keys: [][]byte{[]byte("32 bytes of crypto/rand, newest.")},
		Users: passport.Users[*user]{
			Key:  func(u *user) string { return u.id },
			Load: func(_ context.Context, id string) (*user, error) { return &user{id}, nil },
		},
		Flows:       store,
		Revocations: store,
	})
	fmt.Println(auth != nil)
	// Output: true
}
