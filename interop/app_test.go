//go:build unix

package interop_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"

	"github.com/gopassport/passport"
)

// person is who logs in, and what is connected.
type person struct{ ID string }

// app is an application that people log in to by a provider, and connect accounts at it.
// It is at 127.0.0.1, and the providers at localhost: another site, as in real life.
type app struct {
	t     *testing.T
	URL   string
	auth  *passport.Registry
	mux   *http.ServeMux
	names []string // of the strategies

	mu     sync.Mutex
	err    error          // of the last request that was refused
	stamps map[string]int // which logins of a person are over
}

// newApp starts one without strategies.
func newApp(t *testing.T) *app {
	t.Helper()
	a := &app{t: t, mux: http.NewServeMux(), stamps: map[string]int{}}
	a.auth = passport.New(passport.Config{
		Keys:    [][]byte{[]byte("0123456789abcdef-interop-tests-k")},
		Users:   passport.Users[*person]{Key: func(p *person) string { return p.ID }, Load: load, Stamp: a.stamp},
		OnError: a.refused,
		Observe: func(context.Context, passport.Event) {}, // refusals are what many tests are about
	})
	a.mux.HandleFunc("GET /{$}", a.home)
	a.mux.HandleFunc("GET /become/{name}", a.become)
	server := httptest.NewServer(a.auth.Session(a.mux))
	t.Cleanup(server.Close)
	a.URL = server.URL
	return a
}

func load(_ context.Context, id string) (*person, error) { return &person{ID: id}, nil }

func (a *app) stamp(p *person) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return strconv.Itoa(a.stamps[p.ID])
}

// end ends all logins of a person.
func (a *app) end(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stamps[id]++
}

// makes makes a strategy for the callback URL that it is given.
type makes func(callback string) passport.Strategy

// uses adds the routes of a strategy: /login/NAME and /connect/NAME, with their callbacks.
func (a *app) uses(name string, make makes, opts ...passport.Option) {
	login, connect := name+"-login", name+"-connect"
	a.names = append(a.names, name)
	a.auth.Use(login, make(a.callback("login", name)))
	a.auth.Use(connect, make(a.callback("connect", name)))
	route := func(path string, h http.Handler) {
		a.mux.Handle(path, h)
		a.mux.Handle(path+"/callback", h)
	}
	route("/login/"+name, a.auth.Authenticate(login, append(opts, passport.SuccessRedirect("/"))...)(nil))
	route("/connect/"+name, a.auth.Authorize(connect, opts...)(http.HandlerFunc(a.connected)))
}

// callback is where a provider answers to.
func (a *app) callback(purpose, name string) string {
	return a.URL + "/" + purpose + "/" + name + "/callback"
}

// callbacks are both of a name.
func (a *app) callbacks(name string) []string {
	return []string{a.callback("login", name), a.callback("connect", name)}
}

func (a *app) home(w http.ResponseWriter, r *http.Request) {
	user, ok := passport.UserFrom[*person](r.Context())
	if !ok {
		user = &person{"nobody"}
	}
	a.page(w, user.ID)
}

// page shows who is logged in, and has a button for each account that may be connected.
func (a *app) page(w http.ResponseWriter, user string) {
	w.Header().Set("Content-Type", "text/html")
	fmt.Fprintf(w, `<!DOCTYPE html><link rel="icon" href="data:,"><main id="user">%s</main>`, user)
	for _, name := range a.names {
		fmt.Fprintf(w, `<form action="/connect/%s"><button id="connect-%[1]s">Connect</button></form>`, name)
	}
}

// become logs somebody in without a provider, as a password would.
func (a *app) become(w http.ResponseWriter, r *http.Request) {
	if err := a.auth.Login(w, r, &person{r.PathValue("name")}); err != nil {
		a.refused(w, r, err)
		return
	}
	a.page(w, r.PathValue("name"))
}

func (a *app) connected(w http.ResponseWriter, r *http.Request) {
	user, ok := passport.UserFrom[*person](r.Context())
	account, _ := passport.AccountFrom[*person](r.Context())
	if !ok || account == nil {
		http.Error(w, "no user, or no account", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html")
	fmt.Fprintf(w, `<!DOCTYPE html><link rel="icon" href="data:,"><main id="user">%s</main><p id="account">%s</p>`, user.ID, account.ID)
}

func (a *app) refused(w http.ResponseWriter, _ *http.Request, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.err = err
	var e *passport.Error
	errors.As(err, &e)
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(e.Status)
	fmt.Fprintf(w, `<!DOCTYPE html><link rel="icon" href="data:,"><p id="code">%s</p>`, e.Code)
}

// code is why the last request was refused, "" where none was.
func (a *app) code() passport.Code { return codeOf(a.lastError()) }

func (a *app) lastError() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.err
}

func codeOf(err error) passport.Code {
	if e, ok := errors.AsType[*passport.Error](err); ok {
		return e.Code
	}
	return ""
}
