package basic_test

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/strategies/basic"
)

// User is who may read the reports.
type User struct {
	Name string
	Hash [32]byte
}

// hash stands for argon2id or bcrypt, which are slow on purpose.
func hash(password string) [32]byte { return sha256.Sum256([]byte(password)) }

func Example() {
	users := map[string]*User{"alice": {"alice", hash("correct horse")}}
	dummy := &User{Hash: hash("nobody's")}

	checkPassword := func(_ *http.Request, username, password string) (*User, error) {
		user, known := users[username]
		if !known {
			user = dummy // so that an unknown user takes as long as a known one
		}
		given := hash(password)
		if subtle.ConstantTimeCompare(given[:], user.Hash[:]) == 0 || !known {
			return nil, passport.Reject("")
		}
		return user, nil
	}

	auth := passport.New(passport.Config{}) // nothing is kept, so there is nothing to seal
	auth.Use("basic", basic.New("Reports", checkPassword))
	reports := auth.Authenticate("basic", passport.NoSession())(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, _ := passport.UserFrom[*User](r.Context())
		_, _ = fmt.Fprintf(w, "hello %s", user.Name)
	}))

	for _, password := range []string{"correct horse", "wrong"} {
		r := httptest.NewRequest("GET", "/reports", nil)
		r.SetBasicAuth("alice", password)
		w := httptest.NewRecorder()
		reports.ServeHTTP(w, r)
		if w.Code == http.StatusOK {
			fmt.Println(w.Code, w.Body)
		} else {
			fmt.Println(w.Code, w.Header().Get("WWW-Authenticate"))
		}
	}
	// Output:
	// 200 hello alice
	// 401 Basic realm="Reports", charset="UTF-8"
}
