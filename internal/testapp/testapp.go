// Package testapp is what the tests of strategies with flows have in common: an application
// that notes what it heard, and browsers that visit it. It is for tests only.
//
// Its Browser is simpler than passporttest's, on purpose: it sends any request whatever,
// and a test may look at its cookies, and change them.
package testapp

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gopassport/passport"
)

// App is an application at https://app.example. It answers errors with their code and
// message.
type App struct {
	T       testing.TB
	Auth    *passport.Registry
	Mux     *http.ServeMux // its routes
	Handler http.Handler   // what browsers ask: Mux, or something around it

	// Causes says that Secretless looks at the causes of errors as well.
	Causes bool

	mu     sync.Mutex
	errors []*passport.Error
	events []passport.Event
}

// New makes an application with one key and neither users nor routes, after changes to its
// configuration.
func New(tb testing.TB, changes ...func(*passport.Config)) *App {
	tb.Helper()
	a := &App{T: tb, Mux: http.NewServeMux()}
	a.Handler = a.Mux
	key := sha256.Sum256([]byte(tb.Name()))
	config := passport.Config{Keys: [][]byte{key[:]}, Observe: a.observe, OnError: a.OnError}
	for _, change := range changes {
		change(&config)
	}
	a.Auth = passport.New(config)
	return a
}

func (a *App) observe(_ context.Context, e passport.Event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.events = append(a.events, e)
}

// OnError notes an error and shows it.
func (a *App) OnError(w http.ResponseWriter, _ *http.Request, err error) {
	var e *passport.Error
	if !errors.As(err, &e) {
		a.T.Errorf("an error of type %T", err)
		return
	}
	a.mu.Lock()
	a.errors = append(a.errors, e)
	a.mu.Unlock()
	w.WriteHeader(e.Status)
	fmt.Fprintf(w, "%s: %s", e.Code, e.Message)
}

// Last is the last error that the application heard of.
func (a *App) Last() *passport.Error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.errors) == 0 {
		return nil
	}
	return a.errors[len(a.errors)-1]
}

// Events are all that the application heard of.
func (a *App) Events() []passport.Event {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clip(a.events)
}

// Want checks an answer: the code of the error, or "" for "connected true".
func (a *App) Want(what string, w *httptest.ResponseRecorder, code passport.Code, status int) {
	a.T.Helper()
	text := w.Body.String()
	switch {
	case code == "" && (w.Code != http.StatusOK || !strings.HasPrefix(text, "connected true")):
		a.T.Errorf("%s: %d %s, %v; want an account", what, w.Code, text, a.Last())
	case code != "" && (w.Code != status || !strings.HasPrefix(text, string(code)+":")):
		a.T.Errorf("%s: %d %s, %v; want %d %s", what, w.Code, text, a.Last(), status, code)
	}
	a.Secretless(what, w)
}

// Secretless looks for what must be in no answer, error or event: what holds CANARY, and
// secrets that a test knows.
func (a *App) Secretless(what string, w *httptest.ResponseRecorder, secrets ...string) {
	a.T.Helper()
	text := fmt.Sprint(w.Header(), w.Body) + a.heard()
	for _, secret := range append(secrets, "CANARY") {
		if secret != "" && strings.Contains(text, secret) {
			a.T.Errorf("%s: the secret %s is shown: %s", what, secret, text)
		}
	}
}

// heard is all that errors and events say, in any way of saying it.
func (a *App) heard() string {
	a.T.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	var all strings.Builder
	for _, e := range a.errors {
		fmt.Fprintf(&all, "%v %+v %#v %s\n", e, e, e, e.Message)
		for err := error(e); err != nil && a.Causes; err = errors.Unwrap(err) {
			fmt.Fprintln(&all, err)
		}
	}
	for _, e := range a.events {
		fmt.Fprintf(&all, "%v %+v %#v\n", e, e, e)
	}
	events, err := json.Marshal(a.events) //nolint:musttag // whatever the names are
	if err != nil {
		a.T.Error(err)
	}
	all.Write(events)
	return all.String()
}
