package passport_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/strategies/local"
)

// User is who logs in, Account what is connected.
type (
	User    struct{ Name, Twitter string }
	Account struct{ ID string }
)

// users is the application's table.
var users = map[string]*User{"alice": {Name: "alice"}}

func loadUser(_ context.Context, name string) (*User, error) {
	if u := users[name]; u != nil {
		return u, nil
	}
	return nil, passport.ErrNoUser
}

// checkPassword stands for a look-up and argon2id or bcrypt.
func checkPassword(_ *http.Request, name, password string) (*User, error) {
	if u := users[name]; u != nil && password == "correct horse" {
		return u, nil
	}
	return nil, passport.Reject("")
}

// twitter stands for a strategy that asks another service, at the address that it is.
type twitter string

func (t twitter) Authenticate(r *http.Request, a *passport.Attempt) (passport.Result, error) {
	query := r.URL.Query()
	if !query.Has("code") {
		state := rand.Text()
		return passport.Redirect{URL: string(t) + "?state=" + state}, a.Save(state, "what to remember until the callback")
	}
	var remembered string
	if err := a.Take(query.Get("state"), &remembered); err != nil {
		return nil, err
	}
	return passport.Success{Value: &Account{ID: query.Get("code")}}, nil
}

// saveAccount runs with the account, and associates it with the user.
func saveAccount(w http.ResponseWriter, r *http.Request) {
	user, _ := passport.UserFrom[*User](r.Context())
	account, _ := passport.AccountFrom[*Account](r.Context())
	user.Twitter = account.ID
	http.Redirect(w, r, "/settings", http.StatusSeeOther)
}

func settings(w http.ResponseWriter, r *http.Request) {
	user, _ := passport.UserFrom[*User](r.Context())
	_, _ = fmt.Fprintf(w, "%s, twitter: %q", user.Name, user.Twitter)
}

// A person logs in by password, then connects an account at another service. The login
// stays as it was.
func Example() {
	key := make([]byte, 32) // a real one is kept where secrets are kept
	_, _ = rand.Read(key)
	mux := http.NewServeMux()
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { mux.ServeHTTP(w, r) }))
	defer app.Close()

	auth := passport.New(passport.Config{
		Keys:  [][]byte{key},
		Users: passport.Users[*User]{Key: func(u *User) string { return u.Name }, Load: loadUser},
	})
	auth.Use("password", local.New(checkPassword))
	auth.Use("twitter-authz", twitter(app.URL+"/consent"))

	login := auth.Authenticate("password", passport.SuccessReturnToOrRedirect("/"), passport.FailureRedirect("/login"))
	connect := auth.Authorize("twitter-authz", passport.FailureRedirect("/settings"))
	private := auth.RequireUser("/login")

	pages := http.NewServeMux()
	pages.Handle("POST /login", login(http.NotFoundHandler()))
	pages.Handle("GET /settings", private(http.HandlerFunc(settings)))
	pages.Handle("GET /connect/twitter", private(connect(http.HandlerFunc(saveAccount))))
	pages.Handle("GET /connect/twitter/callback", private(connect(http.HandlerFunc(saveAccount))))
	pages.HandleFunc("GET /login", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "Who are you?") })
	mux.Handle("/", auth.Session(pages))

	// At the other service somebody says yes.
	mux.HandleFunc("GET /consent", func(w http.ResponseWriter, r *http.Request) {
		back := url.Values{"state": {r.FormValue("state")}, "code": {"4711"}}
		http.Redirect(w, r, "/connect/twitter/callback?"+back.Encode(), http.StatusFound)
	})

	person := visitor(app.URL)
	person("GET", "/settings", "")
	person("POST", "/login", "username=alice&password=wrong")
	person("POST", "/login", "username=alice&password=correct+horse")
	person("GET", "/connect/twitter", "")
	// Output:
	// GET /settings leads to /login: Who are you?
	// POST /login leads to /login: Who are you?
	// POST /login leads to /settings: alice, twitter: ""
	// GET /connect/twitter leads to /settings: alice, twitter: "4711"
}

// visitor is somebody with a browser, who comes from a page of the application.
func visitor(site string) func(method, path, form string) {
	jar, _ := cookiejar.New(nil)
	client := &http.Client{Jar: jar}
	return func(method, path, form string) {
		r, _ := http.NewRequestWithContext(context.Background(), method, site+path, strings.NewReader(form))
		r.Header.Set("Accept", "text/html")
		r.Header.Set("Referer", site+"/settings")
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		res, err := client.Do(r)
		if err != nil {
			fmt.Println(err)
			return
		}
		defer func() { _ = res.Body.Close() }()
		page, _ := io.ReadAll(res.Body)
		fmt.Printf("%s %s leads to %s: %s\n", method, path, res.Request.URL.Path, page)
	}
}
