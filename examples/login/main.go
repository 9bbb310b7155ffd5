// Command login lets people log in with a password, with GitHub and with Twitter. Nothing
// has to be configured:
//
//	go -C examples run ./login
//
// serves it at http://127.0.0.1:8080, and plays both services at http://localhost:8081. With
// GITHUB_KEY and GITHUB_SECRET, or TWITTER_KEY and TWITTER_SECRET, the real one is asked.
package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"html"
	"log"
	"net/http"
	"sync"
	"time"

	"github.com/markbates/goth"
	"golang.org/x/crypto/bcrypt"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/examples/internal/standin"
	"github.com/gopassport/passport/strategies/gothprovider"
	"github.com/gopassport/passport/strategies/local"
	"github.com/gopassport/passport/strategies/oauth1"
)

const base = "http://127.0.0.1:8080"

func main() {
	go standin.Serve(standin.Handler(base+"/auth/github/callback", base+"/auth/twitter/callback"))
	key := make([]byte, 32) // a real one is kept where secrets are kept: logins end when it is lost
	_, _ = rand.Read(key)
	server := &http.Server{Addr: base[len("http://"):], Handler: newApp(key, newPeople(bcrypt.DefaultCost), standin.URL), ReadHeaderTimeout: 5 * time.Second}
	log.Println("open", base, "and be ada, with the password: a long passphrase")
	log.Fatal(server.ListenAndServe())
}

// User is somebody who may log in: by a password, or because a service knows them.
type User struct {
	Key  string // for ever the same: "ada", "github:1001"
	Name string
	Hash []byte // of the password; nil for people of a service
}

// people stands for a database.
type people struct {
	mu    sync.Mutex
	byKey map[string]*User
	dummy []byte // a hash for people who are not there, so that a guess takes as long
}

func newPeople(cost int) *people {
	hash, err := bcrypt.GenerateFromPassword([]byte("a long passphrase"), cost)
	if err != nil {
		log.Fatal(err)
	}
	return &people{byKey: map[string]*User{"ada": {"ada", "Ada", hash}}, dummy: hash}
}

func (p *people) load(_ context.Context, key string) (*User, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if u := p.byKey[key]; u != nil {
		return u, nil
	}
	return nil, passport.ErrNoUser
}

// checkPassword is for strategies/local.
func (p *people) checkPassword(r *http.Request, name, password string) (*User, error) {
	user, err := p.load(r.Context(), name)
	hash := p.dummy
	if err == nil && user.Hash != nil {
		hash = user.Hash
	}
	if bcrypt.CompareHashAndPassword(hash, []byte(password)) != nil || err != nil || user.Hash == nil {
		return nil, passport.Reject("Wrong name or password.")
	}
	return user, nil
}

// known finds somebody by what a service calls them, for ever, and lets newcomers in. It
// never looks for an e-mail address: that a service has one proves nothing.
func (p *people) known(service, id, name string) (*User, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := service + ":" + id
	if p.byKey[key] == nil {
		p.byKey[key] = &User{Key: key, Name: name}
	}
	return p.byKey[key], nil
}

// newApp is the application, with the providers at an address.
func newApp(key []byte, p *people, services string) http.Handler {
	auth := passport.New(passport.Config{
		Keys:  [][]byte{key},
		Users: passport.Users[*User]{Key: func(u *User) string { return u.Key }, Load: p.load},
	})
	auth.Use("password", local.New(p.checkPassword))
	auth.Use("github", gothprovider.New(standin.GitHub(services, base+"/auth/github/callback"),
		func(_ *http.Request, u goth.User) (*User, error) { return p.known("github", u.UserID, u.NickName) }))
	auth.Use("twitter", oauth1.New(standin.Twitter(services, base+"/auth/twitter/callback"),
		func(_ *http.Request, g oauth1.Grant) (*User, error) {
			return p.known("twitter", g.Subject, g.Reply.Get("screen_name"))
		}))

	mux := http.NewServeMux()
	for _, name := range []string{"password", "github", "twitter"} {
		login := auth.Authenticate(name, passport.SuccessReturnToOrRedirect("/"),
			passport.FailureRedirect("/login"), passport.FailureMessage(""))(http.NotFoundHandler())
		if name == "password" {
			mux.Handle("POST /login", login)
			continue
		}
		mux.Handle("GET /auth/"+name, login)
		mux.Handle("GET /auth/"+name+"/callback", login)
	}
	mux.HandleFunc("GET /login", func(w http.ResponseWriter, r *http.Request) { loginPage(w, r, auth) })
	mux.Handle("GET /{$}", auth.RequireUser("/login")(http.HandlerFunc(home)))
	mux.HandleFunc("POST /logout", func(w http.ResponseWriter, r *http.Request) {
		if err := auth.Logout(w, r); err != nil {
			http.Error(w, "Please try again.", http.StatusServiceUnavailable)
			return
		}
		http.Redirect(w, r, "/login", http.StatusSeeOther)
	})
	return http.NewCrossOriginProtection().Handler(auth.Session(mux)) // so that no other site logs anybody out
}

func home(w http.ResponseWriter, r *http.Request) {
	user, _ := passport.UserFrom[*User](r.Context())
	fmt.Fprintf(w, `<!doctype html><p>Hello, %s.</p><form method="post" action="/logout"><button>Log out</button></form>`, html.EscapeString(user.Name))
}

func loginPage(w http.ResponseWriter, r *http.Request, auth *passport.Registry) {
	messages, _ := auth.Messages(w, r) // what went wrong, read once, before the first byte
	fmt.Fprint(w, "<!doctype html>")
	for _, text := range messages {
		fmt.Fprintf(w, "<p role=alert>%s</p>", html.EscapeString(text))
	}
	fmt.Fprint(w, `<form method="post"><input name="username"><input name="password" type="password"><button>Log in</button></form>`+
		`<a href="/auth/github">Log in with GitHub</a> <a href="/auth/twitter">Log in with Twitter</a>`)
}
