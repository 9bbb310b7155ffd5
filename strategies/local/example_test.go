package local_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/strategies/local"
)

type User struct{ Name, Hash string }

// hash stands for argon2id or bcrypt, which are slow on purpose.
func hash(password string) string {
	sum := sha256.Sum256([]byte(password))
	return string(sum[:])
}

func Example() {
	users := map[string]*User{"alice": {"alice", hash("correct horse")}}
	dummy := &User{Hash: hash("nobody's")}

	checkPassword := func(_ *http.Request, username, password string) (*User, error) {
		user, known := users[username]
		if !known {
			user = dummy // so that an unknown user takes as long as a known one
		}
		if subtle.ConstantTimeCompare([]byte(hash(password)), []byte(user.Hash)) == 0 || !known {
			return nil, passport.Reject("")
		}
		return user, nil
	}

	key := make([]byte, 32) // kept where secrets are kept
	_, _ = rand.Read(key)
	auth := passport.New(passport.Config{
		Keys: [][]byte{key},
		Users: passport.Users[*User]{
			Key: func(u *User) string { return u.Name },
			Load: func(_ context.Context, key string) (*User, error) {
				if u := users[key]; u != nil {
					return u, nil
				}
				return nil, passport.ErrNoUser
			},
		},
	})
	auth.Use("password", local.New(checkPassword))
	login := auth.Authenticate("password")(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, _ := passport.UserFrom[*User](r.Context())
		_, _ = fmt.Fprintln(w, "hello", user.Name)
	}))

	for _, password := range []string{"correct horse", "wrong"} {
		form := url.Values{"username": {"alice"}, "password": {password}}
		r := httptest.NewRequest("POST", "/login", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		login.ServeHTTP(w, r)
		fmt.Print(w.Code, " ", w.Body)
	}
	// Output:
	// 200 hello alice
	// 401 {"title":"Unauthorized","status":401,"detail":"Wrong username or password","code":"credentials_rejected"}
}
