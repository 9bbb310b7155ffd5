// Command server is one of the stacks that are compared over loopback: the same page, for
// the person who is logged in, with one library or another.
//
//	server bare|passport|gorilla|scs
//
// It prints "ready <port>", and ends when its standard input does.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/gorilla/sessions"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/strategies/local"
)

type user struct{ id, name string }

// people stands for the application's database.
type people map[string]*user

func (p people) load(_ context.Context, id string) (*user, error) {
	if u, ok := p[id]; ok {
		return u, nil
	}
	return nil, passport.ErrNoUser
}

func (p people) check(_ *http.Request, name, password string) (*user, error) {
	if name != "ada" || password != "lovelace" {
		return nil, passport.Reject("Wrong name or password")
	}
	return p["4711"], nil
}

func main() {
	log.SetFlags(0)
	if err := run(os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}

func run(args []string) error {
	handler, err := pick(args, people{"4711": {"4711", "ada"}})
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // whatever ends it
		_ = server.Close()                   // the program ends anyway
	}()
	_, port, _ := net.SplitHostPort(listener.Addr().String()) // just listened on
	fmt.Fprintln(os.Stdout, "ready", port)
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func pick(args []string, p people) (http.Handler, error) {
	stacks := map[string]func(people) http.Handler{"bare": bare, "passport": ours, "gorilla": gorilla, "scs": scsStack}
	if len(args) != 1 || stacks[args[0]] == nil {
		return nil, errors.New("usage: server bare|passport|gorilla|scs")
	}
	return stacks[args[0]](p), nil
}

func greet(w http.ResponseWriter, u *user) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	name := "stranger"
	if u != nil {
		name = u.name
	}
	_, _ = io.WriteString(w, "hello "+name)
}

// bare knows nobody and says so to everyone.
func bare(people) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /page", func(w http.ResponseWriter, _ *http.Request) { greet(w, &user{"4711", "ada"}) })
	mux.HandleFunc("POST /login", func(http.ResponseWriter, *http.Request) {})
	return mux
}

func ours(p people) http.Handler {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	auth := passport.New(passport.Config{
		Keys:  [][]byte{key},
		Users: passport.Users[*user]{Key: func(u *user) string { return u.id }, Load: p.load},
	})
	auth.Use("password", local.New(p.check))
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u, _ := passport.UserFrom[*user](r.Context())
		greet(w, u)
	})
	mux := http.NewServeMux()
	mux.Handle("GET /page", page)
	mux.Handle("POST /login", auth.Authenticate("password")(page))
	return auth.Session(mux)
}

// gorilla is what applications write by hand on gorilla's CookieStore, as it comes.
func gorilla(p people) http.Handler {
	store := sessions.NewCookieStore([]byte("0123456789abcdef0123456789abcdef"))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /page", func(w http.ResponseWriter, r *http.Request) {
		session, _ := store.Get(r, "session") // a bad cookie is an empty session
		id, _ := session.Values["user"].(string)
		greet(w, p[id])
	})
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		u, err := p.check(r, r.FormValue("username"), r.FormValue("password"))
		if err != nil {
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		session, _ := store.Get(r, "session")
		session.Values["user"] = u.id
		if err := session.Save(r, w); err != nil {
			http.Error(w, "no", http.StatusInternalServerError)
		}
	})
	return mux
}

// scsStack is what applications write by hand on scs, with its store in memory.
func scsStack(p people) http.Handler {
	manager := scs.New()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /page", func(w http.ResponseWriter, r *http.Request) {
		greet(w, p[manager.GetString(r.Context(), "user")])
	})
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		u, err := p.check(r, r.FormValue("username"), r.FormValue("password"))
		if err != nil {
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		manager.Put(r.Context(), "user", u.id)
	})
	return manager.LoadAndSave(mux)
}
