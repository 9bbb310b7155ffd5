package scsstore_test

import (
	"context"
	"fmt"
	"net/http"

	"github.com/alexedwards/scs/v2"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/stores/scsstore"
)

func Example() {
	manager := scs.New()
	manager.Cookie.Secure = true
	manager.ErrorFunc = scsstore.Unavailable

	auth := passport.New(passport.Config{
		Keys:     [][]byte{[]byte("32 bytes of crypto/rand, newest.")},
		Sessions: scsstore.New(manager),
		Users: passport.Users[*user]{
			Key:  func(u *user) string { return u.id },
			Load: func(_ context.Context, id string) (*user, error) { return &user{id}, nil },
		},
	})
	mux := http.NewServeMux()
	handler := manager.LoadAndSave(auth.Session(mux))
	fmt.Println(handler != nil)
	// Output: true
}
