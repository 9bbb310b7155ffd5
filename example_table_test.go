package passport_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/gopassport/passport"
)

// The table of the package, row by row: one strategy, which finds bob, for alice, who is
// logged in.
func ExampleRegistry() {
	auth := passport.New(passport.Config{
		Keys:  [][]byte{exampleKey()},
		Users: passport.Users[*User]{Key: func(u *User) string { return u.Name }, Load: loadAnybody},
	})
	auth.Use("bob", passport.StrategyFunc(func(*http.Request, *passport.Attempt) (passport.Result, error) {
		return passport.Success{Value: &User{Name: "bob"}}, nil
	}))
	show := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		user, _ := passport.UserFrom[*User](r.Context())
		account, connected := passport.AccountFrom[*User](r.Context())
		fmt.Print("user ", user.Name)
		if connected {
			fmt.Print(", account ", account.Name)
		}
	})

	w := httptest.NewRecorder()
	_ = auth.Login(w, httptest.NewRequest("POST", "/", nil), &User{Name: "alice"})
	alice, _, _ := strings.Cut(w.Header().Get("Set-Cookie"), ";")
	for _, route := range []struct {
		call    string
		handler http.Handler
	}{
		{"Authenticate", auth.Authenticate("bob")(show)},
		{"Authorize", auth.Authorize("bob")(show)},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Cookie", alice)
		w := httptest.NewRecorder()
		fmt.Print(route.call, ": ")
		route.handler.ServeHTTP(w, r)
		fmt.Println(", cookies set:", len(w.Result().Cookies()))
	}
	// Output:
	// Authenticate: user bob, cookies set: 1
	// Authorize: user alice, account bob, cookies set: 0
}

// What becomes of each thing that a strategy can say.
func ExampleResult() {
	says := map[string]struct {
		result passport.Result
		err    error
	}{
		"1 success":  {passport.Success{Value: &User{Name: "alice"}}, nil},
		"2 failure":  {passport.Failure{Message: "Not you."}, nil},
		"3 redirect": {passport.Redirect{URL: "https://provider.example/"}, nil},
		"4 pass":     {passport.Pass{}, nil},
		"5 fault":    {nil, fmt.Errorf("the database is down")},
	}
	auth := passport.New(passport.Config{})
	auth.Use("any", passport.StrategyFunc(func(r *http.Request, _ *passport.Attempt) (passport.Result, error) {
		said := says[r.Header.Get("Says")]
		return said.result, said.err
	}))
	route := auth.Authenticate("any", passport.NoSession())(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, known := passport.UserFrom[*User](r.Context())
		fmt.Println("the handler runs; a user is known:", known)
	}))
	for _, said := range []string{"1 success", "2 failure", "3 redirect", "4 pass", "5 fault"} {
		r, w := httptest.NewRequest("GET", "/", nil), httptest.NewRecorder()
		r.Header.Set("Says", said)
		r.Header.Set("Sec-Fetch-Mode", "navigate") // a person's: only those are sent elsewhere
		route.ServeHTTP(w, r)
		fmt.Printf("%s: %d %q\n", said, w.Code, w.Header().Get("Location"))
	}
	// Output:
	// the handler runs; a user is known: true
	// 1 success: 200 ""
	// 2 failure: 401 ""
	// 3 redirect: 302 "https://provider.example/"
	// the handler runs; a user is known: false
	// 4 pass: 200 ""
	// 5 fault: 500 ""
}
