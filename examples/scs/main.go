// Command scs is an application that has sessions already, those of
// github.com/alexedwards/scs: logins are kept in them, beside the application's own values,
// a shopping cart here.
//
//	go -C examples run ./scs
//
// serves it at http://127.0.0.1:8080. The sessions are in memory; any store of scs will do.
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
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/stores/scsstore"
	"github.com/gopassport/passport/strategies/local"
)

func main() {
	key := make([]byte, 32) // a real one is kept where secrets are kept
	_, _ = rand.Read(key)
	server := &http.Server{Addr: "127.0.0.1:8080", Handler: newApp(key, scs.New()), ReadHeaderTimeout: 5 * time.Second}
	log.Println("open http://127.0.0.1:8080 and be ada, with the password: a long passphrase")
	log.Fatal(server.ListenAndServe())
}

// User is ada.
type User struct{ Name string }

func newApp(key []byte, manager *scs.SessionManager) http.Handler {
	manager.Lifetime = 14 * 24 * time.Hour // its default is a day
	manager.ErrorFunc = scsstore.Unavailable
	// manager.Cookie.Secure = true wherever the application is served by https

	auth := passport.New(passport.Config{
		Keys: [][]byte{key},
		Users: passport.Users[*User]{
			Key:  func(u *User) string { return u.Name },
			Load: func(_ context.Context, name string) (*User, error) { return &User{name}, nil },
		},
		Sessions: scsstore.New(manager),
	})
	auth.Use("password", local.New(checkPassword))

	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { shop(w, r, manager) })
	mux.HandleFunc("POST /cart", func(w http.ResponseWriter, r *http.Request) {
		manager.Put(r.Context(), "apples", manager.GetInt(r.Context(), "apples")+1)
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
	// The cart of a visitor is theirs after the log-in, too. Without KeepSessionInfo a log-in
	// forgets what somebody else may have put there.
	mux.Handle("POST /login", auth.Authenticate("password", passport.KeepSessionInfo(),
		passport.SuccessRedirect("/"), passport.FailureRedirect("/"))(http.NotFoundHandler()))
	mux.HandleFunc("POST /logout", func(w http.ResponseWriter, r *http.Request) {
		if err := auth.Logout(w, r); err != nil {
			http.Error(w, "Please try again.", http.StatusServiceUnavailable)
			return
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
	// LoadAndSave stands outside: it has the session that the registry looks into.
	return http.NewCrossOriginProtection().Handler(manager.LoadAndSave(auth.Session(mux)))
}

// checkPassword stands for a look-up and argon2id or bcrypt.
func checkPassword(_ *http.Request, name, password string) (*User, error) {
	given, want := sha256.Sum256([]byte(name+":"+password)), sha256.Sum256([]byte("ada:a long passphrase"))
	if subtle.ConstantTimeCompare(given[:], want[:]) == 0 {
		return nil, passport.Reject("")
	}
	return &User{name}, nil
}

func shop(w http.ResponseWriter, r *http.Request, manager *scs.SessionManager) {
	fmt.Fprintf(w, `<!doctype html><p>Apples: %d</p><form method="post" action="/cart"><button>One more</button></form>`, manager.GetInt(r.Context(), "apples"))
	if user, ok := passport.UserFrom[*User](r.Context()); ok {
		fmt.Fprintf(w, `<p>Hello, %s.</p><form method="post" action="/logout"><button>Log out</button></form>`, html.EscapeString(user.Name))
		return
	}
	fmt.Fprint(w, `<form method="post" action="/login"><input name="username"><input name="password" type="password"><button>Log in</button></form>`)
}
