// Command chi is an application on another router, github.com/go-chi/chi: the middleware is
// func(http.Handler) http.Handler, which chi, and most routers, take as it is.
//
//	go -C examples run ./chi
//
// serves it at http://127.0.0.1:8080, and plays GitHub at http://localhost:8081. With
// GITHUB_KEY and GITHUB_SECRET the real one is asked.
package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"html"
	"log"
	"net/http"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/markbates/goth"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/examples/internal/standin"
	"github.com/gopassport/passport/strategies/gothprovider"
	"github.com/gopassport/passport/strategies/local"
)

const base = "http://127.0.0.1:8080"

func main() {
	go standin.Serve(standin.Handler(base + "/settings/github/callback"))
	key := make([]byte, 32) // a real one is kept where secrets are kept
	_, _ = rand.Read(key)
	server := &http.Server{Addr: base[len("http://"):], Handler: newApp(key, standin.URL), ReadHeaderTimeout: 5 * time.Second}
	log.Println("open", base+"/settings and be ada, with the password: a long passphrase")
	log.Fatal(server.ListenAndServe())
}

// User is ada, and Account what is connected.
type (
	User    struct{ Name string }
	Account struct{ ID, Name string }
)

type app struct {
	mu       sync.Mutex
	accounts map[string]*Account // by the user's name; a database would refuse one that somebody else has
}

// newApp is the application, with GitHub at an address.
func newApp(key []byte, github string) http.Handler {
	a := &app{accounts: map[string]*Account{}}
	auth := passport.New(passport.Config{
		Keys: [][]byte{key},
		Users: passport.Users[*User]{
			Key:  func(u *User) string { return u.Name },
			Load: func(_ context.Context, name string) (*User, error) { return &User{name}, nil },
		},
	})
	auth.Use("password", local.New(checkPassword))
	auth.Use("github-authz", gothprovider.New(standin.GitHub(github, base+"/settings/github/callback"),
		func(_ *http.Request, u goth.User) (*Account, error) { return &Account{u.UserID, u.NickName}, nil }))

	r := chi.NewRouter()
	r.Use(auth.Session)
	r.Get("/login", loginPage)
	r.With(auth.Authenticate("password", passport.SuccessReturnToOrRedirect("/settings"), passport.FailureRedirect("/login"))).
		Post("/login", http.NotFound) // success redirects, so nothing gets there
	r.Route("/settings", func(r chi.Router) {
		r.Use(auth.RequireUser("/login"))
		r.Get("/", a.settings)
		connect := auth.Authorize("github-authz", passport.FailureRedirect("/settings"))
		r.With(connect).Get("/github", a.save)
		r.With(connect).Get("/github/callback", a.save)
	})
	return r
}

// checkPassword stands for a look-up and argon2id or bcrypt.
func checkPassword(_ *http.Request, name, password string) (*User, error) {
	given, want := sha256.Sum256([]byte(name+":"+password)), sha256.Sum256([]byte("ada:a long passphrase"))
	if subtle.ConstantTimeCompare(given[:], want[:]) == 0 {
		return nil, passport.Reject("")
	}
	return &User{name}, nil
}

// save runs with the account, and the user who was logged in before.
func (a *app) save(w http.ResponseWriter, r *http.Request) {
	user, _ := passport.UserFrom[*User](r.Context())
	account, _ := passport.AccountFrom[*Account](r.Context())
	a.mu.Lock()
	a.accounts[user.Name] = account
	a.mu.Unlock()
	http.Redirect(w, r, "/settings", http.StatusSeeOther)
}

func (a *app) settings(w http.ResponseWriter, r *http.Request) {
	user, _ := passport.UserFrom[*User](r.Context())
	a.mu.Lock()
	account := a.accounts[user.Name]
	a.mu.Unlock()
	fmt.Fprintf(w, "<!doctype html><p>Hello, %s.</p>", html.EscapeString(user.Name))
	if account == nil {
		fmt.Fprint(w, `<a href="/settings/github">Connect GitHub</a>`)
		return
	}
	fmt.Fprintf(w, "<p>At GitHub you are %s.</p>", html.EscapeString(account.Name))
}

func loginPage(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprint(w, `<!doctype html><form method="post"><input name="username"><input name="password" type="password"><button>Log in</button></form>`)
}
