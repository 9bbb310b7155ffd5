package scsstore_test

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/stores/scsstore"
)

var (
	keys  = [][]byte{[]byte("32 bytes of crypto/rand, newest.")}
	users = passport.Users[*user]{
		Key:  func(u *user) string { return u.id },
		Load: func(_ context.Context, id string) (*user, error) { return &user{id}, nil },
	}
	mux = http.NewServeMux()
)

func Example() {
	manager := scs.New()
	manager.Lifetime = 14 * 24 * time.Hour // its default is a day
	manager.Cookie.Secure = true
	manager.ErrorFunc = scsstore.Unavailable // 503; its default is 500
	auth := passport.New(passport.Config{Keys: keys, Users: users, Sessions: scsstore.New(manager)})
	handler := manager.LoadAndSave(auth.Session(mux))
	fmt.Println(handler != nil)
	// Output: true
}
