package redisstore_test

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/stores/redisstore"
)

type user struct{ id string }

var (
	keys  = [][]byte{[]byte("32 bytes of crypto/rand, newest.")}
	users = passport.Users[*user]{
		Key:  func(u *user) string { return u.id },
		Load: func(_ context.Context, id string) (*user, error) { return &user{id}, nil },
	}
)

func Example() {
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:6379", DialTimeout: time.Second, DialerRetries: 1, MaxRetries: 1})
	store := redisstore.New(redisstore.Config{Client: client})
	auth := passport.New(passport.Config{Keys: keys, Users: users, Flows: store, Revocations: store})
	fmt.Println(auth != nil)
	// Output: true
}
