package passport_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/strategies/local"
)

func exampleKey() []byte {
	key := make([]byte, 32) // a real one is kept where secrets are kept
	_, _ = rand.Read(key)
	return key
}

// A handler of one's own decides what a login is worth: here it answers in JSON.
func ExampleRegistry_Check() {
	auth := passport.New(passport.Config{
		Keys:  [][]byte{exampleKey()},
		Users: passport.Users[*User]{Key: func(u *User) string { return u.Name }, Load: loadUser},
	})
	auth.Use("password", local.New(checkPassword))

	signIn := func(w http.ResponseWriter, r *http.Request) {
		result, err := auth.Check(w, r, "password")
		var refused *passport.Error
		switch success, ok := result.(passport.Success); {
		case errors.As(err, &refused):
			http.Error(w, `{"error":"`+string(refused.Code)+`"}`, refused.Status)
		case !ok:
			http.Error(w, `{"error":"not by password"}`, http.StatusBadRequest)
		case auth.Login(w, r, success.Value) != nil:
			http.Error(w, `{"error":"try later"}`, http.StatusServiceUnavailable)
		default:
			_, _ = fmt.Fprintln(w, `{"welcome":true}`)
		}
	}

	for _, password := range []string{"wrong", "correct horse"} {
		r := httptest.NewRequest("POST", "/sign-in", strings.NewReader(`{"username":"alice","password":"`+password+`"}`))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		signIn(w, r)
		fmt.Print(w.Code, " ", w.Body)
	}
	// Output:
	// 401 {"error":"credentials_rejected"}
	// 200 {"welcome":true}
}

// A stamp ends the logins from before a change, of the password here.
func ExampleUsers() {
	type Member struct{ ID, PasswordHash string }
	table := map[string]*Member{"1": {ID: "1", PasswordHash: "hash of the old one"}}

	auth := passport.New(passport.Config{
		Keys: [][]byte{exampleKey()},
		Users: passport.Users[*Member]{
			Key: func(m *Member) string { return m.ID },
			Load: func(_ context.Context, id string) (*Member, error) {
				if m := table[id]; m != nil {
					return m, nil
				}
				return nil, passport.ErrNoUser
			},
			Stamp: func(m *Member) string { return m.PasswordHash },
		},
	})

	w := httptest.NewRecorder()
	_ = auth.Login(w, httptest.NewRequest("POST", "/login", nil), table["1"])
	who := auth.Session(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		m, ok := passport.UserFrom[*Member](r.Context())
		fmt.Println(m != nil, ok)
	}))
	visit := httptest.NewRequest("GET", "/", nil)
	visit.Header.Set("Cookie", strings.Split(w.Header().Get("Set-Cookie"), ";")[0])

	who.ServeHTTP(httptest.NewRecorder(), visit)
	table["1"].PasswordHash = "hash of the new one"
	who.ServeHTTP(httptest.NewRecorder(), visit)
	// Output:
	// true true
	// false false
}

// An API takes a token or a password; whoever has neither is told of both.
func ExampleOr() {
	auth := passport.New(passport.Config{})
	token := func(r *http.Request, _ *passport.Attempt) (passport.Result, error) {
		if r.Header.Get("Authorization") == "Bearer good" {
			return passport.Success{Value: "a robot"}, nil
		}
		return passport.Failure{Challenge: "Bearer"}, nil
	}
	password := func(r *http.Request, _ *passport.Attempt) (passport.Result, error) {
		if name, password, _ := r.BasicAuth(); password == "correct horse" {
			return passport.Success{Value: name}, nil
		}
		return passport.Failure{Challenge: `Basic realm="api"`}, nil
	}
	auth.Use("token", passport.StrategyFunc(token))
	auth.Use("password", passport.StrategyFunc(password))

	api := auth.Authenticate("token", passport.Or("password"), passport.NoSession())(http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) {
			name, _ := passport.UserFrom[string](r.Context())
			_, _ = fmt.Fprint(w, "hello ", name)
		}))

	for _, authorization := range []string{"Bearer good", "Basic YWxpY2U6Y29ycmVjdCBob3JzZQ==", ""} {
		r, w := httptest.NewRequest("GET", "/api", nil), httptest.NewRecorder()
		r.Header.Set("Authorization", authorization)
		api.ServeHTTP(w, r)
		if w.Code == http.StatusOK {
			fmt.Println(w.Body)
			continue
		}
		fmt.Println(w.Code, w.Header()["Www-Authenticate"])
	}
	// Output:
	// hello a robot
	// hello alice
	// 401 [Bearer Basic realm="api"]
}
