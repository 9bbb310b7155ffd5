package gorillatest_test //nolint:testableexamples // it takes a Redis; the tests have one

import (
	"context"
	"log"
	"net/http"

	"github.com/boj/redistore"

	"github.com/gopassport/passport"
)

type user struct{ id string }

var (
	keys  = [][]byte{[]byte("32 bytes of crypto/rand, newest.")}
	users = passport.Users[*user]{
		Key:  func(u *user) string { return u.id },
		Load: func(_ context.Context, id string) (*user, error) { return &user{id}, nil },
	}
	signKey, sealKey = []byte("another 32 bytes of crypto/rand."), []byte("and one more, of 32 bytes. Yes?!")
)

func Example() {
	store, err := redistore.NewRediStore(10, "tcp", "127.0.0.1:6379", "", "", signKey, sealKey)
	if err != nil {
		log.Fatal(err)
	}
	store.Options.Secure, store.Options.HttpOnly, store.Options.SameSite = true, true, http.SameSiteLaxMode
	store.SetMaxAge(14 * 24 * 60 * 60) // not 0: redistore forgets at once what is saved with it
	auth := passport.New(passport.Config{Keys: keys, Users: users, Sessions: passport.GorillaSessions(store, "session")})
	if err := http.ListenAndServe("127.0.0.1:8080", auth.Session(http.NotFoundHandler())); err != nil {
		log.Fatal(err)
	}
}
